"""Options that several verbs of the data room share."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from steelyard.cli.options import file_path
from steelyard.errors import closest

_OF_ROWS = (
    *("input", "output", "id", "group", "slice", "timestamp", "weight"),
    *("rules", "accepted", "rejected"),
)
_OF_DOCUMENTS = ("evidence", "answerable", "unanswerable")
_ROLES = (*_OF_ROWS, *_OF_DOCUMENTS)
_BETWEEN = re.compile(rf",(?=\s*(?:{'|'.join(_ROLES)})\s*=)")
"""A comma between two pairs; one in a column's name stays."""


class _Columns(argparse.Action):
    """Collects ``ROLE=NAME``, one or several at a time, into a mapping; ``ROLE=`` is played by none."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        columns: dict[str, str | None] = dict(getattr(namespace, self.dest))
        for pair in _BETWEEN.split(str(values)):
            role, equals, name = (part.strip() for part in pair.partition("="))
            if not equals:
                parser.error(f"--columns takes ROLE=NAME, such as group=customer, not {pair!r}")
            if role not in _ROLES:
                hint, roles = closest(role, _ROLES), ", ".join(_ROLES)
                parser.error(f"--columns: unknown role {role!r}{hint}; known: {roles}")
            columns[role] = name.replace("\\n", "\n") or None
        setattr(namespace, self.dest, columns)


def is_task(source: Path) -> bool:
    """Whether a source is a task, and not a file or folder of examples."""
    return source.suffix.lower() in {".yaml", ".yml"} or (source / "task.yaml").is_file()


def add_source(verb: argparse.ArgumentParser, *, optional: bool = False) -> None:
    """Add the task or file that the verb works on."""
    verb.add_argument(
        "source",
        metavar="TASK-or-FILE",
        type=file_path,
        nargs="?" if optional else None,
        help="a task's folder, or a file of examples",
    )


def add_columns(
    verb: argparse.ArgumentParser,
    metavar: str = "ROLE=NAME,…",
    summary: str = "which column holds what, e.g. group=customer,timestamp=date",
) -> None:
    """Add ``--columns ROLE=NAME``; several pairs take commas, or the option again; no name, no column."""
    verb.add_argument(
        "--columns",
        metavar=metavar,
        action=_Columns,
        default={},
        help=summary,
    )
