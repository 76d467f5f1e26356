"""Intervals, paired tests, corrections and power: pure functions over arrays."""

from __future__ import annotations

from steelyard.stats.families import Family, holm, shaffer
from steelyard.stats.intervals import mean, proportion, statistic
from steelyard.stats.paired import PairTest, compare, pair_tests, statistic_tests
from steelyard.stats.power import (
    ASSUMED_DISCORDANT,
    Detectable,
    NeededItems,
    detectable_difference,
    items_for_interval,
    items_for_mean,
    items_needed,
)
from steelyard.stats.quantiles import least_values, quantile_limits

__all__ = [
    "ASSUMED_DISCORDANT",
    "Detectable",
    "Family",
    "NeededItems",
    "PairTest",
    "compare",
    "detectable_difference",
    "holm",
    "items_for_interval",
    "items_for_mean",
    "items_needed",
    "least_values",
    "mean",
    "pair_tests",
    "proportion",
    "quantile_limits",
    "shaffer",
    "statistic",
    "statistic_tests",
]
