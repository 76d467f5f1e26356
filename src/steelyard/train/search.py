"""Choose the learning rate and the epoch on dev; a killed attempt is resumed."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch

from steelyard.config.records import read_as
from steelyard.errors import ModelError, StorageError
from steelyard.files import read_json, write_whole
from steelyard.train.base import Tick
from steelyard.train.config import LoraOptions
from steelyard.train.packing import TokenSample
from steelyard.train.trainer import Epoch, Trainer

T = TypeVar("T")


@dataclass(frozen=True)
class TrainedAdapter:
    """A finished training: the adapter's folder, the chosen rate and epoch, and all losses."""

    folder: Path
    learning_rate: float
    epoch: int
    trace: tuple[dict[str, Any], ...]
    seconds: float
    tokens: int


def train(
    trainer: Trainer,
    samples: tuple[Sequence[TokenSample], Sequence[TokenSample]],
    folder: Path,
    tick: Tick = lambda steps, total: None,
) -> TrainedAdapter:
    """Train on the first of ``samples``, choose on the second, and write ``folder/adapter``.

    Trials and epochs are saved in ``folder``: a second call with the same arguments resumes there.
    Seconds count the training of all attempts, tokens every pass over train.
    """
    folder.mkdir(parents=True, exist_ok=True)
    search = _Search(trainer, samples, folder, tick)
    rates = trainer.options.learning_rates
    trials = {rate: search.trial(rate) for rate in rates} if trainer.options.trials else {}
    best = min(rates, key=lambda rate: _loss(trials[rate]) if trials else 0.0)
    epochs = search.run(best)
    lowest = min(epochs, key=_loss)
    if not math.isfinite(lowest.dev_loss):
        raise ModelError(
            f"training diverged at a learning rate of {best:g} (the loss on dev is not a number); "
            "set smaller learning_rates"
        )
    search.trainer.resume(search.path(best, lowest.number))
    search.trainer.save(folder / "adapter")
    trace = [
        {"learning_rate": rate, "share": search.share, **vars(e)} for rate, e in trials.items()
    ]
    trace += [{"learning_rate": best, "share": 1.0, **vars(epoch)} for epoch in epochs]
    once = sum(sample.length for sample in samples[0])
    return TrainedAdapter(
        folder / "adapter",
        best,
        lowest.number + 1,
        tuple(trace),
        sum(entry["seconds"] for entry in trace),
        round(once * sum(entry["share"] for entry in trace)),
    )


def _loss(epoch: Epoch) -> float:
    """Return the loss on dev; one that is not a number is the worst."""
    return epoch.dev_loss if math.isfinite(epoch.dev_loss) else math.inf


class _Search:
    def __init__(
        self,
        trainer: Trainer,
        samples: tuple[Sequence[TokenSample], Sequence[TokenSample]],
        folder: Path,
        tick: Tick,
    ) -> None:
        self.trainer = trainer
        self.train, self.dev = samples
        self.folder = folder
        count = max(1, round(trainer.options.trial_share * len(self.train)))
        self.share = count / len(self.train)
        order = torch.randperm(
            len(self.train), generator=torch.Generator().manual_seed(trainer.seed)
        )
        self._part = [self.train[i] for i in order[:count].tolist()]
        self._ticks = _Ticks(tick, trainer.options, len(self._part), len(self.train))

    def trial(self, rate: float) -> Epoch:
        """Train on a part of train and measure dev, or read the result of an earlier attempt."""
        path = self.folder / f"trial-{rate:g}.json"
        if path.is_file():
            epoch = _read(Epoch, path)
        else:
            self.trainer.reset()
            self.trainer.span = 1
            epoch = self.trainer.epoch(self._part, self.dev, rate, self._ticks)
            if math.isfinite(epoch.train_loss) and math.isfinite(epoch.dev_loss):
                write_whole(path, json.dumps(vars(epoch)))  # JSON has no word for what diverged
        self._ticks.finish(len(self._part))
        return epoch

    def run(self, rate: float) -> list[Epoch]:
        """Train with ``rate`` until the last epoch, or until dev stops improving."""
        self.trainer.reset()
        checkpoints = sorted(self.folder.glob("epoch-*.pt"))
        if checkpoints:
            self.trainer.resume(checkpoints[-1])
        for _ in self.trainer.epochs:
            self._ticks.finish(len(self.train))
        while len(self.trainer.epochs) < self.trainer.options.max_epochs and not self._spent():
            self.trainer.epoch(self.train, self.dev, rate, self._ticks)
            self.trainer.checkpoint(self.path(rate, len(self.trainer.epochs) - 1))
            self._ticks.finish(len(self.train))
        return list(self.trainer.epochs)

    def path(self, rate: float, number: int) -> Path:
        return self.folder / f"epoch-{number:03d}-{rate:g}.pt"

    def _spent(self) -> bool:
        losses = [_loss(epoch) for epoch in self.trainer.epochs]
        return bool(losses) and len(losses) - 1 - losses.index(min(losses)) >= (
            self.trainer.options.patience
        )


class _Ticks:
    """Progress in steps, over trials and epochs together."""

    def __init__(self, tick: Tick, options: LoraOptions, part: int, whole: int) -> None:
        self._tick = tick
        self._size = options.batch_size
        self._total = options.trials * self._steps(part) + options.max_epochs * self._steps(whole)
        self._before = 0

    def __call__(self, steps: int, total: int) -> None:
        self._tick(self._before + steps, self._total)

    def finish(self, samples: int) -> None:
        """Count a finished pass over so many samples."""
        self._before += self._steps(samples)

    def _steps(self, samples: int) -> int:
        return -(-samples // self._size)


def save_trained(trained: TrainedAdapter, path: Path) -> None:
    """Write the outcome next to its adapter, then delete the checkpoints."""
    data = {**vars(trained), "folder": trained.folder.name, "trace": list(trained.trace)}
    write_whole(path, json.dumps(data))
    for checkpoint in path.parent.glob("*.pt"):
        checkpoint.unlink()


def load_trained(path: Path) -> TrainedAdapter | None:
    """Read what `save_trained` wrote; ``None`` where there is nothing."""
    if not path.is_file():
        return None
    trained = _read(TrainedAdapter, path)
    return replace(trained, folder=path.parent / trained.folder)


def _read(kind: type[T], path: Path) -> T:
    """Read what an earlier attempt measured. Raises `StorageError` where something else is there."""
    try:
        measured: T = read_as(kind, read_json(path))
    except (OSError, ValueError) as error:
        raise StorageError(
            f"{path} is damaged ({error}): remove it, or begin anew with --no-cache"
        ) from error
    return measured
