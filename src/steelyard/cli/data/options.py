"""Options that several verbs of the data room share."""

from __future__ import annotations

import argparse
import re

from steelyard.cli.options import file_path
from steelyard.errors import closest

_ROLES = ("input", "output", "id", "group", "slice", "timestamp", "weight", "rules", "accepted")
_BETWEEN = re.compile(rf",(?=\s*(?:{'|'.join(_ROLES)})\s*=)")
"""A comma between two pairs; one in a column's name stays."""


class _Columns(argparse.Action):
    """Collects ``ROLE=NAME``, one or several at a time, into a mapping."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        columns: dict[str, str] = dict(getattr(namespace, self.dest))
        for pair in _BETWEEN.split(str(values)):
            role, equals, name = (part.strip() for part in pair.partition("="))
            if not equals or not name:
                parser.error(f"--columns takes ROLE=NAME, such as group=customer, not {pair!r}")
            if role not in _ROLES:
                hint, roles = closest(role, _ROLES), ", ".join(_ROLES)
                parser.error(f"--columns: unknown role {role!r}{hint}; known: {roles}")
            columns[role] = name
        setattr(namespace, self.dest, columns)


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
    """Add ``--columns ROLE=NAME``; several pairs take commas, or the option again."""
    verb.add_argument(
        "--columns",
        metavar=metavar,
        action=_Columns,
        default={},
        help=summary,
    )
