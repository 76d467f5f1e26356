"""What endpoints say of an answer's end and of their errors, in words of their own."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.model.hosted.words import error_words, find_error, finish_named, status_of


@pytest.mark.parametrize(
    ("word", "finish"),
    [
        ("stop", "stop"),
        ("STOP", "stop"),
        ("eos", "stop"),
        ("eos_token", "stop"),
        ("end_turn", "stop"),
        ("endTurn", "stop"),
        ("stop_sequence", "stop"),
        ("COMPLETE", "stop"),
        ("length", "length"),
        ("max_tokens", "length"),
        ("MAX_TOKENS", "length"),
        ("maxTokens", "length"),
        ("model_length", "length"),
        ("content_filter", "content_filter"),
        ("content-filter", "content_filter"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("refusal", "refusal"),
        ("tool_use", "tool_calls"),
        ("function_call", "tool_calls"),
        ("error", "error"),
        ("abort", "error"),
        ("insufficient_system_resource", "error"),
        ("who knows", None),
        ("", None),
        ("stopped by the moon", None),
    ],
)
def test_ends(word: str, finish: str | None) -> None:
    assert finish_named(word) == finish


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"code": 502, "message": "gone"}, 502),
        ({"code": "502", "message": "gone"}, 502),
        ({"code": "400", "message": "gone"}, 400),
        ({"code": 400, "status": "INVALID_ARGUMENT", "message": "API key not valid."}, 401),
        ({"code": 400, "type": "budget_exceeded", "message": "x"}, 402),
        ({"code": "billing_hard_limit_reached", "type": "invalid_request_error"}, 402),
        ({"status": 429, "message": "slow"}, 429),
        ("502", 502),
        ("rate_limit_exceeded", 429),
        ({"code": "rate_limit_exceeded"}, 429),
        ({"type": "overloaded_error", "message": "Overloaded"}, 503),
        ({"code": None, "type": "RateLimitError", "message": "x"}, 429),
        ({"status": "RESOURCE_EXHAUSTED", "message": "x"}, 429),
        ({"code": "invalid_api_key", "type": "invalid_request_error", "message": "x"}, 401),
        ({"type": "invalid_request_error", "message": "Incorrect API key provided"}, 401),
        ({"type": "invalid_request_error", "message": "The model `x` does not exist"}, 404),
        ({"message": "maximum context length is 10 tokens"}, 400),
        ({"code": "insufficient_quota"}, 402),
        ({"object": "error", "message": "too much traffic, try again", "code": 50001}, 429),
        ({"object": "error", "message": "something broke", "code": 50001}, 500),
        ({"detail": "something broke"}, 500),
        ({"base_resp": {"status_code": 1002, "status_msg": "rate limit"}}, 429),
        ({"errors": [{"code": 7009, "message": "upstream"}]}, 500),
        ("the upstream went away", 500),
        ({}, 500),
    ],
)
def test_an_error_inside_an_answer_has_the_status_that_it_should_have_had(
    error: Any, status: int
) -> None:
    assert status_of(error) == status


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": {"message": "gone"}}, "gone"),
        ({"error": "gone"}, "gone"),
        ({"error": {"error": {"message": "gone"}}}, "gone"),
        ({"errors": [{"message": "gone"}]}, "gone"),
        ({"object": "error", "message": "gone"}, "gone"),
        ({"detail": "gone"}, "gone"),
        ({"message": "gone", "code": 1}, "gone"),
        ({"msg": "gone", "code": 1, "choices": None}, "gone"),
        ({"type": "error", "error": {"type": "api_error", "message": "gone"}}, "gone"),
        (
            {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]},
            "body.seed: Extra inputs are not permitted",
        ),
    ],
)
def test_errors_are_found_in_a_body(body: dict[str, Any], message: str) -> None:
    error = find_error(body)
    assert error
    assert error_words({"error": error}).message == message


@pytest.mark.parametrize(
    "body",
    [
        {"choices": [{"delta": {"content": "hi"}}], "message": "ok"},
        {"choices": [], "usage": {"prompt_tokens": 1}},
        {"choices": [], "prompt_filter_results": [{"content_filter_results": {}}]},
        {"type": "ping"},
        {"error": None, "choices": []},
        {"error": "", "id": "x"},
        {"error": {"message": "", "code": None}, "choices": [{}]},
        {"error": {"message": "", "code": 0}},
        {"error": {"message": "", "code": "0"}},
        {"error": {"error": {"message": None}, "code": None}},
        {"error": "null", "choices": [{}]},
        {"errors": [{"message": "", "code": None}]},
        {"errors": []},
        {},
    ],
)
def test_what_is_no_error(body: dict[str, Any]) -> None:
    assert find_error(body) is None
