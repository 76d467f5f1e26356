"""``steelyard.data.label``: a person decides about the rows that the audit doubts most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from steelyard.data.base import CheckOptions
from steelyard.data.checks import CHECKS as ALL_CHECKS
from steelyard.data.dataset import Dataset, dataset_of, open_source
from steelyard.data.formats.roles import Columns
from steelyard.data.read import bad_rows
from steelyard.data.reviews.answers import Action, Answers, ReviewAnswer, keys_of
from steelyard.data.reviews.doubts import CHECKS, Doubt, doubts
from steelyard.data.reviews.keys import END, open_keys
from steelyard.data.reviews.screen import ReviewScreen
from steelyard.errors import ConfigError, DataError, closest
from steelyard.files import expanded, sources_kept
from steelyard.printing import console
from steelyard.task import Task

if TYPE_CHECKING:
    from rich.console import Console

_DIGITS = "123456789"


@dataclass(frozen=True)
class Review:
    """How far a review is: rows doubted, answers that hold by action, and where they are kept.

    ``reasons`` say which checks could not run.
    """

    answers: Path
    doubted: int
    counts: Mapping[str, int]
    reasons: tuple[str, ...] = ()

    @property
    def answered(self) -> int:
        return sum(self.counts.values())

    @property
    def left(self) -> int:
        return self.doubted - self.answered


@sources_kept()
def label(
    source: Task | Path | str,
    *,
    answers: Path | str | None = None,
    checks: Sequence[str] = CHECKS,
    limit: int | None = None,
    columns: Columns | None = None,
    reader: Iterable[str] | None = None,
    writer: Console | None = None,
) -> Review:
    """Show the rows that ``checks`` doubt most and take one key for each, at most ``limit``.

    Every answer is on disk before the next row is shown; another call resumes at the first row without
    one. The source stays as it is: `fix` applies the answers. ``reader`` gives the keys (stdin
    by default) and ``writer`` takes what is shown. Raises `ConfigError`, `DataError` and
    `StorageError`.
    """
    if limit is not None and limit < 1:
        raise ConfigError(f"the limit must be 1 or more, not {limit}")
    task, rows, _ = open_source(source, columns)
    if task.output.kind == "labels":
        raise ConfigError(
            "data label gives a row one label, and these rows have several (output.kind: labels): "
            "correct the lists in the file; steelyard data check names the doubtful rows"
        )
    path = expanded(answers) if answers is not None else default_answers(task)
    _check_names(checks)
    screen = writer or console()
    with ExitStack() as stack:
        log = stack.enter_context(Answers(path))
        data = dataset_of(task, rows)
        if not data.examples and data.bad:
            raise DataError(f"{task.name}: {bad_rows(tuple(row.bad for row in data.bad))}")
        queue, reasons = _look(data, checks)
        session = ReviewSession(data, queue, log, ReviewScreen(screen, data))
        if session.waiting:
            keys = stack.enter_context(open_keys()) if reader is None else iter(reader)
            session.ask(keys, limit)
    return Review(path, len(queue), session.counts(), reasons)


def default_answers(task: Task) -> Path:
    """Where answers are kept: next to the file, or in the task's folder."""
    if not task.is_bare:
        return task.folder / "answers.jsonl"
    path = next(iter(task.example_paths.values()))
    return path.with_name(f"{path.name}.answers.jsonl")


def _check_names(checks: Sequence[str]) -> None:
    for name in checks:
        if name not in CHECKS:
            raise ConfigError(
                f"data label does not review {name!r}{closest(name, CHECKS)}; known: "
                f"{', '.join(CHECKS)}"
            )


def _look(data: Dataset, checks: Sequence[str]) -> tuple[list[Doubt], tuple[str, ...]]:
    """Make the checks; return the doubts, and why some could not look."""
    options = CheckOptions(encoder=False)
    results = {name: ALL_CHECKS.get(name)(data, options) for name in checks}
    reasons = [f"{name}: {result.reason}" for name, result in results.items() if result.reason]
    return doubts(data, results), tuple(reasons)


class _Decision(NamedTuple):
    """What a key means: an answer with the new output, or a move."""

    action: Action | Literal["skip", "back", "quit"]
    pressed: str
    new: str | None = None


