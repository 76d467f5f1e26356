"""How steady each arm's answers are: asked again, and asked in other words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from steelyard.report import formats
from steelyard.report.view import ArmView, View
from steelyard.result.steadiness import (
    ChangedExample,
    Consistency,
    Repeats,
    Sensitivity,
    UnmeasuredChange,
)

KINDS: Mapping[str, str] = {
    "format": "Prompt format",
    "order": "Order of the shots",
    "instruction": "Other instructions",
    "typos": "Typos in the input",
    "case": "Case of the input",
}
"""The changes that mean the same, in the order of the table."""


_MOST_CHANGED = 5
_NO_ANSWER = "no usable answer"


class SteadinessCell(NamedTuple):
    """One change of one arm: its worst figure, what else is known, or why it was not measured."""

    worst: str
    note: str
    reason: str
    share: float


class Changed(NamedTuple):
    """An example that was not always answered alike: how often so, and each answer with its count."""

    input: str
    agreement: str
    outputs: tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class SteadinessRow:
    """One arm's line. ``again`` is the agreement between repeats, empty where there is none."""

    arm: ArmView
    again: str
    between: str
    note: str
    reason: str
    cells: tuple[SteadinessCell, ...]
    variants: tuple[tuple[str, str, str, str, str], ...]
    changed: tuple[Changed, ...]


class Steadiness:
    """The section of a result; false where nothing of it was measured."""

    def __init__(self, view: View) -> None:
        self._view = view

    def __bool__(self) -> bool:
        return any(row.again or any(cell.worst for cell in row.cells) for row in self.rows)

    @cached_property
    def kinds(self) -> list[str]:
        tried = {change.kind for arm in self._view.arms for change in _changes(arm)}
        return [*[kind for kind in KINDS if kind in tried], *sorted(tried - KINDS.keys())]

    @property
    def titles(self) -> list[str]:
        return [KINDS.get(kind, kind) for kind in self.kinds]

    @cached_property
    def rows(self) -> list[SteadinessRow]:
        return [self._row(arm) for arm in self._view.arms]

    @property
    def items(self) -> str:
        counts = {change.items for arm in self._view.arms for change in _measured(arm)}
        counts |= {
            repeats.items for arm in self._view.arms if (repeats := _consistency(arm).repeats)
        }
        return " or ".join(formats.count(count) for count in sorted(counts))

    @property
    def temperature(self) -> str:
        temperatures = (_consistency(arm).temperature for arm in self._view.arms)
        return next((f"{degree:g}" for degree in temperatures if degree is not None), "")

    def _row(self, arm: ArmView) -> SteadinessRow:
        repeats = _consistency(arm).repeats or Repeats()
        agreement, unchanged = repeats.agreement, repeats.unchanged.value
        why = agreement.reason or _consistency(arm).repeats_reason
        return SteadinessRow(
            arm=arm,
            again="" if agreement.value is None else formats.percent(agreement.value),
            between="" if agreement.low is None else formats.interval(agreement),
            note="" if unchanged is None else f"{formats.percent(unchanged, 0)} never change",
            reason=why or arm.consistency_reason or "",
            cells=tuple(_cell(arm, kind) for kind in self.kinds),
            variants=tuple(_variants(arm)),
            changed=tuple(map(_changed, repeats.by_example[:_MOST_CHANGED])),
        )


def _cell(arm: ArmView, kind: str) -> SteadinessCell:
    change = next((change for change in _changes(arm) if change.kind == kind), None)
    if isinstance(change, UnmeasuredChange):
        return SteadinessCell("", "", change.reason, 0.0)
    drop = None if change is None else change.largest_drop
    if change is None or drop is None:
        return SteadinessCell("", "", arm.consistency_reason or "", 0.0)
    same = (
        "" if change.agreement is None else f"{formats.percent(change.agreement, 0)} same answers"
    )
    shade = 0.0 if change.may_be_chance else min(1.0, drop / 0.3)
    return SteadinessCell(formats.points(-drop), same, "", shade)


def _variants(arm: ArmView) -> list[tuple[str, str, str, str, str]]:
    return [
        (
            KINDS.get(change.kind, change.kind),
            variant.name,
            formats.percent(variant.score),
            formats.points(variant.difference),
            formats.percent(variant.agreement, 0),
        )
        for change in _measured(arm)
        for variant in change.variants
    ]


def _changed(example: ChangedExample) -> Changed:
    outputs = [
        (_NO_ANSWER if count.output is None else count.output, count.times)
        for count in example.outputs
    ]
    return Changed(example.input, formats.percent(example.agreement, 0), tuple(outputs))


def _consistency(arm: ArmView) -> Consistency:
    return arm.consistency or Consistency()


def _changes(arm: ArmView) -> Sequence[Sensitivity | UnmeasuredChange]:
    return _consistency(arm).sensitivity


def _measured(arm: ArmView) -> list[Sensitivity]:
    return [change for change in _changes(arm) if isinstance(change, Sensitivity)]
