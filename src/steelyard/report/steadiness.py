"""How steady each arm's answers are: asked again, and asked in other words."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

from steelyard.report import formats
from steelyard.report.view import ArmView, View
from steelyard.result.steadiness import Consistency, UnmeasuredChange

KINDS: Mapping[str, str] = {
    "format": "Prompt format",
    "order": "Order of the shots",
    "instruction": "Other instructions",
    "typos": "Typos in the input",
    "case": "Case of the input",
}
"""The changes that mean the same, in the order of the table."""


class SteadinessCell(NamedTuple):
    """One change of one arm: its worst figure, what else is known, or why it was not measured."""

    worst: str
    note: str
    reason: str
    shade: float


class SteadinessRow(NamedTuple):
    """One arm's line."""

    arm: ArmView
    consistency: Consistency
    cells: tuple[SteadinessCell, ...]


class Steadiness:
    """The section of a result; false where nothing of it was measured."""

    def __init__(self, view: View) -> None:
        self._arms = view.arms
        self._blocks = [arm.consistency or Consistency() for arm in view.arms]

    def __bool__(self) -> bool:
        return any(
            row.consistency.is_repeated or any(cell.worst for cell in row.cells)
            for row in self.rows
        )

    @cached_property
    def kinds(self) -> list[str]:
        tried = {change.kind for block in self._blocks for change in block.sensitivity}
        return [*[kind for kind in KINDS if kind in tried], *sorted(tried - KINDS.keys())]

    def title(self, kind: str) -> str:
        return KINDS.get(kind, kind)

    @cached_property
    def rows(self) -> list[SteadinessRow]:
        return [
            SteadinessRow(arm, block, tuple(_cell(arm, block, kind) for kind in self.kinds))
            for arm, block in zip(self._arms, self._blocks, strict=True)
        ]

    @property
    def items(self) -> str:
        counts = {change.items for block in self._blocks for change in block.measured}
        counts |= {block.repeats.items for block in self._blocks if block.repeats}
        return " or ".join(formats.count(count) for count in sorted(counts))

    @property
    def temperature(self) -> str:
        temperatures = (block.temperature for block in self._blocks)
        return next((f"{degree:g}" for degree in temperatures if degree is not None), "")


def _cell(arm: ArmView, consistency: Consistency, kind: str) -> SteadinessCell:
    change = next((change for change in consistency.sensitivity if change.kind == kind), None)
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
