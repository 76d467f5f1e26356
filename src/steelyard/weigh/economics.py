"""Money over time: the measured arms as sheets, and what scenarios of them show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from steelyard.economics import (
    DAYS_PER_MONTH,
    CostSheet,
    Doubts,
    MachineUse,
    Money,
    Simulation,
    Traffic,
    choice_map,
    cost_over_time,
    simulate,
    to_number,
)
from steelyard.result.economics import (
    ArmEconomics,
    CheapestMap,
    CostSwing,
    Economics,
    MachineCost,
    MoneyBand,
    PaidBack,
)
from steelyard.result.verdict import VerdictResult
from steelyard.strategy import traits_of
from steelyard.verdict.base import Case
from steelyard.verdict.rule import LIKELY_NEAR
from steelyard.weigh.arms import Costs, MeasuredArm
from steelyard.weigh.doubts import (
    MACHINES_A_YEAR,
    SCENARIOS,
    TOKENS_A_YEAR,
    Expected,
    doubts_of,
    expected_qualities,
)
from steelyard.weigh.sums import sums_of
from steelyard.words import listed, percent

VOLUMES = tuple(Decimal(10) ** exponent for exponent in range(2, 8))
MONTHS = (1, 3, 6, 12, 24, 36)
_MOST_ARMS = 16


def economics_of(
    arms: Sequence[MeasuredArm],
    costs: Mapping[str, Costs],
    case: Case,
    verdict: VerdictResult,
    reference: str | None,
    *,
    is_judged: bool,
) -> Economics:
    """What the arms that the verdict chooses among cost over time, by the same costs as the verdict's."""
    traffic, qualities = case.traffic, {}
    if case.error_cost is not None:
        qualities = expected_qualities(case, costs, verdict.details.chances)
    sheets = {
        name: sheet
        for name in (measured.arm.name for measured in arms)
        if (sheet := _sheet(costs[name], case, qualities.get(name))) is not None
    }
    plain = Economics(
        currency=case.currency,
        horizon_days=case.horizon_days,
        requests_per_day=case.requests_per_day,
        with_errors=case.error_cost is not None,
        sums=sums_of(arms, costs, case, is_judged=is_judged),
    )
    among = [sheets[name] for name in _among(case, verdict) if name in sheets]
    among, dearest = _cheapest_first(among, traffic, verdict.arm)
    if not among:
        return plain.updated(reason="no arm that the verdict could choose has a known cost")
    doubts = doubts_of(arms, sheets, qualities)
    pairs = _pairs(arms, sheets, reference, verdict.arm)

    def scenarios(of: Sequence[CostSheet], pairs: Sequence[tuple[str, str]] = ()) -> Simulation:
        mine = Doubts({sheet.name: doubts.arms[sheet.name] for sheet in of}, doubts.prices)
        return simulate(of, traffic, mine, pairs, scenarios=SCENARIOS, seed=case.seed)

    course = scenarios(among)
    rivals = _rivals(among, course, verdict.arm)
    asking = {measured.arm.name for measured in arms if measured.model is not None}
    return plain.updated(
        scenarios=course.scenarios,
        arms=tuple(_arm(sheet, traffic, course, asks=sheet.name in asking) for sheet in among),
        map=_map(among, traffic),
        assumptions=(*_assumptions(arms, sheets, case), *_left_out(dearest)),
        paid_back=_paid_back(scenarios(_of_pairs(sheets, pairs), pairs)) if pairs else (),
        tornado_of=rivals,
        tornado=_tornado(scenarios(_of_pairs(sheets, [rivals]), [rivals])) if rivals else (),
    )


def _cheapest_first(
    sheets: Sequence[CostSheet], traffic: Traffic, choice: str | None
) -> tuple[list[CostSheet], list[str]]:
    """Return the choice and the cheapest over the horizon, in the order given; and the names of the rest."""

    def rank(sheet: CostSheet) -> tuple[bool, Decimal]:
        total = cost_over_time(sheet, traffic).total.amount
        return sheet.name != choice, Decimal("Infinity") if total is None else total

    first = {sheet.name for sheet in sorted(sheets, key=rank)[:_MOST_ARMS]}
    rest = [sheet.name for sheet in sheets if sheet.name not in first]
    return [sheet for sheet in sheets if sheet.name in first], rest


def _left_out(dearest: Sequence[str]) -> list[str]:
    if not dearest:
        return []
    return [
        f"shown are the {_MOST_ARMS} arms that cost the least over the horizon; dearer, and not shown here: "
        f"{listed(dearest, len(dearest))}"
    ]


def _rivals(
    among: Sequence[CostSheet], simulation: Simulation, choice: str | None
) -> tuple[str, str] | None:
    """The choice, or without one the arm most likely the cheapest, and its likeliest rival in money."""
    names = sorted((sheet.name for sheet in among), key=lambda name: -simulation.cheapest[name])
    first = choice if choice in names else names[0]
    others = [name for name in names if name != first]
    return (first, others[0]) if others else None


def _of_pairs(sheets: Mapping[str, CostSheet], pairs: Sequence[tuple[str, str]]) -> list[CostSheet]:
    return [sheets[name] for name in dict.fromkeys(sum(pairs, ()))]


