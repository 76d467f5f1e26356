"""Money: per request, upfront, over a horizon, break-even and what would change the choice."""

from __future__ import annotations

from steelyard.economics.money import (
    DAYS_PER_MONTH,
    Money,
    break_even,
    cost_of,
    to_number,
    totals,
)
from steelyard.economics.sensitivity import price_factor_flip, volume_flip

__all__ = [
    "DAYS_PER_MONTH",
    "Money",
    "break_even",
    "cost_of",
    "price_factor_flip",
    "to_number",
    "totals",
    "volume_flip",
]
