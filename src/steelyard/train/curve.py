"""The loss of training step by step, as lines of JSON in the job's folder. Importing it loads no torch."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from steelyard.config.records import read_as
from steelyard.errors import StorageError
from steelyard.files import parse_json, read_file, write_whole

CURVE_NAME = "curve.jsonl"
POINTS = 200
"""Points of one pass at most: of a longer one, each is the mean over some steps."""


class PassName(NamedTuple):
    """Which pass over train: a trial of a learning rate, or an epoch by its number from 0."""

    stage: Literal["trial", "epoch"]
    learning_rate: float
    number: int

    @property
    def words(self) -> str:
        """``epoch 2``, or ``the trial of a learning rate of 0.001``."""
        if self.stage == "epoch":
            return epoch_words(self.number, 1.0)
        return f"the trial of a learning rate of {self.learning_rate:g}"


def epoch_words(number: int, share: float) -> str:
    """``epoch 4``, or ``epoch 4 (50 % of it)`` where it passes over a ``share`` of train; from 0."""
    return f"epoch {number + 1}" + ("" if share >= 1 else f" ({100 * share:.0f} % of it)")


class PointFigures(NamedTuple):
    """The mean ``loss`` over some steps, the learning rate of the last one, and their tokens per second.

    Tokens are those of the examples, prompts included; ``None``: no time passed.
    """

    loss: float
    step_rate: float | None = None
    tokens_per_second: float | None = None


@dataclass(frozen=True)
class StepLoss:
    """The mean loss in nats over the steps of a pass up to ``step`` since the last point.

    Per learnt token or per example, as `TrainingConfig.loss_unit` says. Steps count from 1 to ``steps``. A
    loss that is not a number is ``None``. ``learning_rate`` names the pass; ``step_rate`` is what its
    schedule made of it at ``step``. The epochs before it had ``earlier`` steps; ``None``: each as
    many as it has.
    """

    stage: Literal["trial", "epoch"]
    learning_rate: float
    number: int
    step: int
    steps: int
    loss: float | None
    step_rate: float | None = None
    tokens_per_second: float | None = None
    earlier: int | None = None

    @property
    def whole_step(self) -> int:
        """The step counted over all epochs; within a trial, over that trial."""
        earlier = self.number * self.steps if self.earlier is None else self.earlier
        return earlier + self.step

    @property
    def of_pass(self) -> PassName:
        return PassName(self.stage, self.learning_rate, self.number)


def steps_per_point(steps: int) -> int:
    """Over how many steps a point of a pass of so many is the mean."""
    return max(1, math.ceil(steps / POINTS))


class CurveFile:
    """The points of one pass, which are added to those of others in ``folder``."""

    def __init__(
        self, folder: Path, name: PassName, steps: int, earlier: int | None = None
    ) -> None:
        self._path = folder / CURVE_NAME
        self._earlier = earlier
        self._name = name
        self._steps = steps

    def begin(self, step: int) -> None:
        """Go on after ``step`` steps: points beyond it, which a killed attempt left, are removed."""
        points = read_curve(self._path.parent)
        fitting = [
            point
            for point in points
            if point.step <= step or (point.of_pass, point.steps) != (self._name, self._steps)
        ]
        write_whole(self._path, "".join(map(_line, fitting)))

    def add(self, step: int, figures: PointFigures) -> StepLoss:
        """Add the point that ends at ``step``, and return it."""
        loss = figures.loss if math.isfinite(figures.loss) else None
        point = StepLoss(*self._name, step, self._steps, loss, *figures[1:], self._earlier)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(_line(point))
        return point


def median_speed(points: Iterable[StepLoss]) -> float | None:
    """The median of the points' tokens per second; ``None`` where none has any."""
    speeds = [one.tokens_per_second for one in points if one.tokens_per_second]
    return statistics.median(speeds) if speeds else None


def _line(point: StepLoss) -> str:
    return json.dumps(asdict(point)) + "\n"


def read_curve(folder: Path) -> tuple[StepLoss, ...]:
    """Read the points of a job's folder, in the order of training; none where nothing was recorded.

    A last line that a kill cut short is left out. Raises `StorageError` where something else is there.
    """
    path = folder / CURVE_NAME
    if not path.is_file():
        return ()
    lines = read_file(path).decode("utf-8", errors="replace").split("\n")[:-1]
    try:
        return tuple(read_as(StepLoss, parse_json(line)) for line in lines)
    except ValueError as error:
        raise StorageError(
            f"{path} is damaged ({error}): remove it, which loses the curve alone"
        ) from error
