"""Passes over train that are not done twice: each is saved, measured on dev, and resumed after a kill."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from steelyard.files import write_whole
from steelyard.train.base import DevScore, Tick, TuningJob
from steelyard.train.choice import TuningCandidate
from steelyard.train.config import TrainingOptions
from steelyard.train.course import happens
from steelyard.train.curve import PassName
from steelyard.train.packing import TokenSample
from steelyard.train.passes import PassLog, read_measured
from steelyard.train.trainer import Epoch, Trainer

Samples = tuple[Sequence[TokenSample], Sequence[TokenSample]]
"""Train and dev."""


@dataclass(frozen=True)
class TrainingPass:
    """A pass over a ``share`` of train at one rate, measured on ``dev_items`` of dev."""

    learning_rate: float
    share: float
    epoch: Epoch
    dev_items: int
    score: DevScore | None = None
    is_trial: bool = False

    def named(self, name: str) -> TuningCandidate:
        return TuningCandidate(name, self.epoch.dev_loss, self.score)

    def to_trace(self) -> dict[str, Any]:
        """Plain values; a loss that is not a number is ``None``, for JSON has no word for it."""
        epoch = asdict(self.epoch)
        del epoch["diverged"], epoch["steps"], epoch["first_loss"]
        diverged = {} if self.epoch.is_finite else {"diverged": self.epoch.reason}
        values = {**epoch.pop("figures"), **epoch}
        values = {key: value if math.isfinite(value) else None for key, value in values.items()}
        score = None if self.score is None else self.score.total
        return {
            "stage": "trial" if self.is_trial else "epoch",
            "learning_rate": self.learning_rate,
            "share": self.share,
            **values,
            **diverged,
            "dev_items": self.dev_items,
            "dev_score": score,
        }

    def figures(self) -> dict[str, Any]:
        """Those of the trace, with the metric's name and its interval."""
        score = self.score
        between = {} if score is None else {"dev_low": score.low, "dev_high": score.high}
        return {**self.to_trace(), "metric": None if score is None else score.metric, **between}


