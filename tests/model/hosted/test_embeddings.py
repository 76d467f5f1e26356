"""Vectors from a loopback endpoint: order, length, money, and what an endpoint may do wrong."""

from __future__ import annotations

import base64
import json
import threading
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from steelyard.core import Usage
from steelyard.economics import cost_of
from steelyard.errors import BudgetError, ConfigError, CredentialError, EndpointError
from steelyard.model import ModelSpec
from steelyard.model.hosted.embeddings import EmbeddingOptions, EndpointEncoder
from steelyard.model.hosted.refusals import Retries
from steelyard.model.prices import embedding_price
from steelyard.model.trust import agree, key_use
from steelyard.store.budget import Budget
from steelyard.store.tables import AskedModel
from tests.model.endpoint import Endpoint, Reply, error, serving

KEY = "sk-secret-0123456789abcdef"


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)


def vector(text: str) -> list[float]:
    return [float(len(text)), 1.0, float(text.count("a"))]


def answer(request: dict[str, Any], _: int = 0, **more: Any) -> Reply:
    """As OpenAI answers, but out of order: ``index`` says which is whose."""
    texts = request["input"]
    rows = [{"index": place, "embedding": vector(text)} for place, text in enumerate(texts)]
    tokens = sum(map(len, texts))
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    body = {"object": "list", "model": request["model"], "data": rows[::-1], "usage": usage}
    return Reply(200, json.dumps({**body, **more}), "application/json")


def encoder(endpoint: Endpoint, dimensions: int | None = None, **options: Any) -> EndpointEncoder:
    agree(key_use("OPENAI_API_KEY", endpoint.base_url))
    spec = ModelSpec("openai", "small", base_url=endpoint.base_url)
    quick = Retries(2, least_seconds=0.01)
    return EndpointEncoder(spec, dimensions, EmbeddingOptions(retries=quick, **options))


def expected(texts: list[str]) -> Any:
    vectors = np.array([vector(text) for text in texts])
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


TEXTS = [f"text {'a' * number}" for number in range(25)]


def test_vectors_come_in_order_and_have_length_1() -> None:
    with serving(answer) as endpoint:
        asked = encoder(endpoint, most_texts=4)
        vectors = asked.encode(TEXTS)
    np.testing.assert_allclose(vectors, expected(TEXTS), rtol=1e-6)
    assert endpoint.paths == ["/v1/embeddings"] * 7
    assert endpoint.keys == [f"Bearer {KEY}"] * 7
    assert endpoint.requests[0] == {"model": "small", "input": TEXTS[:4]}
    assert asked.usage == Usage(7, sum(map(len, TEXTS)))
    assert asked.notes == ()


def test_a_request_holds_so_many_characters_and_a_blank_text_is_not_sent() -> None:
    with serving(answer) as endpoint:
        vectors = encoder(endpoint, most_characters=10).encode(["a" * 8, "aa", "", "a", " "])
    assert [request["input"] for request in endpoint.requests] == [["a" * 8, "aa"], ["a"]]
    assert (vectors[[2, 4]] == 0).all()
    assert np.linalg.norm(vectors[[0, 1, 3]], axis=1) == pytest.approx(1)


def test_dimensions_are_sent_and_part_of_the_fingerprint() -> None:
    with serving(answer) as endpoint:
        short, whole = encoder(endpoint, 3), encoder(endpoint)
        short.encode(["a"])
        again = EndpointEncoder.from_recipe(json.loads(json.dumps(short.recipe)))
    assert endpoint.requests[0]["dimensions"] == 3
    assert short.fingerprint == again.fingerprint != whole.fingerprint
    assert KEY not in json.dumps(short.recipe)
    with pytest.raises(ValueError, match="unknown field"):
        EndpointEncoder.from_recipe({"modul": {}})


def test_base64_is_read_too() -> None:
    def script(request: dict[str, Any], _: int) -> Reply:
        packed = base64.b64encode(np.array([3.0, 4.0], dtype="<f4").tobytes()).decode()
        return answer(request, data=[{"embedding": packed}])

    with serving(script) as endpoint:
        np.testing.assert_allclose(encoder(endpoint).encode(["a"]), [[0.6, 0.8]], rtol=1e-6)


def test_what_passes_is_asked_again_and_counted_once() -> None:
    def script(request: dict[str, Any], before: int) -> Reply:
        return error(503, "busy") if before == 0 else answer(request)

    with serving(script) as endpoint:
        asked = encoder(endpoint)
        np.testing.assert_allclose(asked.encode(["aa"]), expected(["aa"]), rtol=1e-6)
    assert asked.usage == Usage(1, 2)


def test_a_torn_answer_is_asked_again_and_paid_twice() -> None:
    def script(request: dict[str, Any], before: int) -> Reply:
        return answer(request, data=[]) if before == 0 else answer(request)

    with serving(script) as endpoint:
        asked = encoder(endpoint)
        asked.encode(["aaaa"])
    assert asked.usage == Usage(2, 4 + 2)  # the torn one by its letters


