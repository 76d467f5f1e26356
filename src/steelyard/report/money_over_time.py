"""Money over time as the report shows it: the result's economics in words, as a map and as table rows.

Nothing is estimated here: chances, totals and days are the result's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from steelyard.report import formats
from steelyard.report.money_map import MoneyMap
from steelyard.report.view import ArmView, View
from steelyard.result.economics import ArmEconomics, MachineCost, MoneyBand, PaidBack
from steelyard.result.verdict import BreakEvenWith
from steelyard.verdict.base import costs_level
from steelyard.verdict.words import level as level_words
from steelyard.words import counted, likely, listed, percent

MOST_LINES = 6
"""Lines that can be told apart in one drawing, each in a tone; other arms share one more tone."""
_ERRORS = "wrong answers count at their price in chances, lines and map, not in upfront and total"
_LEAST_KIND = 0.001  # a part of the upfront cost below it is not worth a line


class MoneyRow(NamedTuple):
    """An arm's line in the table. ``in_all`` counts wrong answers, where they have a price."""

    name: str
    arm: ArmView | None
    upfront: str
    kinds: list[str]
    total: str
    between: str
    in_all: str
    chance: str
    machine: MachineCost | None


class MoneyOverTime:
    """The section of a result; false where the result has no economics (an older one)."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._money = view.result.economics

    def __bool__(self) -> bool:
        return bool(self._money.arms or self._money.reason)

    @property
    def currency(self) -> str:
        return self._money.currency

    @property
    def reason(self) -> str:
        """Why there is nothing to draw; empty where there is."""
        reason = self._money.reason
        return "" if reason is None else self._view.sentence(f"not weighed: {reason}")

    @property
    def with_errors(self) -> bool:
        return self._money.with_errors

    @property
    def horizon(self) -> str:
        return f"{formats.count(self._money.horizon_days)} days"

    @property
    def traffic(self) -> str:
        assumed = " (assumed)" if self._view.task.traffic.assumed else ""
        return f"{formats.count(self._money.requests_per_day)} requests a day{assumed}"

    @property
    def _growth(self) -> str:
        """How the volume changes, between commas; empty where it stays."""
        growth = self._view.task.traffic.growth_per_month
        word = "growing" if (growth or 0.0) > 0 else "shrinking"
        return f", {word} by {_percent(abs(growth))} a month," if growth else ""

    @property
    def _period(self) -> str:
        return f"over {self.horizon} at {self.traffic}{self._growth}"

    @property
    def sentence(self) -> str:
        """Which arm is the cheapest and how likely, and whether tuning has paid, of arms that are drawn."""
        clauses = [self._cheapest(), *map(self.paid_back, self._leading)]
        return f"{'; '.join(filter(None, clauses))}."

    @property
    def _leading(self) -> Sequence[PaidBack]:
        """The first that is to pay back, where the drawing below has both arms."""
        drawn = {arm.arm for arm in self.lines}
        first = self._money.paid_back[:1]
        return [paid for paid in first if {paid.arm, paid.against} <= drawn]

    def _cheapest(self) -> str:
        arms, verdict = self._money.arms, self._view.verdict.arm
        where = self._period.capitalize()
        if len(arms) == 1:
            return f"{arms[0].arm} is the only arm in the choice: {self._only(arms[0])}"
        weighed = [arm for arm in arms if arm.cheapest is not None]
        if not weighed:
            return f"{where} no arm is known to be the cheapest"
        best = max(weighed, key=lambda arm: arm.cheapest or 0.0)
        level = [arm.arm for arm in weighed if arm is best or self._level(arm, best)]
        if len(level) > 1:
            return f"{where} {self._about_level(level)}"
        errors = ", wrong answers included," if self.with_errors else ""
        clause = (
            f"{where} {best.arm} is the cheapest of the {counted(len(arms), 'arm')} in the "
            f"choice{errors} in {_likely(best.cheapest or 0.0)} of the scenarios"
        )
        choice = next((arm for arm in weighed if arm.arm == verdict and arm is not best), None)
        if choice is None:
            return clause
        return f"{clause}, {choice.arm}, which is recommended, in {_likely(choice.cheapest or 0.0)}"

    def _only(self, arm: ArmEconomics) -> str:
        """What it costs, wrong answers included where they have a price, as it is drawn."""
        period = self._period.rstrip(",")
        if not self.with_errors:
            return f"{self.money(arm.total)} {period}"
        return (
            f"{self.money(self._total(arm))} in all {period}, wrong answers included, and "
            f"{self.money(arm.total)} without them"
        )

    def _about_level(self, names: list[str]) -> str:
        """That the cheapest arms cost about the same, and how likely the recommended one beside them is."""
        in_all = " in all" if self.with_errors else ""
        within = level_words(self.currency).replace("%", f"{formats.THIN}%")
        clause = f"{listed(names)} cost least, and about the same{in_all} (within {within})"
        choice = next((a for a in self._money.arms if a.arm == self._view.verdict.arm), None)
        if choice is None or choice.arm in names or choice.cheapest is None:
            return clause
        chance = _likely(choice.cheapest)
        return f"{clause}; {choice.arm}, which is recommended, is the cheapest in {chance} of the scenarios"

    def _level(self, one: ArmEconomics, other: ArmEconomics) -> bool:
        """Whether two arms cost about the same, wrong answers included where they have a price."""
        totals = [self._total(arm) for arm in (one, other)]
        if totals[0] is None or totals[1] is None:
            return False
        return costs_level(Decimal(str(totals[0])), Decimal(str(totals[1])), self.currency)

    def _total(self, arm: ArmEconomics) -> float | None:
        in_all = (arm.band or MoneyBand()).median[-1:] if self.with_errors else ()
        return in_all[0] if in_all else arm.total

    def paid_back(self, paid: PaidBack) -> str:
        """Whether an arm has paid for itself, as a clause without a full stop; days where known."""
        if paid.chance is None:
            return ""
        errors = ", wrong answers included," if self.with_errors else ""
        clause = (
            f"{paid.arm} has paid for itself against {paid.against}{errors} with a chance of "
            f"{_likely(paid.chance)}{self._when(paid)}"
        )
        bare = self._without_errors(paid) if self.with_errors else None
        return clause if bare is None else f"{clause}; without wrong answers, {_likely(bare)}"

    def _when(self, paid: PaidBack) -> str:
        if paid.days is None:
            return ""
        low, high = self._day(paid.days_low), self._day(paid.days_high)
        if low == high:
            return f", on {low}"
        between = f"90{formats.THIN}%: {low} to {high}"
        return f", in half of the scenarios by {self._day(paid.days)} ({between})"

    def _without_errors(self, paid: PaidBack) -> float | None:
        """The chance by the break-even of the two, which counts no wrong answers; ``None`` if not known."""
        crossover = self._view.result.crossover
        evens: dict[tuple[str | None, str | None], BreakEvenWith] = {
            **{(one.arm, one.against): one for one in crossover.pairs},
            **{(one.arm, one.against): one for one in crossover.arms},
        }
        if (even := evens.get((paid.arm, paid.against))) is not None:
            return None if even.never is None else round(1 - even.never, 4)
        turned = evens.get((paid.against, paid.arm))
        # where the two tie as measured, neither being behind is no sign of the other's being ahead
        return None if turned is None or turned.first is None else turned.never

    def _day(self, day: float | None) -> str:
        """A day of service, counted from 1; one that is not reached is after the horizon."""
        if day is None:
            return f"after day {formats.count(self._money.horizon_days)}"
        return f"day {formats.count(max(1, math.ceil(day)))}"

    @property
    def of_choice(self) -> str:
        """The sentence on the recommended arm's paying back; empty where it has none."""
        rows = [paid for paid in self._money.paid_back if paid.arm == self._view.verdict.arm]
        clause = self.paid_back(rows[0]) if rows else ""
        return f"{self._period.capitalize()} {clause}." if clause else ""

    @property
    def others(self) -> str:
        """Whether other tuned arms have paid for themselves; empty where there are none."""
        rest = self._money.paid_back[len(self._leading) :]
        clauses = filter(None, map(self.paid_back, rest))
        return "".join(f"{clause}. " for clause in clauses).strip()

    @property
    def small_print(self) -> str:
        """What was drawn, assumed and not counted."""
        measured = "tokens, measured quality" if self.with_errors else "tokens"
        scenarios = counted(self._money.scenarios, "scenario")
        drawn = f"{scenarios} of measured {measured} and assumed prices"
        clauses = [drawn, *([_ERRORS] if self.with_errors else []), *self._money.assumptions]
        return " ".join(map(self._view.sentence, clauses))

    @cached_property
    def lines(self) -> list[ArmEconomics]:
        """The arms drawn: the recommended one, the reference, the cheapest, then by total."""
        first = [self._view.verdict.arm, self._view.result.reference]
        by_total = self._by_total
        leading = [arm for name in first for arm in by_total if arm.arm == name]
        order = {arm.arm: arm for arm in (*leading, *by_total)}
        return [arm for arm in order.values() if _has_band(arm)][:MOST_LINES]

    @cached_property
    def _by_total(self) -> list[ArmEconomics]:
        """The arms by total; by the median in all where wrong answers have a price."""

        def order(arm: ArmEconomics) -> tuple[bool, float]:
            amount = self._total(arm)
            return amount is None, amount or 0.0

        return sorted(self._money.arms, key=order)

    @cached_property
    def _tones(self) -> dict[str, int]:
        """0 is the recommended arm's alone."""
        verdict = self._view.verdict.arm
        rest = [arm.arm for arm in self.lines if arm.arm != verdict]
        tones = {name: number for number, name in enumerate(rest, start=1)}
        return tones if verdict is None else {verdict: 0, **tones}

    def tone(self, name: str) -> int:
        """The tone of an arm in the map and in the drawing, from 0 on."""
        return self._tones.get(name, MOST_LINES + 1)

    @cached_property
    def map(self) -> MoneyMap:
        return MoneyMap(self._money, self.tone, f"{self.traffic} over {self.horizon}")

    @cached_property
    def rows(self) -> list[MoneyRow]:
        """The table's lines, the cheapest first."""
        return [self._row(arm) for arm in self._by_total]

    def _row(self, economics: ArmEconomics) -> MoneyRow:
        arm = self._view.arm(economics.arm)
        band = economics.band or MoneyBand()
        low, median, high = (self._end(v) for v in (band.low, band.median, band.high))
        between = f"90{formats.THIN}%: {low} to {high}" if band.median and low != high else ""
        return MoneyRow(
            name=economics.arm,
            arm=arm,
            upfront=self.money(self.upfront(economics)),
            kinds=self._kinds(economics),
            total=self.money(economics.total),
            between=between,
            in_all=median,
            chance=formats.NONE if economics.cheapest is None else _likely(economics.cheapest),
            machine=economics.machine,
        )

    def _kinds(self, economics: ArmEconomics) -> list[str]:
        """What was paid upfront, where it is for several things or not known in part."""
        kinds = {k: v for k, v in economics.upfront.items() if v is None or v >= _LEAST_KIND}
        if len(kinds) < 2 and None not in kinds.values():
            return []
        return [f"{k} {'not known' if v is None else self.money(v)}" for k, v in kinds.items()]

    def upfront(self, economics: ArmEconomics) -> float | None:
        arm = self._view.arm(economics.arm)
        return None if arm is None else arm.cost.upfront

    def money(self, amount: float | None) -> str:
        return formats.money(amount, self.currency)

    def _end(self, values: Sequence[float]) -> str:
        return self.money(values[-1] if values else None)

    @property
    def has_machines(self) -> bool:
        return any(arm.machine is not None for arm in self._money.arms)

    @property
    def tornado_title(self) -> str:
        """Whose saving the tornado is about; empty where there is none."""
        first = [(paid.arm, paid.against) for paid in self._money.paid_back[:1]]
        pair = self._money.tornado_of or next(
            iter(first), None
        )  # results of old name the pair there
        if pair is None or not self._money.tornado:
            return ""
        return f"What moves the saving of {pair[0]} over {pair[1]}"


def _likely(probability: float) -> str:
    """A chance that is never told as certain: ``over 99 %``."""
    return _unbroken(likely(probability))


def _percent(share: float) -> str:
    return _unbroken(percent(share))


def _unbroken(figure: str) -> str:
    """A percentage whose sign stays on the line of its figure."""
    return figure.replace(" %", f"{formats.THIN}%")


def _has_band(arm: ArmEconomics) -> bool:
    band = arm.band or MoneyBand()
    return 0 < len(band.low) == len(band.median) == len(band.high)
