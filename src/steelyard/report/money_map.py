"""Which arm is the cheapest at which volume over which horizon, as the report shows it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import NamedTuple

from steelyard.report import formats
from steelyard.report.view import DAYS_A_MONTH
from steelyard.result.economics import Economics
from steelyard.words import counted, listed

_MOST_NAMES = 3


class MapCell(NamedTuple):
    """The arms that are the cheapest at a volume over a horizon, with the tones of the first two."""

    names: tuple[str, ...]
    tones: tuple[int, ...]
    is_task: bool

    @property
    def classes(self) -> str:
        """Its classes in the style sheet: a tone, whether it is a tie, whether it is the task's."""
        tie, task = "tie" if self.is_tie else "", "here" if self.is_task else ""
        return " ".join(filter(None, (*(f"t{tone}" for tone in self.tones[:1]), tie, task)))

    @property
    def is_tie(self) -> bool:
        return len(self.names) > 1

    @property
    def more(self) -> int:
        return len(self.names) - _MOST_NAMES

    @property
    def first(self) -> tuple[str, ...]:
        return self.names[:_MOST_NAMES]


class MapRow(NamedTuple):
    """A volume's line of the map."""

    volume: float
    cells: list[MapCell]


class MoneyMap:
    """The map of a result; false where it has no cells. ``task`` is the task's own place in words."""

    def __init__(self, money: Economics, tone: Callable[[str], int], task: str) -> None:
        self._map, self._tone, self._task = money.map, tone, task
        self._volume, self._days = money.requests_per_day, money.horizon_days

    def __bool__(self) -> bool:
        return bool(self.rows)

    @property
    def months(self) -> Sequence[int]:
        return self._map.months

    @property
    def everywhere(self) -> str:
        """The map as a sentence, where one arm is the cheapest in all of it."""
        cells = self._map
        winners = {names for row in cells.cheapest for names in row}
        if len(winners) != 1 or () in winners:
            return ""
        names = winners.pop()
        volumes = f"{formats.count(cells.volumes[0])} to {formats.count(cells.volumes[-1])}"
        are = f"{names[0]} is" if len(names) == 1 else f"{listed(names)} cost the same and are"
        return (
            f"{are} the cheapest at every volume from {volumes} requests a day, over every horizon from "
            f"{cells.months[0]} to {counted(cells.months[-1], 'month')}."
        )

    @cached_property
    def rows(self) -> list[MapRow]:
        cells, (row_at, column_at) = self._map, self._place
        return [
            MapRow(
                volume,
                [
                    MapCell(
                        names,
                        tuple(map(self._tone, names[:2])),
                        (at, column) == (row_at, column_at),
                    )
                    for column, names in enumerate(row)
                ],
            )
            for at, (volume, row) in enumerate(zip(cells.volumes, cells.cheapest, strict=False))
        ]

    @property
    def _place(self) -> tuple[int | None, int | None]:
        """The row and the column of the task itself; ``None`` where it lies between two."""
        cells, volume, days = self._map, self._volume, self._days
        row = next((at for at, value in enumerate(cells.volumes) if value == volume), None)
        near = [
            at
            for at, months in enumerate(cells.months)
            if days is not None and abs(months * DAYS_A_MONTH - days) <= DAYS_A_MONTH / 2
        ]
        return row, (near[0] if near else None)

    @property
    def where(self) -> str:
        """Where the task itself lies in the map."""
        cells, (row, column) = self._map, self._place
        volume, days = self._volume, self._days
        if volume is None or days is None or not cells.months or not cells.volumes:
            return ""
        task = f"Your task, {self._task},"
        if row is not None and column is not None:
            return f"{task} is the cell marked “your task”."
        volumes = [formats.count(value) for value in cells.volumes]
        months = [counted(value, "month") for value in cells.months]
        at_row = _between(volumes, bisect_left(cells.volumes, volume), row)
        at_column = _between(
            months, bisect_left([m * DAYS_A_MONTH for m in cells.months], days), column
        )
        return f"{task} lies {at_row} requests a day, and {at_column}."


def _between(marks: Sequence[str], at: int, exact: int | None) -> str:
    if exact is not None:
        return f"at {marks[exact]}"
    if at == 0:
        return f"below {marks[0]}"
    return f"above {marks[-1]}" if at == len(marks) else f"between {marks[at - 1]} and {marks[at]}"
