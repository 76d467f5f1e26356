"""Answers that were paid for, kept across runs in one SQLite file of the user's.

An answer is found again by everything that decides it: the model's address and name, and the request
as it is sent (see `PaidModel`). Answers that may vary are never kept: failures, what was asked at a
temperature above 0, and what carries a nonce (repeats, latency probes, warm-ups). The file holds the
answers, and of requests the hash alone.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple, TypeVar

from steelyard.config.records import read_as, read_completion
from steelyard.core import Completion, Request, Usage
from steelyard.errors import StorageError
from steelyard.files import expanded, is_special, parse_json
from steelyard.model.base import PaidModel
from steelyard.model.cache_file import bytes_in, shrink, transaction
from steelyard.model.files import cache_folder

log = logging.getLogger("steelyard")

VARIABLE = "STEELYARD_ANSWER_CACHE"
"""The environment variable that moves the file, or turns the cache ``off``."""
MOST_BYTES = 1_000_000_000
MOST_DAYS = 30.0
"""An older answer is asked for afresh: providers change what stands behind a model's name."""

_CHUNK = 500
_FLUSH = 500
"""So many answers are kept together: the cache is a convenience, and a commit takes time."""
_TABLES = (
    "CREATE TABLE IF NOT EXISTS answers"
    " (key TEXT PRIMARY KEY, model TEXT NOT NULL, completion TEXT NOT NULL, time REAL NOT NULL)",
    "CREATE TABLE IF NOT EXISTS learned"
    " (model TEXT PRIMARY KEY, words TEXT NOT NULL, time REAL NOT NULL)",
)
_SQLITE = b"SQLite format 3\0"
_SAMPLED = re.compile(r'"temperature":(?!0(?:\.0*)?[,}])[\d.]')
"""A temperature above 0 in what is sent, which ``extra_body`` may have set."""
_DAMAGED = ("not a database", "malformed", "no such column", "no such table")

T = TypeVar("T")


class CacheSummary(NamedTuple):
    """Where the cache is and what it holds; ``path`` is ``None`` when it is turned off."""

    path: Path | None
    entries: int
    bytes: int
    most_bytes: int


def cache_path() -> Path | None:
    """Where the answers are kept; ``None`` when the environment turns the cache off."""
    setting = os.environ.get(VARIABLE, "").strip()
    if setting.lower() in ("off", "0", "no", "false"):
        return None
    return expanded(setting) if setting else cache_folder() / "answers.db"


def open_cache() -> AnswerCache | None:
    """Return the user's cache; ``None`` when it is turned off, as by ``/dev/null``."""
    path = cache_path()
    return None if path is None or is_special(path) else AnswerCache(path)


def cache(*, clear: bool = False) -> CacheSummary:
    """Say where the user's cache is and what it holds, after emptying it if ``clear``.

    Raises `StorageError` when the file cannot be read or removed.
    """
    store = open_cache()
    if store is None:
        return CacheSummary(None, 0, 0, MOST_BYTES)
    if clear:
        store.clear()
    return store.summary()


def is_fixed(request: Request) -> bool:
    """Whether an answer to ``request`` may stand for another one."""
    return not request.nonce and request.temperature == 0


