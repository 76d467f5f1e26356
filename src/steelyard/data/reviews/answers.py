"""The answers of a review: a line each, keyed by what the row says, not by its place."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Literal, Self, cast, get_args

from steelyard.data.dataset import Dataset
from steelyard.data.rows import content_id
from steelyard.errors import DataError, StorageError
from steelyard.files import check_target

Action = Literal["keep", "label", "drop", "later", "undo"]
ACTIONS = get_args(Action)
_START = b'{"key": '


@dataclass(frozen=True)
class ReviewAnswer:
    """One key pressed for one row.

    ``key`` depends on what the row says. ``old`` is the output in the file, ``new`` as decided (``None``
    for a row to drop or to edit later). ``undo`` takes the row's last answer back. ``time`` is UTC.
    """

    key: str
    row: int
    source: str
    check: str
    pressed: str
    action: Action
    old: str
    new: str | None
    time: str


def keys_of(data: Dataset) -> list[str]:
    """A key for each example; identical rows are numbered in order."""
    counts: Counter[str] = Counter()
    keys = []
    for example in data.examples:
        name = content_id(example)
        counts[name] += 1
        keys.append(name if counts[name] == 1 else f"{name}-{counts[name]}")
    return keys


class Answers:
    """An answers file: read whole, written by appending, each line synced to disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: IO[bytes] | None = None

    def read(self) -> dict[str, ReviewAnswer]:
        """The answers that hold, by key. Raises `DataError` for a file that holds something else.

        A last line that a kill has torn counts as not written.
        """
        if not self.path.is_file():
            raise DataError(f"no answers at {self.path}: write them with steelyard data label")
        answers: dict[str, ReviewAnswer] = {}
        for number, line in enumerate(self._lines()[0], 1):
            answer = self._answer(number, line)
            answers.pop(answer.key, None)
            if answer.action != "undo":
                answers[answer.key] = answer
        return answers

    def __enter__(self) -> Self:
        """Open for appending, without a torn last line.

        Raises `StorageError` and `DataError`, and `ConfigError` for a file that is read as a source.
        """
        check_target(self.path)
        try:
            whole = 0
            if self.path.exists():
                self.read()
                whole = self._lines()[1]
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not self.path.exists():
                self.path.touch(0o600)
            self._file = self.path.open("ab")
            self._file.truncate(whole)
        except OSError as error:
            raise self._cannot_write(error) from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
            if self.path.stat().st_size == 0:
                self.path.unlink()

    def append(self, answer: ReviewAnswer) -> None:
        """Write one answer; it is on disk when this returns. Raises `StorageError`."""
        assert self._file is not None, "open the answers first"
        try:
            self._file.write(json.dumps(asdict(answer), ensure_ascii=True).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._cannot_write(error) from None

    def _lines(self) -> tuple[list[bytes], int]:
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise DataError(f"cannot read {self.path}: {error.strerror or error}") from None
        whole, newline, torn = content.rpartition(b"\n")
        if torn and not (torn.startswith(_START) or _START.startswith(torn)):
            raise self._foreign(whole.count(b"\n") + 1 + bool(newline), "not a review answer")
        return whole.split(b"\n") if whole else [], len(content) - len(torn)

    def _answer(self, number: int, line: bytes) -> ReviewAnswer:
        try:
            fields: Any = json.loads(line)
            if not isinstance(fields, Mapping):
                raise ValueError("not a review answer")
            answer = ReviewAnswer(**cast("dict[str, Any]", fields))
        except (ValueError, TypeError, RecursionError):
            raise self._foreign(number, "not a review answer") from None
        if not isinstance(answer.key, str) or not isinstance(answer.new, str | None):
            raise self._foreign(number, "not a review answer")
        if answer.action not in ACTIONS:
            raise self._foreign(number, f"unknown action {answer.action!r}")
        return answer

    def _foreign(self, line: int, reason: str) -> DataError:
        return DataError(f"{self.path} line {line}: {reason}: name another --answers file")

    def _cannot_write(self, error: OSError) -> StorageError:
        reason = error.strerror or error
        return StorageError(f"cannot write {self.path}: {reason}; name another place: --answers")
