"""Which learning rate and epoch a search takes, by losses that a script gives."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from steelyard.errors import ModelError
from steelyard.train.base import Tick
from steelyard.train.config import LoraOptions
from steelyard.train.packing import TokenSample
from steelyard.train.search import train
from steelyard.train.trainer import Epoch

TRAIN = [TokenSample((1, 2, 3), (4,))] * 20
DEV = TRAIN[:4]


class ScriptedTrainer:
    """Stands for a `Trainer`: the losses on dev of each learning rate are given."""

    def __init__(self, losses: dict[float, list[float]], **options: Any) -> None:
        self.losses = losses
        self.options = LoraOptions(learning_rates=tuple(losses), batch_size=5, **options)
        self.seed = 0
        self.span = 0
        self.epochs: list[Epoch] = []
        self.saved_after = -1

    def reset(self) -> None:
        self.epochs = []

    def epoch(
        self, train: Sequence[TokenSample], dev: Sequence[TokenSample], rate: float, tick: Tick
    ) -> Epoch:
        steps = -(-len(train) // self.options.batch_size)
        for step in range(steps):
            tick(step + 1, steps)
        is_trial = len(train) < len(TRAIN)
        number = len(self.epochs)
        loss = self.losses[rate][0 if is_trial else number + 1]
        self.epochs.append(Epoch(number, loss, loss, 1.0))
        return self.epochs[-1]

    def checkpoint(self, path: Path) -> None:
        path.write_text(json.dumps([vars(epoch) for epoch in self.epochs]))

    def resume(self, path: Path) -> None:
        self.epochs = [Epoch(**epoch) for epoch in json.loads(path.read_text())]

    def save(self, folder: Path) -> None:
        self.saved_after = self.epochs[-1].number


def search(trainer: Any, folder: Path, tick: Tick = lambda done, total: None) -> Any:
    return train(trainer, (TRAIN, DEV), folder, tick)


def test_the_rate_with_the_lowest_trial_is_trained_and_the_best_epoch_saved(
    tmp_path: Path,
) -> None:
    trainer = ScriptedTrainer({1e-3: [0.5], 1e-2: [0.3, 0.25, 0.2, 0.22]})
    trained = search(trainer, tmp_path)
    assert (trained.learning_rate, trained.epoch) == (1e-2, 2)
    assert trainer.saved_after == 1
    assert [entry["share"] for entry in trained.trace] == [0.25, 0.25, 1.0, 1.0, 1.0]
    assert trained.tokens == round(4 * 20 * (2 * 0.25 + 3))
    assert trained.seconds == 5.0


def test_it_stops_when_dev_no_longer_improves(tmp_path: Path) -> None:
    trainer = ScriptedTrainer({1e-3: [9, 0.2, 0.3, 0.4, 0.1]}, patience=2, max_epochs=4)
    trained = search(trainer, tmp_path)
    assert len(trained.trace) == 3, "a single rate needs no trial"
    assert trained.epoch == 1


def test_a_rate_that_diverges_loses_and_alone_is_an_error(tmp_path: Path) -> None:
    trainer = ScriptedTrainer({1e-1: [math.nan], 1e-3: [2.0, 1.0, 0.9, 0.8]})
    assert search(trainer, tmp_path / "two").learning_rate == 1e-3
    with pytest.raises(ModelError, match=r"diverged at a learning rate of 0\.1.*smaller"):
        search(ScriptedTrainer({1e-1: [0, math.nan]}, max_epochs=1), tmp_path / "one")


def test_progress_counts_the_steps_of_trials_and_epochs_together(tmp_path: Path) -> None:
    ticks: list[tuple[int, int]] = []
    losses = {1e-3: [0.5, 0.4, 0.3], 1e-2: [0.9]}
    search(
        ScriptedTrainer(losses, max_epochs=2),
        tmp_path,
        lambda done, total: ticks.append((done, total)),
    )
    assert ticks == [(step, 2 * 1 + 2 * 4) for step in range(1, 11)]
