"""Answers across runs: paid once, measured alike, and never where a fresh one is wanted."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from steelyard.core import Completion, Message, Price, Request
from steelyard.model import ModelSpec
from steelyard.model.answer_cache import AnswerCache
from steelyard.model.fake import FakeModel
from steelyard.model.hosted.client import HostedModel
from steelyard.store.budget import Budget, prices_of
from steelyard.store.database import Store
from steelyard.store.recorder import Recorder
from steelyard.weigh.steps import about_model
from tests.model.endpoint import Endpoint, Reply, error, serving, stream


def request(text: str, **fields: object) -> Request:
    return Request((Message("user", text),), **fields)  # type: ignore[arg-type]


def reply(sent: dict[str, object], _: int) -> Reply:
    return stream(str(sent["messages"][-1]["content"]).upper())  # type: ignore[index]


class Place:
    """Runs in folders of their own over one cache."""

    def __init__(self, folder: Path, endpoint: Endpoint) -> None:
        self.folder, self.spec = folder, ModelSpec("openai", "small", endpoint.base_url)
        self.cache = AnswerCache(folder / "answers.db")
        self.runs = 0

    def run(
        self, *requests: Request, budget: Budget | None = None, cached: bool = True
    ) -> tuple[list[Completion | None], Store]:
        self.runs += 1
        folder = self.folder / f"run-{self.runs}"
        folder.mkdir()
        store = Store.in_folder(folder)
        recorder = Recorder(store, budget, self.cache if cached else None)
        return recorder.wrap(HostedModel(self.spec)).generate(requests), store


def test_the_second_run_asks_nothing_and_measures_the_same(tmp_path: Path) -> None:
    asked = [request(f"number {n}") for n in range(30)]
    price = Price(input=Decimal(1000), output=Decimal(1000))
    with serving(reply) as endpoint:
        place = Place(tmp_path, endpoint)
        first, store = place.run(*asked)
        budget = Budget(Decimal(0), prices_of([(place.spec, price)]))
        second, again = place.run(*asked, budget=budget)
        assert len(endpoint.requests) == 30
    assert second == first
    assert again.usage() == store.usage(), "what is measured is what it took"
    assert again.paid_by_model() == {}
    assert (store.reused(), again.reused()) == (0, 30)
    assert budget.spent == 0


def test_what_is_missing_is_asked_and_only_that_is_paid(tmp_path: Path) -> None:
    with serving(reply) as endpoint:
        place = Place(tmp_path, endpoint)
        place.run(*(request(f"number {n}") for n in range(10)))
        answers, store = place.run(*(request(f"number {n}") for n in range(15)))
        assert len(endpoint.requests) == 15
    assert [each.text for each in answers if each] == [f"NUMBER {n}" for n in range(15)]
    [(model, paid)] = store.paid_by_model().items()
    assert (model.name, paid.requests) == ("small", 5)
    [(_, used)] = store.usage_by_model().items()
    assert used.requests == 15


@pytest.mark.parametrize("fields", [{"nonce": "latency-0"}, {"temperature": 0.7}])
def test_repeats_and_samples_are_asked_afresh(tmp_path: Path, fields: dict[str, object]) -> None:
    with serving(reply) as endpoint:
        place = Place(tmp_path, endpoint)
        for _ in range(2):
            place.run(request("again", **fields))
        assert len(endpoint.requests) == 2


def test_a_temperature_that_is_sent_along_makes_samples(tmp_path: Path) -> None:
    with serving(reply) as endpoint:
        place = Place(tmp_path, endpoint)
        for sent_along, times in (({"temperature": 0.7}, 2), ({"temperature": 0}, 1)):
            place.spec = replace(place.spec, extra_body=sent_along)
            before = len(endpoint.requests)
            for _ in range(2):
                place.run(request("hi"))
            assert len(endpoint.requests) - before == times


def test_failures_are_asked_afresh(tmp_path: Path) -> None:
    def script(sent: dict[str, object], before: int) -> Reply:
        return stream("fine") if before != 1 else error(400, "not today")

    with serving(script) as endpoint:
        place = Place(tmp_path, endpoint)
        (_, first), _ = place.run(request("one"), request("two"))
        (second,), _ = place.run(request("two"))
    assert first is not None and first.failure is not None
    assert second is not None and second.text == "fine"


def test_without_the_cache_nothing_is_read_or_written(tmp_path: Path) -> None:
    with serving(reply) as endpoint:
        place = Place(tmp_path, endpoint)
        place.run(request("one"), cached=False)
        place.run(request("one"))
        place.run(request("one"), cached=False)
        assert len(endpoint.requests) == 3


def test_other_requests_of_the_same_words_are_other_requests(tmp_path: Path) -> None:
    with serving(reply) as endpoint:
        place = Place(tmp_path, endpoint)
        place.run(request("a"))
        for fields in ({"seed": 1}, {"max_output_tokens": 9}, {"stop": ("\n",)}):
            place.run(request("a", **fields))
        assert len(endpoint.requests) == 4


def test_another_endpoint_is_another_model(tmp_path: Path) -> None:
    with serving(reply) as one, serving(reply) as other:
        place = Place(tmp_path, one)
        place.run(request("a"))
        place.spec = ModelSpec("openai", "small", other.base_url)
        place.run(request("a"))
        assert (len(one.requests), len(other.requests)) == (1, 1)


def test_what_an_endpoint_does_not_take_is_remembered_with_its_answers(tmp_path: Path) -> None:
    def script(sent: dict[str, object], before: int) -> Reply:
        if "seed" in sent:
            return error(400, "seed is not supported", param="seed")
        return stream("fine")

    with serving(script) as endpoint:
        place = Place(tmp_path, endpoint)
        place.run(request("a", seed=1))
        assert len(endpoint.requests) == 2
        store = Store.in_folder(tmp_path)
        model = HostedModel(place.spec)
        Recorder(store, None, place.cache).wrap(model).generate([request("a", seed=1)])
        assert len(endpoint.requests) == 2
        assert model.notes == (
            "the endpoint does not accept a seed: answers may vary from call to call",
        )


def test_what_is_to_be_known_of_an_endpoints_answers_is_told_whoever_asked(tmp_path: Path) -> None:
    note = "the endpoint reports no usage: token counts are estimated"
    with serving(lambda sent, before: stream("fine", usage=None)) as endpoint:
        place = Place(tmp_path, endpoint)
        _, store = place.run(request("a"))
        gone_on = Recorder(store).wrap(HostedModel(place.spec))
        gone_on.generate([request("a")])
        other = Recorder(Store.in_folder(tmp_path), None, place.cache).wrap(HostedModel(place.spec))
        other.generate([request("a")])
        assert len(endpoint.requests) == 1
    assert about_model(gone_on) == about_model(other) == {"endpoint": note}


def test_a_local_model_is_not_cached(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path / "answers.db")
    for n in range(2):
        (tmp_path / str(n)).mkdir()
        fake = FakeModel()
        Recorder(Store.in_folder(tmp_path / str(n)), None, cache).wrap(fake).generate(
            [request("a")]
        )
        assert fake.calls == 1
    assert cache.summary().entries == 0


def test_a_run_that_goes_on_does_not_count_what_it_took_from_the_cache(tmp_path: Path) -> None:
    price = Price(input=Decimal(1000), output=Decimal(1000))
    with serving(reply) as endpoint:
        place = Place(tmp_path, endpoint)
        place.run(request("a"))
        _, store = place.run(request("a"), request("b"))
        budget = Budget(Decimal(9), prices_of([(place.spec, price)]))
        Recorder(store, budget, place.cache)
    assert budget.spent == Decimal("0.043")
