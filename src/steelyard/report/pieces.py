"""A metric's parts, arm by arm: each rule, each field."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from steelyard.core import FAMILIES
from steelyard.report import formats
from steelyard.report.view import ArmView, View
from steelyard.result.figures import PartFigure

_MOST_ARMS = 6


class Piece(NamedTuple):
    """A part's line: how many test examples it applies to, and its figure for each arm shown."""

    name: str
    items: str
    figures: list[PartFigure]

    def shade(self, figure: PartFigure) -> float:
        """How dark a cell is: the further below the best arm, the darker."""
        best = max((part.value for part in self.figures if part.value is not None), default=0.0)
        return 0.0 if figure.value is None else min(1.0, (best - figure.value) / 0.6)


class Pieces:
    """The section of a result; false where no metric has parts."""

    def __init__(self, view: View) -> None:
        self._view = view

    def __bool__(self) -> bool:
        return bool(self.metrics)

    @cached_property
    def metrics(self) -> list[str]:
        named = [part.metric for arm in self._view.arms for part in arm.parts]
        return list(dict.fromkeys(named))

    @cached_property
    def arms(self) -> list[ArmView]:
        """The arms shown: one of each family, the recommended one among them, then the best."""
        of_family = [self._view.family(family) for family in FAMILIES]
        first = [arm for arm in of_family if arm is not None and arm.parts]
        rest = [arm for arm in self._view.arms if arm not in first and arm.parts]
        columns = (first + rest)[:_MOST_ARMS]
        return [arm for arm in self._view.arms if arm in columns]

    @property
    def hidden(self) -> int:
        return sum(bool(arm.parts) for arm in self._view.arms) - len(self.arms)

    def rows(self, metric: str) -> list[Piece]:
        """The parts of a metric, those first on which the recommended (or best) arm is weakest."""
        by_arm = [_by_name(arm, metric) for arm in self.arms]
        names = list(dict.fromkeys(name for parts in by_arm for name in parts))
        main = self._view.main_arm
        of_main = _by_name(main, metric) if main is not None else {}

        def order(name: str) -> float:
            value = of_main.get(name, PartFigure()).value
            return 2.0 if value is None else value

        return [_piece(name, by_arm) for name in sorted(names, key=order)]


def _piece(name: str, by_arm: list[dict[str, PartFigure]]) -> Piece:
    counts = {parts[name].n for parts in by_arm if name in parts}
    items = " to ".join(map(formats.count, sorted({min(counts), max(counts)})))
    return Piece(name, items, [parts.get(name, PartFigure()) for parts in by_arm])


def _by_name(arm: ArmView, metric: str) -> dict[str, PartFigure]:
    return {part.part: part for part in arm.parts if part.metric == metric}
