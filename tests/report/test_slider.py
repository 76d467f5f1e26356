"""The slider says what the verdict's own rule says at every price that it offers."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from steelyard.report.exchange import Exchange
from steelyard.report.view import View
from steelyard.result import ArmResult, Result
from steelyard.result.arm import ArmCost
from steelyard.result.figures import Quality
from steelyard.result.run import TaskResult, TrafficResult
from steelyard.result.verdict import VerdictResult
from steelyard.stats import proportion
from steelyard.verdict import Candidate, Case, decide

ARMS = {"tfidf_linear": (280, "0.000001"), "few_shot": (330, "0.001"), "lora": (360, "0.01")}
DAYS, PER_DAY = 365, 1000


def case(error_cost: str | None = None) -> Case:
    def scores(right: int) -> np.ndarray:
        return np.array([1.0] * right + [0.0] * (400 - right))

    candidates = tuple(
        Candidate(
            name,
            name,
            proportion(right, 400),
            scores(right),
            upfront=Decimal(0),
            per_request=Decimal(price),
        )
        for name, (right, price) in ARMS.items()
    )
    price = None if error_cost is None else Decimal(error_cost)
    return Case(candidates, PER_DAY, DAYS, error_cost=price)


def exchange(verdict: VerdictResult, error_cost: float | None = None) -> Exchange:
    arms = tuple(
        ArmResult(
            name=name,
            strategy=name,
            quality=Quality.of(proportion(right, 400), metric="accuracy"),
            cost=ArmCost(upfront=0.0, per_request=float(price)),
        )
        for name, (right, price) in ARMS.items()
    )
    traffic = TrafficResult(requests_per_day=PER_DAY, horizon_days=DAYS, error_cost=error_cost)
    return Exchange(View(Result(task=TaskResult(traffic=traffic), arms=arms, verdict=verdict)))


def test_each_stop_has_the_arm_that_the_rule_chooses_at_its_price() -> None:
    slider = exchange(decide(case()))
    assert [segment.arm for segment in slider.segments] == list(ARMS)
    for stop in slider.stops[1:]:
        price = stop.price.strip("$").replace(",", "")
        assert decide(case(price)).arm == stop.arm, price


@pytest.mark.parametrize("price", ["0.002", "0.05", "5"])
def test_at_the_tasks_own_price_it_shows_the_cost_that_the_verdict_expects(price: str) -> None:
    verdict = decide(case(price))
    slider = exchange(verdict, float(price))
    stop = slider.stops[slider.start]
    assert stop.arm == verdict.arm
    total = verdict.details.expected_cost[stop.arm]
    assert total is not None
    shown = float(stop.monthly.strip("$").replace(",", ""))
    assert shown == pytest.approx(total * 30 / DAYS, rel=0.005)
