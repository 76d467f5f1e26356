"""The conductor: fit, answer, score, measure, record, resume, promote."""

from __future__ import annotations

from steelyard.weigh.conductor import RunResult, run, run_plan, write_report
from steelyard.weigh.result import read_result, strip_timings

__all__ = [
    "RunResult",
    "read_result",
    "run",
    "run_plan",
    "strip_timings",
    "write_report",
]
