"""Vectors that were computed or paid for, in one SQLite file of the user's: no text is encoded twice.

A vector is found by its encoder's fingerprint and its text. The file holds vectors, and of texts the
hash alone.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from steelyard.files import expanded, is_special
from steelyard.model.cache_file import shrink, transaction
from steelyard.model.encoder import Encoder
from steelyard.model.files import cache_folder

log = logging.getLogger("steelyard")

VARIABLE = "STEELYARD_VECTOR_CACHE"
"""The environment variable that moves the file, or turns the cache ``off``."""
MOST_BYTES = 2_000_000_000
_CHUNK = 500
_TABLE = "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL, time REAL NOT NULL)"
T = TypeVar("T")


def open_vectors() -> VectorCache | None:
    """Return the user's cache; ``None`` where the environment turns it off."""
    setting = os.environ.get(VARIABLE, "").strip()
    if setting.lower() in ("off", "0", "no", "false"):
        return None
    path = expanded(setting) if setting else cache_folder() / "vectors.db"
    return None if is_special(path) else VectorCache(path)


class VectorCache:
    """A file of vectors, oldest first out beyond ``most_bytes``; several processes may use it at once.

    It is a convenience: one that cannot be used is done without, with a warning.
    """

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES) -> None:
        self.path = path
        self._most_bytes = most_bytes
        self._is_usable = True

    def get(self, keys: Sequence[bytes]) -> dict[bytes, NDArray[np.float32]]:
        """Return the vectors that are there by the keys of `vector_key`."""

        def read(file: sqlite3.Connection) -> dict[bytes, NDArray[np.float32]]:
            vectors = {}
            for start in range(0, len(keys), _CHUNK):
                some = keys[start : start + _CHUNK]
                marks = ",".join("?" * len(some))
                query = f"SELECT key, vector FROM vectors WHERE key IN ({marks})"
                for key, blob in file.execute(query, list(some)):
                    vectors[key] = np.frombuffer(blob, dtype="<f4")
            return vectors

        return self._tried(read, {})

    def put(self, vectors: Mapping[bytes, NDArray[np.float32]]) -> None:
        """Store vectors under the keys of `vector_key`."""
        now = time.time()
        rows = [(key, vector.astype("<f4").tobytes(), now) for key, vector in vectors.items()]

        def write(file: sqlite3.Connection) -> None:
            file.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?)", rows)
            shrink(file, "vectors", self._most_bytes)

        self._tried(write, None)

    def _tried(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        if not self._is_usable:
            return otherwise
        try:
            with transaction(self.path, (_TABLE,)) as file:
                return work(file)
        except (sqlite3.Error, OSError, ValueError) as error:
            self._is_usable = False
            log.warning(
                "continuing without the vectors of %s: %s; remove the file, or set %s",
                self.path,
                error,
                VARIABLE,
            )
            return otherwise


class CachedEncoder(Encoder):
    """Asks ``inner`` only for vectors that are not in ``cache``, and stores each as it comes."""

    def __init__(self, inner: Encoder, cache: VectorCache) -> None:
        self.inner = inner
        self._cache = cache

    @property
    def fingerprint(self) -> str:
        return self.inner.fingerprint

    @property
    def recipe(self) -> Mapping[str, Any]:
        return self.inner.recipe

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors; see `Encoder`. A text that stands there twice is encoded once."""
        if not self.fingerprint or not texts:
            return self.inner.encode(texts)
        keys = [vector_key(self.fingerprint, text) for text in texts]
        vectors = self._cache.get(list(dict.fromkeys(keys)))
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in vectors}
        names = list(missing)
        width = 0
        for numbers, more in self.inner.encode_each(list(missing.values())):
            arrived = dict(zip([names[number] for number in numbers], more, strict=True))
            self._cache.put(arrived)
            vectors |= arrived
            width = more.shape[1]
        widths = {len(vector) for vector in vectors.values()}
        if len(widths) > 1 or (width and widths != {width}) or len(vectors) < len(set(keys)):
            return self.inner.encode(texts)  # the file holds something else under these keys
        return np.array([vectors[key] for key in keys], dtype=np.float32)


def vector_key(fingerprint: str, text: str) -> bytes:
    """Return the SHA-256 of what decides a vector."""
    return hashlib.sha256(f"{fingerprint}\0{text}".encode("utf-8", "surrogatepass")).digest()
