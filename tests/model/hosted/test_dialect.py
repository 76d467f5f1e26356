"""What an endpoint is sent, and what it turns out not to take."""

from __future__ import annotations

import json
from typing import Any

from steelyard.core import Message, Request
from steelyard.model import ModelSpec
from steelyard.model.hosted.client import HostedModel
from steelyard.model.hosted.dialect import Dialect
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
