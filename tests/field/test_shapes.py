"""Answers in the forms that servers and gateways give them: all are right, and paid for once.

Reports of these forms: pydantic-ai #164, simonw/llm #294, sglang #3912, llmcord #84,
CLIProxyAPI #796, litellm #32763, ollama #13371, LLM gateways' own documentation.
"""

from __future__ import annotations

import json
from collections.abc import Callable
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
    streamed,
    used,
)
from tests.field.runs import TicketOutcome, right, weigh_tickets, wrong

LAST = {"id": "c", "choices": [], "usage": USAGE}
Chunks = Callable[[Asked], list[dict[str, Any] | str]]


def said(asked: Asked, **more: Any) -> list[dict[str, Any] | str]:
    """The chunks of a plain answer, without its usage."""
    return [event({"content": right(asked)}, **more), event({}, "stop", **more)]


def in_chunks(chunks: Chunks, done: bool = True) -> Behaviour:
    return lambda asked: events(chunks(asked), done)


def rewritten(before: str, after: str) -> Behaviour:
    """A plain stream with something in its text replaced."""

    def behave(asked: Asked) -> Reply:
        reply = streamed(right(asked))
        return replace(reply, body=reply.body.replace(before.encode(), after.encode()))

    return behave


def whole(before: bytes = b"", kind: str = "application/json", **more: Any) -> Behaviour:
    def behave(asked: Asked) -> Reply:
        reply = data(message(right(asked), **more))
        return replace(reply, body=before + reply.body, content_type=kind)

    return behave


def with_usage(usage: Any) -> Behaviour:
    return lambda asked: streamed(right(asked), usage=usage)


def ended_by(finish: str) -> Behaviour:
    return lambda asked: streamed(right(asked), finish)


def two_choices(asked: Asked) -> Reply:
    other = {"index": 1, "delta": {"content": wrong(asked)}, "finish_reason": "stop"}
    second = {"id": "c", "choices": [other]}
    return events([second, event({"content": right(asked)}), second, event({}, "stop"), LAST])


def two_choices_whole(asked: Asked) -> Reply:
    body = message(right(asked))
    other = {"index": 1, "message": {"role": "assistant", "content": wrong(asked)}}
    return data({**body, "choices": [{**other, "finish_reason": "stop"}, *body["choices"]]})


def message_in_a_stream(asked: Asked) -> Reply:
    return events([{**message(right(asked)), "object": "chat.completion.chunk"}])


def text_of_old(asked: Asked) -> Reply:
    choice = {"index": 0, "text": right(asked), "finish_reason": "stop"}
    return data({"id": "c", "object": "text_completion", "choices": [choice], "usage": USAGE})


def letters(asked: Asked) -> Reply:
    return events([*(event({"content": c}) for c in right(asked)), event({}, "stop"), LAST])


