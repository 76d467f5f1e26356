"""The shapes of rows, one by one: how they are spelt, what they have no place for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.data import convert
from steelyard.data.guess import look
from steelyard.errors import DataError
from tests.data.converting import (
    ANSWER,
    ASKED,
    CHATS,
    CHOICES,
    ITEM,
    SHARED,
    TOOLS,
    converted,
    lines,
    pair,
    read,
)

SPELLINGS: list[tuple[str, dict[str, Any]]] = [
    ("prompt_completion", {"prompt": "q", "completion": "a"}),
    ("prompt_completion", {"text": "q", "label": "a"}),
    ("prompt_completion", {"prompt": "q", "completion": "a", "label": "x", "input": "y"}),
    ("prompt_completion", {"prompt": ASKED, "completion": [ANSWER]}),
    ("sharegpt", {"conversations": SHARED}),
    ("sharegpt", {"conversations": pair("q", "a")}),
    ("alpaca", {"instruction": "q", "input": "", "output": "a"}),
    ("alpaca", {"instruction": "q", "output": "a"}),
    ("openai", {"messages": pair("q", "a")}),
    ("openai", {"messages": json.dumps(pair("q", "a"))}),
    ("logs", {"request": {"messages": ASKED}, "response": CHOICES}),
    (
        "logs",
        {
            "custom_id": "1",
            "body": {"model": "m", "messages": ASKED},
            "response": {"status_code": 200, "body": CHOICES},
            "error": None,
        },
    ),
    ("logs", {"messages": ASKED, "response": CHOICES}),
    ("logs", {"messages": ASKED, **CHOICES, "usage": {"total_tokens": 3}}),
    ("logs", {"input": ASKED, "output": ANSWER}),
    ("logs", {"input": {"messages": ASKED}, "output": CHOICES}),
    (
        "logs",
        {
            "request_body": json.dumps({"messages": ASKED}),
            "response_body": json.dumps(CHOICES),
        },
    ),
    ("logs", {"request": {"model": "m", "input": "q"}, "response": {"output": [ITEM]}}),
    ("logs", {"request": {"model": "m", "prompt": "q"}, "response": {"choices": [{"text": "a"}]}}),
]


@pytest.mark.parametrize(("name", "row"), SPELLINGS, ids=range(len(SPELLINGS)))
def test_one_row_in_every_spelling(tmp_path: Path, name: str, row: dict[str, Any]) -> None:
    source = lines(tmp_path / "in.jsonl", [row])
    assert look(source).shape.name == name
    assert converted(tmp_path, row, "openai") == {"messages": pair("q", "a")}


def logged(**changes: Any) -> dict[str, Any]:
    row = {
        "id": "r1",
        "model": "m",
        "request": {"messages": pair("q", "")[:1], "temperature": 0, "tools": TOOLS},
        "response": {"choices": [{"message": pair("", "a")[1]}], "usage": {"total_tokens": 3}},
    }
    return {**row, **changes}


FAILED = [
    (logged(error={"message": "rate limit"}), "the request failed: rate limit"),
    (logged(status=500), "the request failed with status 500"),
    (logged(status="failure"), "the request failed with status failure"),
    (logged(response={"status_code": 429, "body": {}}), "failed with status_code 429"),
    (logged(response={"error": "no"}), "the request failed: no"),
    (logged(response='data: {"choices": []}\n\ndata: [DONE]'), "was streamed"),
    (logged(response=[{"object": "chat.completion.chunk"}]), "was streamed"),
    (logged(response={"object": "chat.completion.chunk", "choices": []}), "was streamed"),
    (logged(response={"choices": [{"delta": {"content": "a"}}]}), "was streamed"),
    (logged(response={"choices": []}), "holds no choice"),
    (logged(response=None), "no response"),
    (
        logged(response={"choices": [{"message": pair("", "a")[1], "finish_reason": "length"}]}),
        "cut off at the token limit",
    ),
]


@pytest.mark.parametrize(("row", "said"), FAILED, ids=range(len(FAILED)))
def test_failed_and_streamed_responses_are_left_out(
    tmp_path: Path, row: dict[str, Any], said: str
) -> None:
    source = lines(tmp_path / "in.jsonl", [logged(), row])
    outcome = convert(source, tmp_path / "out.jsonl", to="sharegpt")
    assert (outcome.shape, outcome.written, outcome.left_out) == ("logs", 1, 1)
    (reason,) = outcome.reasons
    assert said in reason


def test_a_log_keeps_its_other_fields(tmp_path: Path) -> None:
    row = converted(tmp_path, logged(), "hf", ending="-folder")
    assert row["messages"] == pair("q", "a")
    assert row["tools"] == TOOLS
    assert (row["id"], row["model"], row["request"]) == ("r1", "m", {"temperature": 0})
    assert row["response"] == {"usage": {"total_tokens": 3}}


def test_what_a_request_and_a_response_are_wrapped_in_is_kept(tmp_path: Path) -> None:
    choices = [{"index": 0, "message": ANSWER, "finish_reason": "stop"}, {"index": 1}]
    row = {
        "request": {"url": "/v1", "body": {"model": "m", "messages": ASKED}},
        "response": {"status_code": 200, "body": json.dumps({"id": "c", "choices": choices})},
        "latency": 3,
    }
    target = tmp_path / "o"
    convert(lines(tmp_path / "in.jsonl", [row]), target, to="hf")
    (kept,) = read(target)
    assert kept["request"] == {"url": "/v1", "body": {"model": "m"}}
    assert kept["response"]["status_code"] == 200
    left = [{"index": 0, "finish_reason": "stop"}, {"index": 1}]
    assert kept["response"]["body"] == {"id": "c", "choices": left}
    assert kept["latency"] == 3
    flat = {"messages": ASKED, "choices": choices, "usage": {"total_tokens": 3}}
    convert(lines(tmp_path / "in.jsonl", [flat]), target, to="hf", force=True)
    assert read(target) == [
        {"messages": pair("q", "a"), "usage": {"total_tokens": 3}, "choices": left}
    ]


def preferences() -> list[dict[str, Any]]:
    prompt, chosen, rejected = pair("q", "good"), "good", "bad"
    return [
        {
            "input": {"messages": prompt[:1]},
            "preferred_output": prompt[1:],
            "non_preferred_output": pair("q", "bad")[1:],
        },
        {"prompt": "q", "chosen": chosen, "rejected": rejected},
        {"question": "q", "chosen": chosen, "rejected": rejected},
        {"prompt": prompt[:1], "chosen": prompt[1:], "rejected": pair("q", "bad")[1:]},
        {"prompt": "q", "chosen": prompt, "rejected": pair("q", "bad")},
        {"chosen": prompt, "rejected": pair("q", "bad")},
        {"instruction": "q", "input": "", "chosen": chosen, "rejected": rejected},
    ]


@pytest.mark.parametrize("text", ["[", "[1, 2]", "[sic] yes"])
def test_an_answer_in_brackets_is_text(tmp_path: Path, text: str) -> None:
    row = {"prompt": "q", "chosen": text, "rejected": "no"}
    preferred = converted(tmp_path, row, "preference")["preferred_output"]
    assert preferred == [{"role": "assistant", "content": text}]


@pytest.mark.parametrize("at", range(7))
def test_preference_pairs_in_every_spelling(tmp_path: Path, at: int) -> None:
    row = preferences()[at]
    assert converted(tmp_path, row, "preference") == preferences()[0]
    table = converted(tmp_path, row, "csv", ending=".csv")
    assert table == {"prompt": "q", "chosen": "good", "rejected": "bad"}
    shared = converted(tmp_path, row, "sharegpt")
    assert shared["rejected"] == {"from": "gpt", "value": "bad"}
    again = lines(tmp_path / "again.jsonl", [shared])
    convert(again, tmp_path / "back.jsonl", to="preference")
    assert read(tmp_path / "back.jsonl") == [preferences()[0]]
    with pytest.raises(DataError, match="has a rejected answer, which openai cannot hold"):
        converted(tmp_path, row, "openai")


def test_alpaca_keeps_the_border_that_others_report(tmp_path: Path) -> None:
    row = {"instruction": "Translate", "input": "Hallo", "output": "Hello", "system": "s"}
    assert converted(tmp_path, row, "alpaca") == row
    assert converted(tmp_path, row, "parquet", ".parquet") == row
    outcome = convert(tmp_path / "in.jsonl", tmp_path / "o.jsonl", to="openai")
    assert outcome.lost == {"border of instruction and input": 1}
    assert read(tmp_path / "o.jsonl")[0]["messages"][1]["content"] == "Translate\nHallo"


def test_sharegpt_has_words_for_tools(tmp_path: Path) -> None:
    source = lines(tmp_path / "in.jsonl", [CHATS[2]])
    outcome = convert(source, tmp_path / "s.jsonl", to="sharegpt")
    assert outcome.lost == {"tool call ids": 1}
    (row,) = read(tmp_path / "s.jsonl")
    assert [turn["from"] for turn in row["conversations"]] == [
        "human",
        "function_call",
        "observation",
        "gpt",
    ]
    assert json.loads(row["conversations"][1]["value"]) == {"name": "f", "arguments": {"a": 1}}
    convert(tmp_path / "s.jsonl", tmp_path / "back.jsonl", to="openai")
    (back,) = read(tmp_path / "back.jsonl")
    assert back["tools"] == TOOLS
    assert [turn["role"] for turn in back["messages"]] == ["user", "assistant", "tool", "assistant"]


def test_json_outputs_stay_json_where_there_is_room(tmp_path: Path) -> None:
    row = {"prompt": "q", "completion": {"a": [1, "é"]}}
    assert converted(tmp_path, row, "prompt_completion") == row
    assert converted(tmp_path, row, "csv", ".csv")["completion"] == '{"a": [1, "é"]}'
    outcome = convert(tmp_path / "in.jsonl", tmp_path / "o.jsonl", to="openai")
    assert outcome.lost == {"output as JSON": 1}
    assert read(tmp_path / "o.jsonl")[0]["messages"][1]["content"] == '{"a": [1, "é"]}'


@pytest.mark.parametrize(
    "row",
    [
        {"question": "q", "choices": ["one", "two"], "answer": "A"},
        {"data": {"text": "q"}, "annotations": [{"result": [{"value": {"choices": ["A"]}}]}]},
    ],
    ids=["multiple choice", "label studio"],
)
def test_shapes_that_are_only_read_become_prompts_and_completions(
    tmp_path: Path, row: dict[str, Any]
) -> None:
    pytest.importorskip("pyarrow")
    source = lines(tmp_path / "in.jsonl", [row])
    for to, target in (("parquet", "o.parquet"), ("hf", "o"), ("csv", "o.csv")):
        place = convert(source, tmp_path / target, to=to).files[0]
        turns = look(place).rows.first(1)[0].fields
        assert (turns["prompt"][:1], turns["completion"]) == ("q", "A")
