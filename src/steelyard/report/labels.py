"""Put a name next to each point of a chart so that no two overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

_REACHES = (9.0, 15.0, 24.0, 36.0, 52.0, 72.0)
_ANGLES = 16
_LEADER_FROM = 17.0  # beyond this distance a line ties the name to its point
_OWN = 9.0  # so much of a leader lies on its own point's mark
_STEP = 3.0
_NEAR = 4.0  # closer than this to a mark a name seems to belong to it


_Line = tuple[float, float, float, float]


class Box(NamedTuple):
    """A rectangle on paper."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: Box) -> float:
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(wide, 0.0) * max(high, 0.0)

    def holds(self, x: float, y: float) -> bool:
        return self.left <= x <= self.right and self.top <= y <= self.bottom


class Anchor(NamedTuple):
    """A point that wants a name; ``priority`` ones choose first."""

    x: float
    y: float
    text: str
    priority: int = 0


@dataclass(frozen=True)
class LabelPlace:
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
) -> list[LabelPlace]:
    """Return a place for each anchor's name, in the anchors' order.

    Greedy over a ring of candidates round each point: the least overlap with names already placed
    and with ``obstacles`` wins, then the shortest distance. Names keep off the lines that tie others
    to their points, and such a line off names and obstacles, where there is room.
    """
    order = sorted(range(len(anchors)), key=lambda i: (-anchors[i].priority, anchors[i].x))
    occupied: list[Box] = []
    leaders: list[Box] = []
    placed: dict[int, LabelPlace] = {}
    for index in order:
        box, reach = _best(anchors[index], [*obstacles, *leaders], occupied, bounds, size)
        occupied.append(box)
        leaders += _along(_leader(anchors[index], box, reach))
        placed[index] = _finish(anchors[index], box, reach, size)
    return [placed[index] for index in range(len(anchors))]


def _best(
    anchor: Anchor, obstacles: Sequence[Box], occupied: Sequence[Box], bounds: Box, size: float
) -> tuple[Box, float]:
    wide, high = width(anchor.text, size), size * 1.15
    best = (math.inf, Box(anchor.x, anchor.y, anchor.x, anchor.y), 0.0)
    others = [mark for mark in obstacles if not mark.holds(anchor.x, anchor.y)]
    for reach in _REACHES:
        if reach >= best[0]:
            break
        for step in range(_ANGLES):
            angle = 2 * math.pi * step / _ANGLES
            x = anchor.x + math.cos(angle) * (reach + wide / 2)
            y = anchor.y + math.sin(angle) * (reach + high / 2)
            box = Box(x - wide / 2, y - high / 2, x + wide / 2, y + high / 2)
            outside = wide * high - box.overlap(bounds)
            names = sum(box.overlap(other) for other in occupied)
            badness = outside * 50 + names * 40 + reach + abs(math.sin(angle)) * 2
            if badness >= best[0]:
                continue
            marks = sum(box.overlap(other) for other in obstacles)
            near = sum(_grown(box).overlap(other) for other in others)
            badness += marks * 4 + near * 0.5
            badness += _crossed(_leader(anchor, box, reach), [*obstacles, *occupied]) * 6
            if badness < best[0]:
                best = (badness, box, reach)
    return best[1], best[2]


def _finish(anchor: Anchor, box: Box, reach: float, size: float) -> LabelPlace:
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    return LabelPlace(anchor.text, x, y + size * 0.36, _leader(anchor, box, reach))


def _leader(anchor: Anchor, box: Box, reach: float) -> _Line | None:
    """The line from a point to the nearest spot of its name's box, where the name is far off."""
    if reach <= _LEADER_FROM:
        return None
    end_x = min(max(anchor.x, box.left), box.right)
    end_y = min(max(anchor.y, box.top), box.bottom)
    return anchor.x, anchor.y, end_x, end_y


def _along(leader: _Line | None) -> list[Box]:
    """Small boxes that cover a leader beyond its own point's mark."""
    if leader is None:
        return []
    x1, y1, x2, y2 = leader
    length = math.hypot(x2 - x1, y2 - y1)
    steps = range(math.ceil(_OWN / _STEP), int(length / _STEP) + 1)
    spots = [
        (x1 + (x2 - x1) * i * _STEP / length, y1 + (y2 - y1) * i * _STEP / length) for i in steps
    ]
    return [Box(x - 1, y - 1, x + 1, y + 1) for x, y in spots]


def _crossed(leader: _Line | None, others: Sequence[Box]) -> float:
    if leader is None:
        return 0.0
    x1, y1, x2, y2 = leader
    whole = Box(min(x1, x2) - 1, min(y1, y2) - 1, max(x1, x2) + 1, max(y1, y2) + 1)
    near = [other for other in others if whole.overlap(other)]
    return sum(piece.overlap(other) for piece in _along(leader) for other in near)


def _grown(box: Box) -> Box:
    return Box(box.left - _NEAR, box.top - _NEAR, box.right + _NEAR, box.bottom + _NEAR)


def spread(ideal: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move heights at least ``gap`` apart, inside ``low`` and ``high`` where they fit."""
    order = sorted(range(len(ideal)), key=lambda i: ideal[i])
    heights = [min(max(ideal[i], low), high) for i in order]
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + gap)
    if heights and heights[-1] > high:
        heights[-1] = high
        for i in range(len(heights) - 2, -1, -1):
            heights[i] = min(heights[i], heights[i + 1] - gap)
    result = [0.0] * len(ideal)
    for position, index in enumerate(order):
        result[index] = heights[position]
    return result
