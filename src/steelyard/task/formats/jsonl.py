"""JSON Lines: one object per line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from steelyard.task.formats.base import RawRow


def read_rows(path: Path, columns: Mapping[str, str]) -> Iterator[RawRow]:
    """Yield the file's objects; a line that is not one comes with its reason."""
    del columns  # keys are looked up row by row
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _row(number, line)


def _row(number: int, line: str) -> RawRow:
    try:
        value = json.loads(line, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        return RawRow(
            number, {}, f"not JSON ({error.msg} at column {error.colno}){_hint(number, line)}"
        )
    except RecursionError:
        return RawRow(number, {}, "JSON nested too deeply")
    except ValueError as error:  # NaN, or a number of thousands of digits
        return RawRow(number, {}, f"not JSON ({str(error).partition(';')[0]})")
    if not isinstance(value, dict):
        return RawRow(number, {}, f"a JSON {_kind(value)}, not an object{_hint(number, line)}")
    return RawRow(number, value)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _hint(number: int, line: str) -> str:
    if number == 1 and line.lstrip()[:1] == "[":
        return "; the file looks like one JSON array: write one object per line instead"
    return ""


def _kind(value: object) -> str:
    names = {list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")
