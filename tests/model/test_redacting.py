"""``redact: true``: no private value leaves the house, and what was replaced is counted."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from steelyard.core import Message, Request
from steelyard.errors import ConfigError
from steelyard.model import ModelSpec, load_model
from steelyard.model.base import PaidModel
from steelyard.model.config import ModelConfig
from steelyard.model.hosted.address import hosted_fingerprint, read_fingerprint
from steelyard.model.redacting import COUNTED, NOTE, RedactedModel, redacted
from tests.model.endpoint import serving, stream

pytest.importorskip("phonenumbers")

PRIVATE = {
    "email": "write to ada.lovelace@example.org please",
    "phone": "call me on +44 20 7946 0958 today",
    "card": "my card is 4111 1111 1111 1111",
    "iban": "pay to DE89 3704 0044 0532 0130 00",
    "ip_address": "from 81.2.69.142 again",
    "json": '{"messages": [{"content": "I am bob@corp.example"}], "card": 4111111111111111}',
    "two": "bob@corp.example and eve@corp.example",
}
VALUES = (
    *("ada.lovelace@", "7946 0958", "4111 1111", "4111111111111111", "3704 0044", "81.2.69.142"),
    *("bob@corp", "eve@corp"),
)


def ask(*texts: str) -> Request:
    return Request((Message("system", "Classify."), *(Message("user", text) for text in texts)))


@pytest.mark.parametrize("batch", [False, True])
def test_the_model_is_wrapped_and_told_apart(batch: bool) -> None:
    plain = ModelSpec("openai", "m", "http://127.0.0.1:9/v1", batch=batch)
    spec = ModelSpec("openai", "m", "http://127.0.0.1:9/v1", batch=batch, redact=True)
    model = load_model(spec)
    assert isinstance(model, RedactedModel) and isinstance(model, PaidModel)
    assert model.fingerprint == hosted_fingerprint(spec) == spec.account != plain.account
    assert read_fingerprint(model.fingerprint) == spec
    assert model.name == "m" and NOTE in model.notes
    assert ModelSpec.from_dict(spec.to_dict()) == spec


def test_no_private_value_is_sent() -> None:
    texts = list(PRIVATE.values())
    with serving(lambda request, _: stream("ok")) as endpoint:
        model = load_model(ModelSpec("openai", "m", endpoint.base_url, redact=True))
        assert isinstance(model, RedactedModel)
        requests = [*map(ask, texts), ask("nothing here"), ask(*texts)]
        told: list[int] = []
        answers = model.generate(
            requests, lambda batch: told.extend(index for index, _ in batch), frozenset({0})
        )
    assert answers[0] is None and sorted(told) == list(range(1, len(requests)))
    sent = str(endpoint.requests)
    assert not [value for value in VALUES if value in sent]
    for mark in ("[EMAIL]", "[PHONE]", "[CARD]", "[IBAN]", "[IP_ADDRESS]", "nothing here"):
        assert mark in sent
    assert model.memory[COUNTED] == {"values": 8 + 9, "requests": len(PRIVATE) - 1 + 1}


def test_what_is_cached_is_what_is_sent() -> None:
    model = load_model(ModelSpec("openai", "m", "http://127.0.0.1:9/v1", redact=True))
    assert isinstance(model, RedactedModel)
    one, other = ask("I am bob@corp.example"), ask("I am eve@corp.example")
    assert model.sent_text(one) == model.sent_text(other)
    assert "bob" not in model.sent_text(one)


def test_redacting_again_changes_nothing() -> None:
    for text in PRIVATE.values():
        once = redacted(ask(text))
        assert once.values and redacted(once.request) == (once.request, 0)


def test_a_model_of_this_machine_is_not_redacted() -> None:
    for config in ({"name": "smollm2-135m"}, {"provider": "hf", "name": "x/y"}):
        with pytest.raises(ValidationError, match="redact is for hosted models"):
            ModelConfig.model_validate({**config, "redact": True})
    with pytest.raises(ConfigError, match="leave redact out"):
        load_model(ModelSpec("fake", "smart", redact=True))
    hosted = ModelConfig.model_validate({"provider": "vllm", "name": "m", "redact": True})
    assert hosted.to_spec()["redact"] is True
