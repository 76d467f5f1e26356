"""The arms' quality by slice, and where the first arm differs from another."""

from __future__ import annotations

from pydantic import Field

from steelyard.core import Comparison
from steelyard.result.base import Omitted, ResultPart
from steelyard.result.figures import Figure


class SliceRow(ResultPart):
    """One slice: each arm's quality on its ``n`` test examples, and the difference of the two arms.

    ``comparison`` is ``None`` with a ``reason`` where there were too few examples to test.
    """

    slice: str = ""
    n: int = 0
    arms: dict[str, Figure] = Field(default_factory=dict)
    comparison: Comparison | None = None
    reason: Omitted[str] = None


class SliceTable(ResultPart):
    """The largest slices of the test split, by size; exploratory, and no part of the verdict.

    ``a`` and ``b`` are the arms that are compared. ``p_adjusted`` is Holm's over the ``tests`` made.
    ``without`` counts test examples without a slice, ``left_out`` slices that are too many to list.
    """

    a: str | None = None
    b: str | None = None
    metric: str = ""
    tests: int = 0
    without: int = 0
    left_out: int = 0
    rows: tuple[SliceRow, ...] = ()
