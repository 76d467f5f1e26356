"""Intervals, paired tests, corrections and power: pure functions over arrays."""

from __future__ import annotations

from steelyard.stats.intervals import mean, proportion, statistic
from steelyard.stats.paired import compare, compare_statistic, holm
from steelyard.stats.power import (
    ASSUMED_DISCORDANT,
    Detectable,
    NeededItems,
    detectable_difference,
    items_for_interval,
    items_for_mean,
    items_needed,
)

__all__ = [
    "ASSUMED_DISCORDANT",
    "Detectable",
    "NeededItems",
    "compare",
    "compare_statistic",
    "detectable_difference",
    "holm",
    "items_for_interval",
    "items_for_mean",
    "items_needed",
    "mean",
    "proportion",
    "statistic",
]
