"""Hostile inputs, made in code: values for any key, contents for any file, things where a file should be."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

Spoil = Callable[[Path], object]
"""Puts something hostile in the place of a file."""

DEEP = 100_000


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


VALUES: Mapping[str, Any] = {
    "null": None,
    "true": True,
    "empty text": "",
    "text": "nonsense",
    "blank": " \t",
    "NUL": "a\0b",
    "escape": "\x1b[31mred\x1b]0;title\x07",
    "lines": "one\ntwo\r\nthree",
    "half a pair": "\ud800",
    "long": "x" * 100_000,
    "zero": 0,
    "negative": -1,
    "fraction": 0.5,
    "huge": 10**400,
    "long number": 10**30,
    "infinity": float("inf"),
    "NaN": float("nan"),
    "list": [],
    "mixed list": [None, 1, "a", {}],
    "mapping": {},
    "strange mapping": {"": None, "a": [{}]},
    "nested": nested(150),
}
"""What may stand under a key that expects something else."""

CONTENTS: Mapping[str, bytes] = {
    "empty": b"",
    "blank": b" \n\t\r\n",
    "NULs": b"\0" * 100,
    "a mark alone": b"\xef\xbb\xbf",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-32": '{"a": 1}'.encode("utf-32"),
    "Latin-1": '{"caf\xe9": 1}'.encode("latin-1"),
    "surrogates": b'{"a": "\xed\xa0\x80"}',
    "half a pair": b'{"a": "\\ud800"}',
    "torn": b'{"a": [1, {"b": "c',
    "null": b"null",
    "number": b"7",
    "text": b'"text"',
    "list": b"[]",
    "mapping": b"{}",
    "list of lists": b"[[1], [2]]",
    "NaN": b'{"a": NaN, "b": -Infinity}',
    "endless number": b'{"a": ' + b"9" * 10_000 + b"}",
    "beyond numbers": b'{"a": 1e999}',
    "key twice": b'{"a": 1, "a": 2}',
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep mappings": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "wide": b"{" + b",".join(b'"k%d": %d' % (i, i) for i in range(20_000)) + b"}",
    "line ends": b'{"a":\r1,\n"b":\r\n2}\r',
    "one long line": b'{"a": "' + b"x" * 2_000_000 + b'"}',
    "escapes": b'{"\x1b[2Ja": "\x1b]0;x\x07"}',
    "binary": bytes(range(256)) * 8,
    "gzip": gzip.compress(b'{"a": 1}'),
    "pickle": b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94.",
    "HTML": b"<!doctype html><title>404</title>",
}
"""Files of JSON or text that are not what they should be."""


def content(data: bytes) -> Spoil:
    def write(path: Path) -> None:
        path.unlink(missing_ok=True)
        path.write_bytes(data)

    return write


def _folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def _pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def _link(path: Path, target: str) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)


PLACES: Mapping[str, Spoil] = {
    "folder": _folder,
    "pipe": _pipe,
    "link to itself": lambda path: _link(path, path.name),
    "link to nothing": lambda path: _link(path, "nowhere"),
    "endless device": lambda path: _link(path, "/dev/zero"),
    "missing": lambda path: path.unlink(missing_ok=True),
}
"""What may lie in the place of a file."""

FILES: Mapping[str, Spoil] = {
    **{name: content(data) for name, data in CONTENTS.items()},
    **PLACES,
}


def keys_in(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every key and of every first list item in ``data``."""
    pairs: Any = ()
    if isinstance(data, dict):
        pairs = data.items()
    elif isinstance(data, list):
        pairs = list(enumerate(data))[:1]
    for key, value in pairs:
        yield (*path, key)
        yield from keys_in(value, (*path, key))


def with_value(data: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """A copy of ``data`` with ``value`` at ``path``."""
    copy = json.loads(json.dumps(data))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return copy
