"""Where a model goes on with a next item of its own."""

from __future__ import annotations

import time

import pytest

from steelyard.next_item import next_items


@pytest.mark.parametrize(
    "rest",
    [
        "\n\nQuestion: b\nAnswer: C",
        "\nQ: b",
        "\nQ2: b",
        "\nHuman: b",
        "\n**User:** b",
        "\nInput: b",
        "\n### Instruction:\nb",
        "\n### Input\nb",
        "\nuser\nb",
        "\nNext question: b",
        "\nProblem 7: b",
        "\nTicket 8: b",
        "\nTICKET #8: b",
        "\n\nTicket: b",
    ],
)
def test_a_next_item_begins_a_line(rest: str) -> None:
    text = f"It is B.{rest}"
    first = next(next_items(text, "Classify.\n\nTicket 7: a"))
    assert text[:first].rstrip() == "It is B."


@pytest.mark.parametrize(
    "text",
    [
        "Question: a\nIt is B.",
        "It is B. Question: a",
        "It is B.\nThe question: a",
        "It is B.\nAnswer: C",
        "It is B.\nLabel: C",
        "It is B.\nOrder 8: b",
        "It is B.\nUser stories are fine",
        "It is B.\nuser friendly\n",
        '{"a": "\nx",\n"Question": 1}',
    ],
)
def test_other_lines_are_the_answers_own(text: str) -> None:
    assert list(next_items(text, "Label: one of B, C\nAnswer: B or C\nTicket 7: a")) == []


@pytest.mark.parametrize("part", ["\nQ", "\n", "\n### ", "a b c ", "\nTicket 8: ", " ", "#"])
def test_long_texts_take_linear_time(part: str) -> None:
    started = time.process_time()
    text = part * (200_000 // len(part))
    assert len(list(next_items(text, text))) <= 20
    assert time.process_time() - started < 5.0  # quadratic time would take minutes
