"""``steelyard report DIR``: draw a finished run's report again."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.cli.options import file_path
from steelyard.printing import console, say

if TYPE_CHECKING:
    from steelyard.result import Result


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    verb = verbs.add_parser("report", help="redraw report.html from a run's result.json")
    verb.add_argument("folder", metavar="DIR", type=file_path, help="a run folder")
    verb.set_defaults(call=call)


def call(args: argparse.Namespace) -> int:
    """Write ``report.html`` and show the result."""
    from steelyard.result import read_result
    from steelyard.store.folder import storage_guard
    from steelyard.weigh import write_report

    result = read_result(args.folder)
    with storage_guard(args.folder):
        report = write_report(args.folder, result)
    show(result, report)
    return 0


def show(result: Result, report: Path) -> None:
    """Print a finished run for a person, on stdout."""
    from steelyard.report import table, verdict_text

    screen = console()
    screen.print(table(result))
    screen.print(verdict_text(result), highlight=False)
    say(f"report: {report}")
