"""What an endpoint is sent, and what it turns out not to take."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steelyard.core import Message, Request
from steelyard.model import ModelSpec
from steelyard.model.hosted.client import HostedModel
from steelyard.model.hosted.dialect import Dialect, read_choice
from steelyard.model.hosted.words import error_words
from tests.model import endpoint as wire

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"a": {"type": "string"}},
        "required": ["a"],
        "additionalProperties": False,
    }
)


def request(**fields: object) -> Request:
    return Request((Message("user", "hi"),), **fields)  # type: ignore[arg-type]


def test_what_was_learned_is_taken_up_again() -> None:
    first = Dialect(official=False)
    sent = first.parameters("m", request(seed=1))
    assert first.learn("unsupported: seed", "seed", sent)
    assert first.learn("max_tokens is not supported", "max_tokens", sent)
    second = Dialect(official=False)
    second.recall(first.learned)
    assert second.learned == first.learned == ("seed", "limit=max_completion_tokens")
    assert second.text("m", request(seed=1)) == first.text("m", request(seed=1))
    second.recall(("nonsense", "limit=other"))
    assert second.learned == first.learned


def test_the_text_of_a_request_is_what_decides_its_answer() -> None:
    said = Dialect(official=False).text("m", request(seed=1, nonce="latency-1"))
    assert json.loads(said) == {
        "max_tokens": 64,
        "messages": [{"content": "hi", "role": "user"}],
        "model": "m",
        "seed": 1,
        "temperature": 0.0,
    }


def test_a_schema_refused_in_strict_mode_is_asked_for_without_it() -> None:
    def script(sent: dict[str, Any], before: int) -> wire.Reply:
        if sent["response_format"]["json_schema"]["strict"]:
            said = "Invalid schema for response_format 'answer': 'x' is not permitted."
            return wire.error(400, said, param="response_format")
        return wire.stream('{"a": "b"}')

    with wire.serving(script) as endpoint:
        model = HostedModel(ModelSpec("openai", "m", endpoint.base_url))
        model.generate([request(schema=SCHEMA), request(schema=SCHEMA, seed=2)])
    strict = [sent["response_format"]["json_schema"]["strict"] for sent in endpoint.requests]
    assert strict == [True, False, False]
    assert model.notes == (
        "the endpoint does not accept output.schema in strict mode: answers may not follow it",
    )


FULL = Request(
    (Message("system", "Be brief."), Message("user", "hi")), seed=1, stop=("x",), schema=SCHEMA
)


def learned_from(body: Any, model: str = "m") -> str | None:
    """What is left out after a refusal with this body; ``None`` where the request has failed."""
    dialect = Dialect(official=False)
    before = set(dialect.learned)
    words = error_words(body)
    sent = dialect.parameters(model, FULL)
    if not dialect.learn(words.message, words.param, sent):
        assert dialect.learned == tuple(before)
        return None
    [learned] = set(dialect.learned) - before
    return learned


def said(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


def pydantic(*place: Any, msg: str = "Extra inputs are not permitted") -> dict[str, Any]:
    return {"detail": [{"type": "extra_forbidden", "loc": ["body", *place], "msg": msg}]}


@pytest.mark.parametrize(
    ("body", "learned"),
    [
        (said("Unrecognized request argument supplied: seed"), "seed"),
        (
            said("Unsupported parameter: 'seed' is not supported with this model.", param="seed"),
            "seed",
        ),
        (said("Additional properties are not allowed ('seed' was unexpected)"), "seed"),
        (said("property 'seed' is unsupported"), "seed"),
        (said("seed: extra fields not permitted"), "seed"),
        (pydantic("seed"), "seed"),
        ({"object": "error", "message": pydantic("seed"), "code": 3051}, "seed"),
        (said('Invalid JSON payload received. Unknown name "seed": Cannot find field.'), "seed"),
        (pydantic("stream_options"), "stream_options"),
        (said("stream_options is not supported"), "stream_options"),
        (said("this organisation may not stream this model", param="stream"), "stream"),
        (said("Your organization must be verified to stream this model."), "stream"),
        (said("Streaming is not supported for this model"), "stream"),
        (said("stream must be false"), "stream"),
        (said("`stop` is not supported by this model"), "stop"),
        (said("temperature must be 1", param="temperature"), "temperature"),
        (
            said(
                "Unsupported value: 'temperature' does not support 0 with this model. Only the default"
            ),
            "temperature",
        ),
        (said("`temperature` is deprecated for this model."), "temperature"),
        (said("response_format json_schema is not supported"), "response_format"),
        (said("This model does not support guided decoding"), "response_format"),
        (
            said("'max_tokens' is not supported. Use 'max_completion_tokens'.", param="max_tokens"),
            "limit=max_completion_tokens",
        ),
        (
            said(
                "max_tokens is too large: 64. This model supports at most 32.", param="max_tokens"
            ),
            "most_limit=32",
        ),
        (said("max_tokens: 64 > 32, which is the maximum allowed number"), "most_limit=32"),
        (said("max_tokens must be <= 32"), "most_limit=32"),
        (said("max_tokens should be between 1 and 32"), "most_limit=32"),
        (said("max_tokens: valid range [1, 32]"), "most_limit=32"),
        (
            said(
                "Invalid 'max_output_tokens': integer below minimum value. Expected >= 100, got 64"
            ),
            "least_limit=100",
        ),
        (said("must be at least 100", param="max_tokens"), "least_limit=100"),
        (
            pydantic("max_tokens", msg="Input should be greater than or equal to 100"),
            "least_limit=100",
        ),
        (
            said("No endpoints found that can handle the requested parameters."),
            "response_format",
        ),
        (said("max_tokens is unsupported here"), "limit=max_completion_tokens"),
        (said("the chat template has no system role"), "system"),
        (said("System role not supported"), "system"),
        (said("Jinja Exception: System role not supported"), "system"),
        (said("Conversation roles must alternate user/assistant/user/assistant/..."), "system"),
        (said("This model does not support the system role"), "system"),
        (said("Developer instruction is not enabled for models/gemma-3-1b-it"), "system"),
        (said("System messages are not supported by this model"), "system"),
        (said("developer messages are not allowed", param="messages"), "system"),
        (said("messages[0].role: unsupported value 'system'"), "system"),
        (
            said(
                "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
                param="messages[0].role",
            ),
            "system",
        ),
        (said("'system' is not one of ['user', 'assistant'] - 'messages.0.role'"), "system"),
        (pydantic("messages", 0, "role", msg="Input should be 'user' or 'assistant'"), "system"),
        (said("First message must be from the user"), "system"),
        (said("unexpected role: system"), "system"),
    ],
)
def test_what_refusals_teach(body: Any, learned: str) -> None:
    assert learned_from(body) == learned


@pytest.mark.parametrize(
    "body",
    [
        said("maximum context length is 10 tokens; you asked for max_tokens 64"),
        said("max_tokens is too large: 64", param="max_tokens"),
        said("max_tokens must be at least 10"),
        said("max_tokens must be at most 100"),
        said("stop must have at most 4 items"),
        said("Invalid 'messages[1].content': string too long.", param="messages[1].content"),
        said("Unknown model: m"),
        said("The model is overloaded"),
        said("tools is not supported", param="tools"),
        said("the seed was fine"),
        said("the system is down"),
        said("I stop here"),
        said(""),
    ],
)
def test_what_refusals_do_not_teach(body: Any) -> None:
    assert learned_from(body) is None


def test_a_model_named_like_a_parameter_is_not_one() -> None:
    assert learned_from(said("Unknown model: seed-oss-36b"), model="seed-oss-36b") is None


def test_a_crash_teaches_only_of_a_template_without_system_role() -> None:
    dialect = Dialect(official=False)
    sent = dialect.parameters("m", FULL)
    assert not dialect.learn("unexpected stream", None, sent, is_crash=True)
    assert dialect.learn("Jinja: System role not supported", None, sent, is_crash=True)
    assert dialect.parameters("m", FULL)["messages"] == [
        {"role": "user", "content": "Be brief.\n\nhi"}
    ]
    sent = dialect.parameters("m", FULL)
    assert not dialect.learn("Jinja: System role not supported", None, sent, is_crash=True)


@pytest.mark.parametrize(
    "message",
    ["no system role: it is not supported", "streaming is not supported", "seed is not supported"],
)
def test_every_request_that_was_under_way_is_asked_again(message: str) -> None:
    dialect = Dialect(official=False)
    sent = dialect.parameters("m", FULL)
    assert [dialect.learn(message, None, sent) for _ in range(3)] == [True] * 3
    assert not dialect.learn(message, None, dialect.parameters("m", FULL))


def test_an_endpoint_that_takes_no_limit_is_sent_none() -> None:
    dialect = Dialect(official=False)
    for name in ("max_tokens", "max_completion_tokens"):
        sent = dialect.parameters("m", FULL)
        assert dialect.learn(f"{name} is not supported", name, sent)
    sent = dialect.parameters("m", FULL)
    assert not {"max_tokens", "max_completion_tokens", "none"} & set(sent)
    assert "takes no limit of output tokens" in " ".join(dialect.notes)
    again = Dialect(official=True)
    again.recall(dialect.learned)
    assert again.parameters("m", FULL) == sent


@pytest.mark.parametrize(
    ("refusal", "is_refused", "note"),
    [
        (
            wire.error(400, "may not stream this model", param="stream"),
            lambda sent: sent["stream"],
            "does not stream",
        ),
        (
            wire.error(422, "no system role here: it is not supported"),
            lambda sent: sent["messages"][0]["role"] == "system",
            "no system role",
        ),
        (
            wire.error(500, "System role not supported"),
            lambda sent: sent["messages"][0]["role"] == "system",
            "no system role",
        ),
        (
            wire.error(404, "seed: unsupported"),
            lambda sent: "seed" in sent,
            "does not accept a seed",
        ),
        (
            wire.error(415, "stream_options: unsupported"),
            lambda sent: "stream_options" in sent,
            "",
        ),
    ],
)
def test_what_an_endpoint_lacks_is_learned_once_and_told(
    refusal: wire.Reply, is_refused: Any, note: str
) -> None:
    whole = {
        "choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 1},
    }

    def script(sent: dict[str, Any], before: int) -> wire.Reply:
        if is_refused(sent):
            return refusal
        if not sent["stream"]:
            return wire.Reply(body=json.dumps(whole), content_type="application/json")
        return wire.stream("ok")

    with wire.serving(script) as endpoint:
        model = HostedModel(ModelSpec("openai", "m", endpoint.base_url))
        done = model.generate([FULL] * 5)
        assert [each.text for each in done if each] == ["ok"] * 5
        assert len(endpoint.requests) == 6
        later = HostedModel(ModelSpec("openai", "m", endpoint.base_url))
        later.learned = model.learned
        later.generate([FULL])
        assert len(endpoint.requests) == 7
    assert note in " ".join(later.notes)
    assert later.notes == model.notes


@pytest.mark.parametrize(
    ("message", "limit"), [("expected a value >= 100", 100), ("must be at most 50", 50)]
)
def test_one_bound_is_learned_and_believed_once(message: str, limit: int) -> None:
    dialect = Dialect(official=False)
    first = dialect.parameters("m", request())
    assert dialect.learn(f"max_tokens: {message}", None, first)
    sent = dialect.parameters("m", request())
    assert sent["max_tokens"] == limit
    assert dialect.learn(f"max_tokens: {message}", None, first), "it was under way"
    assert not dialect.learn("max_tokens: expected a value >= 999", None, sent)
    assert not dialect.learn(f"max_tokens: {message}", None, sent)


def test_a_limit_is_kept_within_what_the_endpoint_takes() -> None:
    dialect = Dialect(official=False)
    for limit, message in ((1, "expected a value >= 16"), (99, "must be at most 50")):
        sent = dialect.parameters("m", request(max_output_tokens=limit))
        assert dialect.learn(f"max_tokens: {message}", None, sent)
    again = Dialect(official=False)
    again.recall(dialect.learned)
    for taught in (dialect, again):
        limits = [
            taught.parameters("m", request(max_output_tokens=limit))["max_tokens"]
            for limit in (1, 20, 99)
        ]
        assert limits == [16, 20, 50]
        assert "as low" in " ".join(taught.notes)
        assert "as high" in " ".join(taught.notes)
    mine = Dialect(official=False, extra={"max_tokens": 1})
    sent = mine.parameters("m", request())
    assert not mine.learn("max_tokens: expected a value >= 16", None, sent)


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ('{"label": "IT"}', "IT"),
        ("IT.", "IT"),
        ("I'm sorry, but I can't help with it.", None),
        ('{"label": "not IT"}', None),
        ('{"label": "I', None),
        ("IT or HR", None),
        ("**it**", "IT"),
        ("IT - it crashes", None),
        ("The answer is IT.", None),
        ('{"label": "IT", "reason": "HR is not asked"}', "IT"),
    ],
)
def test_only_what_is_all_of_an_answer_is_its_choice(text: str, choice: str | None) -> None:
    assert read_choice(text, ("IT", "HR")) == choice
