"""``steelyard.data.label``: a person decides about the rows that the audit doubts most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from steelyard.data.base import CheckOptions
from steelyard.data.checks import CHECKS as ALL_CHECKS
from steelyard.data.dataset import Dataset, open_dataset, open_task
from steelyard.data.reviews.answers import Answers
from steelyard.data.reviews.doubts import CHECKS, Doubt, doubts
from steelyard.data.reviews.keys import Keys, open_keys
from steelyard.data.reviews.screen import Screen
from steelyard.data.reviews.session import ReviewSession
from steelyard.errors import ConfigError, closest
from steelyard.task import Task

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Review:
    """How far a review is: rows doubted, answers that hold by action, and where they are kept.

    ``reasons`` say which checks could not look.
    """

    answers: Path
    doubted: int
    counts: Mapping[str, int]
    reasons: tuple[str, ...] = ()

    @property
    def answered(self) -> int:
        """Doubted rows with an answer."""
        return sum(self.counts.values())

    @property
    def left(self) -> int:
        """Doubted rows without one."""
        return self.doubted - self.answered


def label(
    source: Task | Path | str,
    *,
    answers: Path | str | None = None,
    checks: Sequence[str] = CHECKS,
    limit: int | None = None,
    columns: Mapping[str, str] | None = None,
    reader: Keys | None = None,
    writer: Console | None = None,
) -> Review:
    """Show the rows that ``checks`` doubt most and take one key for each, at most ``limit``.

    Every answer is on disk before the next row is shown; another call goes on at the first row that
    has none. The source stays as it is: `fix` applies the answers. ``reader`` gives the keys (stdin
    by default) and ``writer`` takes what is shown. Raises `ConfigError`, `DataError` and
    `StorageError`.
    """
    from rich.console import Console

    if limit is not None and limit < 1:
        raise ConfigError(f"the limit must be 1 or more, not {limit}")
    task = open_task(source, columns)
    path = Path(answers).expanduser() if answers is not None else default_answers(task)
    _check_names(checks)
    console = writer or Console()
    with ExitStack() as stack:
        log = stack.enter_context(Answers(path))
        data = open_dataset(task)
        queue, reasons = _look(data, checks)
        session = ReviewSession(data, queue, log, Screen(console, data))
        if session.waiting:
            keys = reader or stack.enter_context(open_keys())
            session.ask(keys, limit)
    return Review(path, len(queue), session.counts(), reasons)


def default_answers(task: Task) -> Path:
    """Where answers are kept: beside the file, or in the task's folder."""
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
