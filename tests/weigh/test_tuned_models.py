"""A model that a run makes by hosted tuning: its tag, its price, its training, and the cap over all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from steelyard.errors import BudgetError, ConfigError
from steelyard.store.database import Store
from steelyard.strategy import STRATEGIES, Arm
from steelyard.strategy.base import FitContext
from steelyard.strategy.record import TrainingRecord
from steelyard.strategy.zero_shot import ZeroShot
from steelyard.weigh import run
from tests.model.faulty import events, faulty, send
from tests.tickets import write_task

TUNED = "ft:small:us::1"
PRICES = (
    "prices: {{small: {{input: 1000, output: 1000, training: 10}}{more}}}\nconsistency: false\n"
)
TUNED_PRICE = ", 'ft:small': {input: 3000, output: 3000}"


class HostedTune(ZeroShot):
    """Asks a model that a job at the provider has made of the task's."""

    name = "hosted_tune"

    def fit(self, context: FitContext) -> list[Arm]:
        spec = replace(context.spec, name=TUNED, tuned_from=context.spec)
        arms = super().fit(replace(context, spec=spec, model=context.build_model(spec)))
        for arm in arms:
            arm.fit = replace(arm.fit, training=TrainingRecord(0.0, 50_000))
        return arms


@pytest.fixture
def strategy() -> Iterator[None]:
    STRATEGIES.register("hosted_tune", HostedTune)
    yield
    STRATEGIES.remove("hosted_tune")


def task_at(folder: Path, base_url: str, more: str = TUNED_PRICE) -> Path:
    model: Any = {"provider": "openai", "name": "small", "base_url": base_url}
    return write_task(
        folder, rows=60, model=model, strategies=["hosted_tune"], extra=PRICES.format(more=more)
    )


def answer(connection: Any, said: str, before: int) -> None:
    send(connection, "200 OK", events("BILLING", given=9, produced=1))


def test_a_model_tuned_by_a_provider_has_a_tag_and_prices_of_its_own(
    strategy: None, tmp_path: Path
) -> None:
    with faulty(answer) as endpoint:
        task = task_at(tmp_path / "task", endpoint.base_url)
        result = run(task, tmp_path / "out", max_cost=Decimal(1000)).result
    arm = next(arm for arm in result["arms"] if arm["name"].startswith("hosted_tune"))
    assert (arm["model"], arm["model_tag"]) == (TUNED, "small")
    assert arm["cost"]["per_request"] == pytest.approx(0.03)
    search = arm["fit"]["requests"]
    tokens = search["input_tokens"] + search["output_tokens"]
    assert arm["fit"]["cost"] == pytest.approx(0.003 * tokens + 0.5), "50,000 tokens trained"
    test = 0.03 * result["split"]["test"]
    assert arm["cost"]["upfront"] == pytest.approx(0.003 * tokens + 0.5 + test)


def test_the_cap_counts_a_tuned_model_at_its_own_price(strategy: None, tmp_path: Path) -> None:
    with faulty(answer) as endpoint:
        task = task_at(tmp_path / "task", endpoint.base_url)
        for cap in (Decimal("1.5"), Decimal("2.2")):
            with pytest.raises(BudgetError, match=f"--max-cost {cap}"):
                run(task, tmp_path / "out", max_cost=cap)
            store = Store.in_folder(tmp_path / "out")
            paid = store.usage().requests * Decimal("0.03")
            store.close()
            assert cap / 3 < paid <= cap


def test_a_tuned_model_without_a_price_is_not_taken_for_its_base(
    strategy: None, tmp_path: Path
) -> None:
    with faulty(answer) as endpoint:
        task = task_at(tmp_path / "task", endpoint.base_url, more="")
        with pytest.raises(
            ConfigError, match=r"price of ft:small:us::1: .*add prices: \{ft:small:"
        ):
            run(task, tmp_path / "capped", max_cost=Decimal(1000))
        assert sum(endpoint.asked.values()) == 0
        result = run(task, tmp_path / "out").result
    cost = next(arm["cost"] for arm in result["arms"] if arm["name"].startswith("hosted_tune"))
    assert (cost["upfront"], cost["per_request"], cost["monthly"]) == (None, None, None)
    assert "the price of 'small', which it was tuned from, does not apply" in cost["reason"]
