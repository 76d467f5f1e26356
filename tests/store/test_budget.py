"""The cap: set aside before sending, counted from what was used, never passed."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.core import Completion, Message, Price, Request, Usage
from steelyard.economics import cost_of
from steelyard.errors import BudgetError, ConfigError
from steelyard.model import ModelSpec
from steelyard.model.base import Meter
from steelyard.model.hosted.client import HostedModel
from steelyard.store.budget import Budget, former_prices, prices_of
from steelyard.store.database import Store
from steelyard.store.recorder import Recorder
from steelyard.store.tables import AskedModel, StoredCompletion
from tests.model.faulty import events, faulty, send

PRICE = Price(input=Decimal(1000), output=Decimal(1000))
SMALL = AskedModel("openai|http://a/v1|small", "small")


def request(text: str = "hello", **fields: object) -> Request:
    return Request((Message("user", text),), 10, **fields)  # type: ignore[arg-type]


def used(given: int, produced: int) -> Completion:
    return Completion("x", "stop", input_tokens=given, output_tokens=produced)


def amount(given: int, produced: int) -> Decimal:
    cost = cost_of(Usage(1, given, output_tokens=produced), PRICE).amount
    assert cost is not None
    return cost


def meter(budget: Budget, model: AskedModel = SMALL) -> Meter:
    found = budget.meter(model, lambda text: len(text.split()))
    assert found is not None
    return found


def test_what_is_set_aside_comes_back_when_it_is_settled() -> None:
    bound = amount(1 + 24, 10 + 24)
    one = meter(Budget(bound * Decimal("1.5"), {"small": PRICE}))
    assert one.reserve(request()) == "go"
    assert one.reserve(request()) == "wait"
    one.settle(request(), None)
    assert one.reserve(request()) == "go"
    one.settle(request(), used(25, 34))
    assert one.reserve(request()) == "stop"
    assert "raise --max-cost and run again" in str(one.over())


def test_schema_and_choices_are_sent_so_they_count() -> None:
    budget = Budget(Decimal(1), {"small": PRICE})
    schema = '{"type": "object", ' + '"a b": 1, ' * 400 + '"b": 2}'
    assert meter(budget).reserve(request()) == "go"
    assert meter(budget).reserve(request(schema=schema)) == "stop"
    assert meter(budget).reserve(request(choices=tuple(f"label {n}" for n in range(80)))) == "stop"


@settings(deadline=None)
@given(
    costs=st.lists(st.tuples(st.integers(1, 25), st.integers(0, 34)), min_size=1, max_size=60),
    cap=st.integers(0, 1500),
    in_flight=st.integers(1, 12),
    seed=st.integers(0, 9),
)
def test_the_cap_holds_whatever_arrives_when(
    costs: list[tuple[int, int]], cap: int, in_flight: int, seed: int
) -> None:
    rng = random.Random(seed)
    budget = Budget(Decimal(cap) / 1000, {"small": PRICE})
    one = meter(budget)
    left, flying, served = list(costs), [], 0
    while left or flying:
        word = one.reserve(request()) if left and len(flying) < in_flight else "wait"
        if word == "go":
            flying.append(left.pop())
        elif flying:
            given_tokens, produced = flying.pop(rng.randrange(len(flying)))
            one.settle(request(), used(given_tokens, produced))
            served += 1
        else:
            assert word == "stop", "with nothing in flight there is nothing to wait for"
            break
        assert budget.spent <= budget.cap
    bound = amount(25, 34)
    assert served == len(costs) or budget.spent + bound > budget.cap, "it stops no earlier"


def test_an_answer_beyond_its_length_makes_the_next_ones_dearer() -> None:
    bound = amount(25, 34)
    one = meter(Budget(bound * 12, {"small": PRICE}))
    assert one.reserve(request()) == "go"
    one.settle(request(), used(25, 34 + 5 * 59))
    assert one.reserve(request()) == "go"
    assert one.reserve(request()) == "wait"
    one.settle(request(), used(25, 34 + 5 * 59))
    assert one.reserve(request()) == "stop"
    assert "6.0 times what their length allows" in str(one.over())


def test_several_models_share_the_cap_at_their_own_prices() -> None:
    other = AskedModel("openai|http://a/v1|large", "large")
    dear = Price(input=Decimal(10_000), output=Decimal(10_000))
    budget = Budget(Decimal("0.7"), {SMALL.fingerprint: PRICE, "large": dear})
    assert meter(budget, other).reserve(request()) == "go"
    assert meter(budget).reserve(request()) == "go"
    assert meter(budget).reserve(request()) == "wait"
    meter(budget, other).settle(request(), used(30, 20))
    assert budget.spent == Decimal("0.5")
    assert meter(budget).reserve(request()) == "go"
    assert meter(budget, other).reserve(request()) == "stop"


def test_what_the_folder_paid_before_counts() -> None:
    budget = Budget(Decimal(1), {"small": PRICE})
    free = AskedModel("local", "local")
    budget.resume(
        {SMALL: Usage(3, 500, 200, 300), free: Usage(9, 999, 0, 999, machine_seconds=1.0)}
    )
    assert budget.spent == Decimal("0.8")


def answer_of(store: Store, model: AskedModel, completion: Completion) -> None:
    store.know_model(model)
    store.add_completions(
        [StoredCompletion(model.name, "test", model.fingerprint, request(), completion)]
    )


def test_a_model_that_left_still_counts_at_the_price_it_had(tmp_path: Path) -> None:
    store = Store.in_folder(tmp_path)
    gone = AskedModel("openai|http://a/v1|gone", "gone")
    by_hour = AskedModel("openai|http://a/v1|ours", "ours")
    batched = AskedModel("openai|http://a/v1|listed|batch", "listed")
    for model in (SMALL, gone, by_hour):
        answer_of(store, model, used(300, 200))
    asked = {SMALL.fingerprint: PRICE, gone.fingerprint: replace(PRICE, output=Decimal("0.5"))}
    former_prices(store, asked | {by_hour.fingerprint: Price(machine_hour=Decimal(2))}, {})
    former_prices(store, {gone.fingerprint: Price(source="forgotten")}, {})
    answer_of(store, batched, used(1000, 0))
    own = {"listed": {"input": 1000, "output": 1, "batch": 0.4}}
    budget = Budget(Decimal(9), {"new": PRICE}, former_prices(store, {"new": PRICE}, own))
    budget.resume(store.paid_by_model())
    assert budget.spent == Decimal("0.5") + Decimal("0.3001") + Decimal("0.4")


def test_a_cap_over_what_cannot_be_counted_is_refused(tmp_path: Path) -> None:
    store = Store.in_folder(tmp_path)
    answer_of(store, SMALL, used(300, 200))
    paid = store.paid_by_model()
    unknown = Budget(Decimal(9), {"new": PRICE}, former_prices(store, {"new": PRICE}, {}))
    with pytest.raises(ConfigError, match="small has no known price: give"):
        unknown.resume(paid)
    euro = Budget(Decimal(9), {"new": PRICE}, {"small": replace(PRICE, currency="EUR")})
    with pytest.raises(ConfigError, match="was paid in EUR, not in USD"):
        euro.resume(paid)
    unknown.resume({SMALL: Usage(1)})
    assert unknown.spent == 0


def test_a_model_by_the_hour_has_no_meter_and_one_without_price_is_refused() -> None:
    budget = Budget(Decimal(1), {"small": Price(machine_hour=Decimal(2))})
    assert budget.meter(SMALL, len) is None
    unknown = AskedModel("openai|http://a/v1|new", "new")
    with pytest.raises(ConfigError, match="--max-cost needs the price of new"):
        budget.meter(unknown, len)


def test_prices_are_found_by_fingerprint_before_anything_is_built() -> None:
    near = ModelSpec("openai", "small", "http://127.0.0.1:1/v1")
    far = ModelSpec("openai", "small", "http://127.0.0.1:2/v1", batch=True)
    known = prices_of([(near, PRICE), (far, Price(source="far"))])
    assert known == {
        HostedModel(near).fingerprint: PRICE,
        "openai|http://127.0.0.1:2/v1|small|batch": Price(source="far"),
    }


class Gauge:
    """How many are inside at once, at most."""

    def __init__(self) -> None:
        self._lock, self._now, self.most = threading.Lock(), 0, 0

    def __enter__(self) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._now -= 1


def asked(count: int) -> list[Request]:
    return [Request((Message("user", f"item {n}"),), 8) for n in range(count)]


def test_a_cap_does_not_slow_the_client_down_and_stops_at_it(tmp_path: Path) -> None:
    """Served usage is far below what is set aside; the money that is left at the end is small."""
    gauge = Gauge()

    def behave(connection: object, said: str, before: int) -> None:
        with gauge:
            time.sleep(0.02)
        send(connection, "200 OK", events(said, given=9, produced=1))  # type: ignore[arg-type]

    store = Store.in_folder(tmp_path)
    with faulty(behave) as endpoint:
        spec = ModelSpec("openai", "small", base_url=endpoint.base_url)
        budget = Budget(Decimal("12.0"), prices_of([(spec, PRICE)]))
        recorder = Recorder(store, budget)
        model = recorder.wrap(HostedModel(spec))
        with pytest.raises(BudgetError, match=r"stopped at 11\.\d+ USD of --max-cost 12"):
            model.generate(asked(2000))
        served = sum(endpoint.asked.values())
    assert gauge.most > 16
    assert store.usage().requests == served == budget.spent / Decimal("0.01")
    assert Decimal("11.9") < budget.spent <= 12


def test_usage_beyond_expectation_stops_at_once(tmp_path: Path) -> None:
    """After 300 answers the endpoint begins to bill a hundred times as much."""

    def behave(connection: object, said: str, before: int) -> None:
        produced = 1 if int(said.split()[1]) < 300 else 1000
        send(connection, "200 OK", events(said, given=9, produced=produced))  # type: ignore[arg-type]

    store = Store.in_folder(tmp_path)
    with faulty(behave) as endpoint:
        spec = ModelSpec("openai", "small", base_url=endpoint.base_url)
        budget = Budget(Decimal(10), prices_of([(spec, PRICE)]))
        with pytest.raises(BudgetError, match="hidden reasoning"):
            Recorder(store, budget).wrap(HostedModel(spec)).generate(asked(2000))
        served = sum(endpoint.asked.values())
    assert store.usage().requests == served
    dear = store.usage().output_tokens // 1000
    assert dear <= 64, "no more than were in flight when the first of them arrived"
    assert budget.spent <= 10 + 64 * Decimal("1.009")


def test_usage_beyond_expectation_from_the_start_keeps_the_cap(tmp_path: Path) -> None:
    """Each answer bills twenty times its bound; the first one goes alone and shows it."""

    def behave(connection: object, said: str, before: int) -> None:
        send(connection, "200 OK", events(said, given=9, produced=1191))  # type: ignore[arg-type]

    store = Store.in_folder(tmp_path)
    with faulty(behave) as endpoint:
        spec = ModelSpec("openai", "small", base_url=endpoint.base_url)
        budget = Budget(Decimal(10), prices_of([(spec, PRICE)]))
        with pytest.raises(BudgetError, match="--max-cost 10"):
            Recorder(store, budget).wrap(HostedModel(spec)).generate(asked(500))
        assert store.usage().requests == sum(endpoint.asked.values()) == 8
    assert budget.spent == Decimal("9.6")


def test_going_on_under_a_higher_cap_asks_only_what_is_missing(tmp_path: Path) -> None:
    store = Store.in_folder(tmp_path)
    with faulty(lambda c, said, _: send(c, "200 OK", events(said))) as endpoint:
        spec = ModelSpec("openai", "small", base_url=endpoint.base_url)
        for cap in ("0.2", "0.5", "9"):
            budget = Budget(Decimal(cap), prices_of([(spec, PRICE)]))
            model = Recorder(store, budget).wrap(HostedModel(spec))
            try:
                model.generate(asked(100))
            except BudgetError:
                assert budget.spent <= Decimal(cap)
        assert budget.spent == 1
        assert set(endpoint.asked.values()) == {1}
        assert sum(endpoint.asked.values()) == 100
