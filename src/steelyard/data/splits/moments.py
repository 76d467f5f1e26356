"""Timestamps as they are written, and a cut of examples by time."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

from steelyard.errors import DataError
from steelyard.words import counted

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
_COMPACT_DATE = re.compile(r"(19|20)\d{6}")
_SLASHES = re.compile(r"(\d{4})/(\d{2})/(\d{2})")
_ZONE = re.compile(r"\s*(UTC|GMT)$", re.IGNORECASE)
_UNITS = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (math.inf, 1e9))
"""Epoch numbers below the first figure count units of which the second makes a second: 1e11 seconds
is the year 5138, and 1e11 milliseconds is 1973."""


def moment(text: str) -> float | None:
    """Seconds since 1970 of an ISO date or time, or of an epoch in s, ms, µs or ns; else ``None``.

    A time without a zone is taken as UTC, a date as its first moment. Dates such as 03/04/2025 are
    not read: they mean two days.
    """
    text = text.strip()
    if _NUMBER.fullmatch(text) and not _COMPACT_DATE.fullmatch(text):
        return _epoch(float(text))
    text = _ZONE.sub("+00:00", _SLASHES.sub(r"\1-\2-\3", text, count=1))
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _epoch(value: float) -> float | None:
    if not math.isfinite(value):
        return None
    return value / next(unit for most, unit in _UNITS if abs(value) < most)


def cut_by_time(moments: Sequence[float], sizes: Mapping[str, int]) -> dict[str, list[int]]:
    """Indices by part: the oldest in train, then dev, the newest in test.

    Equal moments stay together, so a part may be a little larger or smaller than wanted. Raises
    `DataError` when there are fewer than three different moments.
    """
    ordered = sorted(range(len(moments)), key=lambda index: (moments[index], index))
    ties = [list(same) for _, same in groupby(ordered, key=lambda index: moments[index])]
    if len(ties) < 3:
        raise DataError(
            f"{counted(len(ties), 'different time')} cannot be cut into train, dev and test: at "
            "least 3 are needed; give a finer timestamp, or split --by label"
        )
    edges = [0]
    for same in ties:
        edges.append(edges[-1] + len(same))
    first = _nearest(edges, sizes["train"], 1, len(ties) - 2)
    second = _nearest(edges, sizes["train"] + sizes["dev"], first + 1, len(ties) - 1)
    a, b = edges[first], edges[second]
    return {"train": sorted(ordered[:a]), "dev": sorted(ordered[a:b]), "test": sorted(ordered[b:])}


def _nearest(edges: Sequence[int], target: int, low: int, high: int) -> int:
    """The place, from ``low`` to ``high``, of the edge nearest to ``target``."""
    return min(range(low, high + 1), key=lambda place: (abs(edges[place] - target), place))