def no_choices_first(asked: Asked) -> list[dict[str, Any] | str]:
    filters = [{"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False}}}]
    first = {"id": "", "choices": [], "model": "", "object": "", "prompt_filter_results": filters}
    return [first, *said(asked), LAST]


def growing_usage(asked: Asked) -> list[dict[str, Any] | str]:
    pieces = [event({"content": c}, usage=used(100, 1)) for c in right(asked)]
    return [*pieces, event({}, "stop", usage=USAGE)]


def nulls(asked: Asked) -> list[dict[str, Any] | str]:
    empty = {"role": None, "tool_calls": None, "refusal": None, "function_call": None}
    text = event({**empty, "content": right(asked)}, "", usage=None, error=None)
    return [text, event({"content": None}, "stop", error=None), LAST]


def heartbeats(asked: Asked) -> list[dict[str, Any] | str]:
    ping = 'event: ping\ndata: {"type": "ping"}\n\n'
    comment = ": OPENROUTER PROCESSING\n\n"
    return [comment, ping, comment, *said(asked), comment, LAST]


def camel_case(asked: Asked) -> list[dict[str, Any] | str]:
    choice = {"index": 0, "delta": {"content": right(asked)}, "finishReason": "stop"}
    return [{"id": "c", "choices": [choice], "usage": USAGE}]


def never_finished(asked: Asked) -> list[dict[str, Any] | str]:
    return [event({"content": right(asked)}), LAST]


def usage_after_done(asked: Asked) -> list[dict[str, Any] | str]:
    return [*said(asked), "data: [DONE]\n\n", LAST]


def two_lines(asked: Asked) -> Reply:
    """One event over two lines of data, as the format of events allows."""
    text = json.dumps(event({"content": right(asked)}, "stop", usage=USAGE))
    place = text.index('"choices"')
    lines = f"data: {text[:place]}\ndata: {text[place:]}\n\n"
    return events([lines])


def choice(**fields: Any) -> Behaviour:
    """A whole answer whose choice has other fields."""

    def behave(asked: Asked) -> Reply:
        body = message(right(asked))
        return data({**body, "choices": [{**body["choices"][0], **fields}]})

    return behave


def beside(**fields: Any) -> Behaviour:
    """A whole answer with other fields beside its choices."""
    return lambda asked: data({**message(right(asked)), **fields})


def odd_chunks(*before: dict[str, Any] | str) -> Behaviour:
    """Chunks that say nothing before the one that does."""
    return lambda asked: events([*before, event({"content": right(asked)}, "stop", usage=USAGE)])


def plain_message(asked: Asked) -> Reply:
    choice = {"index": 0, "message": right(asked), "finish_reason": "stop"}
    return data({**message(None), "choices": [choice]})


RIGHT: dict[str, Behaviour] = {
    "azure-no-choices-first": in_chunks(no_choices_first),
    "usage-with-finish": in_chunks(lambda a: [said(a)[0], event({}, "stop", usage=USAGE)]),
    "usage-growing": in_chunks(growing_usage),
    "usage-null-until-last": in_chunks(lambda a: [*said(a, usage=None), LAST]),
    "one-chunk": in_chunks(lambda a: [event({"content": right(a)}, "stop", usage=USAGE)]),
    "letters": letters,
    "nulls-and-empty-finish": in_chunks(nulls),
    "heartbeats": in_chunks(heartbeats),
    "gemini-camel-case": in_chunks(camel_case),
    "gemini-never-finished": in_chunks(never_finished),
    "no-done": in_chunks(lambda a: [*said(a), LAST], done=False),
    "no-delta-at-the-end": rewritten('"delta": {}, ', '"delta": null, '),
    "no-blank-after-data": rewritten("data: ", "data:"),
    "crlf": rewritten("\n\n", "\r\n\r\n"),
    "byte-order-mark": lambda a: replace(
        streamed(right(a)), body=b"\xef\xbb\xbf" + streamed(right(a)).body
    ),
    "stream-as-plain-text": lambda a: replace(streamed(right(a)), content_type="text/plain"),
    "stream-as-json": lambda a: replace(streamed(right(a)), content_type="application/json"),
    "stream-with-charset": lambda a: replace(
        streamed(right(a)), content_type="text/event-stream; charset=utf-8"
    ),
    "two-lines": two_lines,
    "carriage-returns": rewritten("\n", "\r"),
    "done-in-blanks": rewritten("data: [DONE]", "data:  [DONE] "),
    "done-in-quotes": rewritten("data: [DONE]", 'data: "[DONE]"'),
    "index-null": choice(index=None),
    "index-as-text": choice(index="0"),
    "index-one-alone": choice(index=1),
    "finish-as-number": choice(finish_reason=1),
    "finish-of-tools-with-text": choice(finish_reason="tool_calls"),
    "error-of-nothing": beside(error={}),
    "error-false": beside(error=False),
    "error-of-empty-fields": beside(error={"message": "", "code": None, "type": "", "param": None}),
    "errors-of-nothing": beside(errors=[{"message": "", "code": 0}]),
    "choices-as-object": lambda a: data(
        {**message(right(a)), "choices": message(right(a))["choices"][0]}
    ),
    "message-as-text": plain_message,
    "whole-as-events": whole(kind="text/event-stream"),
    "whole-after-comments": whole(b": PROCESSING\n\n: PROCESSING\n\n", "text/event-stream"),
    "usage-of-a-cache-inside": with_usage(
        {"input_tokens": 100, "output_tokens": 5, "cache_read_input_tokens": 60}
        | {"total_tokens": 105}
    ),
    "usage-of-bedrock": with_usage(
        {"inputTokens": 40, "outputTokens": 5, "cacheReadInputTokens": 60, "totalTokens": 105}
    ),
    "code-of-success": beside(code=0, message="ok", status="success"),
    "detail-null": beside(detail=None),
    "model-as-number": beside(model=5),
    "model-null": beside(model=None),
    "delta-as-list": odd_chunks({"choices": [{"index": 0, "delta": []}]}),
    "choices-null": odd_chunks({"choices": None}),
    "choice-null": odd_chunks({"choices": [None]}),
    "chunk-of-text": odd_chunks('data: "hello"\n\n'),
    "chunk-null": odd_chunks("data: null\n\n", "data: \n\n"),
    "two-choices": two_choices,
    "two-choices-whole": two_choices_whole,
    "message-in-a-stream": message_in_a_stream,
    "text-of-old": text_of_old,
    "whole": whole(),
    "whole-after-blank-lines": whole(b"\n\n\n   \n"),
    "whole-as-text": whole(kind="text/plain; charset=utf-8"),
    "whole-with-no-tools": whole(tool_calls=[], function_call=None, refusal=None),
    "whole-with-empty-refusal": whole(refusal="", annotations=[], audio=None),
    "whole-as-parts": lambda a: data(message([{"type": "text", "text": right(a)}])),
    "usage-as-texts": with_usage({"prompt_tokens": "100", "completion_tokens": "5"}),
    "usage-as-floats": with_usage({"prompt_tokens": 100.0, "completion_tokens": 5.0}),
    "usage-by-other-names": with_usage({"input_tokens": 100, "output_tokens": 5}),
    "usage-with-nulls": with_usage(
        {**USAGE, "prompt_tokens_details": None, "completion_tokens_details": None}
    ),
    **{
        f"ended-by-{finish.lower().replace('_', '-')}": ended_by(finish)
        for finish in ("STOP", "eos", "eos_token", "end_turn", "stop_sequence")
    },
}
NO_COUNTS: dict[str, Behaviour] = {
    "usage-after-done": in_chunks(usage_after_done),
    "no-usage": with_usage(None),
    "usage-of-nothing": with_usage({}),
    "usage-of-zeros": with_usage(used(0, 0)),
    "usage-below-zero": with_usage(used(-1, -1)),
    "usage-as-list": with_usage([]),
    "usage-as-booleans": with_usage({"prompt_tokens": True, "completion_tokens": False}),
    "usage-without-end": with_usage({"prompt_tokens": 1e30, "completion_tokens": 10**40}),
    "usage-in-words": with_usage({"prompt_tokens": "many", "completion_tokens": None}),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TicketOutcome]:
    return weigh_tickets(tmp_path_factory.mktemp("shapes"), RIGHT | NO_COUNTS)


@pytest.mark.parametrize("name", RIGHT | NO_COUNTS)
def test_an_answer_is_read_in_any_shape(outcomes: dict[str, TicketOutcome], name: str) -> None:
    assert len(outcomes[name].records) == 2
    outcomes[name].check_right()


@pytest.mark.parametrize("name", RIGHT)
def test_it_is_paid_for_as_reported(outcomes: dict[str, TicketOutcome], name: str) -> None:
    outcomes[name].check_paid(100, 5)


@pytest.mark.parametrize("name", NO_COUNTS)
def test_what_is_not_reported_is_estimated(outcomes: dict[str, TicketOutcome], name: str) -> None:
    for record in outcomes[name].records.values():
        used_tokens = record.answer.completion.usage
        assert used_tokens.input_tokens > 20
        assert used_tokens.output_tokens > 0
