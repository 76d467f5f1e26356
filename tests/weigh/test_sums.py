"""Every part of every arm's cost, and break-evens of any two arms, in a run's result."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import combinations, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from steelyard.core import Answer, Completion, Price, Record, Usage
from steelyard.economics import CostSheet, HostedTune, Money, TokenUse
from steelyard.model import ModelSpec
from steelyard.model.accounts import MACHINE
from steelyard.model.planned import PlannedModel
from steelyard.report.view import View
from steelyard.result import parse_result
from steelyard.result.arm import Tokens
from steelyard.result.verdict import BreakEvenWith, Crossover, CrossoverArm, PairBreakEven
from steelyard.verdict import Case
from steelyard.weigh.arms import Costs, RequestMoney
from steelyard.weigh.break_evens import with_ranges
from steelyard.weigh.request_money import Prices, request_money
from steelyard.weigh.sums import sums_of
from tests.tickets import write_task
from tests.weigh.test_conclude import STRATEGIES, run

ENDS = datetime.now(UTC).date() + timedelta(days=100)
HOSTED = f"input: 100, output: 200, hosting_hour: 0.02, storage_month: 5, minimum: 60, ends: {ENDS}"
TRAFFIC = "traffic: {requests_per_day: 500, horizon_days: 200, growth_per_month: 0.05}\n"
DEAR = f"{TRAFFIC}prices: {{label: 0.3, hour: 90, smart: {{{HOSTED}, rebuild: 400}}}}\n"
HOURS = "hours: {zero_shot: 1, few_shot: 2}\n"


def weighed(folder: Path, extra: str, strategies: tuple[str, ...] = STRATEGIES) -> dict[str, Any]:
    task = write_task(folder / "task", rows=120, strategies=strategies, extra=extra)
    return run(task, folder / "out")


@pytest.fixture(scope="module")
def dear(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return weighed(tmp_path_factory.mktemp("dear"), DEAR + HOURS)


def parts_of(result: dict[str, Any], arm: str) -> dict[str, Any]:
    sums = next(one for one in result["economics"]["sums"] if one["arm"] == arm)
    return {part["part"]: part for part in (*sums["upfront"], *sums["running"])}


def test_the_parts_add_up_to_each_arms_total(dear: dict[str, Any]) -> None:
    owned = dear["verdict"]["details"]["cost_to_own"]
    assert {one["arm"] for one in dear["economics"]["sums"]} == {
        arm["name"] for arm in dear["arms"]
    }
    for one in dear["economics"]["sums"]:
        parts = [*one["upfront"], *one["running"]]
        total = math.fsum(part["amount"] for part in parts if part["counted"])
        assert total == pytest.approx(one["total"], rel=1e-14)
        assert one["total"] == pytest.approx(owned[one["arm"]], rel=1e-5)
    for arm in dear["economics"]["arms"]:
        one = next(one for one in dear["economics"]["sums"] if one["arm"] == arm["arm"])
        assert arm["total"] == pytest.approx(one["total"], rel=1e-5)


def test_each_part_is_what_the_task_says_it_costs(dear: dict[str, Any]) -> None:
    parts, split = parts_of(dear, "few_shot"), dear["split"]
    amounts = {name: part["amount"] for name, part in parts.items()}
    assert amounts["test labels"] == pytest.approx(0.3 * split["test"])
    assert amounts["labels"] == pytest.approx(0.3 * (split["train"] + split["dev"]))
    assert amounts["hours"] == 180
    assert amounts["hosting"] == pytest.approx(0.02 * 24 * 200)
    assert amounts["storage"] == pytest.approx(5 * 200 / 30)
    assert amounts["rebuild"] == 400
    requests = dear["task"]["traffic"]["requests_per_day"] * sum(
        1.05**month * days for month, days in enumerate((30,) * 6 + (20,))
    )
    shots = next(arm for arm in dear["arms"] if arm["name"] == "few_shot")
    tokens = shots["tokens"]["input_mean"] * 100e-6 + shots["tokens"]["output_mean"] * 200e-6
    assert amounts["tokens"] == pytest.approx(tokens * requests, rel=1e-6)
    assert amounts["minimum"] == 0, "it applies, and the bill is above it"
    assert set(parts_of(dear, "tfidf_linear")) == {
        *("labels", "test labels", "hours", "training", "evaluation", "machine")
    }, "what does not apply is not there"
    assert parts_of(dear, "tfidf_linear")["hours"]["counted"] is False
    ends = {one["arm"]: one["ends_on"] for one in dear["economics"]["sums"]}
    assert (ends["few_shot"], ends["tfidf_linear"]) == (ENDS.isoformat(), None)


def test_what_the_task_gives_no_price_for_is_not_known_and_says_what_to_give(
    tmp_path: Path,
) -> None:
    result = weighed(tmp_path, "", ("zero_shot", "tfidf_linear"))
    for one in result["economics"]["sums"]:
        parts = {part["part"]: part for part in one["upfront"]}
        for name in ("labels", "test labels"):
            assert parts[name]["amount"] is None and "prices.label" in parts[name]["reason"]
            assert not parts[name]["counted"]
        assert "prices.hour" in parts["hours"]["reason"]


def test_missing_hours_are_named_by_strategy_and_family(
    dear: dict[str, Any], tmp_path: Path
) -> None:
    missing = "hours: {tfidf_linear: …} or {classical: …}"
    assert parts_of(dear, "tfidf_linear")["hours"]["reason"] == f"not counted: give {missing}"
    (sentence,) = (one for one in dear["economics"]["assumptions"] if "people's hours" in one)
    assert "tfidf_linear" in sentence and "prices.hour" not in sentence
    unpriced = weighed(tmp_path, "", ("zero_shot", "tfidf_linear"))
    reason = parts_of(unpriced, "tfidf_linear")["hours"]["reason"]
    assert reason == f"not counted: give prices.hour and {missing}"
    priced = weighed(
        tmp_path / "priced", "prices: {hour: 90}\nhours: {classical: 2}\n", ("tfidf_linear",)
    )
    assert parts_of(priced, "tfidf_linear")["hours"]["amount"] == 180


def usd(amount: str | None, reason: str | None = None) -> Money:
    return Money(None if amount is None else Decimal(amount), "USD", reason)


def measured(strategy: str, completion: Completion | None = None) -> Any:
    """An arm with one answer, as far as its money is concerned."""
    answers = [Answer("x", completion)] if completion is not None else []
    return SimpleNamespace(
        arm=SimpleNamespace(name=strategy, strategy=strategy),
        records=[Record(strategy, "1", "scored", 1.0, "x", answer) for answer in answers],
        tokens=Tokens(),
        model=None,
        search={},
        training=Usage(),
        slowdown=1.0,
        machine_seconds=0.5,
    )


def test_an_unknown_price_makes_the_total_unknown_and_leaves_the_rest() -> None:
    why = "the price of m is unknown"
    whole = CostSheet(
        "few_shot",
        upfront={"evaluation": usd(None, why), "hours": usd("90")},
        tokens=(TokenUse(Price(source=why), Decimal(1)),),
        hosted=HostedTune(usd("0.5")),
    )
    request = RequestMoney(usd(None, why), usd("0"), parts={"tokens": usd(None, why)})
    costs = Costs(whole.upfront, usd(None, why), usd(None, why), request=request, whole=whole)
    case = Case((), 100, 30)
    (one,) = sums_of([measured("few_shot")], {"few_shot": costs}, case, is_judged=True)
    assert (one.total, one.reason, one.line.days) == (None, why, ())
    parts = {part.part: part for part in (*one.upfront, *one.running)}
    assert (parts["tokens"].amount, parts["tokens"].reason) == (None, why)
    assert (parts["hosting"].amount, parts["hours"].amount) == (0.5 * 24 * 30, 90)
    assert not parts["judge"].counted and "judge.cost" in str(parts["judge"].reason)


@pytest.mark.parametrize(("strategy", "here"), [("rag", "retrieval"), ("cascade", "machine")])
def test_what_a_request_costs_by_part(strategy: str, here: str) -> None:
    """Of an arm that reads documents, this machine's own work is finding passages."""
    model, encoder = (ModelSpec("openai", name) for name in ("m", "vectors"))
    priced = (
        PlannedModel("m", model, Price(input=Decimal(1), output=Decimal(2))),
        PlannedModel("encoder", encoder, Price(input=Decimal(3), output=Decimal(0)), True),
    )
    spent = {
        model.account: Usage(1, 100, output_tokens=10),
        MACHINE: Usage(machine_seconds=0.36),
        encoder.account: Usage(1, 50),
    }
    machine = Price(machine_hour=Decimal(10))
    prices = Prices(priced, priced[0].price, machine)
    money = request_money(measured(strategy, Completion("x", "stop", 100, spent=spent)), prices)
    assert {part: float(m.amount or 0) for part, m in money.parts.items()} == {
        "tokens": pytest.approx(120e-6),
        "embedding": pytest.approx(150e-6),
        here: pytest.approx(0.36 * 10 / 3600),
    }
    assert sum(m.amount or 0 for m in money.parts.values()) == money.total.amount


