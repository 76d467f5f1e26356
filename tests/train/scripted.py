"""A trainer whose losses a script gives, and what scores its adapters."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from steelyard.model import ModelSpec
from steelyard.train.base import DevScore, ScoreDev, Tick, TuningJob
from steelyard.train.config import LoraOptions
from steelyard.train.facts import TrainerFacts
from steelyard.train.packing import TokenSample
from steelyard.train.passes import PassLog
from steelyard.train.search import TrainedAdapter, train
from steelyard.train.trainer import Epoch

TRAIN = [TokenSample((1, 2, 3), (4,))] * 20
DEV = TRAIN[:4]
SPEC = ModelSpec("fake", "smart")
Losses = Callable[[float, int], float]
"""The loss on dev at a rate, after so many epochs (from 0), or in a trial (-1)."""


def after(table: Mapping[float, Sequence[float]]) -> Losses:
    """Losses from a table: at each rate that of a trial, then those of the epochs."""
    return lambda rate, number: table[rate][number + 1]


class ScriptedTrainer:
    """Stands for a `Trainer`; its checkpoints and adapters say which rate and epoch they are of."""

    def __init__(self, losses: Losses, size: int = len(TRAIN), **options: Any) -> None:
        self.losses = losses
        self.options = LoraOptions(**{"batch_size": 5, **options})
        self.seed = 0
        self.size = size
        self.passes: list[tuple[float, int, int]] = []
        self.reset()

    def reset(self) -> None:
        self.epochs: list[Epoch] = []
        self.total: int | None = None
        self.at: tuple[float, int, int] = (0.0, -1, 0)

    @property
    def steps(self) -> int:
        return sum(epoch.steps for epoch in self.epochs)

    step_tokens = 640
    facts = TrainerFacts(10, 100, ("q_proj",), "float32", "cpu", 8)

    def epoch(
        self,
        train: Sequence[TokenSample],
        dev: Sequence[TokenSample],
        rate: float,
        tick: Tick,
        log: PassLog,
    ) -> Epoch:
        steps = -(-len(train) // self.options.batch_size)
        for step in range(steps):
            tick(step + 1, steps)
        number = len(self.epochs)
        is_trial = len(train) < self.size and not number
        loss = self.losses(rate, -1 if is_trial else number)
        total = self.total or self.options.steps(len(train))
        self.epochs.append(Epoch(number, loss, loss, 1.0, steps=steps))
        self.at = (rate, -1 if is_trial else number, total)
        self.passes.append((rate, len(train), total))
        return self.epochs[-1]

    def checkpoint(self, path: Path, *, goes_on: bool = True) -> None:
        epochs = [vars(epoch) for epoch in self.epochs]
        path.write_text(json.dumps([epochs, self.at]))

    def resume(self, path: Path) -> None:
        epochs, at = json.loads(path.read_text())
        self.epochs, self.at = [Epoch(**epoch) for epoch in epochs], tuple(at)

    def save(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "adapter.json").write_text(json.dumps(self.at))


def scored_by(items: Callable[[float, int], Sequence[float]]) -> ScoreDev:
    """Score an adapter by its rate and epoch (-1: a trial): what each dev example is worth."""

    def score(spec: ModelSpec, most: int | None) -> DevScore:
        assert spec.adapter is not None
        rate, number, _ = json.loads((Path(spec.adapter) / "adapter.json").read_text())
        some = tuple(items(rate, number))
        return DevScore("accuracy", sum(some) / len(some), some)

    return score


def search(
    trainer: Any,
    folder: Path,
    tick: Tick = lambda done, total: None,
    score: ScoreDev | None = None,
    sets: tuple[Sequence[TokenSample], Sequence[TokenSample]] = (TRAIN, DEV),
    formula: float = 1e-3,
) -> TrainedAdapter:
    return train(trainer, sets, TuningJob(SPEC, folder, 0, tick, score), formula)
