"""Run a task: fit, answer, score, measure, record, resume, promote."""

from __future__ import annotations

from steelyard.weigh.conductor import RunResult, run, run_plan, write_report

__all__ = [
    "RunResult",
    "run",
    "run_plan",
    "write_report",
]
