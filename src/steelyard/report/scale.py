"""Axes: where a figure stands on paper, and which round figures to mark."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_WIDE = 20.0  # a range of positive figures beyond this ratio is drawn on a logarithmic axis
_AIR = 1.6  # room at both ends of a logarithmic axis, as a ratio: under 2, the nearest tick's
_DECADE = 10.0
_LEAST_WIDTH = 1e-9
_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Scale:
    """Maps ``low`` to ``high`` onto the pixels ``start`` to ``end``; one of no width onto their middle."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return the pixel of ``value``, held inside the axis."""
        inside = min(max(value, self.low), self.high)
        if not self._has_width:
            share = 0.5
        elif self.log:
            share = math.log(inside / self.low) / math.log(self.high / self.low)
        else:
            share = (inside - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Round figures inside the axis, about ``most`` of them; the only one where it has no width."""
        if not self._has_width:
            return [self.low]
        return self._decades(most) if self.log else self._steps(most)

    @property
    def _has_width(self) -> bool:
        """Whether its ends can be told apart, on paper and in floating point."""
        least = max(abs(self.low), abs(self.high)) * _LEAST_WIDTH
        return self.high - self.low > least and (not self.log or self.low > 0)

    def _steps(self, most: int) -> list[float]:
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * figure for figure in _ROUND if power * figure >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(i * step, 12) for i in range(first, last + 1)]

    def _decades(self, most: int) -> list[float]:
        first = math.ceil(math.log10(self.low) - 1e-9)
        last = math.floor(math.log10(self.high) + 1e-9)
        skip = max(1, math.ceil((last - first + 1) / most))
        marks = [10.0**power for power in range(first, last + 1, skip)]
        if len(marks) >= 3:
            return marks
        fine = [m * 10.0**p for p in range(first - 1, last + 1) for m in (1, 2, 5)]
        return [mark for mark in fine if self.low <= mark <= self.high]


def axis(values: Iterable[float], start: float, end: float) -> Scale:
    """Return an axis round positive figures: logarithmic when they differ widely, else from 0."""
    figures = [value for value in values if value > 0]
    if not figures:
        return Scale(0, 1, start, end)
    first, most = min(figures), max(figures)
    if most / first > _WIDE:
        return Scale(first / _AIR, most * _AIR, start, end, log=True)
    return Scale(0, most * 1.15, start, end)


def log_axis(values: Iterable[float], start: float, end: float, least: float) -> Scale:
    """Return a logarithmic axis round figures of ``least`` (a power of 10) or more, with no tick below.

    It spans a decade at the least, so that figures near each other have ticks on both sides.
    """
    figures = list(values)
    first, most = min(figures), max(figures)
    air = max(_AIR, math.sqrt(_DECADE * first / most))
    low = max(first / air, least / _AIR)
    return Scale(low, max(most * air, low * _DECADE), start, end, log=True)


def quality_axis(values: Iterable[float], start: float, end: float) -> Scale:
    """Return an axis round quality figures with some air, between 0 and 1."""
    figures = list(values)
    if not figures:
        return Scale(0, 1, start, end)
    air = max((max(figures) - min(figures)) * 0.06, 0.02)
    low, high = min(figures) - air, max(figures) + air
    return Scale(
        max(0.0, math.floor(low * 20) / 20), min(1.0, math.ceil(high * 20) / 20), start, end
    )
