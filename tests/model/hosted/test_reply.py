"""What an endpoint's answer says, however it is worded, and what it counts."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.core import Message, Request
from steelyard.model.hosted.counts import BilledTokens, token_counts
from steelyard.model.hosted.reply import EndpointReply, to_completion


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 2}, (9, 0, 2, 0)),
        ({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}, (9, 0, 2, 0)),
        ({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 311}, (9, 0, 302, 0)),
        ({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 0}, (9, 0, 2, 0)),
        ({"prompt_tokens": 9.0, "completion_tokens": "2"}, (9, 0, 2, 0)),
        ({"promptTokens": 9, "completionTokens": 2}, (9, 0, 2, 0)),
        ({"input_tokens": 9, "output_tokens": 2}, (9, 0, 2, 0)),
        (
            {"input_tokens": 9, "output_tokens": 2, "cache_read_input_tokens": 5},
            (14, 5, 2, 0),
        ),
        ({"promptTokenCount": 9, "candidatesTokenCount": 2, "totalTokenCount": 30}, (9, 0, 21, 0)),
        ({"prompt_tokens": 9, "total_tokens": 12}, (9, 0, 3, 0)),
        ({"completion_tokens": 3, "total_tokens": 12}, (9, 0, 3, 0)),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 30,
                "completion_tokens_details": {"reasoning_tokens": 25},
            },
            (9, 0, 30, 25),
        ),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 3,
                "completion_tokens_details": {"reasoning_tokens": 25},
            },
            (9, 0, 28, 25),
        ),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 3,
                "total_tokens": 37,
                "completion_tokens_details": {"reasoning_tokens": 25},
            },
            (9, 0, 28, 25),
        ),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 2,
                "prompt_tokens_details": {"cached_tokens": 50},
            },
            (9, 9, 2, 0),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": None}, (9, 0, 2, 0)),
        (
            {"input_tokens": 100, "output_tokens": 5, "cache_read_input_tokens": 60}
            | {"total_tokens": 105},
            (100, 60, 5, 0),
        ),
        (
            {"inputTokens": 40, "outputTokens": 5, "totalTokens": 105}
            | {"cacheReadInputTokens": 60, "cacheWriteInputTokens": 0},
            (100, 60, 5, 0),
        ),
        (
            {"inputTokens": 40, "outputTokens": 5}
            | {"cacheReadInputTokens": 50, "cacheWriteInputTokens": 10},
            (100, 50, 5, 0),
        ),
        (
            {"prompt_tokens": 100, "completion_tokens": 5, "input_tokens": 100}
            | {"cache_read_input_tokens": 60},
            (100, 60, 5, 0),
        ),
        (
            {"prompt_tokens": 100, "completion_tokens": 5, "cache_read_input_tokens": 60}
            | {"total_tokens": 105},
            (100, 60, 5, 0),
        ),
        (
            {"prompt_tokens": 40, "completion_tokens": 5, "cache_read_input_tokens": 60}
            | {"total_tokens": 105},
            (100, 60, 5, 0),
        ),
        (
            {"input_tokens": 40, "output_tokens": 5, "cache_read_input_tokens": 60}
            | {"total_tokens": 125, "reasoning_tokens": 20},
            (100, 60, 25, 20),
        ),
        (
            {"prompt_tokens": 100, "completion_tokens": 5, "cache_read_input_tokens": 60}
            | {"total_tokens": 185, "reasoning_tokens": 80},
            (100, 60, 85, 80),
        ),
        (
            {"input_tokens": 40, "output_tokens": 5, "cache_read_input_tokens": 60}
            | {"total_tokens": 1},
            (100, 60, 5, 0),
        ),
        ({"total_tokens": 12}, None),
        ({"prompt_tokens": -1, "completion_tokens": 2}, None),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, None),
        ({"prompt_tokens": 9, "completion_tokens": 0}, None),
        ({"prompt_tokens": True, "completion_tokens": 2}, None),
        ({"prompt_tokens": "many", "completion_tokens": 2}, None),
        ({"prompt_tokens": float("nan"), "completion_tokens": 2}, None),
        ({}, None),
    ],
)
def test_tokens_are_counted_by_whatever_name(
    usage: dict[str, Any], counts: tuple[int, int, int, int] | None
) -> None:
    wanted = None if counts is None else BilledTokens(*counts)
    assert token_counts(usage, has_text=True) == wanted


def read(*chunks: dict[str, Any], whole: bool = False) -> EndpointReply:
    reply = EndpointReply()
    for chunk in chunks:
        if whole:
            reply.add_whole(chunk, 0.0)
        else:
            reply.add(chunk, 0.1)
    return reply


def piece(content: Any = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    delta = {} if content is None else {"content": content}
    return {"choices": [{"index": 0, "delta": {**delta, **more}, "finish_reason": finish}]}


def test_counts_in_every_chunk_are_those_of_the_last() -> None:
    counted = [
        piece("a") | {"usage": {"prompt_tokens": 9, "completion_tokens": n}} for n in (1, 2, 3)
    ]
    reply = read(*counted, piece(finish="stop") | {"usage": None}, {"choices": [], "usage": {}})
    assert reply.counts == BilledTokens(9, 0, 3)


def test_an_end_that_is_no_end_is_passed_over() -> None:
    chunks = [piece("a", word) for word in ("", "null", "None")]
    assert read(*chunks).finish_reason is None
    assert read(*chunks, piece("b", "normal"), piece("", "null")).finish == "stop"


def test_of_several_choices_the_first_is_read() -> None:
    def choice(index: int, text: str) -> dict[str, Any]:
        return {"index": index, "delta": {"content": text}, "finish_reason": None}

    both = read(
        {"choices": [choice(1, "no"), choice(0, "ye")]},
        {"choices": [choice(0, "s")]},
        {"choices": [choice(1, "!")]},
    )
    assert both.text == "yes"
    unnumbered = {"choices": [{"message": {"content": text}} for text in ("yes", "no")]}
    assert read(unnumbered, whole=True).text == "yes"


@pytest.mark.parametrize(
    ("message", "text", "reasoning"),
    [
        ({"content": "yes"}, "yes", ""),
        ({"content": [{"type": "text", "text": "ye"}, {"type": "text", "text": "s"}]}, "yes", ""),
        ({"content": [{"type": "output_text", "text": "yes"}]}, "yes", ""),
        ({"content": {"type": "text", "text": "yes"}}, "yes", ""),
        ({"content": {"parts": [{"text": "yes"}]}}, "yes", ""),
        ({"content": ["yes"]}, "yes", ""),
        (
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                    "yes",
                ]
            },
            "yes",
            "hm",
        ),
        ({"content": [{"type": "reasoning", "text": "hm"}, {"text": "yes"}]}, "yes", "hm"),
        ({"content": [{"text": "hm", "thought": True}, {"text": "yes"}]}, "yes", "hm"),
        ({"content": [{"type": "image_url", "image_url": {"url": "x"}}, "yes"]}, "yes", ""),
        ({"content": "yes", "reasoning_content": "hm"}, "yes", "hm"),
        ({"content": "yes", "reasoning": "hm", "reasoning_content": "hm"}, "yes", "hm"),
        ({"content": "yes", "reasoning": {"content": "hm"}}, "yes", "hm"),
        (
            {"content": "yes", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
            "yes",
            "hm",
        ),
        ({"content": "yes", "thinking": "hm"}, "yes", "hm"),
        ({"content": None, "reasoning_content": "hm"}, "", "hm"),
        ({"content": 7}, "", ""),
        ({}, "", ""),
    ],
)
def test_the_answer_is_told_from_the_reasoning(
    message: dict[str, Any], text: str, reasoning: str
) -> None:
    for chunk in (
        {"choices": [{"index": 0, "delta": message}]},
        {"choices": [{"index": 0, "message": message}]},
    ):
        reply = read(chunk)
        assert (reply.text, reply.reasoning, reply.refusal) == (text, reasoning, "")


@pytest.mark.parametrize(
    "choices",
    [
        {"message": {"content": "yes"}},
        [{"message": "yes"}],
        {"index": 0, "message": "yes", "finish_reason": "stop"},
    ],
)
def test_an_answer_is_read_where_a_list_or_an_object_was_left_out(choices: Any) -> None:
    reply = read({"choices": choices}, whole=True)
    assert (reply.text, reply.finish) == ("yes", "stop")


def test_a_stream_of_messages_or_of_texts_is_read_once() -> None:
    whole = [{"choices": [{"message": {"content": text}}]} for text in ("ye", "yes")]
    assert read(*whole).text == "yes"
    both = [
        {"choices": [{"delta": {"content": new}, "message": {"content": text}}]}
        for new, text in (("ye", "ye"), ("s", "yes"))
    ]
    assert read(*both).text == "yes"
    legacy = [{"choices": [{"index": 0, "text": text}]} for text in ("ye", "s")]
    assert read(*legacy).text == "yes"


MASK = str
REQUEST = Request((Message("user", "hi"),), max_output_tokens=7)
USED = {"usage": {"prompt_tokens": 9, "completion_tokens": 7}}
CALL = {"id": "c", "type": "function", "function": {"name": "search", "arguments": ""}}


@pytest.mark.parametrize(
    ("chunks", "finish", "failure"),
    [
        ([piece("yes", "stop")], "stop", None),
        ([piece("yes", "end_turn")], "stop", None),
        ([piece("yes", "MAX_TOKENS")], "length", None),
        ([piece("yes", "tool_calls", tool_calls=[{}])], "tool_calls", None),
        ([piece(None, "tool_calls", tool_calls=[{"id": "x"}])], "tool_calls", "called a tool"),
        ([piece(None, "stop", function_call={"name": "x"})], "stop", "called a tool"),
        ([piece("Let me look.", "tool_calls", tool_calls=[CALL])], "tool_calls", "called a tool"),
        ([piece("Let me look.", "stop", tool_calls=[CALL])], "stop", "called a tool"),
        ([piece("yes", "stop", function_call={"name": "f"})], "stop", "called a tool"),
        (
            [piece("Let me"), piece(" look.", tool_calls=[CALL]), piece("", "tool_calls")],
            "tool_calls",
            "called a tool",
        ),
        ([piece("yes", "stop", tool_calls=[], function_call={})], "stop", None),
        ([piece(None, "SAFETY")], "content_filter", "content filter"),
        ([piece("half", "content_filter")], "content_filter", "content filter"),
        ([piece(None, "stop", refusal="I will not")], "refusal", "the model refused: I will not"),
        ([piece("No.", "refusal")], "refusal", "the model refused: No."),
        ([piece([{"type": "refusal", "refusal": "No."}], "stop")], "refusal", "refused: No."),
        ([piece("", "length")], "length", "cut after 7 tokens"),
        ([piece("", "length", reasoning="hm")], "length", "while it was still reasoning"),
        ([piece("<think>hm", "length")], "length", "while it was still reasoning"),
        ([piece("", "model_length")], "length", "cut after 7 tokens, before any text came"),
        ([piece(None, "stop", reasoning="hm")], "stop", "it reasoned and gave no answer"),
    ],
)
def test_the_failure_of_an_answer_has_its_own_reason_and_its_end(
    chunks: list[dict[str, Any]], finish: str, failure: str | None
) -> None:
    completion = to_completion(read(*chunks, USED), REQUEST, MASK)
    assert completion.finish_reason == finish
    assert (completion.failure is None) == (failure is None)
    assert failure is None or failure in str(completion.failure)
    assert (completion.input_tokens, completion.output_tokens) == (9, 7)
    assert completion.was_paid


def test_reasoning_is_taken_off_before_a_choice_is_read() -> None:
    request = Request((Message("user", "hi"),), choices=("A", "B"))
    thought = piece("<think>It is not A.</think>\nB", "stop")
    completion = to_completion(read(thought, USED), request, MASK)
    assert (completion.text, completion.finish_reason) == ("B", "choice")
    assert completion.reasoning == "It is not A."


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("A", None),
        ("A. Because", None),
        ("The answer is A, but", None),
        ('{"label": "A"', None),
        ('"A"', None),
        ('{"label": "A"}\n\n\n', "A"),
    ],
)
def test_of_a_cut_answer_only_a_whole_choice_is_read(text: str, choice: str | None) -> None:
    request = Request((Message("user", "hi"),), choices=("A", "B"))
    completion = to_completion(read(piece(text, "length"), USED), request, MASK)
    if choice is None:
        assert completion.finish_reason == "length"
        assert "cut after 7 tokens" in str(completion.failure)
    else:
        assert (completion.text, completion.failure) == (choice, None)
