"""What ``run`` and ``report`` print at the end: the table, the verdict, where the report is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def show(result: Mapping[str, Any], report: Path) -> None:
    """Print a finished run for a person, on stdout."""
    from rich.console import Console

    from steelyard.report import table, verdict_text

    console = Console()
    console.print(table(result))
    console.print(verdict_text(result), markup=False, highlight=False)
    print(f"report: {report}", flush=True)
