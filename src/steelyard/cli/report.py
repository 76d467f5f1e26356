"""``steelyard report DIR``: draw a finished run's report again."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.cli.options import file_path
from steelyard.errors import StorageError
from steelyard.printing import console, say
from steelyard.words import one_line

if TYPE_CHECKING:
    from steelyard.result import Result

log = logging.getLogger("steelyard")

_LONGEST_REASON = 120


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
    with storage_guard(args.folder), _consistent(args.folder):
        report = write_report(args.folder, result)
        show(result, report)
    return 0


@contextmanager
def _consistent(folder: Path) -> Iterator[None]:
    """Refuse a result that is none of a run: each part can be read, and together they make no sense."""
    from jinja2 import TemplateError

    odd = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, TemplateError)
    try:
        yield
    except odd as error:
        log.debug("the result could not be drawn", exc_info=True)
        reason = one_line(f"{type(error).__name__}: {error}", _LONGEST_REASON)
        raise StorageError(
            f"{folder / 'result.json'} cannot be drawn, because its parts contradict each other ({reason}): "
            "run the task again"
        ) from error


def show(result: Result, report: Path) -> None:
    """Print a finished run for a person, on stdout; the report's place where it could be drawn."""
    from steelyard.report import table, verdict_text

    screen = console()
    screen.print(table(result))
    screen.print(verdict_text(result), highlight=False)
    if report.is_file():
        say(f"report: {report}")
