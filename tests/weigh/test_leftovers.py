"""What answers still hold that is no part of them is counted, and told."""

from __future__ import annotations

import pytest

from steelyard.core import Answer, Completion, Record
from steelyard.weigh.leftovers import leftover_warnings


def record(output: str | None, reference: str = "B") -> Record:
    answer = Answer(output, Completion(output or "", "stop"), None if output else "empty answer")
    outcome = "failed" if output is None else "scored"
    return Record("arm", "1", outcome, 0.0, reference, answer, {})


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ([record("B")], []),
        ([record(None)], []),
        ([record("B <|x|> C"), record("B")], ["<|x|> in 1 answer of 2"]),
        ([record("B <|x|> C <|y|>"), record("<z|> B")], ["<|x|> in 2 answers of 2"]),
        ([record("say <|x|>", "it is <|x|>")], []),
        ([record("B\nHuman: and C?")], ["next question of its own in 1 answer of 1"]),
        ([record("B\nQ: C?", "A\nQ: C?")], []),
        ([record("B\nQ: C?\n<|x|>.")], ["<|x|>", "next question"]),
    ],
)
def test_what_is_left_in_answers_is_counted(records: list[Record], told: list[str]) -> None:
    warnings = list(leftover_warnings("arm", records))
    assert len(warnings) == len(told)
    assert all(words in warning for words, warning in zip(told, warnings, strict=True))


def test_a_metric_that_reads_no_next_question_is_not_warned_of_one() -> None:
    assert list(leftover_warnings("arm", [record("B\nQ: C?")], only_marks=True)) == []
