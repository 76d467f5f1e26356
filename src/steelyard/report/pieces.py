"""A metric's parts beside each other: each rule, each field, arm by arm."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

from steelyard.report import formats
from steelyard.report.view import FAMILIES, ArmView, View, entries, section, words

_MOST_ARMS = 6


class PartCell(NamedTuple):
    """One part of one arm: the figure, its interval, and how far below the best arm it is."""

    figure: str
    between: str
    lost: float


class Piece(NamedTuple):
    """A part's line: how many test examples it applies to, and a cell for each arm shown."""

    name: str
    items: str
    cells: tuple[PartCell, ...]


class Pieces:
    """The section of a result; false where no metric has parts."""

    def __init__(self, view: View) -> None:
        self._view = view

    def __bool__(self) -> bool:
        return bool(self.metrics)

    @cached_property
    def metrics(self) -> list[str]:
        """The metrics with parts, in the order of the task."""
        found = [str(each.get("metric")) for arm in self._view.arms for each in _parts(arm)]
        return list(dict.fromkeys(found))

    @cached_property
    def arms(self) -> list[ArmView]:
        """The arms shown: one of each family, the recommended one among them, then the best."""
        of_family = [self._view.family(family) for family in (*FAMILIES, "hybrid")]
        first = [arm for arm in of_family if arm is not None and _parts(arm)]
        rest = [arm for arm in self._view.arms if arm not in first and _parts(arm)]
        chosen = (first + rest)[:_MOST_ARMS]
        return [arm for arm in self._view.arms if arm in chosen]

    @property
    def hidden(self) -> int:
        """How many arms with parts are not shown."""
        return sum(bool(_parts(arm)) for arm in self._view.arms) - len(self.arms)

    def title(self, metric: str) -> str:
        """The metric in words."""
        return words()["metrics"].get(metric, metric)

    def rows(self, metric: str) -> list[Piece]:
        """The parts of a metric, those first on which the recommended (or best) arm is weakest."""
        by_arm = [_by_name(arm, metric) for arm in self.arms]
        names = list(dict.fromkeys(name for parts in by_arm for name in parts))
        shown = self._view.shown
        own = _by_name(shown, metric) if shown is not None else {}

        def order(name: str) -> float:
            value = formats.number(section(own, name).get("value"))
            return 2.0 if value is None else value

        return [_piece(name, by_arm) for name in sorted(names, key=order)]


def _piece(name: str, by_arm: list[dict[str, Mapping[str, Any]]]) -> Piece:
    found = [parts.get(name, {}) for parts in by_arm]
    values = [formats.number(part.get("value")) for part in found]
    best = max((value for value in values if value is not None), default=0.0)
    counts = [count for part in found if (count := formats.number(part.get("n"))) is not None]
    fewest, most = min(counts, default=None), max(counts, default=None)
    items = formats.count(most)
    return Piece(
        name,
        items if fewest == most else f"{formats.count(fewest)} to {items}",
        tuple(
            PartCell(
                formats.percent(value),
                formats.interval(part.get("low"), part.get("high")),
                0.0 if value is None else min(1.0, (best - value) / 0.6),
            )
            for value, part in zip(values, found, strict=True)
        ),
    )


def _parts(arm: ArmView) -> list[Mapping[str, Any]]:
    return entries(arm.data, "parts")


def _by_name(arm: ArmView, metric: str) -> dict[str, Mapping[str, Any]]:
    return {str(each.get("part")): each for each in _parts(arm) if each.get("metric") == metric}
