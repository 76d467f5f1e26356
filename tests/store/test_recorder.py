"""The recorder: stored before seen, and nothing asked twice."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.core import Completion, Message, Price, Request
from steelyard.economics import cost_of
from steelyard.errors import BudgetError, EndpointError
from steelyard.model.base import OnDone
from steelyard.model.fake import FakeModel, FakeOptions
from steelyard.model.phase import current_phase, during
from steelyard.store.budget import Budget
from steelyard.store.database import Store
from steelyard.store.recorder import Recorder, completion_key

CHOICES = ("BILLING", "OTHER")


def request(text: str, nonce: str = "") -> Request:
    return Request((Message("user", text),), choices=CHOICES, nonce=nonce)


class GoesAway(FakeModel):
    """Answers one request, is not reached by the next, is paid for a refusal, and is gone."""

    def generate(
        self,
        requests: Sequence[Request],
        on_done: OnDone | None = None,
        skip: frozenset[int] = frozenset(),
    ) -> list[Completion | None]:
        assert on_done is not None
        on_done([(0, Completion("BILLING", "choice"))])
        on_done([(1, Completion("", "error", failure="HTTP 503"))])
        on_done([(2, Completion("", "error", input_tokens=9, failure="the model refused"))])
        raise EndpointError("cannot reach the endpoint", unserved={1})


def test_what_is_stored_is_not_asked_again(store: Store) -> None:
    fake = FakeModel()
    model = Recorder(store).wrap(fake)
    first = model.generate([request("a"), request("b")])
    assert model.generate([request("b"), request("a"), request("c")])[:2] == first[::-1]
    assert fake.calls == 3


def test_duplicates_in_one_call_are_asked_once(store: Store) -> None:
    fake = FakeModel()
    seen: list[int] = []
    answers = (
        Recorder(store)
        .wrap(fake)
        .generate(
            [request("a"), request("b"), request("a")], lambda done: seen.extend(i for i, _ in done)
        )
    )
    assert fake.calls == 2
    assert answers[0] == answers[2]
    assert sorted(seen) == [0, 1, 2]


def test_a_nonce_and_a_fingerprint_make_another_key(store: Store) -> None:
    keys = {
        completion_key("m", request("a")),
        completion_key("m", request("a", "latency-0")),
        completion_key("n", request("a")),
    }
    assert len(keys) == 3


def test_phases_keep_their_accounts(store: Store) -> None:
    recorder = Recorder(store)
    model = recorder.wrap(FakeModel())
    with during("fit:few_shot"):
        model.generate([request("a"), request("b")])
    with during("test:few_shot"):
        model.generate([request("b"), request("c")])
    assert store.usage("fit:few_shot").requests == 2
    assert store.usage("test:few_shot").requests == 1
    [wanted] = store.usage_by_model("test:few_shot").values()
    assert wanted.requests == 2
    [paid] = store.paid_by_model().values()
    assert paid.requests == 3


def test_threads_ask_nothing_twice_and_keep_their_phases(store: Store) -> None:
    fake = FakeModel(options=FakeOptions(sleep=0.005, batch=2))
    recorder = Recorder(store)
    models = [recorder.wrap(fake), recorder.wrap(fake)]
    asked = [request(text) for text in "abcdefgh"]

    def ask(thread: int) -> list[Completion | None]:
        with during(f"test:{thread}"):
            return models[thread % 2].generate(asked)

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(ask, range(4)))
    assert fake.calls == len(asked)
    assert answers == [answers[0]] * 4
    for thread in range(4):
        [wanted] = store.usage_by_model(f"test:{thread}").values()
        assert wanted.requests == len(asked)
    assert sum(store.usage(f"test:{thread}").requests for thread in range(4)) == len(asked)


def test_a_phase_inside_another_keeps_its_clock_going() -> None:
    batches: list[str] = []
    with during("fit:a", lambda: batches.append(current_phase().name)):
        with during("judge"):
            current_phase().on_stored()
        current_phase().on_stored()
    assert batches == ["judge", "fit:a"]
    assert current_phase().name == "other"


def test_a_batch_is_stored_before_it_is_passed_on(store: Store) -> None:
    asked = [request(text) for text in "abcdef"]
    model = Recorder(store).wrap(FakeModel(options=FakeOptions(batch=2)))

    def check(done: Sequence[tuple[int, Completion]]) -> None:
        keys = [completion_key(model.fingerprint, asked[index]) for index, _ in done]
        assert len(store.completions(keys)) == len(done)

    model.generate(asked, check)


def test_only_what_was_not_paid_is_forgotten_when_the_endpoint_goes_away(store: Store) -> None:
    model = Recorder(store).wrap(GoesAway())
    asked = [request("a"), request("b"), request("c"), request("d")]
    with pytest.raises(EndpointError):
        model.generate(asked)
    again = FakeModel()
    answers = Recorder(store).wrap(again).generate(asked)
    assert again.calls == 2, "the one that was not served, and the one that was never sent"
    assert answers[2] is not None
    assert answers[2].failure == "the model refused"


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    texts=st.lists(st.text("abc ", min_size=1, max_size=6), min_size=1, max_size=20),
    stop_after=st.integers(0, 10),
    batch=st.integers(1, 5),
)
def test_an_interrupted_call_ends_as_an_undisturbed_one(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], stop_after: int, batch: int
) -> None:
    asked = [request(text) for text in texts]
    calm = Store.in_folder(tmp_path_factory.mktemp("calm"))
    expected = Recorder(calm).wrap(FakeModel(options=FakeOptions(batch=batch))).generate(asked)

    class StoppedError(Exception):
        pass

    batches = 0

    def stop(done: Sequence[tuple[int, Completion]]) -> None:
        nonlocal batches
        batches += 1
        if batches > stop_after:
            raise StoppedError

    rough = Store.in_folder(tmp_path_factory.mktemp("rough"))
    fake = FakeModel(options=FakeOptions(batch=batch))
    with suppress(StoppedError):
        Recorder(rough).wrap(fake).generate(asked, stop)
    assert Recorder(rough).wrap(fake).generate(asked) == expected
    assert fake.calls == len(set(asked)), "nothing is asked twice"
    assert rough.usage() == calm.usage()


def test_max_cost_stops_before_it_is_passed(store: Store) -> None:
    price = Price(input=Decimal(1000), output=Decimal(1000))
    cap = Decimal("0.5")
    fake = FakeModel(options=FakeOptions(local=False))
    budget = Budget(cap, {"fake:smart": price})
    model = Recorder(store, budget).wrap(fake)
    asked = [Request((Message("user", f"question {i}"),), 8) for i in range(100)]
    with pytest.raises(BudgetError, match="raise --max-cost and run again"):
        model.generate(asked)
    spent = store.usage()
    assert 0 < spent.requests == fake.calls < 100
    paid = cost_of(spent, price).amount
    assert cap / 2 < paid == budget.spent <= cap
    raised = Recorder(store, Budget(Decimal(100), {"fake:smart": price})).wrap(fake)
    raised.generate(asked)
    assert fake.calls == 100, "going on asks only what is missing"


def test_a_cap_does_not_hold_a_local_model(store: Store) -> None:
    fake = FakeModel()
    Recorder(store, Budget(Decimal(0), {})).wrap(fake).generate([request("a")])
    assert fake.calls == 1


def test_a_local_model_that_is_let_go_is_built_again_at_the_next_question(store: Store) -> None:
    built: list[FakeModel] = []

    def build() -> FakeModel:
        built.append(FakeModel())
        return built[-1]

    model = Recorder(store).later(build)
    model.generate([request("a")])
    model.release()
    assert not model.built
    model.generate([request("a"), request("b")])
    assert [one.calls for one in built] == [1, 1], "what is stored is not asked again"
    hosted = Recorder(store).wrap(FakeModel(options=FakeOptions(local=False)))
    hosted.generate([request("c")])
    hosted.release()
    assert hosted.built, "what an endpoint's client has learnt stays"
