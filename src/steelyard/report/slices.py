"""The slices of a result as one table of slices by arms; exploratory."""

from __future__ import annotations

from functools import cached_property

from steelyard.report import formats
from steelyard.report.view import View
from steelyard.result.figures import Figure
from steelyard.result.slices import SliceRow
from steelyard.words import counted

_MOST_ARMS = 6


class Slices:
    """The section of a result; false where no example has a slice.

    An older result has no intervals and no tests: its figures are those of ``per_slice``.
    """

    def __init__(self, view: View) -> None:
        self._view = view
        self._table = view.result.slices

    def __bool__(self) -> bool:
        return bool(self.rows)

    @property
    def main(self) -> str:
        arm = self._view.main_arm
        return self._table.a or (arm.name if arm else "")

    @property
    def against(self) -> str | None:
        return self._table.b if self._table.tests else None

    @cached_property
    def rows(self) -> list[SliceRow]:
        """The slices, those first on which the main arm is weakest."""

        def order(row: SliceRow) -> float:
            value = row.arms.get(self.main, Figure()).value
            return 2.0 if value is None else value

        return sorted(self._table.rows or self._without_intervals(), key=order)

    def _without_intervals(self) -> list[SliceRow]:
        rows: dict[str, SliceRow] = {}
        for arm, scores in self._view.result.per_slice.items():
            for score in scores:
                row = rows.setdefault(score.slice, SliceRow(slice=score.slice, n=score.n))
                row.arms[arm] = Figure(value=score.score, n=score.n, reason=score.reason)
        return list(rows.values())

    @cached_property
    def arms(self) -> list[str]:
        """The arms shown: the main one, its rival, then the best."""
        measured = [
            arm.name for arm in self._view.arms if all(arm.name in row.arms for row in self.rows)
        ]
        first = [name for name in (self.main, self._table.b) if name in measured]
        return [*first, *(name for name in measured if name not in first)][:_MOST_ARMS]

    @property
    def intro(self) -> str:
        """What the table is, what it is corrected for, and what is not in it."""
        table, sentences = self._table, ["Exploratory: nothing was chosen by it."]
        if table.tests:
            tested = counted(table.tests, "slice")
            sentences.append(
                f"Differences are paired; their p-values are corrected by Holm over the {tested} "
                "tested, their intervals are not."
            )
        if hidden := len(self._view.arms) - len(self.arms):
            sentences.append(f"{counted(hidden, 'more arm')} in result.json.")
        if table.left_out:
            sentences.append(f"{counted(table.left_out, 'smaller slice')} left out.")
        if table.without:
            sentences.append(f"{formats.count(table.without)} test examples have no slice.")
        return " ".join(sentences)
