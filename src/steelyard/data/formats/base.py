"""What a format reader yields: raw rows, or why there is none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from steelyard.data.formats.roles import Columns

Counting = Literal["as text", "from 0", "from 1"]
"""How the numbers of a file name the choices that they answer."""


class RawRow(NamedTuple):
    """One row as the file has it: 1-based line, fields by name, or the reason it cannot be read.

    ``changed`` names what could not be kept to the letter, ``counting`` what a number means that answers a
    choice: its file's rows say it together.
    """

    line: int
    fields: Mapping[str, Any]
    reason: str | None = None
    changed: tuple[str, ...] = ()
    counting: Counting | None = None


class BadRow(NamedTuple):
    """A row that cannot be used, and why. ``line`` is 1-based."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file} line {self.line}: {self.reason}"


class RowError(ValueError):
    """A row cannot become an example; the message is the reason."""


class LeftOutError(RowError):
    """A row that says itself that it is no example: an answer that was rejected, or is not to be learnt."""


class RowReader(Protocol):
    """Reads a file row by row.

    ``columns`` maps roles to the names the user gave; a table's header is checked for them, unless
    ``columns`` is ``None``. ``on_bytes`` is called with the bytes of the file read so far.
    """

    def __call__(
        self,
        path: Path,
        columns: Columns | None,
        on_bytes: Callable[[int], None] | None = None,
    ) -> Iterator[RawRow]:
        """Yield the rows in order, blank ones left out. Raises `DataError` for the whole file."""
        ...


def json_in(value: Any, begins: str | tuple[str, ...]) -> Any:
    """The JSON that a text holds, if it begins with one of ``begins``; any other value as it is."""
    if isinstance(value, str) and value.lstrip().startswith(begins):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def json_kind(value: object) -> str:
    """The kind of a JSON value in words."""
    names = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")
