"""The search of a training: the learning rate by trials, then the epoch, both chosen on dev."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from steelyard.errors import FitError
from steelyard.files import write_whole
from steelyard.train.attempts import Attempts, Samples, TrainingPass
from steelyard.train.base import BACKWARD, TuningJob
from steelyard.train.choice import best_first, best_of, last_gain
from steelyard.train.config import TrainingOptions
from steelyard.train.course import CheckpointChoice, CourseFile, Watches, happens
from steelyard.train.curve import epoch_words
from steelyard.train.facts import SearchPlan, config_of
from steelyard.train.out_of_memory import memory_errors, memory_note
from steelyard.train.passes import read_measured
from steelyard.train.rates import TRIAL_DEV, Rung, TrialCost, beyond, grid, rungs
from steelyard.train.trainer import Epoch, Trainer
from steelyard.words import counted, listed

_LEAST_MORE = 0.25
"""Of an epoch: a pass that is added is not shorter."""


@dataclass(frozen=True)
class TrainedAdapter:
    """A finished training: the adapter's folder, the chosen rate and epoch, and all that was measured."""

    folder: Path
    learning_rate: float
    epoch: int
    trace: tuple[dict[str, Any], ...]
    seconds: float
    tokens: int
    notes: tuple[str, ...] = ()


def train(
    trainer: Trainer,
    samples: Samples,
    job: TuningJob,
    formula: float,
    too_long: tuple[int, int] = (0, 0),
) -> TrainedAdapter:
    """Train on the first of ``samples``, choose on the second, and write ``adapter`` in the job's folder.

    Without ``learning_rates`` those around ``formula`` are tried. ``too_long`` counts the examples of either
    that are left out, for the record (`CourseFile`) alone. Trials, epochs and scores are saved: a second call
    with the same arguments resumes there. Seconds count the training of all attempts, tokens
    every pass over train. Raises `FitError` where nothing was learnt without diverging.
    """
    job.folder.mkdir(parents=True, exist_ok=True)
    step_tokens = trainer.step_tokens
    record = CourseFile(job.folder)
    job = replace(job, watch=Watches(record, job.watch))
    course = _Course(trainer, samples, job, formula)
    job.watch.began(config_of(trainer, samples, job, course.plan(too_long)))
    if former := sum(not _is_repeated(one) for one in record.course.passes):
        passes = counted(former, "pass over train is", "passes over train are")
        text = f"training goes on after an interruption; {passes} not repeated"
        happens(job.watch, "resumed", text)
    with memory_errors():
        rate = course.choose_rate()
        epochs = course.train_at(rate)
    finite = [attempt for attempt in epochs if attempt.epoch.is_finite]
    if not finite:
        raise _diverged(epochs)
    best = best_of([attempt.named(_epoch(attempt)) for attempt in finite])
    chosen = finite[best.place].epoch
    trainer.resume(course.attempts.checkpoint(rate, chosen.number))
    trainer.save(job.folder / "adapter")
    notes = [*course.notes, best.note, *course.notes_of(epochs, chosen.number)]
    notes.append(memory_note(job.folder, step_tokens))
    record.noted(tuple(filter(None, notes)))
    job.watch.chose(CheckpointChoice(rate, chosen.number))
    trace = [attempt.to_trace() for attempt in (*course.trials, *epochs)]
    once = sum(sample.length for sample in samples[0])
    return TrainedAdapter(
        job.folder / "adapter",
        rate,
        chosen.number + 1,
        tuple(trace),
        sum(entry["seconds"] for entry in trace),
        round(once * sum(entry["share"] for entry in trace)),
        tuple(filter(None, notes)),
    )


def _is_repeated(one: Mapping[str, Any]) -> bool:
    """Whether a training that goes on computes a pass again: a trial that diverged left nothing."""
    return one["stage"] == "trial" and bool(one.get("diverged"))


def _epoch(attempt: TrainingPass) -> str:
    return epoch_words(attempt.epoch.number, attempt.share)


def _rate(attempt: TrainingPass) -> str:
    return f"a learning rate of {attempt.learning_rate:g}"


def _worsened(epoch: Epoch) -> str | None:
    """Say that the loss on dev is higher than that of the first step was, if it is."""
    if epoch.first_loss is None or epoch.dev_loss <= epoch.first_loss:
        return None
    return (
        f"the loss on dev, {epoch.dev_loss:.2f}, is above the {epoch.first_loss:.2f} of the first step, "
        "before anything was learnt: this training may have made the model worse; try smaller learning_rates"
    )


