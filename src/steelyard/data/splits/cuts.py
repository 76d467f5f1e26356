"""Which row goes to which part: by label, by group, by time, or as the task's files give it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from steelyard.core import Example, Split
from steelyard.data.dataset import DataBrief
from steelyard.data.formats import RowError
from steelyard.data.raw import RowParserCheck, raw_rows
from steelyard.data.splits.allocation import allocate, carve_dev, check_enough, split_examples
from steelyard.data.splits.clusters import Cluster
from steelyard.data.splits.moments import cut_by_time, moment
from steelyard.data.splits.quotas import part_sizes
from steelyard.errors import DataError
from steelyard.task.sections import PARTS, SplitConfig
from steelyard.words import counted


class OmittedRows(NamedTuple):
    """A row that stands in no part, and why."""

    row: int
    source: str
    reason: str


@dataclass(frozen=True, eq=False)
class CutRows:
    """The rows that a run would take, their row numbers and parts as read, and the others.

    ``count`` counts all. Every example's ``source`` is its own.
    """

    examples: tuple[Example, ...]
    numbers: tuple[int, ...]
    parts: tuple[str, ...]
    left_out: tuple[OmittedRows, ...]
    count: int


class CutPlan(NamedTuple):
    """How to cut."""

    by: str
    seed: int
    fractions: SplitConfig | None


class Cut(NamedTuple):
    """Indices of `CutRows.examples` by part, rows that no part could take, and what to know of it."""

    plan: CutPlan
    parts: Mapping[str, list[int]]
    wanted: Mapping[str, int]
    left_out: tuple[OmittedRows, ...] = ()
    notes: tuple[str, ...] = ()


def read_rows(brief: DataBrief) -> CutRows:
    """Read every row once. Raises `DataError` when none can be used."""
    judge = RowParserCheck(brief)
    examples: list[Example] = []
    numbers: list[int] = []
    parts: list[str] = []
    left_out: list[OmittedRows] = []
    for number, part, row in raw_rows(brief):
        try:
            examples.append(judge.example(part, row))
        except RowError as error:
            left_out.append(OmittedRows(number, f"{brief.paths[part].name}:{row.line}", str(error)))
        else:
            numbers.append(number)
            parts.append(part)
    count = len(examples) + len(left_out)
    if not examples:
        why = f"; line {left_out[0].source.rpartition(':')[2]}: {left_out[0].reason}"
        raise DataError(f"{brief.name} holds no usable example{why if left_out else ''}")
    return CutRows(tuple(examples), tuple(numbers), tuple(parts), tuple(left_out), count)


def cut(rows: CutRows, brief: DataBrief, plan: CutPlan) -> Cut:
    """Give each row its part. Raises `DataError` when the rows cannot fill three parts."""
    ways = {"label": _by_label, "group": _by_group, "time": _by_time, "given": _as_given}
    if plan.by != "given":
        check_enough(rows.examples, brief.kind)
    return ways[plan.by](rows, brief, plan)


def _by_label(rows: CutRows, brief: DataBrief, plan: CutPlan) -> Cut:
    split, report = split_examples(
        _keyed(rows), seed=plan.seed, fractions=plan.fractions, kind=brief.kind
    )
    return Cut(plan, _places(split), report["wanted"])


def _by_group(rows: CutRows, brief: DataBrief, plan: CutPlan) -> Cut:
    """Whole groups; duplicates in two groups may straddle, and the manifest counts them."""
    alone = sum(example.group is None for example in rows.examples)
    if alone == len(rows.examples):
        raise DataError(_nothing(brief, "group"))
    sizes = part_sizes(len(rows.examples), plan.fractions)
    members: dict[str, list[int]] = {}
    for index in sorted(range(len(rows.examples)), key=lambda at: _order(rows.examples[at])):
        members.setdefault(rows.examples[index].group or f"\0{index}", []).append(index)
    strata = [example.output if brief.kind == "label" else "" for example in rows.examples]
    parts = _allocated(members, strata, sizes, plan.seed)
    is_balanced = all(parts.values())
    if not is_balanced:  # where groups and labels go together, labels cannot be balanced
        parts = _allocated(members, [""] * len(strata), sizes, plan.seed)
    if not all(parts.values()):
        raise DataError(
            f"{counted(len(members), 'group')} cannot fill train, dev and test, too few or too "
            "uneven: add rows of other groups, or split --by label"
        )
    notes = [f"{counted(len(members) - alone, 'group')}"]
    if not is_balanced:
        notes.append("labels are not balanced over the parts: groups and labels go together")
    if alone:
        notes.append(f"{counted(alone, 'row')} without a group stand each for themselves")
    return Cut(plan, parts, sizes, notes=tuple(notes))


def _allocated(
    members: Mapping[str, list[int]], strata: Sequence[str], sizes: Mapping[str, int], seed: int
) -> dict[str, list[int]]:
    """Indices by part, the ``members`` of a group together, ``strata`` balanced."""
    clusters = [
        Cluster(tuple(each), Counter(strata[index] for index in each)) for each in members.values()
    ]
    return allocate(clusters, strata, sizes, seed)


def _by_time(rows: CutRows, brief: DataBrief, plan: CutPlan) -> Cut:
    if all(example.timestamp is None for example in rows.examples):
        raise DataError(_nothing(brief, "timestamp"))
    moments: dict[int, float] = {}
    left_out: list[OmittedRows] = []
    for index, example in enumerate(rows.examples):
        seconds = moment(example.timestamp or "")
        if seconds is not None:
            moments[index] = seconds
            continue
        reason = "no timestamp"
        if example.timestamp:
            reason = f"timestamp {example.timestamp[:40]!r} is no ISO date or time, and no epoch"
        left_out.append(OmittedRows(rows.numbers[index], example.source, reason))
    if not moments:
        raise DataError(
            f"{brief.name}: {left_out[0].reason} (row {left_out[0].row}): write timestamps as "
            "2025-03-31, 2025-03-31T14:00:00Z or epoch seconds"
        )
    timed = list(moments)
    check_enough([rows.examples[index] for index in timed], brief.kind)
    sizes = part_sizes(len(timed), plan.fractions)
    cut = cut_by_time(list(moments.values()), sizes)
    parts = {part: [timed[place] for place in cut[part]] for part in PARTS}
    return Cut(plan, parts, sizes, tuple(left_out), _ages(rows, parts))


def _as_given(rows: CutRows, brief: DataBrief, plan: CutPlan) -> Cut:
    parts = {part: [index for index, of in enumerate(rows.parts) if of == part] for part in PARTS}
    notes: tuple[str, ...] = ()
    if "dev" not in brief.paths:
        keyed = _keyed(rows)
        train = [keyed[index] for index in parts["train"]]
        kept, dev = carve_dev(train, seed=plan.seed, kind=brief.kind)
        parts.update(_places(Split(kept, dev, ())), test=parts["test"])
        notes = ("dev is cut from train by seed, as a run does",)
    empty = [part for part in PARTS if not parts[part]]
    if empty:
        raise DataError(f"{' and '.join(empty)} would be empty: add rows to the file")
    return Cut(plan, parts, {part: len(parts[part]) for part in PARTS}, notes=notes)


def _keyed(rows: CutRows) -> list[Example]:
    """The examples with their index as the slice, by which they are found again.

    Nothing that splits looks at the slice; sources alone repeat when two files have one name.
    """
    return [replace(each, slice=str(index)) for index, each in enumerate(rows.examples)]


def _places(split: Split) -> dict[str, list[int]]:
    return {
        name: sorted(int(example.slice or 0) for example in part)
        for name, part in zip(split._fields, split, strict=True)
    }


def _order(example: Example) -> tuple[str, str]:
    return example.id, example.source


def _ages(rows: CutRows, parts: Mapping[str, list[int]]) -> tuple[str, ...]:
    """From when to when each part runs, as the rows say it."""
    said = []
    for part in PARTS:
        stamps = [rows.examples[index].timestamp or "" for index in parts[part]]
        stamps.sort(key=lambda stamp: moment(stamp) or 0.0)
        said.append(f"{part} runs from {stamps[0]} to {stamps[-1]}")
    return tuple(said)


def _nothing(brief: DataBrief, role: str) -> str:
    part, path = next(iter(brief.paths.items()))
    fields: dict[str, None] = {}
    for _, of, row in raw_rows(brief):
        if of == part and row.reason is None:
            fields = dict.fromkeys(row.fields)
            break
    keys = ", ".join(str(name)[:40] for name in list(fields)[:12])
    return (
        f"no row of {path.name} has a {role}: name its column with --columns {role}=NAME (in "
        f"task.yaml columns: {{{role}: NAME}}); it has: {keys}"
    )
