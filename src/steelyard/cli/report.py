"""``steelyard report DIR``: draw a finished run's report again."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steelyard.result import Result


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb to the command line."""
    verb = verbs.add_parser("report", help="redraw report.html from a run's result.json")
    verb.add_argument("folder", metavar="DIR", type=Path, help="a run folder")
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
    from rich.console import Console

    from steelyard.report import table, verdict_text

    console = Console()
    console.print(table(result))
    console.print(verdict_text(result), markup=False, highlight=False)
    print(f"report: {report}", flush=True)