class Attempts:
    """What ``trainer`` tries on ``samples`` in the job's folder; ``steps`` are all that may come."""

    def __init__(self, trainer: Trainer, samples: Samples, job: TuningJob, steps: int) -> None:
        self._trainer = trainer
        self.train, self.dev = samples
        self._job = job
        order = torch.randperm(
            len(self.train), generator=torch.Generator().manual_seed(trainer.seed)
        )
        self._order = order.tolist()
        self._ticks = _Ticks(job.progress, trainer.options, steps)

    def trial(self, rate: float, examples: int, dev_items: int) -> TrainingPass:
        """Train afresh on so many of train, with the whole schedule of the rate, and measure dev."""
        name = f"trial-{rate:g}-{examples}"
        path = self._path(f"{name}.json")
        if path.is_file():
            epoch = read_measured(Epoch, path)
            self._report_unscored(name, PassName("trial", rate, 0), epoch)
        else:
            self._trainer.reset()
            some = [self.train[place] for place in self._order[:examples]]
            self._trainer.total = self._trainer.options.pass_steps(examples)
            log = self._log(name, PassName("trial", rate, 0))
            epoch = self._trainer.epoch(some, self.dev[:dev_items], rate, self._ticks, log)
            self._report_divergence(log.name, epoch)
            if epoch.is_finite:
                self._trainer.checkpoint(self._path(f"{name}.pt"), goes_on=False)
                write_whole(path, json.dumps(vars(epoch)))
            log.close(self._trainer)
        self._ticks.finish(examples)
        attempt = TrainingPass(rate, examples / len(self.train), epoch, dev_items, is_trial=True)
        return self._passed(self._scored(attempt, name, dev_items))

    def epochs(self, rate: float, most: int) -> list[TrainingPass]:
        """Train at ``rate`` for ``most`` epochs, or until dev gets no better; a killed one goes on."""
        self._trainer.reset()
        checkpoints = sorted(self._job.folder.glob(f"epoch-*-{rate:g}.pt"))
        if checkpoints:
            self._trainer.resume(checkpoints[-1])
            last = self._trainer.epochs[-1]
            name = PassName("epoch", rate, last.number)
            self._report_unscored(_epoch_name(rate, last.number), name, last)
        attempts = [self._measured(rate, epoch) for epoch in list(self._trainer.epochs)]
        while len(attempts) < most and not self._is_over(attempts):
            attempts.append(self._next_epoch(rate, self.train))
        return attempts

    def one_more(self, rate: float, steps: int) -> TrainingPass:
        """Train so many steps more after `epochs`, at the end of a schedule that is longer by them.

        They are an epoch at most; of less, it is always the same part of train.
        """
        trainer = self._trainer
        trainer.total = trainer.steps + steps
        self._ticks.expect(steps)
        count = steps * trainer.options.batch_size
        some = [self.train[place] for place in sorted(self._order[:count])]
        return self._next_epoch(rate, some)

    def _next_epoch(self, rate: float, some: Sequence[TokenSample]) -> TrainingPass:
        number = len(self._trainer.epochs)
        log = self._log(_epoch_name(rate, number), PassName("epoch", rate, number))
        epoch = self._trainer.epoch(some, self.dev, rate, self._ticks, log)
        self._report_divergence(log.name, epoch)
        self._trainer.checkpoint(self.checkpoint(rate, number))
        log.close(self._trainer)
        return self._measured(rate, epoch)

    def _log(self, file_name: str, name: PassName) -> PassLog:
        job = self._job
        return PassLog(job.folder, file_name, name, job.checkpoint_seconds, job.watch)

    def checkpoint(self, rate: float, number: int) -> Path:
        return self._path(f"{_epoch_name(rate, number)}.pt")

    def _path(self, name: str) -> Path:
        return self._job.folder / name

    def _measured(self, rate: float, epoch: Epoch) -> TrainingPass:
        examples = min(len(self.train), epoch.steps * self._trainer.options.batch_size)
        self._ticks.finish(examples)
        attempt = TrainingPass(rate, examples / len(self.train), epoch, len(self.dev))
        return self._passed(self._scored(attempt, _epoch_name(rate, epoch.number), None))

    def _report_divergence(self, name: PassName, epoch: Epoch) -> None:
        if not epoch.is_finite:
            text = f"training diverged in {name.words} and was stopped: {epoch.reason}"
            happens(self._job.watch, "divergence", text)

    def _report_unscored(self, file_name: str, name: PassName, epoch: Epoch) -> None:
        """Say of a pass whose training was kept, and whose answers were not scored, that this is done now."""
        is_scored = self._job.score is None or self._path(f"{file_name}.score.json").is_file()
        if epoch.is_finite and not is_scored:
            text = f"{name.words} was trained before an interruption, and is scored on dev now"
            happens(self._job.watch, "resumed", text)

    def _passed(self, attempt: TrainingPass) -> TrainingPass:
        self._job.watch.passed(attempt.figures())
        return attempt

    def _is_over(self, attempts: Sequence[TrainingPass]) -> bool:
        """Whether neither loss nor metric got better for as many epochs as there is patience."""
        if not attempts or not attempts[-1].epoch.is_finite:
            return bool(attempts)
        losses = [attempt.epoch.dev_loss for attempt in attempts]
        totals = [0.0 if one.score is None else one.score.total for one in attempts]
        best = max(losses.index(min(losses)), totals.index(max(totals)))
        return len(attempts) - 1 - best >= self._trainer.options.patience

    def _scored(self, attempt: TrainingPass, name: str, items: int | None) -> TrainingPass:
        """Have the task's metric judge the adapter at the checkpoint of that name, if it can."""
        if self._job.score is None or not attempt.epoch.is_finite:
            return attempt
        path = self._path(f"{name}.score.json")
        if not path.is_file():
            self._trainer.resume(self._path(f"{name}.pt"))
            adapter = self._path(name)
            self._trainer.save(adapter)
            spec = replace(self._job.spec, adapter=str(adapter))
            write_whole(path, json.dumps(asdict(self._job.score(spec, items))))
            shutil.rmtree(adapter)
            if attempt.is_trial:  # its weights are of no more use
                self._path(f"{name}.pt").unlink()
        score = read_measured(DevScore, path)
        return replace(attempt, score=score, dev_items=len(score.items))


def _epoch_name(rate: float, number: int) -> str:
    return f"epoch-{number:03d}-{rate:g}"


class _Ticks:
    """Progress in steps, over trials and epochs together."""

    def __init__(self, tick: Tick, options: TrainingOptions, total: int) -> None:
        self._tick = tick
        self._options = options
        self._total = total
        self._before = 0

    def __call__(self, steps: int, total: int) -> None:
        self._tick(self._before + steps, self._total)

    def expect(self, steps: int) -> None:
        """Count so many more to come."""
        self._total += steps

    def finish(self, samples: int) -> None:
        """Count a finished pass over so many samples."""
        self._before += self._options.pass_steps(samples)