def answer_key(fingerprint: str, sent: str, request: Request) -> str:
    """Return the SHA-256 of what decides an answer, and of what decides how it is read."""
    read = [list(request.choices), list(request.stop), request.schema is not None]
    text = json.dumps([fingerprint, sent, read], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class AnswerCache:
    """A file of answers, oldest first out beyond ``most_bytes``; several runs may use it at once.

    Answers of more than ``most_days`` are not returned.

    It is a convenience, so nothing about it stops a run: a damaged file is set aside and begun anew, one
    that cannot be used is done without, each with a warning.
    """

    def __init__(
        self, path: Path, most_bytes: int = MOST_BYTES, most_days: float = MOST_DAYS
    ) -> None:
        self.path = path
        self._most_bytes = most_bytes
        self._most_seconds = most_days * 86400
        self._is_usable = True

    def get(self, keys: Iterable[str]) -> dict[str, Completion]:
        key_list = list(keys)
        since = time.time() - self._most_seconds

        def read(file: sqlite3.Connection) -> dict[str, Completion]:
            cached: dict[str, Completion] = {}
            for start in range(0, len(key_list), _CHUNK):
                some = key_list[start : start + _CHUNK]
                marks = ",".join("?" * len(some))
                query = f"SELECT key, completion FROM answers WHERE time > ? AND key IN ({marks})"
                rows = file.execute(query, (since, *some))
                answers = [(key, _completion(text)) for key, text in rows]
                cached |= {key: answer for key, answer in answers if answer is not None}
            return cached

        return self._tried(read, {})

    def put(self, model: str, answers: Mapping[str, Completion]) -> None:
        """Keep answers of the model with this fingerprint; failures are left out."""
        rows = [
            (key, model, json.dumps(asdict(completion), ensure_ascii=False), time.time())
            for key, completion in answers.items()
            if completion.failure is None
        ]

        def write(file: sqlite3.Connection) -> None:
            file.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", rows)
            shrink(file, "answers", self._most_bytes)

        if rows:
            self._tried(write, None)

    def learned(self, model: str) -> tuple[str, ...]:
        """Return what was learned of the endpoint of the model with this fingerprint."""

        def read(file: sqlite3.Connection) -> tuple[str, ...]:
            query = "SELECT words FROM learned WHERE model = ? AND time > ?"
            row = file.execute(query, (model, time.time() - self._most_seconds)).fetchone()
            return _words(row[0]) if row else ()

        return self._tried(read, ())

    def learn(self, model: str, words: Sequence[str]) -> None:
        """Keep what was learned of an endpoint: its later answers are found under it."""

        def write(file: sqlite3.Connection) -> None:
            row = (model, json.dumps(list(words)), time.time())
            file.execute("INSERT OR REPLACE INTO learned VALUES (?, ?, ?)", row)

        self._tried(write, None)

    def summary(self) -> CacheSummary:
        """Return what the file holds. Raises `StorageError` when it cannot be read."""
        if not self.path.exists():
            return CacheSummary(self.path, 0, 0, self._most_bytes)
        try:
            with transaction(self.path, _TABLES) as file:
                [entries] = file.execute("SELECT count(*) FROM answers").fetchone()
                return CacheSummary(self.path, int(entries), bytes_in(file), self._most_bytes)
        except (sqlite3.Error, OSError) as error:
            raise StorageError(
                f"cannot read {self.path}: {error}; remove the file, or set {VARIABLE}"
            ) from error

    def clear(self) -> None:
        """Remove every answer. Raises `StorageError` when the file cannot be removed, or is another's.

        A run that is using the cache continues without the removed answers.
        """
        if not self._may_replace():
            raise StorageError(
                f"{self.path} is not an answer cache: set {VARIABLE} to another file, or to off"
            )
        try:
            for end in ("", "-wal", "-shm"):
                self.path.with_name(self.path.name + end).unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(f"cannot remove {self.path}: {error.strerror}") from error

    def _tried(self, work: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """Do ``work`` in one transaction; a damaged file is replaced by an empty one, once."""
        for is_last in (False, True):
            if not self._is_usable:
                break
            before = _identity(self.path)
            try:
                with transaction(self.path, _TABLES) as file:
                    return work(file)
            except (sqlite3.Error, OSError) as error:
                if any(sign in str(error) for sign in _DAMAGED) and not is_last:
                    self._set_aside(before, error)
                    continue
                self._is_usable = False
                log.warning("continuing without the answer cache %s: %s", self.path, error)
        return otherwise

    def _set_aside(self, before: tuple[int, int] | None, error: Exception) -> None:
        """Move a damaged file away, unless another run has done it meanwhile."""
        if before is None or _identity(self.path) != before:
            return
        if not self._may_replace():
            self._is_usable = False
            log.warning("continuing without the answer cache: %s is another file", self.path)
            return
        aside = self.path.with_name(f"{self.path.name}.damaged")
        log.warning(
            "the answer cache %s is damaged (%s): moved to %s", self.path, error, aside.name
        )
        try:
            for end in ("-wal", "-shm"):
                self.path.with_name(self.path.name + end).unlink(missing_ok=True)
            self.path.replace(aside)
        except OSError as failure:
            log.warning("continuing without the answer cache: %s", failure)
            self._is_usable = False

    def _may_replace(self) -> bool:
        """Whether the file is one of answers, damaged or not, or has the name that those have.

        The environment may name any file, by mistake, and ``/dev/null`` on purpose.
        """
        if is_special(self.path):
            return False
        if self.path.suffix == ".db" or not self.path.exists():
            return True
        with self.path.open("rb") as file:
            return file.read(len(_SQLITE)) in (_SQLITE, b"")


class Reuse:
    """One model's part in the cache.

    Only a model whose answers are paid for has one: of a local model the machine time is measured.
    """

    def __init__(self, model: PaidModel, cache: AnswerCache) -> None:
        self._fingerprint = model.fingerprint
        self._model = model
        self._cache = cache
        self._learned = cache.learned(self._fingerprint)
        self._model.learned = self._learned
        self._waiting: dict[str, Completion] = {}

    def find(self, requests: Sequence[tuple[int, Request]]) -> dict[int, Completion]:
        """Return the known answers by the numbers of their requests."""
        keys = {index: self._key(request) for index, request in requests if self._is_kept(request)}
        answers = self._cache.get(keys.values()) if keys else {}
        return {index: answers[key] for index, key in keys.items() if key in answers}

    def keep(self, answered: Iterable[tuple[Request, Completion]]) -> None:
        """Note new answers; failures are none."""
        for request, completion in answered:
            if completion.failure is None and self._is_kept(request):
                self._waiting[self._key(request)] = replace(completion, torn=Usage())
        if len(self._waiting) >= _FLUSH:
            self.flush()

    def flush(self) -> None:
        """Write what was noted, and what the model has learned of its endpoint."""
        if self._waiting:
            self._cache.put(self._fingerprint, self._waiting)
            self._waiting = {}
        if self._model.learned != self._learned:
            self._learned = self._model.learned
            self._cache.learn(self._fingerprint, self._learned)

    def _is_kept(self, request: Request) -> bool:
        """Whether its answer may stand for another one, whatever temperature the model was given."""
        return is_fixed(request) and _SAMPLED.search(self._model.sent_text(request)) is None

    def _key(self, request: Request) -> str:
        return answer_key(self._fingerprint, self._model.sent_text(request), request)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_dev, state.st_ino


def _words(text: str) -> tuple[str, ...]:
    """Read what was learned; nothing where something else is written there."""
    try:
        words: tuple[str, ...] = read_as(tuple[str, ...], parse_json(text))
    except (ValueError, TypeError):
        return ()
    return words


def _completion(text: str) -> Completion | None:
    """Read an answer; ``None`` for one that another version wrote differently."""
    try:
        return read_completion(parse_json(text))
    except (ValueError, TypeError):
        return None
