"""Scorers: what an answer is worth, how a metric sums up, and what two arms differ by."""

from __future__ import annotations

from steelyard.score.base import Grade, Metric
from steelyard.score.build import build_metric, build_metrics
from steelyard.score.measure import compare_records, quality
from steelyard.score.parse import parse_output

__all__ = [
    "Grade",
    "Metric",
    "build_metric",
    "build_metrics",
    "compare_records",
    "parse_output",
    "quality",
]
