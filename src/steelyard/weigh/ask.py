"""Load a saved arm and ask it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from steelyard.errors import ArmError
from steelyard.model import Model, ModelSpec, load_model
from steelyard.strategy import Arm, load_arm


def load(path: Path | str) -> Arm:
    """Load an arm: from its folder (``winner/``, ``arms/NAME``), or the winner of a run folder.

    Raises `ArmError` when there is none, and what building its model raises.
    """
    folder = Path(path).expanduser()
    for place in (folder, folder / "winner"):
        if (place / "arm.json").is_file():
            return load_arm(place, _once())
    if not folder.exists():
        raise ArmError(f"no folder {folder}: give a run folder, or the winner/ in it")
    if (folder / "result.json").is_file():
        raise ArmError(
            f"{folder} has no winner/: its verdict recommends no arm; load one of {folder / 'arms'}"
        )
    raise ArmError(f"{folder} holds no saved arm: give a run folder, or the winner/ in it")


def _once() -> Callable[[ModelSpec], Model]:
    """Return `load_model` that builds each model once."""
    return cache(load_model)
