"""Which row goes to which part: by label, by group, by time, or as given in the task's files."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import NamedTuple

from steelyard.data.dataset import Dataset, dataset_of
from steelyard.data.outfiles import unwritable
from steelyard.data.read import NumberedRow
from steelyard.data.splits.allocation import (
    allocate,
    carve_dev,
    check_enough,
    part_sizes,
    split_rows,
    strata_of,
)
from steelyard.data.splits.clusters import Cluster, Strata
from steelyard.errors import DataError
from steelyard.task import Task
from steelyard.task.sections import PARTS, SplitConfig
from steelyard.words import counted

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")
_COMPACT_DATE = re.compile(r"(19|20)\d{6}")
_SLASHES = re.compile(r"(\d{4})/(\d{2})/(\d{2})")
_ZONE = re.compile(r"\s*(UTC|GMT)$", re.IGNORECASE)
_UNITS = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (math.inf, 1e9))
"""Epoch numbers below the first figure count units of which the second makes a second: 1e11 seconds
is the year 5138, and 1e11 milliseconds is 1973."""


def moment(text: str) -> float | None:
    """Seconds since 1970 of an ISO date or time, or of an epoch in s, ms, µs or ns; else ``None``.

    A time without a zone is taken as UTC, a date as its first moment. Dates such as 03/04/2025 are
    not read: they mean two days.
    """
    text = text.strip()
    if _NUMBER.fullmatch(text) and not _COMPACT_DATE.fullmatch(text):
        return _epoch(float(text))
    text = _ZONE.sub("+00:00", _SLASHES.sub(r"\1-\2-\3", text, count=1))
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _epoch(value: float) -> float | None:
    if not math.isfinite(value):
        return None
    return value / next(unit for most, unit in _UNITS if abs(value) < most)


def cut_by_time(moments: Sequence[float], sizes: Mapping[str, int]) -> dict[str, list[int]]:
    """Indices by part: the oldest in train, then dev, the newest in test.

    Equal moments stay together, so a part may be a little larger or smaller than wanted. Raises
    `DataError` when there are fewer than three different moments.
    """
    ordered = sorted(range(len(moments)), key=lambda index: (moments[index], index))
    ties = [list(same) for _, same in groupby(ordered, key=lambda index: moments[index])]
    if len(ties) < 3:
        times = "there is only one timestamp" if len(ties) == 1 else "there are only two timestamps"
        raise DataError(
            f"{times}, and train, dev and test need at least 3 different ones: give a finer "
            "timestamp, or split --by label"
        )
    edges = [0]
    for same in ties:
        edges.append(edges[-1] + len(same))
    first = _nearest(edges, sizes["train"], 1, len(ties) - 2)
    second = _nearest(edges, sizes["train"] + sizes["dev"], first + 1, len(ties) - 1)
    a, b = edges[first], edges[second]
    return {"train": sorted(ordered[:a]), "dev": sorted(ordered[a:b]), "test": sorted(ordered[b:])}


def _nearest(edges: Sequence[int], target: int, low: int, high: int) -> int:
    """The place, from ``low`` to ``high``, of the edge nearest to ``target``."""
    return min(range(low, high + 1), key=lambda place: (abs(edges[place] - target), place))


class OmittedRows(NamedTuple):
    """A row that is in no part, and why."""

    row: int
    source: str
    reason: str


class CutPlan(NamedTuple):
    """How to cut."""

    by: str
    seed: int
    fractions: SplitConfig | None


class Cut(NamedTuple):
    """Indices of rows by part, rows that no part could take, and what to know of it."""

    plan: CutPlan
    parts: Mapping[str, list[int]]
    sizes: Mapping[str, int]
    left_out: tuple[OmittedRows, ...] = ()
    notes: tuple[str, ...] = ()


def read(task: Task, numbered: Iterable[NumberedRow]) -> Dataset:
    """The data set of a task's rows; rows that no file can hold are refused too.

    Raises `DataError` when no row can be used.
    """
    data = dataset_of(task, numbered, refuse=unwritable)
    if not data.usable.examples:
        bad = data.unusable[0].bad if data.unusable else None
        why = f"; line {bad.line}: {bad.reason}" if bad else ""
        raise DataError(f"{task.name} holds no usable example{why}")
    return data


def omitted_rows(data: Dataset, cut: Cut) -> list[OmittedRows]:
    """The rows in no part: those that a run would not take, and those that the cut left out."""
    unusable = [
        OmittedRows(number, f"{bad.file}:{bad.line}", bad.reason) for number, _, bad in data.skipped
    ]
    return sorted([*unusable, *cut.left_out])


def cut(rows: Dataset, plan: CutPlan) -> Cut:
    """Give each row its part. Raises `DataError` when the rows cannot fill three parts."""
    ways = {"label": _by_label, "group": _by_group, "time": _by_time, "given": _as_given}
    if plan.by != "given":
        check_enough(rows.examples, rows.kind)
    return ways[plan.by](rows, plan)


def _by_label(rows: Dataset, plan: CutPlan) -> Cut:
    members, report, _ = split_rows(
        rows.likeness, seed=plan.seed, fractions=plan.fractions, kind=rows.kind
    )
    return Cut(plan, _sorted(members), report["wanted"])


def _by_group(rows: Dataset, plan: CutPlan) -> Cut:
    """Whole groups; duplicates in two groups may straddle, and the manifest counts them."""
    alone = sum(example.group is None for example in rows.examples)
    if alone == len(rows.examples):
        raise DataError(_nothing(rows, "group"))
    sizes = part_sizes(len(rows.examples), plan.fractions)
    members: dict[str, list[int]] = {}
    for index in rows.likeness.order:
        members.setdefault(rows.examples[index].group or f"\0{index}", []).append(index)
    strata = strata_of(rows.examples, rows.kind)
    parts = _allocated(members, strata, sizes, plan.seed)
    is_balanced = all(parts.values())
    if not is_balanced:  # where groups and labels go together, labels cannot be balanced
        parts = _allocated(members, [("",)] * len(strata), sizes, plan.seed)
    if not all(parts.values()):
        raise DataError(
            f"{counted(len(members), 'group')} cannot fill train, dev and test, too few or too "
            "uneven: add rows of other groups, or split --by label"
        )
    notes = [f"{counted(len(members) - alone, 'group')}"]
    if not is_balanced:
        notes.append("labels are not balanced over the parts: groups and labels go together")
    if alone:
        notes.append(f"{counted(alone, 'row')} without a group: each is its own group")
    return Cut(plan, parts, sizes, notes=tuple(notes))


def _allocated(
    members: Mapping[str, list[int]], strata: Strata, sizes: Mapping[str, int], seed: int
) -> dict[str, list[int]]:
    """Indices by part, the ``members`` of a group together, ``strata`` balanced."""
    clusters = [
        Cluster(tuple(rows), Counter(one for index in rows for one in strata[index]))
        for rows in members.values()
    ]
    return allocate(clusters, strata, sizes, seed)


def _by_time(rows: Dataset, plan: CutPlan) -> Cut:
    if all(example.timestamp is None for example in rows.examples):
        raise DataError(_nothing(rows, "timestamp"))
    moments: dict[int, float] = {}
    left_out: list[OmittedRows] = []
    for index, example in enumerate(rows.examples):
        seconds = moment(example.timestamp or "")
        if seconds is not None:
            moments[index] = seconds
            continue
        reason = "no timestamp"
        if example.timestamp:
            reason = (
                f"timestamp {example.timestamp[:40]!r} is neither an ISO date or time nor an epoch"
            )
        left_out.append(OmittedRows(rows.numbers[index], example.source, reason))
    if not moments:
        raise DataError(
            f"{rows.task.name}: {left_out[0].reason} (row {left_out[0].row}): write timestamps as "
            "2025-03-31, 2025-03-31T14:00:00Z or epoch seconds"
        )
    timed = list(moments)
    check_enough([rows.examples[index] for index in timed], rows.kind)
    sizes = part_sizes(len(timed), plan.fractions)
    cut = cut_by_time(list(moments.values()), sizes)
    parts = {part: [timed[place] for place in cut[part]] for part in PARTS}
    return Cut(plan, parts, sizes, tuple(left_out), _ages(rows, parts))


def _as_given(rows: Dataset, plan: CutPlan) -> Cut:
    parts = {part: rows.members_as_read.get(part, []) for part in PARTS}
    notes: tuple[str, ...] = ()
    if "dev" not in rows.task.example_paths:
        carved = carve_dev(rows.likeness, parts["train"], seed=plan.seed, kind=rows.kind)
        parts |= _sorted(carved)
        notes = ("dev is cut from train by seed, as a run does",)
    empty = [part for part in PARTS if not parts[part]]
    if empty:
        raise DataError(f"{' and '.join(empty)} would be empty: add rows to the file")
    return Cut(plan, parts, {part: len(parts[part]) for part in PARTS}, notes=notes)


def _sorted(members: Mapping[str, Sequence[int]]) -> dict[str, list[int]]:
    return {part: sorted(indices) for part, indices in members.items()}


def _ages(rows: Dataset, parts: Mapping[str, list[int]]) -> tuple[str, ...]:
    """From when to when each part runs, as the rows say it."""
    notes = []
    for part in PARTS:
        stamps = [rows.examples[index].timestamp or "" for index in parts[part]]
        stamps.sort(key=lambda stamp: moment(stamp) or 0.0)
        notes.append(f"{part} runs from {stamps[0]} to {stamps[-1]}")
    return tuple(notes)


def _nothing(rows: Dataset, role: str) -> str:
    part, path = next(iter(rows.task.example_paths.items()))
    keys = ", ".join(str(name)[:40] for name in rows.field_names[part][:12])
    return (
        f"no row of {path.name} has a {role}: name its column with --columns {role}=NAME (in "
        f"task.yaml columns: {{{role}: NAME}}); it has: {keys}"
    )
