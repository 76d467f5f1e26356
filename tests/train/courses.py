"""A training as its folder has it, made by hand: two trials and three epochs of four steps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steelyard.train.course import (
    CheckpointChoice,
    CourseFile,
    TrainingConfig,
    TrainingWatch,
    TrialRound,
)
from steelyard.train.curve import CurveFile, PassName, PointFigures, StepLoss

RATE = 1e-3


def config_with(**changes: Any) -> TrainingConfig:
    fields: dict[str, Any] = {
        "model": "hf/tiny<b>",
        "kind": "LoRA",
        "options": {"rank": 4, "alpha": 8, "patience": 1, "max_tokens": 1024, "format": "x"},
        "targets": ("k_proj", "q_proj"),
        "trainable": 1000,
        "parameters": 40_000,
        "precision": "float32",
        "device": "cpu",
        "learning_rates": (5e-4, 1e-3, 2e-3),
        "learning_rate_from": "trials",
        "formula_rate": 1e-3,
        "epochs": 3,
        "steps_per_epoch": 4,
        "warmup_steps": 1,
        "batch_size": 8,
        "batch_tokens": 400.0,
        "step_tokens": 640,
        "trials": (TrialRound(3, 16, 2, 1),),
        "trial_dev": 10,
        "trial_tokens": 5000.0,
        "allowed_tokens": 20_000.0,
        "train_examples": 32,
        "dev_examples": 10,
        "train_too_long": 2,
        "dev_too_long": 0,
        "train_tokens": 1600,
        "learnt_tokens": 96,
        "dev_tokens": 500,
        "data_fingerprint": "ab" * 32,
        "seed": 0,
        "memory_bytes": 1.25e9,
        "memory_reason": "",
        "available_bytes": 9_200_000_000,
        "folder": "runs/t/work/lora",
    }
    return TrainingConfig(**(fields | changes))


def figures(stage: str, number: int, dev_loss: float | None, **changes: Any) -> dict[str, Any]:
    score = None if dev_loss is None else 0.9 - 0.1 * number
    return {
        "stage": stage,
        "learning_rate": RATE,
        "share": 0.5 if stage == "trial" else 1.0,
        "number": number,
        "train_loss": 1.0 / (number + 1),
        "dev_loss": dev_loss,
        "seconds": 2.0,
        "dev_items": 10,
        "dev_score": score,
        "metric": "accuracy",
        "dev_low": None if score is None else score - 0.2,
        "dev_high": None if score is None else min(1.0, score + 0.05),
    } | changes


def train_by_hand(
    watch: TrainingWatch, folder: Path, config: TrainingConfig | None = None, *, ends: bool = True
) -> None:
    """Call ``watch`` as a search would, and leave the curve in ``folder``."""
    watch.began(config or config_with())
    for name, steps in ((PassName("trial", RATE, 0), 2), *_epochs()):
        curve = CurveFile(folder, name, steps)
        curve.begin(0)
        for step in range(1, steps + 1):
            loss = 2.0 / (name.number * steps + step)
            watch.stepped(curve.add(step, PointFigures(loss, RATE / step, 1000.0)))
        watch.passed(figures(name.stage, name.number, 1.5 - 0.1 * name.number))
    if ends:
        watch.chose(CheckpointChoice(RATE, 1))


def _epochs() -> list[tuple[PassName, int]]:
    return [(PassName("epoch", RATE, number), 4) for number in range(3)]


def trained_folder(folder: Path, *, ends: bool = True) -> Path:
    """A job's folder with its course and its curve."""
    folder.mkdir(parents=True, exist_ok=True)
    train_by_hand(CourseFile(folder), folder, ends=ends)
    return folder


class Recorder(TrainingWatch):
    """Notes what it sees, in order."""

    def __init__(self) -> None:
        self.points: list[StepLoss] = []
        self.calls: list[tuple[str, Any]] = []

    def began(self, config: TrainingConfig) -> None:
        self.calls.append(("began", config))

    def stepped(self, point: StepLoss) -> None:
        self.points.append(point)

    def passed(self, figures: Mapping[str, Any]) -> None:
        self.calls.append(("passed", (figures["stage"], figures["learning_rate"])))

    def happened(self, event: Any) -> None:
        self.calls.append((event.kind, event.text))

    def chose(self, choice: CheckpointChoice) -> None:
        self.calls.append(("chose", choice))

    def of(self, kind: str) -> list[Any]:
        return [value for name, value in self.calls if name == kind]
