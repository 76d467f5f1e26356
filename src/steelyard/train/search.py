"""Choose the learning rate and the epoch on dev, going on where a killed attempt stopped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steelyard.train.config import LoraConfig
from steelyard.train.packing import Sample
from steelyard.train.trainer import Epoch, Tick, Trainer


@dataclass(frozen=True)
class Trained:
    """A finished training: the adapter's folder, the choice, and the losses it rests on."""

    folder: Path
    learning_rate: float
    epoch: int
    trace: tuple[dict[str, Any], ...]
    seconds: float
    tokens: int


def train(
    network: Any,
    samples: tuple[Sequence[Sample], Sequence[Sample]],
    config: LoraConfig,
    seed: int,
    folder: Path,
    tick: Tick = lambda done, total: None,
) -> Trained:
    """Train on the first of ``samples`` and choose on the second; leaves ``folder/adapter``.

    Every epoch ends in a checkpoint below ``folder``, so that a second call with the same arguments
    goes on there. Seconds count every attempt's training, tokens every pass over train.
    """
    folder.mkdir(parents=True, exist_ok=True)
    search = _Search(Trainer(network, config, seed), samples, folder, tick)
    for rate in config.learning_rates:
        search.run(rate, 1)
    best = min(config.learning_rates, key=lambda rate: search.epochs[rate][0].dev_loss)
    search.run(best, config.max_epochs)
    chosen = min(search.epochs[best], key=lambda epoch: epoch.dev_loss)
    search.restore(best, chosen.number)
    search.trainer.save(folder / "adapter")
    trace = tuple(
        {"learning_rate": rate, **vars(epoch)}
        for rate, epochs in search.epochs.items()
        for epoch in epochs
    )
    passes = len(trace)
    for checkpoint in folder.glob("*.pt"):
        checkpoint.unlink()
    return Trained(
        folder / "adapter",
        best,
        chosen.number + 1,
        trace,
        sum(entry["seconds"] for entry in trace),
        passes * sum(sample.length for sample in samples[0]),
    )


class _Search:
    def __init__(
        self,
        trainer: Trainer,
        samples: tuple[Sequence[Sample], Sequence[Sample]],
        folder: Path,
        tick: Tick,
    ) -> None:
        self.trainer = trainer
        self.train, self.dev = samples
        self.folder = folder
        self.tick = tick
        self.epochs: dict[float, list[Epoch]] = {}

    def run(self, rate: float, until: int) -> None:
        """Train with ``rate`` until ``until`` epochs are done or dev has stopped to improve."""
        self._resume(rate)
        while len(self.trainer.epochs) < until and not self._spent():
            self.trainer.epoch(self.train, self.dev, rate, self.tick)
            self.trainer.checkpoint(self._path(rate, len(self.trainer.epochs) - 1))
        self.epochs[rate] = list(self.trainer.epochs)

    def restore(self, rate: float, number: int) -> None:
        """Bring back the adapter after epoch ``number``."""
        self.trainer.resume(self._path(rate, number))

    def _spent(self) -> bool:
        losses = [epoch.dev_loss for epoch in self.trainer.epochs]
        return bool(losses) and len(losses) - 1 - losses.index(min(losses)) >= (
            self.trainer.config.patience
        )

    def _resume(self, rate: float) -> None:
        found = sorted(self.folder.glob(f"{rate:g}-*.pt"), key=lambda path: path.stem)
        if found:
            self.trainer.resume(found[-1])
        else:
            self.trainer.reset()

    def _path(self, rate: float, number: int) -> Path:
        return self.folder / f"{rate:g}-{number:03d}.pt"


def save_trained(trained: Trained, path: Path) -> None:
    """Write the outcome beside its adapter, so that a finished fit is not repeated."""
    data = {**vars(trained), "folder": trained.folder.name, "trace": list(trained.trace)}
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(data), encoding="utf-8")
    partial.replace(path)


def load_trained(path: Path) -> Trained | None:
    """Read what `save_trained` wrote; ``None`` when there is nothing whole."""
    if not path.is_file():
        return None
    data = json.loads(path.read_text(encoding="utf-8"))
    return Trained(
        **{**data, "folder": path.parent / data["folder"], "trace": tuple(data["trace"])}
    )


def discard(folder: Path) -> None:
    """Remove a fit's work folder."""
    shutil.rmtree(folder, ignore_errors=True)