def _among(case: Case, verdict: VerdictResult) -> list[str]:
    """The arms whose money decides: those likely near the best; with a price of errors, all in the choice."""
    chances = verdict.details.chances
    if case.error_cost is not None:
        floor = verdict.details.floor
        return [*chances, *([floor] if floor is not None else [])]
    return [
        name for name, chance in chances.items() if chance >= LIKELY_NEAR or name == verdict.arm
    ]


def _arm(sheet: CostSheet, traffic: Traffic, simulation: Simulation, *, asks: bool) -> ArmEconomics:
    """What is shown of an arm; only one that asks a language model needs a machine of its own."""
    course = cost_over_time(replace(sheet, error_cost=None, quality=None), traffic)
    band = simulation.bands[sheet.name]
    return ArmEconomics(
        arm=sheet.name,
        upfront={kind: to_number(money.amount) for kind, money in sheet.upfront.items()},
        total=to_number(course.total.amount),
        cheapest=round(simulation.cheapest[sheet.name], 4),
        band=MoneyBand(
            low=_rounded(band.low), median=_rounded(band.median), high=_rounded(band.high)
        ),
        machine=_machine(sheet, traffic) if asks else None,
    )


def _map(sheets: Sequence[CostSheet], traffic: Traffic) -> CheapestMap:
    still = replace(traffic, growth_per_month=Decimal(0))
    cells = choice_map(sheets, still, VOLUMES, MONTHS)
    return CheapestMap(
        volumes=tuple(map(float, cells.volumes)), months=cells.months, cheapest=cells.cheapest
    )


def _paid_back(simulation: Simulation) -> tuple[PaidBack, ...]:
    return tuple(
        PaidBack(
            arm=one.arm,
            against=one.against,
            chance=round(one.chance, 4),
            days_low=to_number(one.days_low),
            days=to_number(one.days),
            days_high=to_number(one.days_high),
        )
        for one in simulation.pay_back
    )


def _tornado(simulation: Simulation) -> tuple[CostSwing, ...]:
    return tuple(
        CostSwing(input=swing.input, low=_number(swing.low), high=_number(swing.high))
        for swing in simulation.tornado
    )


def _sheet(costs: Costs, case: Case, quality: Expected | None) -> CostSheet | None:
    """An arm's sheet with its wrong answers, where these have a price; ``None`` where it is not known."""
    if costs.sheet is None or case.error_cost is None:
        return costs.sheet
    if quality is None:
        return None
    price = Money(case.error_cost, costs.sheet.currency)
    return replace(costs.sheet, error_cost=price, quality=Decimal(str(quality.mean)))


def _machine(sheet: CostSheet, traffic: Traffic) -> MachineCost | None:
    use = sheet.machine
    if use is None:
        return None
    on = CostSheet(
        sheet.name,
        sheet.currency,
        machine=MachineUse(use.hour, use.seconds, use.requests_per_second, shared=False),
    )
    month = replace(traffic, horizon_days=DAYS_PER_MONTH, growth_per_month=Decimal(0))
    return MachineCost(
        hour=to_number(use.hour.amount),
        busy_month=to_number(
            (use.hour * (use.seconds / 3600 * traffic.requests_per_day * 30)).amount
        ),
        on_month=to_number(cost_over_time(on, month).total.amount),
        replicas=use.replicas(traffic.requests_per_day, traffic.peak),
    )


def _pairs(
    arms: Sequence[MeasuredArm],
    sheets: Mapping[str, CostSheet],
    reference: str | None,
    choice: str | None,
) -> list[tuple[str, str]]:
    """Each arm that was tuned against the reference, the choice first."""
    names = [m.arm.name for m in arms if traits_of(m.arm.strategy).tunes and m.arm.name in sheets]
    names.sort(key=lambda name: name != choice)
    if reference is None or reference not in sheets:
        return []
    return [(name, reference) for name in names if name != reference]


def _assumptions(
    arms: Sequence[MeasuredArm], sheets: Mapping[str, CostSheet], case: Case
) -> tuple[str, ...]:
    lost = [measured.arm.name for measured in arms if measured.arm.name not in sheets]
    sentences = [
        f"in a year the price of tokens changes by {percent(TOKENS_A_YEAR)} and that of machines by "
        f"{percent(MACHINES_A_YEAR)} (standard deviation, up or down)",
        "a machine's month is shown both ways, by its busy seconds and always on; the sums hold what "
        "prices.machine says",
        "the map is of the measured figures, without their uncertainty and without growth of the traffic",
    ]
    if any(sheet.end is not None for sheet in sheets.values()):
        sentences.append(
            "a model that its vendor ends within the horizon is built anew on that day, at the price of "
            "the rebuild"
        )
    for kind, ask in _asked(case).items():
        without = [name for name, sheet in sheets.items() if kind in sheet.not_counted]
        if len(without) == len(sheets):
            sentences.append(f"not counted: {ask}")
        elif without:
            sentences.append(f"not counted for {listed(without)}: {ask}")
    return (*sentences, *([f"cost unknown, so not weighed: {', '.join(lost)}"] if lost else []))


def _asked(case: Case) -> dict[str, str]:
    """What is counted upfront only where the task says what it costs, with the keys it lacks."""
    hours = (
        "prices.hour and hours" if case.hour_cost is None else "hours of their strategy or family"
    )
    return {"labels": "labels (prices.label)", "hours": f"people's hours ({hours})"}


def _rounded(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(map(_number, values))


def _number(value: float) -> float:
    return to_number(value) or 0.0
