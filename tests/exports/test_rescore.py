"""The bar of an export: 99 % equal answers, else the interval of the paired difference decides."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from steelyard.core import Answer, Completion, Example, Question
from steelyard.exports import rescore as room
from steelyard.exports.records import Rescored
from steelyard.score.label import Accuracy
from steelyard.weigh.measure import to_records

EXAMPLES = [Example(f"e{number}", f"text {number}", "yes") for number in range(400)]


def answer(text: str) -> Answer:
    return Answer(text, Completion(text, "stop"))


def rescored(monkeypatch: pytest.MonkeyPatch, other: int, tolerance: float = 0.01) -> Rescored:
    """What comes of an export that answers ``other`` of 400 examples wrongly, the rest rightly."""
    metric = Accuracy()
    records = to_records("lora", EXAMPLES, [answer("yes")] * len(EXAMPLES), [metric])
    run = SimpleNamespace(result=SimpleNamespace(seed=0), folder=Path("run"))
    source: Any = SimpleNamespace(
        run=run,
        arm=SimpleNamespace(name="lora"),
        records=records,
        examples=EXAMPLES,
        metric=metric,
    )

    def answer_all(questions: list[Question]) -> list[Answer]:
        return [answer("no" if place < other else "yes") for place in range(len(questions))]

    monkeypatch.setattr(room, "load_arm", lambda *_: SimpleNamespace(answer_all=answer_all))
    return room.rescore(source, SimpleNamespace(), None, tolerance)  # type: ignore[arg-type]


def test_ninety_nine_of_a_hundred_equal_answers_pass_and_state_their_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stated = rescored(monkeypatch, other=4)
    assert stated.passed and (stated.equal, stated.items) == (396, 400)
    assert stated.difference == pytest.approx(-0.01) and stated.low is not None
    assert stated.low < -0.01, "its interval alone would not let it pass"


def test_one_answer_less_is_judged_by_its_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    stated = rescored(monkeypatch, other=5)
    assert not stated.passed and stated.equal == 395
    assert "395 of 400 answers are equal" in (stated.reason or "")
    assert stated.low is not None
    assert rescored(monkeypatch, other=5, tolerance=-stated.low + 1e-6).passed
    assert not rescored(monkeypatch, other=5, tolerance=-stated.low - 1e-3).passed
