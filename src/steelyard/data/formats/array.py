"""One JSON array of objects, read object by object; a ``.json`` file may hold JSON Lines, too."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path

from steelyard.data.formats import jsonl
from steelyard.data.formats.base import RawRow
from steelyard.data.formats.roles import Columns
from steelyard.data.formats.stream import MOST_LINE_BYTES, ByteSource, OnBytes, not_utf8, open_bytes
from steelyard.errors import DataError

_CHUNK = 2**20
_SPACE = re.compile(r"[ \t\r\n\ufeff]*")
_MARKS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|["{}\[\],]', re.DOTALL)


def read_rows(
    path: Path, columns: Columns | None = None, on_bytes: OnBytes | None = None
) -> Iterator[RawRow]:
    """Yield the array's objects with their position from 1 as line.

    An object that is broken comes with its reason, and reading continues after it. Raises `DataError`
    for bytes that are not UTF-8.
    """
    with open_bytes(path) as source:
        is_array = source.peek(_CHUNK)[:_CHUNK].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"["
        if is_array:
            yield from _Elements(path, source, on_bytes)
    if not is_array:
        yield from jsonl.read_rows(path, columns, on_bytes)


class _Elements:
    """Walks through the array with a window over its text."""

    def __init__(self, path: Path, source: ByteSource, on_bytes: OnBytes | None) -> None:
        self._path, self._source, self._on_bytes = path, source, on_bytes
        self._text = codecs.getincrementaldecoder("utf-8")()
        self._window, self._at, self._ended = "", 0, False
        self._decoding = jsonl.RowDecoding()

    def __iter__(self) -> Iterator[RawRow]:
        self._mark()
        self._at += 1  # the bracket
        number = 1
        while self._mark() not in {"]", ""}:
            yield self._element(number)
            if self._mark() not in {",", "]", ""}:
                number += 1
                self._at = self._boundary()
                yield RawRow(number, {}, "text where a comma was expected")
            self._at += self._mark() == ","
            number += 1
        if self._mark() == "":
            yield RawRow(number, {}, "the file ends before the array is closed by ]")
            return
        self._at += 1
        if self._mark():
            yield RawRow(number, {}, "the file continues after the ] that closes the array")

    def _element(self, number: int) -> RawRow:
        problem: ValueError | RecursionError
        while True:
            try:
                value, end = self._decoding.raw_decode(self._window, self._at)
            except (ValueError, RecursionError) as error:
                problem = error
            else:
                if type(value) is dict or end < len(self._window) or self._ended:
                    self._at = end
                    return jsonl.as_row(number, value, self._decoding.changed(), in_array=True)
                problem = ValueError("cut off")  # a number may continue past the window
            if self._ended or self._boundary_in_window() is not None:
                self._at = self._boundary()
                return RawRow(number, {}, _why(problem))
            self._more()

    def _boundary(self) -> int:
        """Where the element under way ends: a comma or closing bracket outside, or the file's end."""
        while (end := self._boundary_in_window()) is None and not self._ended:
            self._more()
        return len(self._window) if end is None else end

    def _boundary_in_window(self) -> int | None:
        depth = 0
        for match in _MARKS.finditer(self._window, self._at):
            mark = match[0]
            if mark in "{[":
                depth += 1
            elif depth == 0 and mark in ",]":
                return match.start()
            elif mark in "}]":
                depth = max(depth - 1, 0)
            elif mark == '"':  # a string that the window cuts, or that is never closed
                return None
        return None

    def _mark(self) -> str:
        """The next character that is no space; empty at the end of the file."""
        self._skip_space()
        while self._at == len(self._window) and not self._ended:
            self._more()
            self._skip_space()
        return self._window[self._at : self._at + 1]

    def _skip_space(self) -> None:
        match = _SPACE.match(self._window, self._at)
        self._at = match.end() if match else self._at

    def _more(self) -> None:
        """Move the window on by as much again as it holds unread, so that long objects stay linear."""
        rest = self._window[self._at :]
        if len(rest) > MOST_LINE_BYTES:
            raise DataError(
                f"{self._path.name}: an object is longer than {MOST_LINE_BYTES // 2**20} MB, or a "
                "quote is never closed"
            )
        block = self._source.read(max(_CHUNK, len(rest)))
        self._ended = not block
        try:
            self._window = rest + self._text.decode(block, final=self._ended)
        except UnicodeDecodeError:
            raise not_utf8(self._path) from None
        self._at = 0
        if self._on_bytes is not None:
            self._on_bytes(self._source.position())


def _why(error: ValueError | RecursionError) -> str:
    if isinstance(error, json.JSONDecodeError):  # its column counts from the window's begin
        return f"not JSON ({error.msg})"
    return jsonl.why_not_json(error)
