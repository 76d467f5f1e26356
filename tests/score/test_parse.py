from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.core import OutputKind
from steelyard.score import parse_output

LABELS = ("BILLING", "card", "lost card", "C++", "C")


class Spec(NamedTuple):
    kind: OutputKind
    labels: tuple[str, ...] = ()


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("BILLING", "BILLING"),
        (' "billing." ', "BILLING"),
        ("**Label:** Billing", "BILLING"),
        ("The label is lost card.\nNot card, because it is gone.", "lost card"),
        ("Sure! Here it is:\nBILLING", "BILLING"),
        ("C", "C"),
        ("C++", "C++"),
        ("c++", "C++"),
    ],
)
def test_labels_that_are_given(text, label):
    assert parse_output(Spec("label", LABELS), text) == (label, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty answer"),
        (" \n\t", "empty answer"),
        ("cardboard", "not a label: 'cardboard'"),
        ("discard-card", "not a label: 'discard-card'"),
        ("BILLING or card", "not a label: 'BILLING or card' (it names BILLING, card)"),
    ],
)
def test_labels_that_are_not_given(text, reason):
    assert parse_output(Spec("label", LABELS), text) == (None, reason)


def test_long_answers_are_clipped_to_one_line():
    _, reason = parse_output(Spec("label", LABELS), "blah\n" * 500)
    assert len(reason) < 100 and "\n" not in reason


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ('```json\n{"a": [1, 2]}\n```', '{"a": [1, 2]}'),
        ('Here you are: {"a": {"b": 2}} Anything else?', '{"a": {"b": 2}}'),
        ('As in [1]: {"a": 1}', '{"a": 1}'),
        ("[1, 2]", "[1, 2]"),
    ],
)
def test_json_that_is_given(text, found):
    assert parse_output(Spec("json"), text) == (found, None)


@pytest.mark.parametrize("text", ["no", '"a"', "3", '{"a": NaN}', '{"a": 1', "[" * 100_000])
def test_json_that_is_not_given(text):
    output, reason = parse_output(Spec("json"), text)
    assert output is None
    assert reason.startswith("not a JSON object or array: ")


def test_text_is_stripped():
    assert parse_output(Spec("text"), "  Hello.\n") == ("Hello.", None)
    assert parse_output(Spec("text"), "\n") == (None, "empty answer")


@settings(deadline=None)
@given(st.sampled_from(["label", "json", "text"]), st.text())
def test_exactly_one_of_output_and_reason(kind, text):
    output, reason = parse_output(Spec(kind, LABELS), text)
    assert (output is None) != (reason is None)


@pytest.mark.parametrize(
    "text", ["    a = 1\n    b = 2", " x\n-y\n+z", "\treturn a", "  - a\n    - b"]
)
def test_text_keeps_the_indentation_of_its_first_line(text):
    assert parse_output(Spec("text"), f"\n{text}\n\n") == (text, None)
