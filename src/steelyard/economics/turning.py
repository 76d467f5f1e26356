"""Where one thing on a sheet, changed alone, makes another of two ways the cheaper over the horizon.

Nothing is solved for: a value is put on the sheet and the engine is asked, so that hosting, minimums, growth,
replicas and what is paid upfront all count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from steelyard.economics.course import cost_over_time
from steelyard.economics.sheet import CostSheet, Traffic
from steelyard.errors import ConfigError

_NARROW = Decimal("1e-9")
"""Up to which share of it a turn is narrowed down."""


class Turned(NamedTuple):
    """Values from ``above`` to ``below`` at which the choice is turned; ``None`` is without an end."""

    above: Decimal
    below: Decimal | None


def saving(sheet: CostSheet, rival: CostSheet, traffic: Traffic) -> Decimal:
    """By how much ``sheet`` costs less than ``rival`` over the horizon.

    Raises `ConfigError` where a cost is unknown.
    """
    gap = cost_over_time(rival, traffic).total + cost_over_time(sheet, traffic).total * -1
    if gap.amount is None:
        raise ConfigError(gap.reason or "a cost is unknown")
    return gap.amount


def turned_at(
    is_turned: Callable[[Decimal], bool], values: Sequence[Decimal]
) -> tuple[Turned, ...]:
    """The spans in which ``is_turned``, each end to nine digits, by bisection between two of ``values``.

    ``values`` rise; a span that lies between two of them is not seen, and one that holds at the last of
    them is taken to have no end. One that holds from the first of them is left out: nothing turns there.
    """
    spans: list[Turned] = []
    above: Decimal | None = None
    states = [is_turned(value) for value in values]
    for (low, before), (high, after) in pairwise(zip(values, states, strict=True)):
        if before == after:
            continue
        end = _narrowed(is_turned, low, high)
        if after:
            above = end
        elif above is not None:
            spans.append(Turned(above, end))
            above = None
    return (*spans, Turned(above, None)) if above is not None else tuple(spans)


def most_turned(is_turned: Callable[[int], bool], most: int) -> int | None:
    """The largest whole number up to ``most`` at which ``is_turned``, as all smaller ones then are.

    ``None`` where it is not even at 1.
    """
    if not is_turned(1):
        return None
    low, high = 1, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if is_turned(middle) else (low, middle - 1)
    return low


def _narrowed(is_turned: Callable[[Decimal], bool], low: Decimal, high: Decimal) -> Decimal:
    before = is_turned(low)
    while high - low > _NARROW * high:
        middle = (low + high) / 2
        low, high = (middle, high) if is_turned(middle) == before else (low, middle)
    return low if not before else high
