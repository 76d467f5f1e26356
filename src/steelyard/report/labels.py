"""Put a name beside each point of a chart so that no two overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

_REACHES = (9.0, 15.0, 24.0, 36.0, 52.0, 72.0)
_ANGLES = 16
_LEADER_FROM = 17.0  # beyond this distance a line ties the name to its point


class Box(NamedTuple):
    """A rectangle on paper."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: Box) -> float:
        """The area two rectangles share."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(wide, 0.0) * max(high, 0.0)


class Anchor(NamedTuple):
    """A point that wants a name; ``priority`` ones choose first."""

    x: float
    y: float
    text: str
    priority: int = 0


@dataclass(frozen=True)
class Placed:
    """Where a name stands: its middle, its baseline, and the line that ties it to its point."""

    text: str
    x: float
    y: float
    leader: tuple[float, float, float, float] | None


def width(text: str, size: float) -> float:
    """About how wide a sans-serif text of ``size`` pixels is."""
    return sum(0.34 if char in "iljt.,:;|'()f " else 0.58 for char in text) * size


def place(
    anchors: Sequence[Anchor], obstacles: Sequence[Box], bounds: Box, size: float = 12.0
) -> list[Placed]:
    """Return a place for each anchor's name, in the anchors' order.

    Greedy over a ring of candidates round each point: the least overlap with names already placed
    and with ``obstacles`` wins, then the shortest distance.
    """
    order = sorted(range(len(anchors)), key=lambda i: (-anchors[i].priority, anchors[i].x))
    taken: list[Box] = []
    placed: dict[int, Placed] = {}
    for index in order:
        box, reach = _best(anchors[index], obstacles, taken, bounds, size)
        taken.append(box)
        placed[index] = _finish(anchors[index], box, reach, size)
    return [placed[index] for index in range(len(anchors))]


def _best(
    anchor: Anchor, obstacles: Sequence[Box], taken: Sequence[Box], bounds: Box, size: float
) -> tuple[Box, float]:
    wide, high = width(anchor.text, size), size * 1.15
    best: tuple[float, Box, float] | None = None
    for reach in _REACHES:
        for step in range(_ANGLES):
            angle = 2 * math.pi * step / _ANGLES
            x = anchor.x + math.cos(angle) * (reach + wide / 2)
            y = anchor.y + math.sin(angle) * (reach + high / 2)
            box = Box(x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
            outside = wide * high - box.overlap(bounds)
            names = sum(box.overlap(other) for other in taken)
            marks = sum(box.overlap(other) for other in obstacles)
            badness = outside * 50 + names * 40 + marks * 4 + reach + abs(math.sin(angle)) * 2
            if best is None or badness < best[0]:
                best = (badness, box, reach)
    assert best is not None
    return best[1], best[2]


def _finish(anchor: Anchor, box: Box, reach: float, size: float) -> Placed:
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    leader = None
    if reach > _LEADER_FROM:
        end_x = min(max(anchor.x, box.left), box.right)
        end_y = min(max(anchor.y, box.top), box.bottom)
        leader = (anchor.x, anchor.y, end_x, end_y)
    return Placed(anchor.text, x, y + size * 0.36, leader)


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move heights at least ``gap`` apart, inside ``low`` and ``high`` where they fit."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    heights = [min(max(wanted[i], low), high) for i in order]
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + gap)
    if heights and heights[-1] > high:
        heights[-1] = high
        for i in range(len(heights) - 2, -1, -1):
            heights[i] = min(heights[i], heights[i + 1] - gap)
    result = [0.0] * len(wanted)
    for position, index in enumerate(order):
        result[index] = heights[position]
    return result
