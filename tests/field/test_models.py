"""What is learned of an endpoint, what is told of it, and what ends it.

Reports of these forms: ollama #17889, #17427, aichat #796, the error texts of vLLM, llama.cpp, Gemma's
and Mistral's chat templates, FastAPI's validation and Google's OpenAI-compatible endpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from steelyard.weigh import run
from tests.field.endpoint import (
    Asked,
    Behaviour,
    Reply,
    data,
    message,
    refused,
    serving,
    streamed,
    used,
)
from tests.field.runs import TICKETS, ModelOutcome, right, sound, weigh_models, write_task, wrong

TEXT = {"output": {"kind": "text"}, "metric": "exact_match"}


def refusing(
    status: int, text: str, when: Callable[[Asked], bool], param: str | None = None
) -> Behaviour:
    """Refuse requests of a kind, and be sound for all others."""
    return lambda asked: refused(status, text, param=param) if when(asked) else sound(asked)


def has(name: str) -> Callable[[Asked], bool]:
    return lambda asked: name in asked.body


def has_system(asked: Asked) -> bool:
    return asked.roles[0] in ("system", "developer")


def forbidden_extra(asked: Asked) -> Reply:
    if "stream_options" not in asked.body:
        return sound(asked)
    place = {"type": "extra_forbidden", "loc": ["body", "stream_options"]}
    return data({"detail": [{**place, "msg": "Extra inputs are not permitted"}]}, 422)


def without_stream(asked: Asked) -> Reply:
    if asked.body.get("stream"):
        return refused(400, "streaming is not supported for this model", param="stream")
    return data(message(right(asked)))


NO_SYSTEM = {
    "gemma": (400, "System role not supported"),
    "llama-cpp": (500, "Jinja Exception: System role not supported"),
}
LEARNED: dict[str, Behaviour] = {
    "no-format": refusing(
        404,
        "No endpoints found that can handle the requested parameters.",
        has("response_format"),
    ),
    "least-tokens": refusing(
        400,
        "Invalid 'max_tokens': integer below minimum value. Expected a value >= 200",
        lambda asked: (asked.limit or 0) < 200,
    ),
    "no-stream": without_stream,
    "no-stream-options": refusing(400, "Unknown parameter: stream_options", has("stream_options")),
    "no-extras": forbidden_extra,
    "no-max-tokens": refusing(
        400, "Unsupported parameter: use 'max_completion_tokens'", has("max_tokens"), "max_tokens"
    ),
    "no-temperature": refusing(
        400,
        "Unsupported value: 'temperature' does not support 0.0, only the default (1) is supported",
        lambda asked: asked.body.get("temperature", 1) != 1,
        "temperature",
    ),
    **{
        f"no-system-{name}": refusing(status, text, has_system)
        for name, (status, text) in NO_SYSTEM.items()
    },
}
TOLD = {
    "no-stream": "stream",
    "no-temperature": "vary",
    "no-usage": "usage|estimated",
    "renamed": "another-model",
    "gpt-4": "gpt-4o-mini-2024-07-18",
    **{f"no-system-{name}": "system" for name in NO_SYSTEM},
}
WARNED = {
    "no-temperature": "vary",
    "no-usage": "estimated",
    "renamed": "another-model",
    "gpt-4": "gpt-4o-mini",
}


def refuses_at_first(asked: Asked) -> Reply:
    return data(message(None, refusal="I can't.")) if asked.number <= 6 else sound(asked)


def fails_after_one(asked: Asked) -> Reply:
    if asked.number == 1:
        return sound(asked)
    return data(
        {"object": "error", "message": "no worker is left"}, 200, headers={"retry-after-ms": "1"}
    )


OTHERS: dict[str, Behaviour] = {
    "no-usage": lambda asked: streamed(right(asked), usage=None),
    "renamed": lambda asked: streamed(right(asked), model="another-model"),
    "gpt-4": lambda asked: streamed(right(asked), model="gpt-4o-mini-2024-07-18"),
    "dated": lambda asked: streamed(right(asked), model="vendor/dated-2024-08-06"),
    "refuses-at-first": refuses_at_first,
    "refuses": lambda asked: streamed("", "refusal"),
}
ENDED: dict[str, tuple[Behaviour, str]] = {
    "unknown": (lambda asked: refused(404, "The model does not exist"), "404.*does not exist"),
    "wrong-key": (lambda asked: refused(401, "Incorrect API key"), "key"),
    "no-credit": (
        lambda asked: refused(429, "You exceeded your quota", code="insufficient_quota"),
        "credit",
    ),
    "no-credit-in-400": (
        lambda asked: refused(400, "Billing hard limit", code="billing_hard_limit_reached"),
        "credit",
    ),
    "no-budget-after-one": (
        lambda asked: (
            sound(asked) if asked.number == 1 else refused(400, "Budget has been exceeded")
        ),
        "credit",
    ),
    "a-page-before-it": (
        lambda asked: Reply(b"<!DOCTYPE html><title>Attention</title>", 403, "text/html"),
        "a page for people",
    ),
    "wrong-key-in-200": (
        lambda asked: data({"error": {"message": "Incorrect API key", "code": "invalid_api_key"}}),
        "key",
    ),
    "gone": (fails_after_one, "no worker is left"),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelOutcome]:
    ended = {name: behave for name, (behave, _) in ENDED.items()}
    return weigh_models(tmp_path_factory.mktemp("models"), LEARNED | OTHERS | ended, **TEXT)


@pytest.mark.parametrize("name", LEARNED)
def test_what_an_endpoint_refuses_is_left_out_once_and_for_all(
    outcomes: dict[str, ModelOutcome], name: str
) -> None:
    outcomes[name].check_right()
    assert outcomes[name].paid.requests >= len(outcomes[name].asked) - 4


@pytest.mark.parametrize("name", TOLD)
def test_it_is_told(outcomes: dict[str, ModelOutcome], name: str) -> None:
    outcomes[name].check_said(TOLD[name])


@pytest.mark.parametrize("name", WARNED)
def test_what_changes_how_figures_are_read_is_a_warning(
    outcomes: dict[str, ModelOutcome], name: str
) -> None:
    outcomes[name].check_warned(WARNED[name])


def test_a_version_of_the_model_is_no_other_model(outcomes: dict[str, ModelOutcome]) -> None:
    assert outcomes["dated"].said == ""


@pytest.mark.parametrize("name", ["renamed", "dated"])
def test_every_answer_is_booked(outcomes: dict[str, ModelOutcome], name: str) -> None:
    count = len(outcomes[name].asked)
    outcomes[name].check_right()
    paid = outcomes[name].paid
    assert (paid.requests, paid.input_tokens, paid.output_tokens) == (count, 100 * count, 5 * count)


def test_refusals_at_first_do_not_end_a_run(outcomes: dict[str, ModelOutcome]) -> None:
    outcome = outcomes["refuses-at-first"]
    assert outcome.scores, outcome.ended
    outcome.check_never_wrong()
    assert outcome.failed < len(TICKETS)


def test_a_model_that_refuses_everything_is_measured(outcomes: dict[str, ModelOutcome]) -> None:
    outcome = outcomes["refuses"]
    assert outcome.failed == len(TICKETS), outcome.ended
    assert "refus" in outcome.reasons


@pytest.mark.parametrize("name", ENDED)
def test_what_meets_every_request_ends_the_model_with_the_reason(
    outcomes: dict[str, ModelOutcome], name: str
) -> None:
    outcomes[name].check_ended(ENDED[name][1])


def counts(asked: Asked) -> Reply:
    return streamed(right(asked), usage=used(len(asked.text) // 4, 5))


def drops_most(asked: Asked) -> Reply:
    """The window is short, and what does not fit is dropped without a word."""
    return streamed(right(asked), usage=used(min(130, len(asked.text) // 4), 5))


def test_prompts_that_are_dropped_are_told(tmp_path: Path) -> None:
    behaviours = {"counts": counts, "drops-most": drops_most}
    tickets = [f"long-{place}-{'x' * 200 * place}" for place in range(16)]
    outcomes = weigh_models(tmp_path, behaviours, tickets=tickets, **TEXT)
    outcomes["drops-most"].check_warned("prompt|truncat|context|window")
    assert "drops-most" not in outcomes["counts"].said


def test_more_of_the_body_is_sent(tmp_path: Path) -> None:
    more = {"extra_body": {"reasoning_effort": "low", "options": {"num_ctx": 8192}}}
    outcomes = weigh_models(tmp_path, {"more": sound}, options={"more": more}, **TEXT)
    outcomes["more"].check_right()
    for asked in outcomes["more"].asked:
        assert asked.body["reasoning_effort"] == "low"
        assert asked.body["options"] == {"num_ctx": 8192}


def test_a_full_address_is_understood(tmp_path: Path) -> None:
    with serving({"m": sound}) as endpoint:
        full = {"base_url": f"{endpoint.base_url('m')}/chat/completions"}
        task = write_task(tmp_path / "task", endpoint, options={"m": full}, **TEXT)
        done = run(task, tmp_path / "out")
    assert {arm["quality"]["value"] for arm in done.result["arms"] if arm["model"]} == {1.0}


def reasons_long(asked: Asked) -> Reply:
    """Refuses the older limit and a temperature; spends what it is given before it answers."""
    if "max_tokens" in asked.body:
        return refused(400, "max_tokens is not supported; use max_completion_tokens")
    if asked.body.get("temperature", 1) != 1:
        return refused(400, "only the default temperature is supported", param="temperature")
    need, limit = 300 + 150 * (asked.number % 5), asked.limit or 0
    details = {"completion_tokens_details": {"reasoning_tokens": min(need - 5, limit)}}
    if need > limit:
        return streamed("", "length", used(100, limit, **details))
    return streamed(right(asked), usage=used(100, need, **details))


def works_it_out(asked: Asked) -> Reply:
    """Ends with the right number, after others; cut where the limit says."""
    other = {"1": "-1", "-1": "1"}[right(asked)]
    text = (
        f"Let us see. It could be {other} or 7, but {wrong(asked)} has no bearing on it here. " * 2
    )
    text += f"The answer is {right(asked)}."
    limit = 4 * (asked.limit or 16)
    finish = "length" if limit < len(text) else "stop"
    return streamed(text[:limit], finish, used(100, min(limit, len(text)) // 4))


def test_our_own_limit_decides_no_score(tmp_path: Path) -> None:
    behaviours = {"reasons": reasons_long, "works-it-out": works_it_out}
    words = {"1": "gain", "-1": "loss"}
    task = {**TEXT, "metric": "numeric"}
    outcomes = weigh_models(tmp_path, behaviours, words=words, **task)
    for outcome in outcomes.values():
        assert outcome.scores, outcome.ended
        outcome.check_never_wrong()
        assert outcome.failed == 0 or "max_output_tokens" in outcome.reasons + outcome.warnings
    reasons = outcomes["reasons"]
    assert reasons.paid.output_tokens >= 300 * reasons.paid.requests
