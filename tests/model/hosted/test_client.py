"""The hosted model against a loopback endpoint: answers, counts, failures, a key never said."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from steelyard.core import Completion, Message, Request
from steelyard.errors import CredentialError, EndpointError, ModelError
from steelyard.model import ModelSpec, load_model
from steelyard.model.hosted.client import HostedModel, HostedOptions
from steelyard.model.hosted.refusals import Retries
from steelyard.model.trust import agree, key_use
from tests.model.endpoint import Endpoint, Reply, Script, error, serving, stream

KEY = "sk-secret-0123456789abcdef"
LABELS = ("BILLING", "TECHNICAL", "OTHER")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)


def ask(text: str, **options: object) -> Request:
    return Request((Message("system", "Answer."), Message("user", text)), **options)  # type: ignore[arg-type]


def spec(endpoint: Endpoint | str) -> ModelSpec:
    base_url = endpoint if isinstance(endpoint, str) else endpoint.base_url
    agree(key_use("OPENAI_API_KEY", base_url))
    return ModelSpec("openai", "small", base_url=base_url)


def answer(script: Script, *requests: Request, retries: int = 1) -> list[Completion]:
    with serving(script) as endpoint:
        model = HostedModel(
            spec(endpoint), HostedOptions(retries=Retries(retries, least_seconds=0.01))
        )
        done = model.generate(requests)
    assert all(completion is not None for completion in done)
    return [completion for completion in done if completion is not None]


def test_an_answer_carries_text_counts_and_times() -> None:
    (done,) = answer(lambda request, _: stream("Hel", "lo"), ask("hi"))
    assert (done.text, done.finish_reason, done.failure) == ("Hello", "stop", None)
    assert (done.input_tokens, done.cached_tokens, done.output_tokens) == (40, 32, 3)
    assert 0 < done.first_token_seconds <= done.total_seconds


@pytest.mark.parametrize("ending", ["\n\ndata: [DONE]", "\n", ""])
def test_a_last_line_that_is_not_ended_counts_too(ending: str) -> None:
    whole = stream("Hello").body.removesuffix("\n\ndata: [DONE]\n\n")
    (done,) = answer(lambda request, _: Reply(body=whole + ending), ask("hi"))
    assert (done.text, done.failure) == ("Hello", None)
    assert (done.input_tokens, done.output_tokens) == (40, 3)


def test_the_request_is_sent_as_asked() -> None:
    with serving(lambda request, _: stream("x")) as endpoint:
        load_model(spec(endpoint)).generate(
            [ask("hi", max_output_tokens=7, stop=("\n",), seed=3, temperature=0.5)]
        )
    (sent,) = endpoint.requests
    assert sent["messages"] == [
        {"role": "system", "content": "Answer."},
        {"role": "user", "content": "hi"},
    ]
    assert sent["model"] == "small"
    assert (sent["max_tokens"], sent["stop"], sent["seed"]) == (7, ["\n"], 3)
    assert sent["temperature"] == 0.5
    assert sent["stream_options"] == {"include_usage": True}
    assert endpoint.keys == [f"Bearer {KEY}"]


def test_order_skip_and_on_done() -> None:
    requests = [ask(f"number {index}") for index in range(20)]
    seen: list[tuple[int, str, int]] = []

    def on_done(done: Sequence[tuple[int, Completion]]) -> None:
        seen.extend((index, made.text, threading.get_ident()) for index, made in done)

    with serving(lambda request, _: stream(request["messages"][-1]["content"])) as endpoint:
        done = load_model(spec(endpoint)).generate(requests, on_done, frozenset({0, 7}))
    assert [index for index, made in enumerate(done) if made is None] == [0, 7]
    for index, made in enumerate(done):
        assert made is None or made.text == f"number {index}"
    assert sorted(index for index, _, _ in seen) == [i for i in range(20) if i not in (0, 7)]
    assert {thread for _, _, thread in seen} == {threading.get_ident()}
    assert len(endpoint.requests) == 18


def test_nothing_to_ask_sends_nothing() -> None:
    with serving(lambda request, _: stream("x")) as endpoint:
        assert load_model(spec(endpoint)).generate([ask("a")], skip=frozenset({0})) == [None]
    assert endpoint.requests == []


def test_a_length_limit_is_told() -> None:
    (done,) = answer(lambda request, _: stream("Hel", finish="length"), ask("hi"))
    assert (done.text, done.finish_reason, done.failure) == ("Hel", "length", None)


def test_choices_are_asked_as_a_schema_and_read_back() -> None:
    with serving(lambda request, _: stream('{"label": ', '"TECHNICAL"}')) as endpoint:
        (done,) = load_model(spec(endpoint)).generate([ask("it crashes", choices=LABELS)])
    assert done is not None
    assert (done.text, done.finish_reason) == ("TECHNICAL", "choice")
    schema = endpoint.requests[0]["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["label"]["enum"] == list(LABELS)


def test_an_endpoint_without_schemas_is_asked_in_free_text_from_then_on() -> None:
    def script(request: dict[str, object], before: int) -> Reply:
        if "response_format" in request:
            return error(400, "'response_format' of type 'json_schema' is not supported")
        return stream("Technical.")

    with serving(script) as endpoint:
        model = HostedModel(spec(endpoint))
        done = model.generate([ask(f"it crashes {i}", choices=LABELS) for i in range(3)])
    assert [made.text for made in done if made] == ["TECHNICAL"] * 3
    assert ["response_format" in sent for sent in endpoint.requests] == [True, *[False] * 3]
    assert model.notes == (
        "the endpoint does not accept JSON schemas: answers are free text and parsed as such",
    )


def test_an_answer_that_is_none_of_the_choices_is_left_to_who_asked() -> None:
    (done,) = answer(lambda request, _: stream("SALES"), ask("buy", choices=LABELS))
    assert (done.text, done.finish_reason, done.failure) == ("SALES", "stop", None)
    assert done.output_tokens == 3


def test_refused_parameters_are_left_out() -> None:
    def script(request: dict[str, object], before: int) -> Reply:
        if "max_tokens" in request:
            return error(
                400,
                "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
                param="max_tokens",
            )
        if "temperature" in request:
            return error(400, "temperature: only the default (1) is supported", param="temperature")
        return stream("fine")

    with serving(script) as endpoint:
        model = HostedModel(spec(endpoint))
        (done,) = model.generate([ask("hi")])
    assert done is not None
    assert done.text == "fine"
    assert endpoint.requests[-1]["max_completion_tokens"] == 64
    assert model.notes == ("the endpoint refuses temperature 0: answers vary from call to call",)


def test_a_server_error_is_tried_again() -> None:
    script: Script = lambda request, before: error(500, "oops") if before == 0 else stream("ok")  # noqa: E731
    (done,) = answer(script, ask("hi"))
    assert (done.text, done.failure) == ("ok", None)


def test_a_request_that_keeps_failing_is_a_failure_with_its_reason() -> None:
    def script(request: dict[str, object], before: int) -> Reply:
        bad = "long" in str(request["messages"])
        return error(400, "maximum context length is 10 tokens") if bad else stream("ok")

    done = answer(script, ask("short"), ask("long"), ask("short too"))
    assert [made.text for made in done] == ["ok", "", "ok"]
    assert done[1].finish_reason == "error"
    assert done[1].failure is not None
    assert "HTTP 400" in done[1].failure
    assert "maximum context length" in done[1].failure


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(body="data: {broken\n\n"), "no readable answer"),
        (Reply(body='data: {"choices": "none"}\n\n'), "holds no chat completion"),
        (Reply(body='data: {"error": {"message": "overloaded"}}\n\n'), "overloaded"),
        (Reply(body="data: 3\n\n"), "holds no chat completion"),
        (stream("half an ans", finish=None, usage=None), "ended before the answer was complete"),
    ],
)
def test_garbage_is_a_failure_not_an_answer(reply: Reply, reason: str) -> None:
    done, other = answer(lambda _, before: reply if before else stream("ok"), ask("hi"), ask("ho"))
    assert done.text == "ok"
    assert other.finish_reason == "error"
    assert reason in str(other.failure)


def test_without_usage_the_counts_are_estimated_and_said_to_be() -> None:
    with serving(lambda request, _: stream("four words of text", usage=None)) as endpoint:
        model = HostedModel(spec(endpoint))
        (done,) = model.generate([ask("hi")])
    assert done is not None
    assert done.output_tokens == 5
    assert model.notes == ("the endpoint reports no usage: token counts are estimated",)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_stops_at_the_first_request(status: int) -> None:
    script: Script = lambda request, _: error(status, f"Incorrect API key provided: {KEY}")  # noqa: E731
    with serving(script) as endpoint:
        model = load_model(spec(endpoint))
        with pytest.raises(CredentialError) as caught:
            model.generate([ask(str(index)) for index in range(10)])
    assert len(endpoint.requests) == 1
    assert "OPENAI_API_KEY" in str(caught.value)
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_key_refused_midway_keeps_what_was_paid() -> None:
    script: Script = lambda request, before: stream("ok") if before < 3 else error(401, "expired")  # noqa: E731
    kept: list[int] = []
    with serving(script) as endpoint:
        model = load_model(spec(endpoint))
        with pytest.raises(CredentialError, match="expired"):
            model.generate(
                [ask(str(index)) for index in range(50)],
                lambda done: kept.extend(index for index, _ in done),
            )
    assert len(kept) == 3
    assert len(endpoint.requests) < 50


def test_an_unknown_model_stops_at_the_first_request() -> None:
    with (
        serving(lambda request, _: error(404, "model 'small' not found")) as endpoint,
        pytest.raises(ModelError, match=r"404.*not found.*check model\.name"),
    ):
        load_model(spec(endpoint)).generate([ask("a"), ask("b")])
    assert len(endpoint.requests) == 1


def test_an_account_without_credit_stops_the_run() -> None:
    broke = error(429, "You exceeded your current quota", code="insufficient_quota")
    with serving(lambda request, _: broke) as endpoint:
        model = HostedModel(spec(endpoint), HostedOptions(retries=Retries(0, least_seconds=0.01)))
        with pytest.raises(ModelError, match="no credit left"):
            model.generate([ask("a"), ask("b")])


def test_an_endpoint_that_stays_down_stops_the_run() -> None:
    with serving(lambda request, _: error(503, "down for repairs")) as endpoint:
        model = HostedModel(
            spec(endpoint), HostedOptions(retries=Retries(0, least_seconds=0.01), patience=3)
        )
        with pytest.raises(ModelError, match=r"failed 3 requests in a row.*down for repairs"):
            model.generate([ask(str(index)) for index in range(30)])
    assert len(endpoint.requests) < 30


def test_a_refused_connection_says_where_and_what_to_do() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{unused.getsockname()[1]}/v1"
        model = HostedModel(spec(base_url), HostedOptions(retries=Retries(0, least_seconds=0.01)))
        with pytest.raises(ModelError, match=r"cannot be reached.*check model\.base_url") as caught:
            model.generate([ask("hi")])
    assert "127.0.0.1" in str(caught.value)
    assert KEY not in str(caught.value)


def test_a_slow_answer_is_cut_off_at_the_deadline() -> None:
    release = threading.Event()

    def script(request: dict[str, object], before: int) -> Reply:
        if before:
            release.wait(5)
        return stream("ok")

    with serving(script) as endpoint:
        options = HostedOptions(timeout_seconds=0.3, retries=Retries(0, least_seconds=0.01))
        done = HostedModel(spec(endpoint), options).generate([ask("a"), ask("b")])
        release.set()
    assert done[0] is not None
    assert done[0].failure is None
    assert done[1] is not None
    assert done[1].failure is not None
    assert "timed out" in done[1].failure


@pytest.mark.parametrize(
    "reply",
    [
        error(401, f"Incorrect API key provided: {KEY}"),
        error(400, f"bad header Bearer {KEY}"),
        error(500, f"crash while serving {KEY}"),
        stream("", finish=None),
        stream("ok"),
    ],
)
def test_the_key_is_never_said(reply: Reply, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said = ""
    with serving(lambda request, _: reply) as endpoint:
        model = HostedModel(spec(endpoint), HostedOptions(retries=Retries(1, least_seconds=0.01)))
        try:
            said = repr(model.generate([ask("hi")]))
        except EndpointError as refused:
            said = f"{refused!r} {refused.__cause__!r}"
    assert said
    assert endpoint.keys[0] == f"Bearer {KEY}"
    assert KEY not in said + caplog.text + repr(model) + model.fingerprint


def test_an_endpoint_of_your_own_needs_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with serving(lambda request, _: stream("ok")) as endpoint:
        load_model(spec(endpoint)).generate([ask("hi")])
    assert endpoint.keys == ["Bearer none"]


def test_a_key_travels_in_the_header_that_the_endpoint_wants() -> None:
    with serving(lambda request, _: stream("ok")) as endpoint:
        own = replace(spec(endpoint), key_header="Authorization")
        load_model(own).generate([ask("hi")])
    assert endpoint.keys == [KEY]


def test_no_more_are_in_flight_than_the_spec_allows() -> None:
    now = most = 0
    lock = threading.Lock()

    def script(request: dict[str, object], before: int) -> Reply:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.01)
        with lock:
            now -= 1
        return stream("ok")

    with serving(script) as endpoint:
        model = load_model(ModelSpec("openai", "small", endpoint.base_url, max_in_flight=2))
        done = model.generate([ask(str(n)) for n in range(20)])
    assert all(made is not None and made.text == "ok" for made in done)
    assert most == 2


STRICT = (
    '{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], '
    '"additionalProperties": false}'
)
LOOSE = '{"type": "object", "properties": {"a": {"type": "string"}}}'


@pytest.mark.parametrize(("schema", "strict"), [(STRICT, True), (LOOSE, False)])
def test_a_schema_is_asked_for_strictly_where_the_endpoint_can_be(
    schema: str, strict: bool
) -> None:
    with serving(lambda request, _: stream('{"a": "b"}')) as endpoint:
        (done,) = load_model(spec(endpoint)).generate([ask("x", schema=schema)])
    assert done is not None
    assert (done.text, done.finish_reason) == ('{"a": "b"}', "stop")
    asked = endpoint.requests[0]["response_format"]["json_schema"]
    assert asked["strict"] is strict
    assert asked["schema"]["properties"] == {"a": {"type": "string"}}


def test_an_endpoint_without_schemas_gets_free_text_for_json_too() -> None:
    def script(request: dict[str, object], before: int) -> Reply:
        if "response_format" in request:
            return error(400, "response_format is not supported", param="response_format")
        return stream('{"a": 1}')

    with serving(script) as endpoint:
        model = load_model(spec(endpoint))
        (done,) = model.generate([ask("x", schema=STRICT)])
    assert done is not None
    assert done.text == '{"a": 1}'
