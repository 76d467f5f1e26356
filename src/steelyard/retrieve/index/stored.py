"""Passages on disk, read one by one when they are hits."""

from __future__ import annotations

import hashlib
import json
import mmap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from steelyard.files import open_file
from steelyard.retrieve.arrays import map_array
from steelyard.retrieve.base import Passage, TextSpan
from steelyard.retrieve.index.dense import starts_of
from steelyard.retrieve.index.windows import SearchText

HASH_BYTES = 32
Hashes = NDArray[np.uint8]
_FILE, _STARTS = "passages.jsonl", "passages.npy"


def hash_texts(texts: Iterable[SearchText]) -> Hashes:
    """Return the SHA-256 of every text, shape (texts, 32): what vectors and terms depend on."""
    encoded = ("\0".join(text).encode("utf-8", "surrogatepass") for text in texts)
    joined = b"".join(hashlib.sha256(one).digest() for one in encoded)
    return np.frombuffer(joined, dtype=np.uint8).reshape(-1, HASH_BYTES)


def write_passages(passages: Iterable[Passage], folder: Path) -> None:
    """Write one line of JSON for each passage, and where the lines begin."""
    sizes = []
    with (folder / _FILE).open("wb") as file:
        for passage in passages:
            sizes.append(file.write(write_passage(passage).encode() + b"\n"))
    np.save(folder / _STARTS, starts_of(sizes))


def write_passage(passage: Passage) -> str:
    """Return a passage as one line of JSON in ASCII."""
    return json.dumps(passage, separators=(",", ":"))


class StoredPassages(Sequence[Passage]):
    """The passages that `write_passages` wrote. Raises `ValueError` where they are something else."""

    def __init__(self, folder: Path) -> None:
        self._starts = map_array(folder / _STARTS, np.int64, 1)
        with open_file(folder / _FILE) as file:
            size = file.seek(0, 2)
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
        check_starts(self._starts, size, _STARTS)

    def __len__(self) -> int:
        return len(self._starts) - 1

    @overload
    def __getitem__(self, place: int) -> Passage: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Passage]: ...
    def __getitem__(self, place: int | slice) -> Passage | Sequence[Passage]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(f"there are {len(self)} passages, none of number {place}")
        place %= len(self)
        return read_passage(self._bytes[self._starts[place] : self._starts[place + 1]])


def check_starts(starts: NDArray[np.int64], size: int, name: str) -> None:
    """Raise `ValueError` unless ``starts`` cut something of ``size`` into stretches, in order."""
    if not len(starts) or starts[0] != 0 or starts[-1] != size or (np.diff(starts) < 0).any():
        raise ValueError(f"{name} does not fit what it divides")


def read_passage(line: str | bytes) -> Passage:
    """Read what `write_passage` made. Raises `ValueError` for anything else."""
    match json.loads(line):
        case [str(text), str(output), None, list(pairs)]:
            return Passage(text, output, None, _pairs(pairs))
        case [str(text), str(output), [str(document), int(start), int(end), page], list(pairs)] if (
            page is None or isinstance(page, int)
        ):
            return Passage(text, output, TextSpan(document, start, end, page), _pairs(pairs))
    raise ValueError("a line of the index is no passage")


def _pairs(pairs: list[Any]) -> tuple[tuple[str, str], ...]:
    if not all(isinstance(pair, list) and [*map(type, pair)] == [str, str] for pair in pairs):
        raise ValueError("the metadata of a passage are no pairs of texts")
    return tuple((name, value) for name, value in pairs)