def test_the_line_is_the_sum_so_far_with_its_steps(dear: dict[str, Any]) -> None:
    for one in dear["economics"]["sums"]:
        line = one["line"]
        upfront = math.fsum(part["amount"] for part in one["upfront"] if part["counted"])
        assert (line["days"][0], line["days"][-1]) == (0, 200)
        assert line["cost"][0] == pytest.approx(upfront, rel=1e-5)
        assert line["cost"][-1] == pytest.approx(one["total"], rel=1e-5)
        assert list(line["cost"]) == sorted(line["cost"])
        for low, cost, high in zip(line["low"], line["cost"], line["high"], strict=True):
            assert low <= cost * (1 + 1e-5) and cost <= high * (1 + 1e-5)
        steps = [a for a, b in pairwise(line["days"]) if a == b]
        assert steps == ([100] if one["ends_on"] else [])


def test_any_two_arms_have_a_break_even_and_those_of_the_list_are_the_same(
    dear: dict[str, Any],
) -> None:
    crossover = dear["crossover"]
    pairs = {frozenset((one["arm"], one["against"])): one for one in crossover["pairs"]}
    names = [arm["name"] for arm in dear["arms"]]
    assert set(pairs) == {frozenset(pair) for pair in combinations(names, 2)}
    assert crossover["scenarios"] == 20_000
    for one in crossover["pairs"]:
        assert one["never"] is not None and one["requests"] is not None
        within = [day for day in (one["days_low"], one["days_high"]) if day is not None]
        assert within == sorted(within) and all(0 <= day <= 200 for day in within)
        if one["crossings"]:
            last = one["crossings"][-1]
            assert (last["cheaper"], last["requests"]) == (one["arm"], one["requests"])
            if one["never"] < 0.5:
                assert one["days_low"] <= one["days"] * 1.2
    for one in crossover["arms"]:
        even = one if one["against"] else one["nearest"]
        pair = pairs[frozenset((one["arm"], even["against"]))]
        if pair["arm"] == one["arm"]:
            assert {key: even[key] for key in ("requests", "days_low", "days_high", "never")} == {
                key: pair[key] for key in ("requests", "days_low", "days_high", "never")
            }
        assert even["crossings"] == pair["crossings"]


