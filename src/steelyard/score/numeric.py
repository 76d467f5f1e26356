"""Metrics over numbers."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import ClassVar

from steelyard.score.base import Metric

_NUMBER = re.compile(r"(?<![\w.])[-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|(?<![\w.])[-+−]?\.\d+")


class Numeric(Metric):
    """Whether the last number in the answer equals the last number in the reference.

    The tolerance is one part in a million, so that ``0.3333333`` answers ``1/3`` computed
    elsewhere. Commas are read as thousands only in groups of three.
    """

    name = "numeric"
    binary = True
    relative_tolerance: ClassVar[Decimal] = Decimal("1e-6")

    def score_answer(self, output: str, reference: str) -> float:
        """1 when the numbers agree; 0 when either has none."""
        said, wanted = last_number(output), last_number(reference)
        if said is None or wanted is None:
            return 0.0
        return float(abs(said - wanted) <= self.relative_tolerance * max(abs(said), abs(wanted)))


def last_number(text: str) -> Decimal | None:
    """The last number in a text, or ``None``."""
    found = _NUMBER.findall(text)
    return Decimal(found[-1].replace(",", "").replace("−", "-")) if found else None
