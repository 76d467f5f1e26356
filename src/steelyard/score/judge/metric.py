"""The metric ``judge``: a model compares replies with the references, or marks them by a rubric."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict

from steelyard.core import Example
from steelyard.errors import ConfigError
from steelyard.layout import trimmed
from steelyard.model.base import Model, ModelSpec, provider_of
from steelyard.score.base import Grade, Metric, ModelMetric
from steelyard.score.judge.asking import ask
from steelyard.score.judge.options import JudgeOptions, resolve
from steelyard.score.judge.prompts import compare_messages, prompts_digest, rate_messages
from steelyard.score.judge.ratings import read_ratings
from steelyard.score.judge.votes import SAME, Judgement, compared, rated
from steelyard.task import Task
from steelyard.task.sections import JudgeConfig

SELF_PREFERENCE = (
    "the judge is one of the models being compared, and models tend to prefer their own wording "
    "(Panickssery et al. 2024); name another under judge.model"
)


class Judge(ModelMetric):
    """What a judge model makes of replies, in [0, 1].

    ``compare``: 1 for a win over the reference, 0.5 for a tie, 0 for a loss, as the mean of both
    orders and all votes; 0.5 is as good as the references. ``rate``: the mark on [0, 1]. A reply that
    the judge fails on scores 0.5 and is counted, a failed answer scores 0 without being shown.
    """

    name = "judge"
    title = "Judge's score"
    section = "judge"
    options_type = JudgeConfig
    config: JudgeConfig

    def __init__(
        self,
        options: JudgeConfig | None = None,
        task: Task | None = None,
        name: str | None = None,
    ) -> None:
        """Build the judge of a task; ``options`` go before its section ``judge``."""
        super().__init__(options, task, name)
        self.options: JudgeOptions = resolve(self.config, task)
        self.needs_reference = self.options.mode == "compare"
        self._model: Model | None = None

    @classmethod
    def among(cls, metrics: Sequence[Metric]) -> Judge | None:
        """Return the judge among a task's metrics, if there is one."""
        return next((metric for metric in metrics if isinstance(metric, cls)), None)

    @property
    def fingerprint(self) -> str:
        """A digest of what decides a judgement: the model, the rubric, the prompts, the votes."""
        settings = asdict(self.options)
        del settings["ratings"], settings["is_own"], settings["instruction"]
        del settings["groundedness"]
        if settings["spec"] is not None:
            del settings["spec"]["max_in_flight"], settings["spec"]["timeout_seconds"]
        text = json.dumps([settings, prompts_digest()], sort_keys=True)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @property
    def notes(self) -> tuple[str, ...]:
        return (SELF_PREFERENCE,) if self.options.is_own else ()

    def check(self, examples: Sequence[Example]) -> None:
        """Refuse examples that cannot be compared, and ratings that cannot be used."""
        if self.options.mode == "compare":
            self._check_references(examples)
        if self.options.ratings is not None:
            read_ratings(self.options.ratings, self.options, examples)

    def connect(self, build_model: Callable[[ModelSpec], Model]) -> None:
        """Take the judge's model. A hosted one without its key raises `CredentialError` now."""
        spec = self.options.spec
        if spec is None:
            raise ConfigError("the metric judge has no model; name one under judge.model")
        if (check_key := provider_of(spec).check_key) is not None:
            check_key(spec)  # before anything is spent on answers that could not be judged
        self._model = build_model(spec)

    @property
    def model(self) -> Model:
        if self._model is None:
            raise ConfigError(
                "the judge has no model yet; it gets one in a run, or from check_judge"
            )
        return self._model

    def grade(self, example: Example, output: str | None) -> Grade:
        return self.grade_all([example], [output])[0]

    def grade_all(self, examples: Sequence[Example], outputs: Sequence[str | None]) -> list[Grade]:
        """Judge replies. Parts: shares of win, tie, loss and flipped orders, and failed judgements."""
        judgements = self.judge_all(examples, outputs)
        return [Grade(0.0) if judgement is None else _grade(judgement) for judgement in judgements]

    def judge_all(
        self, examples: Sequence[Example], outputs: Sequence[str | None]
    ) -> list[Judgement | None]:
        """Judge each reply; ``None`` for a failed answer, which the judge is not shown."""
        pairs = [(e, output) for e, output in zip(examples, outputs, strict=True)]
        if self.options.mode == "compare":
            self._check_references(examples)
            open_places = [i for i, (e, output) in enumerate(pairs) if not _settled(e, output)]
            judged = self._compare([(pairs[i][0], pairs[i][1] or "") for i in open_places])
        else:
            open_places = [i for i, (_, output) in enumerate(pairs) if output is not None]
            judged = self._rate([(pairs[i][0], pairs[i][1] or "") for i in open_places])
        judgements = dict(zip(open_places, judged, strict=True))
        return [
            None if output is None else judgements.get(i, SAME)
            for i, (_, output) in enumerate(pairs)
        ]

    def _compare(self, pairs: Sequence[tuple[Example, str]]) -> list[Judgement]:
        questions = [
            compare_messages(self.options, example, reply, is_first)
            for example, reply in pairs
            for is_first in (True, False)
        ]
        votes = ask(self.model, self.options, questions) if questions else []
        return [compared(*orders) for orders in zip(votes[::2], votes[1::2], strict=True)]

    def _rate(self, pairs: Sequence[tuple[Example, str]]) -> list[Judgement]:
        questions = [rate_messages(self.options, example, reply) for example, reply in pairs]
        votes = ask(self.model, self.options, questions) if questions else []
        return [rated(cast, self.options.scale) for cast in votes]

    def _check_references(self, examples: Sequence[Example]) -> None:
        without = next((example for example in examples if not example.output.strip()), None)
        if without is not None:
            raise ConfigError(
                f"judge.mode compare needs a reference for every example, but {without.id!r} "
                f"({without.source or 'no source'}) has none; add one, or set judge: {{mode: rate}}"
            )


def _settled(example: Example, output: str | None) -> bool:
    """Whether there is nothing to ask: no answer, or the reference itself."""
    return output is None or trimmed(output) == trimmed(example.output)


def _grade(judgement: Judgement) -> Grade:
    failed = {"failed": float(judgement.failed)}
    if judgement.outcome is None:
        return Grade(judgement.score, failed)
    outcomes = {name: float(judgement.outcome == name) for name in ("win", "tie", "loss")}
    return Grade(judgement.score, {**outcomes, "flipped": float(judgement.flipped), **failed})
