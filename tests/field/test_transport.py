"""How answers travel, what they hold besides, and what headers say: the answers are right."""

from __future__ import annotations

import gzip
import json
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
from tests.field.runs import TicketOutcome, right, sound, weigh_tickets


def in_pieces(size: int) -> Behaviour:
    """A stream in chunks that end anywhere, within a character too."""

    def behave(asked: Asked) -> Reply:
        body = streamed(right(asked), note="Grüße 🎟").body
        raw = body.replace(b"\\u00fc", "ü".encode()).replace(b"\\ud83c\\udf9f", "🎟".encode())
        pieces = tuple(raw[place : place + size] for place in range(0, len(raw), size))
        return Reply(b"", content_type="text/event-stream", pieces=pieces)

    return behave


def zipped(asked: Asked) -> Reply:
    body = gzip.compress(data(message(right(asked))).body)
    return Reply(body, headers={"Content-Encoding": "gzip"})


def until_closed(asked: Asked) -> Reply:
    return replace(data(message(right(asked))), has_length=False)


def long_thought(asked: Asked) -> Reply:
    thought = event({"content": None, "reasoning_content": "hmm " * 60_000})
    return events([thought, event({"content": right(asked)}), event({}, "stop", usage=USAGE)])


def many_events(asked: Asked) -> Reply:
    thought = [event({"reasoning": "hmm "})] * 3_000
    return events([*thought, event({"content": right(asked)}), event({}, "stop", usage=USAGE)])


def nested(asked: Asked) -> Reply:
    body = {**message(right(asked)), "trace": None}
    deep = "[" * 300 + "]" * 300
    return Reply(json.dumps(body).replace('"trace": null', f'"trace": {deep}').encode())


def not_numbers(asked: Asked) -> Reply:
    body = {**message(right(asked)), "score": float("nan"), "most": float("inf")}
    return data(body)


def later(*headers: tuple[str, str]) -> Behaviour:
    """Ask to wait in a way that cannot be followed, and be sound when asked again."""

    def behave(asked: Asked) -> Reply:
        if asked.before:
            return sound(asked)
        return replace(refused(429, "slow down"), headers=dict(headers))

    return behave


def with_headers(**headers: str) -> Behaviour:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda asked: replace(sound(asked), headers=named)


def with_details(usage: dict[str, Any]) -> Behaviour:
    return lambda asked: streamed(right(asked), usage=usage)


RIGHT: dict[str, Behaviour] = {
    "bytes": in_pieces(1),
    "odd-chunks": in_pieces(7),
    "gzip": zipped,
    "until-closed": until_closed,
    "long-thought": long_thought,
    "many-events": many_events,
    "nested": nested,
    "not-numbers": not_numbers,
    "lone-surrogate": lambda a: streamed(right(a), system_fingerprint="\ud83d"),
    "null-character": lambda a: streamed(right(a), system_fingerprint="\x00\x1b[31m"),
    "wait-in-the-past": later(("Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT")),
    "wait-in-words": later(("Retry-After", "soon")),
    "wait-below-zero": later(("Retry-After", "-5")),
    "wait-of-nothing": later(("Retry-After", "")),
    "wait-not-a-number": later(("Retry-After", "nan")),
    "wait-reset-in-words": later(("x-ratelimit-reset-requests", "in a while")),
    "limits-in-words": with_headers(x_ratelimit_remaining_requests="many"),
    "limits-below-zero": with_headers(x_ratelimit_remaining_tokens="-1"),
    "more-cached-than-sent": with_details(
        {**USAGE, "prompt_tokens_details": {"cached_tokens": 400}}
    ),
    "cached-below-zero": with_details({**USAGE, "prompt_tokens_details": {"cached_tokens": -1}}),
    "cached-in-words": with_details({**USAGE, "prompt_tokens_details": {"cached_tokens": "some"}}),
    "details-as-a-list": with_details({**USAGE, "prompt_tokens_details": []}),
    "more-reasoned-than-written": with_details(
        {**USAGE, "completion_tokens_details": {"reasoning_tokens": -3}}
    ),
    "cached-apart": with_details({**USAGE, "prompt_cache_hit_tokens": 64}),
    "total-too-small": with_details({**used(100, 5), "total_tokens": 1}),
    "total-in-words": with_details({**used(100, 5), "total_tokens": "?"}),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TicketOutcome]:
    return weigh_tickets(tmp_path_factory.mktemp("transport"), RIGHT)


@pytest.mark.parametrize("name", RIGHT)
def test_an_answer_arrives_however_it_travels(
    outcomes: dict[str, TicketOutcome], name: str
) -> None:
    outcomes[name].check_right()
    outcomes[name].check_paid(100, 5)


@pytest.mark.parametrize("name", RIGHT)
def test_no_more_is_cached_than_was_sent(outcomes: dict[str, TicketOutcome], name: str) -> None:
    for record in outcomes[name].records.values():
        assert 0 <= record.answer.completion.cached_tokens <= 100
        assert 0 <= record.answer.completion.reasoning_tokens <= 5
