"""A file of inputs without reference outputs, for strategies that have them answered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from steelyard.core import Example, OutputKind
from steelyard.data.checks.leaks import leaks_by_key
from steelyard.data.dataset import Dataset
from steelyard.data.formats import BadRow, RowError
from steelyard.data.formats.base import RawRow
from steelyard.data.likeness.alike import answer
from steelyard.data.likeness.near import near_matches
from steelyard.data.likeness.rows import asked_text, exact_key
from steelyard.data.read import bad_rows, rows_of
from steelyard.data.rows import RowParser, content_id, parser_of
from steelyard.data.splits.cuts import moment
from steelyard.errors import ConfigError, DataError
from steelyard.private.redact import mark_private
from steelyard.task import Task
from steelyard.task.dataset_folder import is_dataset_folder
from steelyard.task.places import no_file
from steelyard.words import counted, listed


@dataclass(frozen=True)
class Unlabelled:
    """The inputs of a ``file``, none of which dev or test asks; ``output`` is empty where there is none.

    Of its rows, ``leaking`` are left out because dev or test asks the same or nearly the same, ``grouped``
    because dev or test has rows of their group, ``late`` because they are not older than a test (or dev) that
    is younger than all before it, ``repeated`` because another one asks the same, and ``unusable`` could not
    be read. ``contradicting`` of the repeated have another output than the one that stays. Of the inputs,
    ``ungrouped`` and ``undated`` could not be compared so, and ``private`` hold private values.
    """

    file: str
    examples: tuple[Example, ...]
    leaking: int = 0
    grouped: int = 0
    late: int = 0
    repeated: int = 0
    contradicting: int = 0
    unusable: int = 0
    ungrouped: int = 0
    undated: int = 0
    private: int = 0

    @property
    def fingerprint(self) -> str:
        """A digest of what the inputs and their references say, in their order."""
        rows = json.dumps([[content_id(one), exact_key(one)] for one in self.examples])
        return hashlib.sha256(rows.encode()).hexdigest()

    @property
    def note(self) -> str:
        """How many inputs there are, and how many rows were left out, with the reasons."""
        reasons = {
            "because dev or test asks the same, or nearly": self.leaking,
            "because dev or test has rows of the same group": self.grouped,
            "because they are not older than the rows that they are tested on": self.late,
            "because another row asks the same": self.repeated,
            "because they cannot be read": self.unusable,
        }
        others = {
            "of those that ask the same have another output than the one that stays": self.contradicting,
            "without a group, so that whether they belong to one of dev or test is not known": self.ungrouped,
            "without a timestamp, so that whether they are older than the test is not known": self.undated,
        }
        out = [f"{count:,} {why}" for why, count in reasons.items() if count]
        used, left_out = len(self.examples), sum(reasons.values())
        all_of_them = counted(used + left_out, "input")
        parts = [f"{self.file}: {f'{used:,} of {all_of_them} used' if left_out else all_of_them}"]
        parts += [f"left out: {listed(out)}"] if out else []
        return "; ".join(
            [*parts, *(f"{count:,} {what}" for what, count in others.items() if count)]
        )


def read_unlabelled(data: Dataset, name: str, *, skip_bad_rows: bool = False) -> Unlabelled:
    """Read the file ``name``, which starts at the task's folder, as rows that need no output.

    Raises `ConfigError` where there is no such file, `DataError` for rows that cannot be read, unless
    they are to be skipped.
    """
    path = data.task.path(name)
    if not path.is_file() and not is_dataset_folder(path):
        raise ConfigError(f"inputs: {no_file(path)}")
    rows, bad = _parsed(data.task, path)
    if bad and not skip_bad_rows:
        raise DataError(f"inputs: {bad_rows(bad)} (fix them, or skip them with --skip-bad-rows)")
    leaks = _leaks(data, rows)
    leaking = {place for places in leaks.values() for place in places}
    usable = [row for place, row in enumerate(rows) if place not in leaking]
    examples, contradicting = _distinct(usable, data.kind)
    has_groups = any(one.group for part in data.split[1:] for one in part)
    has_times = _sealed_from(data) is not None
    return Unlabelled(
        name,
        tuple(_numbered(examples)),
        **{reason: len(places) for reason, places in leaks.items()},
        repeated=len(usable) - len(examples),
        contradicting=contradicting,
        unusable=len(bad),
        ungrouped=sum(has_groups and not one.group for one in examples),
        undated=sum(has_times and _moment(one) is None for one in examples),
        private=sum(_is_private(example) for example in examples),
    )


def _parsed(task: Task, path: Path) -> tuple[list[Example], tuple[BadRow, ...]]:
    """Return the readable rows, and why the others are not; an output counts only as the task's own does."""
    columns = task.columns.by_role()
    plain = RowParser("text", (), columns, needs_output=False)
    labelled = parser_of(task)
    rows: list[Example] = []
    bad: list[BadRow] = []
    for _, _, raw in rows_of({"inputs": path}, columns):  # a header may lack the output
        try:
            rows.append(_example(raw, path.name, plain, labelled))
        except RowError as error:
            bad.append(BadRow(path.name, raw.line, str(error)))
    return rows, tuple(bad)


