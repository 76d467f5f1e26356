"""Why the verdict is what it is: one table of the arms, and few sentences."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from steelyard.core import Comparison
from steelyard.report import formats
from steelyard.report.view import ArmView, View
from steelyard.verdict.pairs import oriented
from steelyard.words import counted

_MOST_ROWS = 4


class ReasonRow(NamedTuple):
    """One arm: ``versus`` is its difference from the arm all are held against, ``why`` rules it out."""

    arm: ArmView
    versus: Comparison | None
    cost: str
    with_errors: str
    chance: str
    why: str


class Reasons:
    """The verdict's arms, the choice first, those that are ruled out last."""

    def __init__(self, view: View) -> None:
        self._view = view

    @cached_property
    def against(self) -> str | None:
        """The arm that the others are held against: the best of the verdict's tests."""
        tests = self._view.verdict.details.tests
        return tests[0].a if tests else None

    @cached_property
    def rows(self) -> list[ReasonRow]:
        ruled_out = {arm.arm: arm.reason for arm in self._view.verdict.details.dropped}
        rows = [self._row(arm, ruled_out.get(arm.name, "")) for arm in self._view.candidates]
        return sorted(rows, key=lambda row: (not row.arm.winner, bool(row.why)))

    def _row(self, arm: ArmView, why: str) -> ReasonRow:
        view, tests = self._view, self._view.verdict.details.tests
        versus = None if self.against is None else oriented(tests, arm.name, self.against)
        chance = view.chances.get(arm.name)
        return ReasonRow(
            arm=arm,
            versus=versus,
            cost=formats.money(view.cost_to_own(arm.name), view.currency),
            with_errors=self._with_errors(arm),
            chance="" if chance is None else formats.chance(chance),
            why=why,
        )

    def _with_errors(self, arm: ArmView) -> str:
        cost = self._view.verdict.details.expected_cost.get(arm.name)
        return "" if cost is None else formats.money(cost, self._view.currency)

    @property
    def first(self) -> list[ReasonRow]:
        """The rows that are always to be seen: of the arms that are not ruled out, where there are any."""
        in_choice = [row for row in self.rows if not row.why]
        return (in_choice or self.rows)[:_MOST_ROWS]

    @property
    def others(self) -> list[ReasonRow]:
        return [row for row in self.rows if row not in self.first]

    @property
    def others_title(self) -> str:
        """What is folded away: ``7 more arms, 6 of them ruled out; 2 more reasons``."""
        titles = []
        if self.others:
            ruled_out = sum(bool(row.why) for row in self.others)
            arms = counted(len(self.others), "more arm")
            titles.append(f"{arms}, {ruled_out} of them ruled out" if ruled_out else arms)
        if self.more_sentences:
            titles.append(counted(len(self.more_sentences), "more reason"))
        return "; ".join(titles)

    @property
    def first_sentence(self) -> str:
        """What decided: the table shows what the others say of each arm."""
        return self._view.reasons[0] if self._view.reasons else ""

    @property
    def more_sentences(self) -> list[str]:
        return [reason for reason in self._view.reasons[1:] if reason != self.on_documents]

    @property
    def on_documents(self) -> str:
        """What the bins of answers from documents say is to mend; empty without documents."""
        documents = self._view.result.documents
        return "" if documents is None else self._view.sentence(documents.sentence)
