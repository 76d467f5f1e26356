"""What ``run`` and ``report`` print at the end: the table, the verdict, where the report is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from steelyard.result import Result


def show(result: Result, report: Path) -> None:
    """Print a finished run for a person, on stdout."""
    from rich.console import Console

    from steelyard.report import table, verdict_text

    console = Console()
    console.print(table(result))
    console.print(verdict_text(result), markup=False, highlight=False)
    print(f"report: {report}", flush=True)
