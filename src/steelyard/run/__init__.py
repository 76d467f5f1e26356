"""The conductor: plan, fit, answer, score, measure, record, resume."""

from __future__ import annotations

from steelyard.run.ask import load
from steelyard.run.conductor import RunResult, run, run_plan, write_report
from steelyard.run.plan import Plan, RunOptions, make_plan
from steelyard.run.progress import Display, PlainDisplay, RichDisplay, display_for
from steelyard.run.result import read_result, strip_timings

__all__ = [
    "Display",
    "PlainDisplay",
    "Plan",
    "RichDisplay",
    "RunOptions",
    "RunResult",
    "display_for",
    "load",
    "make_plan",
    "read_result",
    "run",
    "run_plan",
    "strip_timings",
    "write_report",
]