class ReviewSession:
    """Goes through the doubts that have no answer yet."""

    def __init__(
        self, data: Dataset, doubts: Sequence[Doubt], log: Answers, screen: ReviewScreen
    ) -> None:
        self._data, self._doubts, self._log, self._screen = data, doubts, log, screen
        self._keys = keys_of(data)
        before = log.read()
        self._answers = {
            doubt.index: before[self._keys[doubt.index]]
            for doubt in doubts
            if self._keys[doubt.index] in before
        }
        self.waiting = [doubt for doubt in doubts if doubt.index not in self._answers]
        self._before = len(self._answers)

    def counts(self) -> dict[str, int]:
        return dict(Counter(answer.action for answer in self._answers.values()))

    def ask(self, keys: Iterator[str], limit: int | None) -> None:
        rows = self.waiting[:limit]
        if self._before:
            self._screen.note(
                f"{self._before} already answered; resuming at the first unanswered row"
            )
        place = 0
        while place < len(rows):
            doubt = rows[place]
            decision = self._decide(doubt, (self._before + place + 1, len(self._doubts)), keys)
            if decision.action == "quit":
                return
            if decision.action == "back":
                place = self._back(rows, place, decision.pressed)
                continue
            if decision.action != "skip":
                answer = self._append(doubt, decision.action, decision.pressed, decision.new)
                self._answers[doubt.index] = answer
                self._screen.confirm(answer)
            place += 1

    def _decide(self, doubt: Doubt, place: tuple[int, int], keys: Iterator[str]) -> _Decision:
        labels = self._data.labels
        self._screen.show(doubt, place, self._answers)
        self._screen.ask(labels, doubt)
        while True:
            key = next(keys, END)
            decision = self._meaning(key.lower() if len(key) == 1 else key, doubt, keys)
            if decision is not None:
                return decision
            if key == "m":
                self._screen.show(doubt, place, self._answers, whole=True)
                self._screen.ask(labels, doubt)

    def _meaning(self, key: str, doubt: Doubt, keys: Iterator[str]) -> _Decision | None:
        """What ``key`` decides; ``None`` when it decides nothing, and the screen says why."""
        labels = self._data.labels
        moves: dict[str, _Decision] = {
            END: _Decision("quit", key),
            "q": _Decision("quit", key),
            "n": _Decision("skip", key),
            "u": _Decision("back", key),
            "d": _Decision("drop", key),
            "e": _Decision("later", key),
            "k": _Decision("keep", key, self._given(doubt)),
        }
        if key in moves:
            return moves[key]
        if key == "s":
            return self._suggested(doubt)
        if key == "/" and labels:
            return self._find(keys, doubt)
        if key in _DIGITS and len(labels) <= len(_DIGITS) and int(key) <= len(labels):
            return self._labelled(key, labels[int(key) - 1], doubt)
        if key == "?":
            self._screen.help()
        elif key != "m":
            self._screen.note(f"{key!r} does nothing here: press ? for help")
        return None

    def _given(self, doubt: Doubt) -> str:
        return self._data.examples[doubt.index].output

    def _suggested(self, doubt: Doubt) -> _Decision | None:
        if doubt.suggests_drop:
            return _Decision("drop", "s")
        if doubt.suggested is None:
            self._screen.note("there is no suggestion for this row")
            return None
        return self._labelled("s", doubt.suggested, doubt)

    def _labelled(self, pressed: str, label: str, doubt: Doubt) -> _Decision:
        action: Action = "keep" if label == self._given(doubt) else "label"
        return _Decision(action, pressed, label)

    def _find(self, keys: Iterator[str], doubt: Doubt) -> _Decision | None:
        """Let a label be found by a part of its name; escape goes back to the row."""
        typed, place = "", 0
        while True:
            labels = _matching(typed, self._data.labels)
            self._screen.matches(typed, labels, place)
            key = next(keys, END)
            if key == "enter" and labels:
                return self._labelled(f"/{typed}", labels[place], doubt)
            if key in {"escape", END}:
                self._screen.note("no label chosen")
                return None
            if key == "tab" and labels:
                place = (place + 1) % len(labels)
            elif key == "backspace":
                typed, place = typed[:-1], 0
            elif len(key) == 1:
                typed, place = typed + key, 0

    def _back(self, rows: Sequence[Doubt], place: int, pressed: str) -> int:
        if place == 0:
            self._screen.note("this is the first row of this session")
            return place
        doubt = rows[place - 1]
        if doubt.index in self._answers:
            self._append(doubt, "undo", pressed)
            del self._answers[doubt.index]
        return place - 1

    def _append(
        self, doubt: Doubt, action: Action, pressed: str, new: str | None = None
    ) -> ReviewAnswer:
        answer = ReviewAnswer(
            key=self._keys[doubt.index],
            row=self._data.numbers[doubt.index],
            source=self._data.examples[doubt.index].source,
            check=doubt.check,
            pressed=pressed,
            action=action,
            old=self._given(doubt),
            new=new,
            time=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        self._log.append(answer)
        return answer


def _matching(typed: str, labels: Sequence[str]) -> list[str]:
    """Labels that hold what was typed, those that begin with it first."""
    part = typed.casefold()
    holding = [label for label in labels if part in label.casefold()]
    return sorted(holding, key=lambda label: not label.casefold().startswith(part))
