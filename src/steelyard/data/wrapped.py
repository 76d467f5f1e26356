"""Files that are one object around their rows, or have columns in place of rows: refused, with the way on."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from steelyard.errors import DataError

_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_PAIR = " | {text: .[0], label: .[1]}"


def check_wrapped(path: Path, body: Sequence[Mapping[str, Any]], *, has_shape: bool) -> None:
    """Refuse a file that is one object around its rows, or that has columns in place of rows.

    Raises `DataError`.
    """
    if len(body) > 1:
        return
    listed = {name: value for name, value in body[0].items() if isinstance(value, list | dict)}
    sizes = {len(value) for value in listed.values()}
    for are, what, row in ((_are_rows, "its rows", ""), (_are_pairs, "lists of pairs", _PAIR)):
        wrappers = [name for name, value in listed.items() if len(value) > 1 and are(value)]
        if wrappers and not has_shape:
            longest = max(wrappers, key=lambda name: len(listed[name]))
            name = "train" if "train" in wrappers else longest
            key = f".{name}" if _WORD.fullmatch(name) else f".[{json.dumps(name)}]"
            if row == "" and all(
                isinstance(item.get("row"), dict) for item in _items(listed[name])
            ):
                row = ".row"  # as the Hub's server wraps them
            jq = quote(f"{key}[]{row}")
            raise DataError(
                f"{path.name} is one JSON object around {what}: write the list under {name!r} alone, "
                f"one object a row: jq -c {jq} {quote(path.name)} > rows.jsonl"
            )
    if (
        len(listed) == len(body[0]) > 1
        and len(sizes) == 1
        and sizes != {1}
        and _are_columns(listed)
    ):
        raise DataError(
            f"{path.name} has columns in place of rows: write one object a row, with pandas "
            'to_json(orient="records")'
        )


def _items(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)]


def _are_rows(value: Any) -> bool:
    """Whether a list holds objects that are no turns of a chat."""
    dicts = isinstance(value, list) and all(isinstance(item, dict) for item in value)
    return dicts and not any({"role", "from"} & item.keys() for item in value)


def _are_pairs(value: Any) -> bool:
    """Whether a list holds lists of two, the second of which is a text or a number."""
    return isinstance(value, list) and all(
        isinstance(item, list) and len(item) == 2 and isinstance(item[1], str | int | float)
        for item in value
    )


def _are_columns(values: Mapping[str, Any]) -> bool:
    cells = (value.values() if isinstance(value, dict) else value for value in values.values())
    return not any(isinstance(cell, dict | list) for column in cells for cell in column)
