"""How steady each arm's answers are: asked again, and asked in other words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from steelyard.report import formats
from steelyard.report.view import ArmView, View, entries, section

KINDS: Mapping[str, str] = {
    "format": "Prompt format",
    "order": "Order of the shots",
    "instruction": "Other instructions",
    "typos": "Typos in the input",
    "case": "Case of the input",
}
"""The changes that mean the same, in the order of the table."""


_MOST_CHANGED = 5
_SHOWN_FROM = 0.05
"""Only changes whose p-value is below are shaded: on a few items a point or two is chance."""
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
        """The kinds of change that some arm met."""
        found = {str(each.get("kind")) for arm in self._view.arms for each in _changes(arm)}
        return [*[kind for kind in KINDS if kind in found], *sorted(found - KINDS.keys())]

    @property
    def titles(self) -> list[str]:
        """The kinds in words."""
        return [KINDS.get(kind, kind) for kind in self.kinds]

    @cached_property
    def rows(self) -> list[SteadinessRow]:
        """A row for each arm, the best quality first."""
        return [self._row(arm) for arm in self._view.arms]

    @property
    def items(self) -> str:
        """How many test examples were asked, in words."""
        counts = {
            int(each["items"])
            for arm in self._view.arms
            for each in (section(arm.section("consistency"), "repeats"), *_changes(arm))
            if formats.number(each.get("items")) is not None
        }
        return " or ".join(formats.count(count) for count in sorted(counts))

    @property
    def temperature(self) -> str:
        """The temperature of the repeats."""
        found = (arm.section("consistency").get("temperature") for arm in self._view.arms)
        known = next((each for each in map(formats.number, found) if each is not None), None)
        return "" if known is None else f"{known:g}"

    def _row(self, arm: ArmView) -> SteadinessRow:
        block = arm.section("consistency")
        repeats = section(block, "repeats")
        agreement = section(repeats, "agreement")
        value = formats.number(agreement.get("value"))
        low, high = formats.number(agreement.get("low")), formats.number(agreement.get("high"))
        unchanged = formats.number(section(repeats, "unchanged").get("value"))
        why = agreement.get("reason") or repeats.get("reason") or block.get("repeats_reason")
        reason = why or arm.data.get("consistency_reason") or ""
        always = "" if unchanged is None else f"{formats.percent(unchanged, 0)} never change"
        return SteadinessRow(
            arm=arm,
            again="" if value is None else formats.percent(value),
            between="" if low is None else formats.interval(low, high),
            note=always,
            reason=str(reason),
            cells=tuple(self._cell(arm, kind) for kind in self.kinds),
            variants=tuple(self._variants(arm)),
            changed=tuple(
                _changed(each) for each in entries(repeats, "by_example")[:_MOST_CHANGED]
            ),
        )

    def _cell(self, arm: ArmView, kind: str) -> SteadinessCell:
        found = next((each for each in _changes(arm) if each.get("kind") == kind), {})
        worst = section(found, "worst")
        difference = formats.number(worst.get("difference"))
        if difference is None:
            reason = found.get("reason") or arm.data.get("consistency_reason") or ""
            return SteadinessCell("", "", str(reason), 0.0)
        metric = self._view.metric
        agreed = [formats.number(each.get("agreement")) for each in entries(found, "variants")]
        known = [each for each in agreed if each is not None]
        same = f"{formats.percent(sum(known) / len(known), 0)} same answers" if known else ""
        chance = formats.number(found.get("p_value"))
        shown = chance is None or chance < _SHOWN_FROM
        lost = min(1.0, max(0.0, -difference) / 0.3) if shown else 0.0
        return SteadinessCell(formats.points(min(difference, 0.0), metric), same, "", lost)

    def _variants(self, arm: ArmView) -> list[tuple[str, str, str, str, str]]:
        metric = self._view.metric
        return [
            (
                KINDS.get(str(change.get("kind")), str(change.get("kind"))),
                str(each.get("name", "?")),
                formats.score(each.get("score"), metric),
                formats.points(each.get("difference"), metric),
                formats.percent(each.get("agreement"), 0),
            )
            for change in _changes(arm)
            for each in entries(change, "variants")
        ]


def _changed(each: Mapping[str, Any]) -> Changed:
    outputs = [(said.get("output"), int(said.get("times", 0))) for said in entries(each, "outputs")]
    return Changed(
        str(each.get("input", "")),
        formats.percent(each.get("agreement"), 0),
        tuple((_NO_ANSWER if said is None else str(said), times) for said, times in outputs),
    )


def _changes(arm: ArmView) -> list[Mapping[str, Any]]:
    return entries(arm.section("consistency"), "sensitivity")
