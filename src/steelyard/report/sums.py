"""Every part of what the arms cost over the horizon, as a table: the result's sums as they are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from steelyard.report import formats
from steelyard.report.view import ArmView, View, words
from steelyard.result.economics import ArmSums, CostPart
from steelyard.words import listed

NOT_KNOWN = "not known"
_MOST_NAMES = 4


class SumCell(NamedTuple):
    """A part's amount, ``–`` where it does not apply; ``note`` stands below it."""

    amount: str
    note: str = ""

    @property
    def is_known(self) -> bool:
        return self.amount != NOT_KNOWN


class SumRow(NamedTuple):
    """An arm's line, its parts in the order of the columns."""

    name: str
    arm: ArmView | None
    upfront: list[SumCell]
    running: list[SumCell]
    total: SumCell


class Sums:
    """The table; false where the result has none (an older one). Columns are parts that some arm has."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._sums = sorted(
            view.result.economics.sums, key=lambda one: (one.total is None, one.total or 0.0)
        )

    def __bool__(self) -> bool:
        return bool(self._sums)

    @cached_property
    def upfront(self) -> dict[str, str]:
        """The titles of the upfront parts by name."""
        return self._columns("upfront", [one.upfront for one in self._sums])

    @cached_property
    def running(self) -> dict[str, str]:
        return self._columns("running", [one.running for one in self._sums])

    def _columns(self, when: str, several: Sequence[Sequence[CostPart]]) -> dict[str, str]:
        names = {part.part for parts in several for part in parts}
        return {name: title for name, title in words()[f"{when}_parts"].items() if name in names}

    @cached_property
    def rows(self) -> list[SumRow]:
        return [
            SumRow(
                one.arm,
                self._view.arm(one.arm),
                [self._cell(one, one.upfront, part) for part in self.upfront],
                [self._cell(one, one.running, part) for part in self.running],
                SumCell(self._money(one.total)),
            )
            for one in self._sums
        ]

    def _cell(self, sums: ArmSums, parts: Sequence[CostPart], name: str) -> SumCell:
        part = next((part for part in parts if part.part == name), None)
        if part is None:
            return SumCell(formats.NONE)
        note = f"from {sums.ends_on}" if name == "rebuild" and sums.ends_on else ""
        return SumCell(self._money(part.amount), note)

    def _money(self, amount: float | None) -> str:
        if amount is None:
            return NOT_KNOWN
        return formats.money(amount, self._view.result.economics.currency)

    @property
    def notes(self) -> list[str]:
        """Why parts are not known, which apply to no arm, and what ends after the horizon."""
        return [*self._unknown(), *self._none(), *self._within(), *self._later()]

    def _unknown(self) -> list[str]:
        arms: dict[tuple[str, str], list[str]] = {}
        titles = {**words()["upfront_parts"], **words()["running_parts"]}
        for one in self._sums:
            for part in (*one.upfront, *one.running):
                if part.amount is None:
                    why = part.reason or "the reason is not known"
                    arms.setdefault((titles.get(part.part, part.part), why), []).append(one.arm)
        parts: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for (title, why), names in arms.items():
            parts.setdefault((why, tuple(names)), []).append(title)
        return [
            f"Not known: {listed(titles).lower()}{self._of(names)} ({why})."
            for (why, names), titles in parts.items()
        ]

    def _of(self, names: Sequence[str]) -> str:
        """Whose it is, where not every arm's."""
        return "" if len(names) == len(self._sums) else f" of {listed(names, _MOST_NAMES)}"

    def _none(self) -> list[str]:
        absent = [
            title
            for when, columns in (("upfront", self.upfront), ("running", self.running))
            for part, title in words()[f"{when}_parts"].items()
            if part not in columns
        ]
        return [f"No arm has: {', '.join(absent).lower()}."] if absent else []

    def _within(self) -> list[str]:
        """What an arm costs up to the end of its model, with the rebuild, and without an end."""
        return [
            f"{one.arm}: {self._money(one.until_end)} up to the vendor's end on {one.ends_on}, "
            f"{self._money(one.total)} with the rebuild, {self._money(one.without_end)} if it went on."
            for one in self._sums
            if one.ends_on and one.without_end is not None
        ]

    def _later(self) -> list[str]:
        ends: dict[str, list[str]] = {}
        for one in self._sums:
            if one.ends_on and not any(part.part == "rebuild" for part in one.running):
                ends.setdefault(one.ends_on, []).append(one.arm)
        return [
            f"The vendor ends the model of {listed(names, _MOST_NAMES)} on {day}, after the horizon: no "
            "rebuild is in the sum."
            for day, names in ends.items()
        ]