def test_the_slider_adds_up_to_the_total_of_the_parts(dear: dict[str, Any]) -> None:
    view = View(parse_result(dear))
    for one in dear["economics"]["sums"]:
        month = view.running_a_month(one["arm"])
        assert month is not None
        assert month * 200 / 30 == pytest.approx(one["total"], rel=1e-5), "with its growth"


def test_the_block_repeats_its_arms_entry_with_the_interval(dear: dict[str, Any]) -> None:
    crossover = dear["crossover"]
    entry = next(one for one in crossover["arms"] if one["arm"] == crossover["arm"])
    assert {key: crossover[key] for key in entry} == entry
    assert entry["never"] is not None


def test_without_a_fitted_arm_there_are_intervals_all_the_same() -> None:
    costs = {}
    for name, upfront, each in (("zero_shot", "0", "0.02"), ("few_shot", "30", "0.01")):
        sheet = CostSheet(name, upfront={"hours": usd(upfront)}, extras={"all": usd(each)})
        costs[name] = Costs(sheet.upfront, usd(each), usd(each), sheet)
    even = BreakEvenWith(against="zero_shot", requests=3000, days=30.0)
    block = Crossover(
        reason="no fitted arm was measured",
        arms=(CrossoverArm(arm="few_shot", **dict(even)),),
        pairs=(PairBreakEven(arm="few_shot", **dict(even)),),
    )
    case = Case((), 100, 60)
    ranged = with_ranges(block, [measured(name) for name in costs], costs, case)
    assert (ranged.arm, ranged.reason) == (None, "no fitted arm was measured")
    for one in (*ranged.arms, *ranged.pairs):
        assert (one.days_low, one.days_high, one.never) == (30, 30, 0)
        assert (one.requests_low, one.requests_high) == (3000, 3000)
