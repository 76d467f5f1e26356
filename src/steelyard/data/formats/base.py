"""What a format reader yields, and the roles a row's fields can play."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

from steelyard.packaged import packaged

_PAIRS = (
    {"input": "input", "output": "output"},
    {"input": "prompt", "output": "completion"},
)
"""Names that belong together: next to a prompt and its completion, a ``label`` is not the output."""


class RawRow(NamedTuple):
    """One row as the file has it: 1-based line, fields by name, or the reason it cannot be read."""

    line: int
    fields: Mapping[str, Any]
    reason: str | None = None


class BadRow(NamedTuple):
    """A row that cannot be used, and why. ``line`` is 1-based."""

    file: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.file} line {self.line}: {self.reason}"


class RowError(ValueError):
    """A row cannot become an example; the message is the reason."""


class RowReader(Protocol):
    """Reads a file row by row.

    ``columns`` maps roles to the names the user gave; a table's header is checked for them, unless
    ``columns`` is ``None``. ``on_bytes`` is called with the bytes of the file read so far.
    """

    def __call__(
        self,
        path: Path,
        columns: Mapping[str, str] | None,
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


@lru_cache(maxsize=1)
def usual_names() -> dict[str, list[str]]:
    """The usual field names by role, the most telling first."""
    return cast("dict[str, list[str]]", packaged("data/data/columns.yaml"))


@lru_cache(maxsize=256)
def _resolve(keys: tuple[str, ...], columns: tuple[tuple[str, str], ...]) -> dict[str, str]:
    roles = dict(columns)
    names_in_use = set(roles.values())
    folded: dict[str, str] = {}
    for key in keys:
        folded.setdefault(key.strip().casefold(), key)
    for pair in _PAIRS:
        named = {role: folded.get(name) for role, name in pair.items()}
        if not roles.keys() & pair.keys() and all(named.values()):
            roles |= {role: name for role, name in named.items() if name is not None}
            names_in_use |= set(roles.values())
    for role, names in usual_names().items():
        free = (folded[key] for key in names if key in folded and folded[key] not in names_in_use)
        if role not in roles and (name := next(free, None)) is not None:
            roles[role] = name
            names_in_use.add(name)
    return roles


def resolve(keys: tuple[str, ...], columns: Mapping[str, str]) -> Mapping[str, str]:
    """Say which of ``keys`` plays which role; a role the user named keeps that name.

    The answer is kept and shared: copy it to change it.
    """
    return _resolve(keys, tuple(columns.items()))
