"""Replies that are held against rules: a thought keeps or breaks none of them, a cut reply is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.field.endpoint import Behaviour, data, message, streamed
from tests.field.runs import ModelOutcome, weigh_models

REPLY = "We will look into it."
THOUGHT = "Never apologise. Sorry would be wrong, sorry.\nSorry!"
KEEPS: dict[str, Behaviour] = {
    "tags": lambda asked: streamed(f"<think>{THOUGHT}</think>\n{REPLY}"),
    "apart": lambda asked: data(message(REPLY, reasoning_content=THOUGHT)),
    "parts": lambda asked: data(
        message([{"type": "thinking", "thinking": THOUGHT}, {"type": "text", "text": REPLY}])
    ),
}
BREAKS: dict[str, Behaviour] = {
    "says-sorry": lambda asked: streamed(f"<think>{REPLY}</think>Sorry, we will not."),
    "keeps-it-in-the-thought": lambda asked: streamed(f"<think>{REPLY}</think>No."),
}
FAILS: dict[str, Behaviour] = {
    "unclosed": lambda asked: streamed(f"<think>{REPLY}"),
    "filtered": lambda asked: streamed(REPLY, "content_filter"),
    "nothing": lambda asked: streamed(""),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelOutcome]:
    folder: Path = tmp_path_factory.mktemp("rules")
    return weigh_models(
        folder,
        {**KEEPS, **BREAKS, **FAILS, "cut": lambda asked: streamed(REPLY, "length")},
        output={"kind": "text"},
        metric={"name": "rules", "options": {"all": True}},
        max_output_tokens=100,
        rules=[
            {"name": "promises", "type": "contains", "words": ["look into"]},
            {"name": "proud", "type": "never", "patterns": ["\\bsorry\\b"]},
            {"name": "short", "type": "words", "min": 1, "max": 8},
        ],
    )


@pytest.mark.parametrize("name", KEEPS)
def test_a_thought_breaks_no_rule(outcomes: dict[str, ModelOutcome], name: str) -> None:
    outcomes[name].check_right()


@pytest.mark.parametrize("name", BREAKS)
def test_a_thought_keeps_no_rule(outcomes: dict[str, ModelOutcome], name: str) -> None:
    assert set(outcomes[name].scores.values()) == {0.0}
    assert outcomes[name].failed == 0


@pytest.mark.parametrize("name", FAILS)
def test_what_is_no_reply_failed(outcomes: dict[str, ModelOutcome], name: str) -> None:
    [records] = outcomes[name].arms.values()
    assert {record.outcome for record in records} == {"failed"}


def test_a_reply_that_was_cut_is_told(outcomes: dict[str, ModelOutcome]) -> None:
    assert outcomes["cut"].scores
    outcomes["cut"].check_warned("cut|max_output_tokens")
