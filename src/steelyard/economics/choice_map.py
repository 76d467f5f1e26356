"""Which way is the cheapest at which volume and over which horizon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from steelyard.economics.course import cost_over_time
from steelyard.economics.money import DAYS_PER_MONTH
from steelyard.economics.sheet import CostSheet, Traffic
from steelyard.errors import ConfigError


@dataclass(frozen=True)
class ChoiceMap:
    """``cheapest[i][j]`` are the ways that cost least at ``volumes[i]`` a day over ``months[j]`` months.

    Several where they cost the same.
    """

    volumes: tuple[Decimal, ...]
    months: tuple[int, ...]
    cheapest: tuple[tuple[tuple[str, ...], ...], ...]


def choice_map(
    sheets: Sequence[CostSheet], traffic: Traffic, volumes: Sequence[Decimal], months: Sequence[int]
) -> ChoiceMap:
    """Weigh all ways at each volume and horizon, with the growth and the peak of ``traffic``.

    Raises `ConfigError` where a cost is unknown: such a way can be neither chosen nor left out.
    """
    rows = []
    for volume in volumes:
        row = []
        for count in months:
            here = replace(traffic, requests_per_day=volume, horizon_days=count * DAYS_PER_MONTH)
            row.append(cheapest(sheets, here))
        rows.append(tuple(row))
    return ChoiceMap(tuple(volumes), tuple(months), tuple(rows))


def cheapest(sheets: Sequence[CostSheet], traffic: Traffic) -> tuple[str, ...]:
    """The ways that cost least over the horizon. Raises `ConfigError` where a cost is unknown."""
    totals = []
    for sheet in sheets:
        total = cost_over_time(sheet, traffic).total
        if total.amount is None:
            raise ConfigError(f"{sheet.name}: {total.reason or 'a cost is unknown'}")
        totals.append(total.amount)
    return tuple(s.name for s, total in zip(sheets, totals, strict=True) if total == min(totals))
