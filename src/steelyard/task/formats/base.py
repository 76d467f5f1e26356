"""What a format reader yields, and the roles a row's fields can play."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

import yaml


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
    """Reads a file row by row; ``columns`` maps roles to the names the user gave."""

    def __call__(self, path: Path, columns: Mapping[str, str]) -> Iterator[RawRow]:
        """Yield the rows in order, blank ones left out. Raises `DataError` for the whole file."""
        ...


@lru_cache(maxsize=1)
def usual_names() -> dict[str, list[str]]:
    """The usual field names by role, the most telling first."""
    text = files("steelyard.task").joinpath("data/columns.yaml").read_text(encoding="utf-8")
    return cast("dict[str, list[str]]", yaml.safe_load(text))


@lru_cache(maxsize=256)
def _resolve(keys: tuple[str, ...], columns: tuple[tuple[str, str], ...]) -> dict[str, str]:
    roles = dict(columns)
    taken = set(roles.values())
    folded: dict[str, str] = {}
    for key in keys:
        folded.setdefault(key.strip().casefold(), key)
    for role, names in usual_names().items():
        free = (folded[name] for name in names if name in folded and folded[name] not in taken)
        if role not in roles and (found := next(free, None)) is not None:
            roles[role] = found
            taken.add(found)
    return roles


def resolve(keys: tuple[str, ...], columns: Mapping[str, str]) -> dict[str, str]:
    """Say which of ``keys`` plays which role; a role the user named keeps that name."""
    return _resolve(keys, tuple(columns.items()))
