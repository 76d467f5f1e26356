from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pytest

from steelyard.stats import proportion
from steelyard.verdict import Candidate

Make = Callable[..., Candidate]


@pytest.fixture
def make() -> Make:
    """Build a candidate that answers ``right`` of ``n`` items; ``shift`` says which ones."""

    def build(strategy: str, right: int, n: int = 200, *, shift: int = 0, **known: object):
        scores = np.roll(np.array([1.0] * right + [0.0] * (n - right)), shift)
        money = {
            key: Decimal(str(known.pop(key)))
            for key in ("upfront", "per_request", "monthly")
            if known.get(key) is not None
        }
        defaults = {"upfront": Decimal(0), "per_request": Decimal("0.001")}
        if known.pop("unpriced", False):
            defaults = {}
        name = known.pop("name", strategy)
        quality = proportion(right, n)
        return Candidate(name, strategy, quality, scores, **{**defaults, **money}, **known)

    return build
