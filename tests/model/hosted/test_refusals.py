"""How long a refused request waits before it is asked again."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from steelyard.errors import EndpointError
from steelyard.model import ModelSpec
from steelyard.model.hosted.address import Address
from steelyard.model.hosted.faults import RefusedError
from steelyard.model.hosted.limits import RateLimits
from steelyard.model.hosted.refusals import Outcome, Retries, RetryReason, read_refusal


def test_waits_grow_have_jitter_and_keep_to_what_is_asked() -> None:
    retries, rng = Retries(least_seconds=1.0, most_seconds=10.0), random.Random(0)
    first = [retries.wait(0, None, rng) for _ in range(200)]
    fifth = [retries.wait(5, None, rng) for _ in range(200)]
    assert 0 <= min(first) < 0.1 < 0.9 < max(first) <= 1
    assert 9 < max(fifth) <= 10
    assert all(3.0 <= retries.wait(2, 3.0, rng) <= 3.5 for _ in range(50))


KNOWN = {400, 401, 402, 403, 404, 405, 406, 410, 411, 413, 414, 415, 416, 422, 431, 451}
ADDRESS = Address(ModelSpec("openai", "m", "http://127.0.0.1:9/v1"))


@pytest.mark.parametrize("status", sorted({*range(400, 600)} - KNOWN))
def test_a_status_that_is_not_known_to_be_final_is_asked_again(status: int) -> None:
    refusal = RefusedError(status, "who knows", RateLimits())
    assert isinstance(read_refusal(refusal, ADDRESS, reached=True), RetryReason)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": "billing_hard_limit_reached", "message": "Billing hard limit"}},
        {"error": {"code": None, "message": "Your account reached its billing hard limit"}},
        {"error": {"message": "Budget has been exceeded! Current cost: 2, Max budget: 1"}},
        {"error": {"type": "budget_exceeded", "message": "x", "code": "400"}},
        {"error": "Your credit balance is too low to access the API"},
        {"error": {"type": "invalid_request_error", "message": "You exceeded your current quota"}},
    ],
)
@pytest.mark.parametrize("reached", [True, False])
def test_a_bad_request_that_money_would_mend_ends_the_model(body: Any, reached: bool) -> None:
    refusal = RefusedError(400, json.dumps(body), RateLimits())
    with pytest.raises(EndpointError, match="no credit left") as caught:
        read_refusal(refusal, ADDRESS, reached=reached)
    assert caught.value.is_final


@pytest.mark.parametrize(
    ("message", "reached", "ending"),
    [
        ("API key not valid. Please pass a valid API key.", False, "asks for a key"),
        ("The model `m` does not exist", False, "check model.name"),
        ("invalid token in the prompt", True, None),
        ("messages.0.content: string expected", False, None),
    ],
)
def test_what_a_bad_request_means_by_its_words(
    message: str, reached: bool, ending: str | None
) -> None:
    refusal = RefusedError(400, json.dumps({"error": {"message": message}}), RateLimits())
    if ending is None:
        assert isinstance(read_refusal(refusal, ADDRESS, reached=reached), Outcome)
        return
    with pytest.raises(EndpointError, match=ending):
        read_refusal(refusal, ADDRESS, reached=reached)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (405, "Method Not Allowed", "answers 405.*check model.name and model.base_url"),
        (410, "Gone", "answers 410"),
        (403, "<!DOCTYPE html><title>Just a moment...</title>", "a page for people.*Just a moment"),
        (404, "No endpoints found that can handle the requested parameters.", "some parameter"),
    ],
)
def test_what_meets_every_request_is_told_for_what_it_is(
    status: int, body: str, words: str
) -> None:
    with pytest.raises(EndpointError, match=words) as caught:
        read_refusal(RefusedError(status, body, RateLimits()), ADDRESS, reached=False)
    assert caught.value.is_final
    assert "asks for a key" not in str(caught.value)


def test_a_prompt_larger_than_the_rate_is_no_rate_limit() -> None:
    body = json.dumps({"error": {"message": "Request too large for m on tokens per min (TPM)"}})
    meaning = read_refusal(RefusedError(429, body, RateLimits()), ADDRESS, reached=True)
    assert isinstance(meaning, Outcome)
    assert not meaning.endpoint_trouble
