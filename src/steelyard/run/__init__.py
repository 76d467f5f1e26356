"""The conductor: plan, fit, answer, score, measure, record, resume.

``steelyard.run`` names this room and the function in it. Importing the room puts it in the place of
the function, so the room can be called as the function is.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

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


class _Room(ModuleType):
    def __call__(self, *args: Any, **options: Any) -> RunResult:
        """Weigh a task; see `steelyard.run.conductor.run`."""
        return run(*args, **options)


sys.modules[__name__].__class__ = _Room