@pytest.mark.parametrize(
    "data",
    [
        [],
        [{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [1.0]}],
        [{"embedding": [1.0]}, {"embedding": [1.0, 2.0]}],
        [{"embedding": [0.0]}, {"embedding": [1.0]}],
        [{"embedding": [1e999]}, {"embedding": [1.0]}],
        [{"embedding": []}, {"embedding": []}],
        [{"embedding": "%%"}, {"embedding": "%%"}],
        [{"embedding": ["x"]}, {"embedding": ["x"]}],
        [None, None],
        "text",
    ],
)
def test_what_is_not_one_vector_for_each_text_is_an_error(data: Any) -> None:
    with (
        serving(lambda request, _: answer(request, data=data)) as endpoint,
        pytest.raises(EndpointError, match="gave no vectors"),
    ):
        encoder(endpoint).encode(["a", "b"])
    assert len(endpoint.requests) == 3


def test_another_width_is_an_error() -> None:
    def script(request: dict[str, Any], before: int) -> Reply:
        return answer(request, data=[{"embedding": [1.0] * (before + 1)}])

    with serving(script) as endpoint:
        asked = encoder(endpoint)
        asked.encode(["a"])
        with pytest.raises(EndpointError, match="2 numbers, not 1"):
            asked.encode(["b"])


def test_a_refused_key_stops_at_the_first_request_and_is_not_shown() -> None:
    with (
        serving(lambda _, __: error(401, f"bad key {KEY}")) as endpoint,
        pytest.raises(CredentialError) as caught,
    ):
        encoder(endpoint, most_texts=1).encode(TEXTS)
    assert len(endpoint.requests) == 1
    assert KEY not in str(caught.value)


def test_a_text_that_is_too_long_is_an_error_with_its_reason() -> None:
    with (
        serving(lambda _, __: error(400, "maximum context length is 8192 tokens")) as endpoint,
        pytest.raises(EndpointError, match="maximum context length"),
    ):
        encoder(endpoint).encode(["a"])
    assert len(endpoint.requests) == 1


def test_what_arrived_is_delivered_before_an_error() -> None:
    def script(request: dict[str, Any], _: int) -> Reply:
        return error(400, "no") if "bad" in request["input"] else answer(request)

    numbers: list[int] = []
    with serving(script) as endpoint, pytest.raises(EndpointError):
        for some, _ in encoder(endpoint, most_texts=1).encode_each(["a", "bad", "aa", "b", "c"]):
            numbers += some
    assert numbers == [0, 2, 3]


def test_an_endpoint_without_usage_is_estimated_and_that_is_said() -> None:
    def script(request: dict[str, Any], _: int) -> Reply:
        return answer(request, usage=None, model="another")

    with serving(script) as endpoint:
        asked = encoder(endpoint)
        asked.encode(["a" * 40])
    assert asked.usage == Usage(1, 11)
    assert "estimated" in asked.notes[1]
    assert "another made the vectors" in asked.notes[0]


def test_private_values_are_not_sent_with_redact() -> None:
    with serving(answer) as endpoint:
        agree(key_use("OPENAI_API_KEY", endpoint.base_url))
        spec = ModelSpec("openai", "small", base_url=endpoint.base_url, redact=True)
        asked = EndpointEncoder(spec)
        asked.encode(["write to ann@example.com"])
    assert endpoint.requests[0]["input"] == ["write to [EMAIL]"]
    assert "redact" in asked.notes[0]
    with pytest.raises(ConfigError, match="batch"):
        EndpointEncoder(ModelSpec("openai", "small", batch=True))


def test_money_is_counted_and_capped() -> None:
    prices = {"small": {"input": 1_000_000}}  # one a token
    with serving(answer) as endpoint:
        asked = encoder(endpoint, most_texts=1, in_flight=1)
        price = embedding_price(ModelSpec("openai", "small", base_url=endpoint.base_url), prices)
        asked.encode(["aa", "aaa"])
        assert cost_of(asked.usage, price).amount == Decimal(5)
        model = AskedModel("small", asked.fingerprint)
        budget = Budget(Decimal(60), {asked.fingerprint: price})
        asked.meter = budget.meter(model, len)
        with pytest.raises(BudgetError, match="--max-cost 60"):
            asked.encode(["a" * 10] * 4)
    assert budget.spent == Decimal(30)  # a fourth may cost 34: its letters, and room around them
    assert len(endpoint.requests) == 5


def test_prices_of_vectors() -> None:
    spec = ModelSpec("openai", "text-embedding-3-small", base_url="https://api.openai.com/v1")
    listed = embedding_price(spec)
    assert (listed.input, listed.output) == (Decimal("0.02"), 0)
    unknown = embedding_price(ModelSpec("openai", "no-such", base_url="https://example.com/v1"))
    assert unknown.input is None
    assert "prices: {no-such: {input: ...}}" in unknown.source


def test_several_requests_are_on_their_way_at_once() -> None:
    together = threading.Barrier(3, timeout=5)

    def script(request: dict[str, Any], before: int) -> Reply:
        if before > 0:
            together.wait()
        return answer(request)

    with serving(script) as endpoint:
        encoder(endpoint, most_texts=1, in_flight=4).encode(["a", "b", "c", "d"])
    assert not together.broken
