"""What can be left to an arm: from records to the share, its reason and its money."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steelyard.core import Record
from steelyard.economics import Money
from steelyard.result.steadiness import Handover
from steelyard.score import build_metric
from steelyard.strategy.base import Brief
from steelyard.task import Task
from steelyard.task.config import build_task
from steelyard.weigh.arms import Costs
from steelyard.weigh.handover import cost_with_people, measure_handover
from tests.weigh.test_calibration import classical, examples, failed, prompted, record

MakeTask = Callable[..., Task]


def handed(
    records: Sequence[Record], target: float = 0.95, groups: Sequence[str] | None = None
) -> Handover:
    items = examples(len(records))
    if groups is not None:
        items = [replace(item, group=group) for item, group in zip(items, groups, strict=True)]
    handover, reason = measure_handover(
        prompted(), records, items, build_metric("accuracy"), 0, target
    )
    assert handover is not None and reason is None
    return handover


def right(count: int, wrong: int = 0, confidence: float | None = None) -> list[Record]:
    return [record(i, confidence, i >= wrong) for i in range(count)]


def test_the_target_is_reached_by_the_lower_limit() -> None:
    sure = [record(i, 0.9 + i / 10_000, True) for i in range(150)]
    unsure = [record(150 + i, 0.5 + i / 10_000, i % 2 == 0) for i in range(150)]
    handover = handed([*sure, *unsure])
    assert (handover.target, handover.level) == (0.95, 0.975)
    assert handover.share == pytest.approx(0.5, abs=0.06)
    assert handover.coverage == pytest.approx(1 - handover.share)
    assert handover.low is not None and handover.low >= 0.95
    lower = handed([*sure, *unsure], target=0.7)
    assert lower.share is not None and lower.share < handover.share


def spread(count: int, every: int) -> list[Record]:
    """Answers of different confidence, one in ``every`` wrong (0: none)."""
    return [record(i, 0.5 + i / 1000, not every or i % every > 0) for i in range(count)]


@pytest.mark.parametrize(
    ("records", "coverage"),
    [
        pytest.param(right(100, confidence=None), 1.0, id="all right, no probabilities"),
        pytest.param([*right(80), *(failed(80 + i) for i in range(20))], 0.8, id="failed go on"),
        pytest.param(right(400, wrong=8), 1.0, id="98 % of many"),
        pytest.param(right(400, wrong=16), 0.0, id="96 % of many: the lower limit is below"),
        pytest.param(right(60), 0.0, id="too few"),
        pytest.param([*right(90), *(record(90 + i, 0.9, True) for i in range(10))], 1.0, id="few"),
        pytest.param([failed(i) for i in range(50)], 0.0, id="none usable"),
        pytest.param([record(i, 0.9, i < 80) for i in range(80)], 1.0, id="one probability"),
    ],
)
def test_without_probabilities_all_answers_are_shown_or_none(
    records: list[Record], coverage: float
) -> None:
    handover = handed(records)
    assert handover.coverage == coverage
    assert handover.share == pytest.approx(1 - coverage)
    assert (handover.reason is None) == (coverage > 0), "0 is never said without its reason"


def test_a_wrong_answer_among_the_surest_ends_nothing() -> None:
    records = [record(i, 0.99 - i / 2000, i != 1) for i in range(600)]
    handover = handed(records)
    assert handover.coverage == 1
    assert handover.low is not None and handover.low >= 0.95


@pytest.mark.parametrize(
    ("records", "target", "words"),
    [
        (right(40, confidence=0.9), 0.95, "40 answers cannot show 95 % accuracy: it takes 73"),
        (right(40), 0.995, "40 answers cannot show 99.5 % accuracy: it takes 765, all of them"),
        (spread(100, 2), 0.9, "no subset of its answers is shown to be 90 % right"),
        (spread(70, 0), 0.95, "70 answers cannot show 95 % accuracy: it takes 73"),
        (
            right(100, 50),
            0.9,
            "its answers are not shown to be 90 % right, and no probability tells",
        ),
        (right(100, confidence=0.9), 1.0, "no number of answers can show 100 % accuracy"),
        ([failed(i) for i in range(50)], 0.9, "none of its answers is usable"),
    ],
)
def test_nothing_shown_is_zero_with_its_reason(
    records: list[Record], target: float, words: str
) -> None:
    handover = handed(records, target)
    assert (handover.coverage, handover.share) == (0, 1)
    assert handover.reason is not None and words in handover.reason


def test_answers_of_a_group_are_one_when_showing_a_target() -> None:
    records = [record(i, 0.5 + i / 2000, True) for i in range(800)]
    few, many = ([str(i // size) for i in range(800)] for size in (20, 4))
    assert handed(records, groups=many).coverage == 1
    handover = handed(records, groups=few)
    assert handover.coverage == 0
    assert handover.reason is not None
    assert "800 answers in 40 groups" in handover.reason and "73 groups" in handover.reason


def test_scores_that_are_not_right_or_wrong_say_so() -> None:
    arm = classical(Brief("Say.", "text"))
    handover, reason = measure_handover(
        arm, right(50), examples(50), build_metric("token_f1"), 0, 0.9
    )
    assert handover is None
    assert reason == "token_f1 does not score answers as right or wrong"


def test_what_is_left_to_an_arm_without_probabilities_keeps_the_target() -> None:
    """An arm that is 98.9 % right is said to be 99 % right in at most 2.5 % of runs."""
    rng = np.random.default_rng(5)
    wrongly = sum(
        handed(
            [record(i, None, bool(r)) for i, r in enumerate(rng.random(600) < 0.989)], 0.99
        ).coverage
        == 1
        for _ in range(200)
    )
    assert wrongly / 200 <= 0.05


@pytest.fixture
def task(tmp_path: Path) -> MakeTask:
    (tmp_path / "examples.jsonl").write_text('{"input": "text", "output": "YES"}', "utf-8")

    def make(**more: Any) -> Task:
        config = {
            "name": "decide",
            "instruction": "Decide.",
            "output": {"kind": "label", "labels": ["YES", "NO"]},
            "examples": "examples.jsonl",
            "traffic": {"requests_per_day": 1000, "horizon_days": 100},
        }
        return build_task({**config, **more}, tmp_path)

    return make


def usd(amount: str | None, reason: str | None = None) -> Money:
    return Money(None if amount is None else Decimal(amount), reason=reason)


def costs(amount: str | None, reason: str | None = None) -> Costs:
    """50 upfront, and so much for each of 1,000 requests a day."""
    request = usd(amount, reason)
    return Costs({"training": usd("50")}, request, request * 30_000)


@pytest.mark.parametrize(
    ("share", "per_request", "monthly", "total"),
    [
        # per day: 1000 x 0.001 for the arm, and 1000 x share x 0.30 for people
        (0.2, 0.061, 1830, 6150),
        (0.0, 0.001, 30, 150),
        (1.0, 0.301, 9030, 30150),
    ],
)
def test_people_are_paid_for_what_is_handed_over(
    task: MakeTask, share: float, per_request: float, monthly: float, total: float
) -> None:
    cost = cost_with_people(share, costs("0.001"), task(prices={"label": 0.30}))
    assert (cost.per_request, cost.monthly, cost.total) == (per_request, monthly, total)
    assert (cost.people_monthly, cost.people_total) == (9000, 30000)
    assert (cost.currency, cost.reason) == ("USD", None)


def test_unknown_money_has_its_reason(task: MakeTask) -> None:
    unpriced = cost_with_people(0.2, costs("0.001"), task())
    assert unpriced.total is unpriced.people_total is None
    assert unpriced.reason is not None and "prices.label" in unpriced.reason
    priced = task(prices={"label": 0.30})
    cost = cost_with_people(0.2, costs(None, "the model's price is unknown"), priced)
    assert (cost.per_request, cost.monthly, cost.total) == (None, None, None)
    assert (cost.people_total, cost.reason) == (30000, "the model's price is unknown")
