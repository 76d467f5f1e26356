"""Failures of an answer are told from failures of the endpoint: the ones fail, the others are asked again.

Reports of these forms: inspect_ai #1536, #3687, lm-evaluation-harness #2740, #3244, litellm #33404,
promptfoo #5859, pydantic-ai #4315, ollama #13371, togethercomputer/together-python #153.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.field.endpoint import (
    USAGE,
    Asked,
    Behaviour,
    Reply,
    data,
    event,
    events,
    message,
    refused,
    streamed,
    used,
)
from tests.field.runs import TicketOutcome, right, sound, truth, weigh_tickets, wrong

CALL = {"id": "t", "type": "function", "function": {"name": "sort", "arguments": "{}"}}
TOO_LONG = "This model's maximum context length is 90 tokens, however you requested 120 tokens"


def ends(content: Any, finish: str, **more: Any) -> Behaviour:
    """A whole answer that ends so."""
    return lambda asked: data(message(content, finish, **more))


FAILED: dict[str, tuple[Behaviour, str, str]] = {
    "tool-call": (ends(None, "tool_calls", tool_calls=[CALL]), "tool", "tool_calls"),
    "function-call": (
        ends("", "function_call", function_call=CALL["function"]),
        "tool|function",
        "tool_calls",
    ),
    "tool-call-in-a-stream": (
        lambda asked: events(
            [event({"tool_calls": [{"index": 0, **CALL}]}), event({}, "tool_calls", usage=USAGE)]
        ),
        "tool",
        "tool_calls",
    ),
    "tool-call-with-a-preface": (
        lambda asked: data(message(right(asked), "tool_calls", tool_calls=[CALL])),
        "tool",
        "tool_calls",
    ),
    "refusal": (ends(None, "stop", refusal="I can't do that."), "refus.*can't do", "refusal"),
    "refusal-in-a-stream": (
        lambda asked: events([event({"refusal": "I can't."}), event({}, "stop", usage=USAGE)]),
        "refus",
        "refusal",
    ),
    "refusal-as-finish": (ends("", "refusal"), "refus", "refusal"),
    "filter": (ends("", "content_filter"), "filter", "content_filter"),
    "filter-with-text": (
        lambda asked: streamed(f"{truth(asked)} is", "content_filter"),
        "filter",
        "content_filter",
    ),
    "safety": (ends(None, "SAFETY"), "filter|safety", "content_filter"),
    "recitation": (ends("", "RECITATION"), "filter|recitation", "content_filter"),
    "limit-without-text": (ends("", "length"), "limit|length|token", "length"),
    "limit-in-capitals": (ends(None, "MAX_TOKENS"), "limit|length|token", "length"),
    "limit-within-a-label": (
        lambda asked: streamed(right(asked)[:-3], "length"),
        "limit|length|token|cut",
        "length",
    ),
    "limit-after-a-label": (
        lambda asked: streamed(right(asked).replace("}", ""), "length"),
        "limit|length|token|cut",
        "length",
    ),
    "nothing": (ends("", "stop"), "empty|nothing|no (text|answer)|''", "any"),
    "blank": (ends(" \n", "stop"), "empty|blank|nothing|no (text|answer)|'", "any"),
}
REFUSED: dict[str, tuple[Behaviour, str]] = {
    "azure-filter": (
        lambda _: refused(400, "The response was filtered", code="content_filter"),
        "filter",
    ),
    "too-long": (
        lambda _: refused(400, TOO_LONG, code="context_length_exceeded"),
        "maximum context",
    ),
    "moderated": (lambda _: refused(403, "Input was flagged by moderation"), "moderation"),
    "too-large": (lambda _: refused(413, "Request entity too large"), "413|large"),
}


def first(fault: Reply) -> Behaviour:
    """Behave so at first, and be sound when asked again."""
    return lambda asked: sound(asked) if asked.before else fault


def first_wrong(finish: str, **more: Any) -> Behaviour:
    """Break off at first, after a text that must not be scored."""

    def behave(asked: Asked) -> Reply:
        if asked.before:
            return sound(asked)
        return events([event({"content": wrong(asked)}), event({}, finish, **more)])

    return behave


def cut(asked: Asked) -> Reply:
    reply = data(message(right(asked)))
    return sound(asked) if asked.before else replace(reply, sent=len(reply.body) // 2)


def cut_stream(asked: Asked) -> Reply:
    reply = streamed(right(asked))
    return sound(asked) if asked.before else replace(reply, sent=len(reply.body) // 3)


def stops_short(asked: Asked) -> Reply:
    """The connection ends in order, but the stream has no end."""
    if asked.before:
        return sound(asked)
    return events([event({"content": wrong(asked)})], done=False)


def half_a_body(asked: Asked) -> Reply:
    reply = data(message(right(asked)))
    return sound(asked) if asked.before else replace(reply, body=reply.body[:-30])


ERROR = {"message": "the upstream went away", "code": 502}
TRANSIENT: dict[str, Behaviour] = {
    "finish-error": first_wrong("error", usage=USAGE),
    "finish-abort": first_wrong("abort", usage=USAGE),
    "finish-network-error": first_wrong("network_error"),
    "finish-no-resources": first_wrong("insufficient_system_resource"),
    "error-in-a-choice": first(
        events([{"choices": [{"index": 0, "delta": {}, "finish_reason": "error", "error": ERROR}]}])
    ),
    "error-event": first(events([event({"content": "BILL"}), {"error": ERROR}])),
    "error-event-in-words": first(events([event({"content": "BILL"}), {"error": "overloaded"}])),
    "error-event-named": first(
        events(['event: error\ndata: {"type": "overloaded_error", "message": "Overloaded"}\n\n'])
    ),
    "error-body": first(data({"error": ERROR})),
    "error-body-in-words": first(data({"error": "Internal server error"})),
    "error-object": first(data({"object": "error", "message": "too much traffic", "code": 50001})),
    "error-detail": first(data({"detail": "upstream timed out"})),
    "error-status": first(data({"status": "FAILED", "error": "err.supplier_error"})),
    "error-beside-choices": first(data({"choices": None, "error": ERROR})),
    "status-in-words": first(data({"error": {"code": "rate_limit_exceeded", "message": "wait"}})),
    "status-as-text": first(data({"error": {"code": "502", "message": "bad gateway"}})),
    "no-choices": first(data({"id": "c", "choices": [], "usage": used(0, 0)})),
    "no-choices-key": first(data({"id": "c", "object": "chat.completion", "model": "m"})),
    "json-null": first(data(None)),
    "json-list": first(data([])),
    "empty-body": first(Reply(b"")),
    "empty-stream": first(events([])),
    "page": first(Reply(b"<!DOCTYPE html><html><body>Bad gateway</body></html>", 200, "text/html")),
    "429": first(refused(429, "slow down")),
    "500-page": first(Reply(b"<html>oops</html>", 500, "text/html")),
    "503": first(refused(503, "loading the model")),
    "529": first(refused(529, "overloaded")),
    "408": first(refused(408, "timeout")),
    "499": first(refused(499, "client closed")),
    "507": first(refused(507, "no storage")),
    "530": first(Reply(b"<html>1033</html>", 530, "text/html")),
    "598": first(refused(598, "read timeout")),
    "429-in-400": first(refused(400, "Rate limit reached for requests")),
}
TORN: dict[str, Behaviour] = {
    "cut": cut,
    "cut-stream": cut_stream,
    "stops-short": stops_short,
    "half-a-body": half_a_body,
    "garbled": first(events(["data: {oh no\n\n"])),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TicketOutcome]:
    failed = {name: behave for name, (behave, *_) in (FAILED | REFUSED).items()}
    behaviours = {f"s{name}" if name.isdigit() else name: b for name, b in TRANSIENT.items()}
    # What fails lies between what does not: many in a row are an endpoint that has gone away.
    mixed: dict[str, Behaviour] = {}
    for place, (name, behave) in enumerate((behaviours | failed | TORN).items()):
        mixed |= {name: behave, f"plain-{place}": sound}
    return weigh_tickets(tmp_path_factory.mktemp("endings"), mixed)


@pytest.mark.parametrize("name", FAILED)
def test_an_answer_that_is_none_fails_with_its_reason(
    outcomes: dict[str, TicketOutcome], name: str
) -> None:
    _, reason, finish = FAILED[name]
    outcomes[name].check_failed(reason)
    outcomes[name].check_paid(100, 5)
    endings = {record.answer.completion.finish_reason for record in outcomes[name].records.values()}
    assert endings == {finish} or finish == "any"


@pytest.mark.parametrize("name", REFUSED)
def test_a_request_that_is_refused_fails_alone(
    outcomes: dict[str, TicketOutcome], name: str
) -> None:
    outcomes[name].check_failed(REFUSED[name][1])
    outcomes[name].check_paid(0, 0)


@pytest.mark.parametrize("name", [*TRANSIENT])
def test_an_error_of_the_endpoint_is_asked_again(
    outcomes: dict[str, TicketOutcome], name: str
) -> None:
    outcomes[f"s{name}" if name.isdigit() else name].check_right()


@pytest.mark.parametrize("name", TORN)
def test_a_torn_answer_is_asked_again_and_both_are_paid(
    outcomes: dict[str, TicketOutcome], name: str
) -> None:
    outcomes[name].check_right()
    for record in outcomes[name].records.values():
        completion = record.answer.completion
        assert completion.usage.output_tokens == 5
        assert completion.torn.output_tokens >= completion.torn.requests > 0


@pytest.mark.parametrize(("name", "tries"), [("finish-error", 2), ("s429", 1), ("page", 1)])
def test_only_what_was_reported_is_paid(
    outcomes: dict[str, TicketOutcome], name: str, tries: int
) -> None:
    outcomes[name].check_paid(100 * tries, 5 * tries)