def _diverged(attempts: Sequence[TrainingPass]) -> FitError:
    rates = listed([f"{attempt.learning_rate:g}" for attempt in attempts])
    reasons = listed(list(dict.fromkeys(attempt.epoch.reason for attempt in attempts)))
    return FitError(
        f"training diverged at a learning rate of {rates} ({reasons}); set smaller learning_rates"
    )


class _Course:
    """What one search does, within its options' passes in forward-pass tokens."""

    def __init__(self, trainer: Trainer, samples: Samples, job: TuningJob, formula: float) -> None:
        self._options: TrainingOptions = trainer.options
        train, dev = samples
        self._train_tokens, self._dev_tokens = (
            sum(sample.length for sample in part) for part in samples
        )
        self._looks = 1 if job.score is None else 2
        self._trial_dev = min(TRIAL_DEV, len(dev))
        self._for_trials: float | None = None
        self._formula = formula
        self._rungs = self._planned_rungs(train, dev)
        count = self._rungs[0].rates if self._rungs else 1
        self._rates = self._options.learning_rates or grid(formula, count)
        steps = sum(
            (rung.rates + rung.spare) * self._options.pass_steps(rung.examples)
            for rung in self._rungs
        )
        steps += self._options.steps(len(train))
        self.attempts = Attempts(trainer, samples, job, steps)
        self.trials: list[TrainingPass] = []
        self.notes: list[str] = []

    def _planned_rungs(self, train: Sequence[Any], dev: Sequence[Any]) -> tuple[Rung, ...]:
        options = self._options
        if options.learning_rates:
            examples = min(len(train), max(1, round(options.trial_share * len(train))))
            count = len(options.learning_rates)
            return (Rung(count, examples),) if count > 1 else ()
        epochs = options.max_epochs * (
            BACKWARD * self._train_tokens + self._looks * self._dev_tokens
        )
        cost = TrialCost(
            BACKWARD * self._train_tokens / len(train),
            self._dev_tokens * self._trial_dev / len(dev),
        )
        self._for_trials = self._allowed - epochs - self._after
        return rungs(self._for_trials, cost, options.batch_size, len(train))

    def plan(self, too_long: tuple[int, int]) -> SearchPlan:
        """What this search is about to do."""
        return SearchPlan(
            self._rates,
            self._rungs,
            self._formula,
            self._trial_dev,
            self._for_trials,
            self._allowed,
            too_long,
        )

    @property
    def _after(self) -> float:
        """What answering dev takes after training: where epochs answered it, one arm's is known."""
        return (1 if self._looks > 1 else 2) * self._dev_tokens

    @property
    def _allowed(self) -> float:
        return self._options.passes.tokens(self._train_tokens, self._dev_tokens)

    def choose_rate(self) -> float:
        """Try the rates, rung by rung; the last rung decides."""
        rates: Sequence[float] = self._rates
        for rung in self._rungs[:-1]:
            going = self._tried(rates, rung)
            better = best_first([attempt.named(_rate(attempt)) for attempt in going])
            rates = [going[place].learning_rate for place in better[: self._rungs[-1].rates]]
        return self._decided(rates, self._rungs[-1]) if self._rungs else rates[0]

    def _decided(self, rates: Sequence[float], rung: Rung) -> float:
        """Choose among ``rates``, and one beyond them if the best is the last of all that were tried."""
        going = self._tried(rates, rung)
        best = best_of([attempt.named(_rate(attempt)) for attempt in going])
        further = beyond(going[best.place].learning_rate, self._every_rate)
        if rung.spare and further is not None:
            going += self._tried([further], rung, may_fail=True)
            best = best_of([attempt.named(_rate(attempt)) for attempt in going])
        rate = going[best.place].learning_rate
        self.notes += filter(None, [best.note, self._edge(rate)])
        return rate

    @property
    def _every_rate(self) -> list[float]:
        return sorted({attempt.learning_rate for attempt in self.trials})

    def _tried(
        self, rates: Sequence[float], rung: Rung, *, may_fail: bool = False
    ) -> list[TrainingPass]:
        """Try each rate; those that diverge are dropped, which is noted."""
        attempts = [self.attempts.trial(rate, rung.examples, self._trial_dev) for rate in rates]
        self.trials += attempts
        going = [attempt for attempt in attempts if attempt.epoch.is_finite]
        if not going and not may_fail:
            raise _diverged(attempts)
        self.notes += [
            f"{_rate(attempt)} was dropped: training diverged at it ({attempt.epoch.reason})"
            for attempt in attempts
            if not attempt.epoch.is_finite
        ]
        return going

    def _edge(self, rate: float) -> str | None:
        """Say that ``rate`` is the last of those that were tried, if it is."""
        tried = self._every_rate
        if len(tried) < 2 or beyond(rate, tried) is None:
            return None
        end, other = ("highest", "higher") if rate == max(tried) else ("lowest", "lower")
        return (
            f"the learning rate {rate:g} is the {end} of the {len(tried)} that were tried, so that a "
            f"{other} one may be better; the option learning_rates takes more"
        )

    def train_at(self, rate: float) -> list[TrainingPass]:
        """Train for ``max_epochs``; where the last is the best, for what the budget has left of another."""
        most = self._options.max_epochs
        epochs = self.attempts.epochs(rate, most)
        if self._ends_improving(epochs) and (steps := self._steps_left(epochs)):
            epochs.append(self.attempts.one_more(rate, steps))
        return epochs

    def _ends_improving(self, epochs: Sequence[TrainingPass]) -> bool:
        """Whether the last epoch that was offered is the choice, and better than the one before."""
        if len(epochs) != self._options.max_epochs or not epochs[-1].epoch.is_finite:
            return False  # it stopped before, or goes on after a kill in the epoch that was added
        candidates = [attempt.named(_epoch(attempt)) for attempt in epochs]
        is_best = best_of(candidates).place == len(epochs) - 1
        return is_best and last_gain(candidates) is not None

    def _steps_left(self, epochs: Sequence[TrainingPass]) -> int:
        """The steps of another pass that the budget allows, an epoch's at most; 0: too few for a change."""
        spent, last = [*self.trials, *epochs], epochs[-1]
        train, whole = len(self.attempts.train), self._options.pass_steps(len(self.attempts.train))
        share = self._options.passes.train - sum(attempt.share for attempt in spent)
        looks = self._cost(replace(last, share=0.0)) + self._after
        left = self._allowed - sum(map(self._cost, spent)) - looks
        share = min(share, left / (BACKWARD * self._train_tokens))
        if share >= 1:
            return whole
        steps = int(share * train) // self._options.batch_size
        return steps if steps >= _LEAST_MORE * whole else 0

    def _cost(self, attempt: TrainingPass) -> float:
        looks = 1 if attempt.score is None else 2
        dev = self._dev_tokens * attempt.dev_items / len(self.attempts.dev)
        return BACKWARD * attempt.share * self._train_tokens + looks * dev

    def notes_of(self, epochs: Sequence[TrainingPass], chosen: int) -> list[str]:
        """What is to be said of the epochs, of which number ``chosen`` was taken."""
        last = epochs[-1]
        taken = next(one.epoch for one in epochs if one.epoch.number == chosen)
        worse = list(filter(None, [_worsened(taken)]))
        if not last.epoch.is_finite:
            return [
                f"training diverged in {_epoch(last)} ({last.epoch.reason}), and an earlier one was taken",
                *worse,
            ]
        if worse:
            return worse
        candidates = [attempt.named(_epoch(attempt)) for attempt in epochs]
        gain = last_gain(candidates)
        is_last = chosen == last.epoch.number >= self._options.max_epochs - 1
        if gain is None or not is_last:
            return []
        if len(candidates) == 1:
            return [
                "one epoch was all that was offered, so that more may be better; the option max_epochs "
                "allows more"
            ]
        on_dev = f"on dev ({gain})" if gain else "on dev"
        return [
            f"{_epoch(last)}, the last that was offered, is the best {on_dev}, so that more may be better; "
            "the option max_epochs allows more"
        ]


def save_trained(trained: TrainedAdapter, path: Path) -> None:
    """Write the outcome next to its adapter, then delete the checkpoints."""
    data = {
        **vars(trained),
        "folder": trained.folder.name,
        "trace": list(trained.trace),
        "notes": list(trained.notes),
    }
    write_whole(path, json.dumps(data, allow_nan=False))
    for checkpoint in path.parent.glob("*.pt*"):
        checkpoint.unlink()


def load_trained(path: Path) -> TrainedAdapter | None:
    """Read what `save_trained` wrote, in any version; ``None`` where there is nothing."""
    if not path.is_file():
        return None
    trained = read_measured(TrainedAdapter, path)
    return replace(trained, folder=path.parent / trained.folder)
