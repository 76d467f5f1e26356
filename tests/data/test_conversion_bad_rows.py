"""A row that the reader calls bad is left out by ``convert``, whatever the format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.data.conversion import ENDINGS, FOLDER, convert
from steelyard.data.dataset import open_dataset
from tests.data.converting import ANSWER, ASKED, CALL, lines, pair

GOOD = [{"input": f"message {at} about the harbour", "output": "ab"[at % 2]} for at in range(20)]
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "empty-input": ({"input": "", "output": "a"}, "empty input"),
    "blank-input": ({"input": " \n", "output": "a"}, "empty input"),
    "empty-output": ({"input": "x", "output": ""}, "empty output"),
    "blank-output": ({"input": "x", "output": " "}, "empty output"),
    "nan": ({"input": "x", "output": "nan"}, "'nan' is how pandas writes that there is no label"),
    "nul": ({"input": "x\0", "output": "a"}, "the input holds a NUL character"),
    "weight": (
        {"input": "x", "output": "a", "weight": -1},
        "weight must be a number above 0, not '-1'",
    ),
    "group": ({"input": "x", "output": "a", "group": {"of": 1}}, "group must be text or a number"),
}
CHATS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "empty-user": (pair("", "a"), "empty input"),
    "empty-answer": (pair("q", ""), "empty output"),
    "no-user-before": ([*pair("q", "a"), ANSWER], "the message before the last must be the user's"),
    "user-last": (ASKED, "the last message must be the assistant's, not the user's"),
    "refusal": ([*ASKED, {"role": "assistant", "content": None, "refusal": "No."}],
                "message 2 has no text content"),
}  # fmt: skip


@pytest.mark.parametrize("to", sorted({*ENDINGS} - {"preference"}))
@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_left_out_and_told(tmp_path: Path, to: str, name: str) -> None:
    row, reason = BAD[name]
    good = [{**each, "weight": 1, "group": f"g{at}"} for at, each in enumerate(GOOD)]
    source = lines(tmp_path / "in.jsonl", [*good, row])
    assert next(each.bad.reason for each in open_dataset(source).unusable).startswith(reason)
    ending = ENDINGS[to][0]
    target = tmp_path / ("out" if ending == FOLDER else f"out{ending}")
    reasons = convert(source, target, to=to).reasons
    refused = "a row with an empty message, which OpenAI refuses"
    assert reasons in ({reason: 1}, {refused: 1})
    again = open_dataset(target)
    assert (len(again.usable.examples), again.unusable) == (20, ())


@pytest.mark.parametrize(
    "to", ["openai", "azure", "mistral", "sharegpt", "prompt_completion", "parquet"]
)
@pytest.mark.parametrize("name", CHATS)
def test_a_bad_chat_is_left_out_and_told(tmp_path: Path, to: str, name: str) -> None:
    turns, reason = CHATS[name]
    good = [{"messages": pair(row["input"], row["output"])} for row in GOOD]
    source = lines(tmp_path / "in.jsonl", [*good, {"messages": turns}])
    assert [each.bad.reason for each in open_dataset(source).unusable] == [reason]
    target = tmp_path / f"out{ENDINGS[to][0]}"
    assert convert(source, target, to=to).left_out == 1
    again = open_dataset(target)
    assert (len(again.usable.examples), again.unusable) == (20, ())


def test_what_cannot_be_weighed_can_be_learnt(tmp_path: Path) -> None:
    calls = [*ASKED, {"role": "assistant", "content": None, "tool_calls": [CALL]}]
    parts = [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
        ANSWER,
    ]
    source = lines(tmp_path / "in.jsonl", [{"messages": calls}, {"messages": parts}])
    assert convert(source, tmp_path / "out.jsonl", to="openai").left_out == 0


@pytest.mark.parametrize(
    ("to", "left_out"), [("openai", 0), ("alpaca", 1), ("prompt_completion", 1)]
)
def test_an_answer_not_to_be_learnt_keeps_its_weight_or_is_left_out(
    tmp_path: Path, to: str, left_out: int
) -> None:
    rows = [{"messages": pair("q", "a")}, {"messages": [*ASKED, {**ANSWER, "weight": 0}]}]
    source = lines(tmp_path / "in.jsonl", rows)
    outcome = convert(source, tmp_path / "out.jsonl", to=to)
    assert outcome.left_out == left_out


def test_ids_that_are_objects_cost_no_row(tmp_path: Path) -> None:
    rows = [{**row, "id": {"a": at}} for at, row in enumerate(GOOD)]
    outcome = convert(lines(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl", to="openai")
    assert (outcome.written, outcome.lost) == (20, {"id": 20})


def test_dashes_are_left_out_where_labels_are_words(tmp_path: Path) -> None:
    rows = [{**row, "output": ("yes", "no", "-")[at % 3]} for at, row in enumerate(GOOD)]
    outcome = convert(lines(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl", to="openai")
    assert outcome.left_out == 6
    rows = [{**row, "output": "+-"[at % 2]} for at, row in enumerate(GOOD)]
    source = lines(tmp_path / "signs.jsonl", rows)
    assert convert(source, tmp_path / "out2.jsonl", to="openai").left_out == 0
    assert (
        json.loads((tmp_path / "out2.jsonl").read_text().splitlines()[1])["messages"][1]["content"]
        == "-"
    )