def _example(raw: RawRow, file: str, plain: RowParser, labelled: RowParser) -> Example:
    example = plain.parse(raw, file).example
    if not example.output.strip():
        return replace(example, output="", rejected=None)
    row = labelled.parse(raw, file)
    if row.refusal is not None:
        raise RowError(row.refusal)
    return row.example


def _leaks(data: Dataset, rows: Sequence[Example]) -> dict[str, set[int]]:
    """The places of ``rows`` that dev or test holds something of, each under the first reason it has."""
    sealed = [example for part in data.split[1:] for example in part]
    every, ranks = [*sealed, *rows], [0] * len(sealed) + [1] * len(rows)
    near = near_matches([asked_text(one) for one in every], ranks)
    groups = leaks_by_key([one.group for one in every], ranks)
    alike, grouped = ({pair.b - len(sealed) for pair in pairs} for pairs in (near, groups))
    start = _sealed_from(data)
    moments = [_moment(row) for row in rows]
    late = {
        place
        for place, when in enumerate(moments)
        if start is not None and when is not None and when >= start
    }
    return {"leaking": alike, "grouped": grouped - alike, "late": late - alike - grouped}


def _sealed_from(data: Dataset) -> float | None:
    """When dev begins, or else test, where it is younger than all before it; ``None`` where neither is."""
    before: list[float] = []
    for part in data.split:
        moments = [when for one in part if (when := _moment(one)) is not None]
        if before and moments and max(before) <= min(moments) and min(before) < max(moments):
            return min(moments)
        before += moments
    return None


def _moment(example: Example) -> float | None:
    return moment(example.timestamp or "")


def _distinct(rows: Sequence[Example], kind: OutputKind) -> tuple[list[Example], int]:
    """A row of each text, the first that has an output if one has, and how many others contradict it."""
    alike: dict[str, list[Example]] = {}
    for row in rows:
        alike.setdefault(asked_text(row), []).append(row)
    labelled = [[row for row in some if row.output.strip()] for some in alike.values()]
    firsts = [(have or some)[0] for have, some in zip(labelled, alike.values(), strict=True)]
    if kind == "text":  # several texts may be right
        return firsts, 0
    return firsts, sum(
        answer(row.output, kind) != answer(have[0].output, kind)
        for have in labelled
        for row in have
    )


def _numbered(examples: Sequence[Example]) -> list[Example]:
    """Ids by place: those of the file may be those of the task's examples."""
    return [replace(one, id=f"inputs/{place}") for place, one in enumerate(examples, 1)]


def _is_private(example: Example) -> bool:
    texts = [example.input, *(turn.content for turn in example.context)]
    return any(mark_private(text).values for text in texts)
