"""The delimiter of a table: the one by which its first rows have cells enough, outside of quotes."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import NamedTuple

from steelyard.data.formats.roles import spoken, usual_names
from steelyard.errors import DataError

_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_FEW = 2


class _Cut(NamedTuple):
    """How well rows are cut: the share of them that have as many cells as the header, and signs of fit."""

    share: float
    known: int
    tight: float
    width: int


def delimiter_of(file: str, lines: Sequence[str]) -> str:
    """Return ``,``, ``;``, tab or ``|``, judged by the header and the rows in ``lines``.

    A delimiter gives every row as many cells as the header. Of several, one with columns of usual names
    wins, then one whose cells do not begin with spaces, as after a comma in a text. Raises `DataError`
    where two do equally well.
    """
    cuts = {mark: cut for mark in _NAMES if (cut := _cut(lines, mark)) is not None}
    if not cuts:
        return ","
    best = max(cuts.values())
    rivals = [mark for mark, cut in cuts.items() if cut[:3] == best[:3]]
    if len(rivals) > 1:
        names = " or ".join(_NAMES[mark] for mark in rivals)
        raise DataError(
            f"cannot tell whether {names} separate the columns of {file}: put a line sep={rivals[0]} "
            "before the header"
        )
    return rivals[0]


def _cut(lines: Sequence[str], mark: str) -> _Cut | None:
    """How ``mark`` cuts the lines; ``None`` where the header is one cell, or is not CSV."""
    rows: list[list[str]] = []
    reader = csv.reader(lines, delimiter=mark, strict=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error:
            if not rows:
                return None
            continue
        if any(cell.strip() for cell in cells):
            rows.append(cells)
    if not rows or len(rows[0]) < _FEW:
        return None
    header, body = rows[0], rows[1:]
    fits = sum(len(cells) == len(header) for cells in body)
    names = {name for known in usual_names().values() for name in known}
    cells = [cell for row in rows for cell in row if cell]
    return _Cut(
        fits / len(body) if body else 1.0,
        min(sum(spoken(name) in names for name in header), _FEW),
        round(sum(cell == cell.lstrip() for cell in cells) / max(len(cells), 1), 2),
        len(header),
    )
