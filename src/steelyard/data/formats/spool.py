"""Rows on disk until all of them are known, for formats that must know the columns beforehand."""

from __future__ import annotations

import json
import marshal
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_HEAD = struct.Struct("<Q")
_SURROGATE = re.compile(b"\xed[\xa0-\xbf]")


class Spool:
    """A scratch file of rows in the order in which they came.

    ``marshal`` writes plain JSON values several times faster than ``json``; its files are read back by
    the very process that wrote them, so its format may change with Python.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")

    def pack(self, fields: Mapping[str, Any]) -> bytes:
        """Pack a row for `add`.

        Raises `ValueError` for one that is nested too deeply, and `UnicodeEncodeError` for one with
        half a surrogate pair, which no file can hold.
        """
        row = marshal.dumps(fields)  # type: ignore[arg-type] # a dict
        if _SURROGATE.search(row):  # or a number that looks like one
            json.dumps(fields, ensure_ascii=False).encode()
        return row

    def add(self, row: bytes) -> None:
        """Append a row that `pack` made."""
        self._file.write(_HEAD.pack(len(row)))
        self._file.write(row)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the rows again."""
        return (row for _, row in self._sized_rows())

    def blocks(self, most_rows: int, most_bytes: int) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows again in lists that stay within both bounds, but for one row that is larger."""
        block: list[dict[str, Any]] = []
        total = 0
        for size, row in self._sized_rows():
            if block and (len(block) == most_rows or total + size > most_bytes):
                yield block
                block, total = [], 0
            block.append(row)
            total += size
        if block:
            yield block

    def _sized_rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        self._file.flush()
        with self._path.open("rb") as file:
            while head := file.read(_HEAD.size):
                size = _HEAD.unpack(head)[0]
                yield size, marshal.loads(file.read(size))  # our own file, of this very process

    def close(self) -> None:
        """Remove the scratch file."""
        self._file.close()
        self._path.unlink(missing_ok=True)
