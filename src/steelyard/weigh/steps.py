"""The steps of a run. Each leaves its outcome in the store and is not done twice."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steelyard.core import Answer, Example, Record, questions_of
from steelyard.model.base import Model, ModelSpec
from steelyard.model.phase import during
from steelyard.planning.jobs import Job
from steelyard.planning.plan import Plan
from steelyard.planning.probes import GAP_EXAMPLES
from steelyard.progress import Display
from steelyard.score import Metric
from steelyard.score.base import ModelMetric
from steelyard.seeds import generator
from steelyard.store.database import Store
from steelyard.store.folder import remove_folder
from steelyard.store.recorder import RecordedModel
from steelyard.store.tables import StoredRun
from steelyard.strategy import Arm, FitContext, build_strategy, load_arm, save_arm, traits_of
from steelyard.strategy.base import OnAnswers
from steelyard.strategy.optimise.budget import tunings_of
from steelyard.train.course import SILENT, TrainingWatch
from steelyard.weigh.measure import to_records

log = logging.getLogger("steelyard")

FITTED: Mapping[str, Any] = {"arms": list[str], "seconds": float}
"""What the step `fit:JOB` leaves, beside what is known of the model."""
ARM_STEPS = ("stopped", "test", "latency", "gap", "consistency", "freshness", "measured", "promote")
"""The steps of each arm that follow `fit:JOB`."""


@dataclass
class RunSteps:
    """What the steps of one run share."""

    plan: Plan
    folder: Path
    store: Store
    run: StoredRun
    display: Display
    metrics: Sequence[Metric]
    build_model: Callable[[ModelSpec], Model]
    watch_of: Callable[[str], TrainingWatch] = lambda key: SILENT
    """What looks on while the weights of a job are trained, by its key."""
    training_notes: list[str] = field(default_factory=list)
    """What a reader must know of each training, under the name of its job."""

    def fit(self, job: Job) -> list[Arm]:
        """Fit a strategy and save its arms, or load them when that was done before."""
        arms = self._fit(job)
        notes = (note for arm in arms if arm.fit.training for note in arm.fit.training.notes)
        self.training_notes += [f"training of {job.key}: {note}" for note in dict.fromkeys(notes)]
        return arms

    def _fit(self, job: Job) -> list[Arm]:
        key = job.key
        finished = self._fitted(job)
        folders = [self.folder / "arms" / name for name in finished["arms"]] if finished else []
        if finished and all((folder / "arm.json").is_file() for folder in folders):
            return [load_arm(folder, self.build_model) for folder in folders]
        work = self.folder / "work" / key
        work.mkdir(parents=True, exist_ok=True)
        phase = f"fit:{key}"
        with self._clocked(phase), self.display.job(f"{key}: fit") as progress:
            arms = build_strategy(job.strategy).fit(self._context(job, work, progress))
        trained = max((arm.machine_seconds for arm in arms if arm.fit.training), default=0.0)
        seconds = max(self.store.step_seconds(phase), trained)
        for arm in arms:
            arm.name = job.arm_name(arm.name)
            save_arm(arm, self.folder / "arms" / arm.name)
        facts = {} if job.model is None else about_model(self.build_model(job.model.spec))
        payload = {
            "arms": [arm.name for arm in arms],
            "seconds": seconds,
            "model": facts,
            "models": job.followed(self.plan.models),
        }
        self.store.finish_step(phase, payload, seconds)
        return arms

    def _fitted(self, job: Job) -> dict[str, Any] | None:
        """Return what a fit left; one that followed another list of models is undone.

        So is what was measured of its arms. Their answers stay, so that only new ones are asked.
        """
        finished = self.store.step(f"fit:{job.key}", FITTED)
        if finished is None or finished.get("models", []) == job.followed(self.plan.models):
            return finished
        remove_folder(self.folder / "work" / job.key)
        steps = [f"{step}:{arm}" for arm in finished["arms"] for step in ARM_STEPS]
        self.store.undo_steps([*steps, f"fit:{job.key}"])
        return None

    @contextmanager
    def _clocked(self, phase: str) -> Iterator[None]:
        """Add up a phase's wall time over attempts; a kill loses what follows the last answers."""
        before, started = self.store.step_seconds(phase), time.perf_counter()

        def note() -> None:
            self.store.note_seconds(phase, before + time.perf_counter() - started)

        with during(phase, note):
            yield
        note()

    def _context(self, job: Job, work: Path, progress: Callable[[int, int], None]) -> FitContext:
        spec = self.plan.model if job.model is None else job.model.spec
        return FitContext(
            brief=self.plan.brief,
            train=self.plan.split.train,
            dev=self.plan.split.dev,
            model=self.build_model(spec),
            spec=spec,
            build_model=self.build_model,
            folder=work,
            seed=self.plan.seed,
            progress=progress,
            options=job.strategy.options,
            metric=self.metrics[0],
            models=self.plan.models,
            tunings=tunings_of(self.plan.specs),
            grounds=self.plan.grounds,
            unlabelled=self.plan.unlabelled,
            watch=self.watch_of(job.key),
            data_fingerprint=str(self.run.identity["examples"]),
            asked=self.plan.split.test if traits_of(job.strategy.name).is_ceiling else (),
        )

    def test(self, arm: Arm) -> list[Record]:
        finished = self.store.step(f"test:{arm.name}", {"records": int})
        if finished is not None:
            records = self.store.records(arm.name)
            self.store.check_count(f"records of {arm.name}", len(records), finished["records"])
            return records
        started = time.perf_counter()
        test = self.plan.split.test

        def keep(pairs: Sequence[tuple[int, Answer]]) -> None:
            some = [test[index] for index, _ in pairs]
            records = to_records(arm.name, some, [answer for _, answer in pairs], self.metrics)
            self.store.put_records({i: r for (i, _), r in zip(pairs, records, strict=True)})

        # A judge is asked about all answers at once; they are in the store by then.
        judged = any(isinstance(metric, ModelMetric) for metric in self.metrics)
        answers = self.answer(arm, test, "test", on_answers=None if judged else keep)
        records = to_records(arm.name, test, answers, self.metrics)
        self.store.put_records(dict(enumerate(records)))
        payload = {"records": len(records)}
        self.store.finish_step(f"test:{arm.name}", payload, time.perf_counter() - started)
        return records

    def graded(self, arm: Arm, examples: Sequence[Example], purpose: str) -> list[Record]:
        """Answer ``examples`` on the account of ``purpose``, and grade the answers; nothing is kept."""
        return to_records(arm.name, examples, self.answer(arm, examples, purpose), self.metrics)

    def is_local(self, arm: Arm) -> bool:
        """Whether every model behind an arm runs on this machine; true of one without a model."""
        return all(self.build_model(spec).local for spec in arm.specs)

    def is_batched(self, arm: Arm) -> bool:
        """Whether answers come in batches within a day, so that there is no latency to measure."""
        return any(spec.batch for spec in arm.specs)

    def gap(self, arm: Arm, test_score: float | None, examples: Sequence[Example]) -> float | None:
        """Return the metric on ``examples`` of train minus ``test_score``."""
        finished = self.store.step(f"gap:{arm.name}", {"train_score": float | None})
        if finished is None:
            answers = self.answer(arm, examples, "gap")
            records = to_records(arm.name, examples, answers, self.metrics)
            score = self.metrics[0].over(examples, answers, [record.score for record in records])
            finished = {"train_score": score, "n": len(records)}
            self.store.finish_step(f"gap:{arm.name}", finished, 0.0)
        if finished["train_score"] is None or test_score is None:
            return None
        return float(finished["train_score"]) - test_score

    def gap_examples(self, arm: Arm) -> tuple[Example, ...]:
        """Draw as many train examples as there are in test; at most fifty where a model answers.

        Those that the arm's own prompt shows with their answers are left out.
        """
        train, test = self.plan.split.train, self.plan.split.test
        most = GAP_EXAMPLES if arm.model_name is not None else len(train)
        in_prompt = arm.shown_inputs()
        order = generator(self.plan.seed, "gap").permutation(len(train))
        unseen = [int(index) for index in order if train[index].input not in in_prompt]
        return tuple(train[index] for index in sorted(unseen[: min(len(test), most)]))

    def answer(
        self,
        arm: Arm,
        examples: Sequence[Example],
        purpose: str,
        nonce: str = "",
        on_answers: OnAnswers | None = None,
    ) -> list[Answer]:
        """Answer ``examples`` on the account of ``purpose``; see `Arm.answer_all`."""
        phase = f"{purpose}:{arm.name}"
        with during(phase), self.display.job(f"{arm.name}: {purpose}") as progress:
            return arm.answer_all(questions_of(examples), progress, nonce, on_answers)


def about_model(model: Model) -> dict[str, Any]:
    """Say what people must know of a model that was built: precision, weights, endpoint notes."""
    if not isinstance(model, RecordedModel) or not model.built:
        return {}
    endpoint = "; ".join(model.notes)
    return {**model.facts, **({"endpoint": endpoint} if endpoint else {})}
