"""Gemini's contents are read as the chats they are; what is no text is refused."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.data.formats import RowError
from steelyard.data.formats.shapes import conversation_of

TURNS = [
    {"role": "user", "parts": [{"text": "Is the pump "}, {"text": "worn?"}]},
    {"role": "model", "parts": [{"text": "Yes."}]},
]


@pytest.mark.parametrize("key", ["systemInstruction", "system_instruction"])
def test_contents_become_turns(key: str) -> None:
    row = conversation_of({key: {"parts": [{"text": "Be short."}]}, "contents": TURNS, "id": 7})
    assert [(turn["role"], turn["content"]) for turn in row.turns] == [
        ("system", "Be short."),
        ("user", "Is the pump worn?"),
        ("assistant", "Yes."),
    ]
    assert (row.answer, row.fields) == (1, {"id": 7})


@pytest.mark.parametrize(
    "part", [{"inlineData": {"mimeType": "image/png"}}, {"functionCall": {"name": "f"}}, {}]
)
def test_what_is_no_text_is_refused(part: dict[str, Any]) -> None:
    with pytest.raises(RowError, match="no text"):
        conversation_of({"contents": [{"role": "user", "parts": [part]}, TURNS[1]]})


def test_a_batch_answer_without_its_request_says_so() -> None:
    response = {"status_code": 200, "body": {"choices": [{"message": {"content": "a"}}]}}
    with pytest.raises(RowError, match="join the batch's input by custom_id"):
        conversation_of({"custom_id": "r-1", "response": response})
