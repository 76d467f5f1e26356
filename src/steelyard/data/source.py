"""What lies in a file that is to be converted, told from its first rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from steelyard.data.formats import Container, container_of
from steelyard.data.formats.shapes import SHAPES, Shape, shape_of
from steelyard.data.formats.shapes.prompt_completion import NAME as PLAIN
from steelyard.data.formats.shapes.prompt_completion import columns_in
from steelyard.data.guess import guess_columns
from steelyard.data.read import read_rows
from steelyard.errors import ConfigError, DataError, closest

_LOOKED_AT = 1_000
_ROLES = ("input", "output")
_SURE = ({"input": "prompt", "output": "completion"}, {"input": "input", "output": "output"})


@dataclass(frozen=True)
class Source:
    """How a file's rows lie there and what they mean, and its columns where it has plain ones.

    ``named`` are the columns that every row is read by; empty where each row's own keys tell.
    ``is_guess`` says that a person should look at the columns.
    """

    path: Path
    container: Container
    shape: Shape
    columns: Mapping[str, str]
    named: Mapping[str, str]
    is_guess: bool

    @property
    def is_table(self) -> bool:
        """Whether all cells are text, and an empty one is none."""
        return self.container.format in {".csv", ".tsv"}


def look(path: Path, columns: Mapping[str, str] | None = None) -> Source:
    """Say what ``path`` holds.

    Raises `DataError` where that cannot be told, and `ConfigError` for ``columns`` of unknown roles.
    """
    named = _checked(columns or {})
    container = container_of(path)
    rows = _first_rows(path)
    if not rows:
        raise DataError(f"{path.name} holds no row that can be read: {_first_problem(path)}")
    names = tuple(dict.fromkeys(name for fields in rows for name in fields))
    plain = SHAPES.get(PLAIN)
    if named:
        _check_named(path, named, names)
        roles = columns_in(names, named)
        if len(roles) < len(_ROLES):
            roles = _guessed(path, names, rows, named)
        return Source(path, container, plain, roles, roles, is_guess=False)
    shape = shape_of(rows)
    if shape is not None and shape.name != PLAIN:
        return Source(path, container, shape, {}, {}, is_guess=False)
    if shape is not None:
        roles = _most_common(rows)
        return Source(path, container, shape, roles, {}, is_guess=roles not in _SURE)
    if not container.has_header:
        raise DataError(_cannot_tell(path, names))
    roles = _guessed(path, names, rows, {})
    return Source(path, container, plain, roles, roles, is_guess=True)


def _checked(columns: Mapping[str, str]) -> dict[str, str]:
    for role in columns:
        if role not in _ROLES:
            raise ConfigError(
                f"unknown column {role!r}{closest(role, _ROLES)}; known: input, output"
            )
    return dict(columns)


def _first_rows(path: Path) -> list[Mapping[str, Any]]:
    rows = islice(read_rows(path), _LOOKED_AT)
    return [row.fields for row in rows if row.reason is None and row.fields]


def _first_problem(path: Path) -> str:
    row = next(read_rows(path), None)
    return "it is empty" if row is None else f"line {row.line}: {row.reason or 'no fields'}"


def _check_named(path: Path, named: Mapping[str, str], names: Sequence[str]) -> None:
    for role, name in named.items():
        if name not in names:
            columns = ", ".join(names[:20])
            raise DataError(
                f"{path.name} has no column {name!r} for the {role}{closest(name, names)}; "
                f"it has: {columns}"
            )


def _most_common(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    roles_of_rows = (columns_in(tuple(fields), {}) for fields in rows)
    pairs = Counter(tuple(roles.items()) for roles in roles_of_rows if len(roles) == len(_ROLES))
    return dict(pairs.most_common(1)[0][0])


def _guessed(
    path: Path, names: tuple[str, ...], rows: Sequence[Mapping[str, Any]], named: Mapping[str, str]
) -> dict[str, str]:
    """Columns by what their cells look like."""
    if len(names) < len(_ROLES):
        raise DataError(_cannot_tell(path, names))
    roles = guess_columns(names, rows, named)
    return {role: roles[role] for role in _ROLES}


def _cannot_tell(path: Path, names: Sequence[str]) -> str:
    columns = ", ".join(names[:20]) or "none"
    return (
        f"cannot tell what the rows of {path.name} mean; they have: {columns}; name the columns: "
        "--columns input=…,output=…"
    )
