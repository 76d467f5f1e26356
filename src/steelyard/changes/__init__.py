"""Two runs of a task compared: what changed, and whether it is real."""

from __future__ import annotations

from steelyard.changes.arms import match_runs
from steelyard.changes.finished import FinishedRun, read_run
from steelyard.changes.records import RunComparison
from steelyard.changes.runs import compare, compare_runs

__all__ = [
    "FinishedRun",
    "RunComparison",
    "compare",
    "compare_runs",
    "match_runs",
    "read_run",
]
