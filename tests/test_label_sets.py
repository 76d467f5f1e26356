"""Which set of labels a text gives: a table, most of it of what must not be read, and what holds for all."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.label_sets import (
    has_label,
    label_set,
    labels_among,
    labels_in,
    labels_of,
    read_label_set,
)

DESK = ("BILLING", "TECHNICAL", "URGENT", "lost card")
MENU = ("Food", "Drink", "Food, Drink", "to go")
DIGITS = ("1", "2", "3")
ODD = ("none", "C++", "C#", "C", "A; B")


@pytest.mark.parametrize(
    ("labels", "text", "expected"),
    [
        (DESK, '["BILLING", "URGENT"]', ["BILLING", "URGENT"]),
        (DESK, '["URGENT","billing","Urgent."]', ["BILLING", "URGENT"]),
        (DESK, '```json\n["lost_card"]\n```', ["lost card"]),
        (DESK, "```\nBILLING\nURGENT\n```", ["BILLING", "URGENT"]),
        (DESK, "[]", []),
        (DESK, " [ ] ", []),
        (DESK, "none", []),
        (DESK, "None.", []),
        (DESK, "**none**", []),
        (DESK, "BILLING", ["BILLING"]),
        (DESK, "urgent, Billing", ["BILLING", "URGENT"]),
        (DESK, "BILLING; lost card;", ["BILLING", "lost card"]),
        (DESK, "- BILLING\n- **URGENT**\n\n", ["BILLING", "URGENT"]),
        (DESK, "1. BILLING\n2) TECHNICAL", ["BILLING", "TECHNICAL"]),
        (DESK, "`BILLING`, `URGENT`.", ["BILLING", "URGENT"]),
        (DESK, "BILLING,\nURGENT,\nlost card", ["BILLING", "URGENT", "lost card"]),
        (DESK, "ｂｉｌｌｉｎｇ、URGENT", ["BILLING", "URGENT"]),
        (DIGITS, "[1, 3]", ["1", "3"]),
        (DIGITS, "1, 3", ["1", "3"]),
        (DIGITS, "2\n3", ["2", "3"]),
        (MENU, "Food; Drink", ["Drink", "Food"]),
        (MENU, "Food, Drink", ["Food, Drink"]),
        (MENU, '["Food", "Drink"]', ["Drink", "Food"]),
        (ODD, "none", ["none"]),
        (ODD, "C++, C", ["C", "C++"]),
        (ODD, '["A; B"]', ["A; B"]),
    ],
)
def test_a_list_is_read(labels: Sequence[str], text: str, expected: list[str]) -> None:
    output, reason = read_label_set(text, labels)
    assert (output, reason) == (label_set(expected), None)
    assert output is not None
    assert set(labels_in(output)) == set(expected)


NOT_READ = [
    (DESK, ""),
    (DESK, " \n "),
    (DESK, "```\n\n```"),
    (DESK, "```json\n```"),
    (DESK, "BILLING and URGENT"),
    (DESK, "BILLING or URGENT"),
    (DESK, "BILLING / URGENT"),
    (DESK, "BILLING | URGENT"),
    (DESK, "BILLING URGENT"),
    (DESK, "both BILLING, URGENT"),
    (DESK, "Labels: BILLING, URGENT"),
    (DESK, "The labels are BILLING, URGENT."),
    (DESK, "The answer is BILLING"),
    (DESK, "Answer:\n- BILLING"),
    (DESK, "BILLING - because the customer paid twice"),
    (DESK, "BILLING (paid twice), URGENT"),
    (DESK, "BILLING, not URGENT"),
    (DESK, "not BILLING"),
    (DESK, "BILLING, URGENT?"),
    (DESK, "BILLING?"),
    (DESK, "❌ BILLING"),
    (DESK, "- BILLING: yes\n- URGENT: no"),
    (DESK, "BILLING: 0.9, URGENT: 0.1"),
    (DESK, "[x] BILLING\n[ ] URGENT"),
    (DESK, "BILLING, SALES"),
    (DESK, '["BILLING", "SALES"]'),
    (DESK, '["BILLING", null]'),
    (DESK, '["BILLING", true]'),
    (DESK, '[["BILLING"]]'),
    (DESK, '[{"label": "BILLING"}]'),
    (DESK, '{"labels": ["BILLING"]}'),
    (DESK, '["none"]'),
    (DESK, '["BILLING", "URGENT"'),
    (DESK, '["BILLING" "URGENT"]'),
    (DESK, "['BILLING', 'URGENT']"),
    (DESK, "[BILLING, URGENT]"),
    (DESK, '["BILLING"] ["URGENT"]'),
    (DESK, '["BILLING"]\n["URGENT"]'),
    (DESK, '- ["BILLING"]\n- ["URGENT"]'),
    (DESK, "[BILLING]"),
    (DESK, "{BILLING}"),
    (DESK, '["BILLING"] because it is about money'),
    (DESK, 'Here is the list: ["BILLING"]'),
    (DESK, 'Sure!\n["BILLING"]'),
    (DESK, "```json\n[]\n```\nNo label fits."),
    (DESK, "BILLING,, URGENT"),
    (DESK, ", BILLING"),
    (DESK, ",;"),
    (DESK, "---"),
    (DESK, "none of these"),
    (DESK, "none, BILLING"),
    (DESK, "None of the labels fits."),
    (DESK, "nothing"),
    (DESK, "No labels"),
    (DESK, "n/a"),
    (DESK, "The customer is BILLING us twice, which is URGENT, and a TECHNICAL matter."),
    (DESK, "I cannot help with that."),
    (DESK, "BILLINGS"),
    (DESK, "BILL"),
    (DESK, "lost, card"),
    (DESK, "TECHNICAL\nThe app crashes, so I chose this one."),
    (DIGITS, "1-3"),
    (DIGITS, "1.5"),
    (DIGITS, "[1.5]"),
    (DIGITS, "-1"),
    (DIGITS, "1 2"),
    (MENU, "Drink, Food"),
    (MENU, "Food, to go"),
    (ODD, "A; B; C"),
    (ODD, "C, D"),
]


@pytest.mark.parametrize(("labels", "text"), NOT_READ)
def test_what_is_no_list_of_labels_is_a_failure_with_a_reason(
    labels: Sequence[str], text: str
) -> None:
    output, reason = read_label_set(text, labels)
    assert output is None
    assert reason


def test_a_long_text_is_left_at_its_first_word() -> None:
    start = time.perf_counter()
    assert read_label_set("SALES, " * 200_000, DESK)[0] is None
    assert read_label_set("\n".join(["I think"] * 200_000), DESK)[0] is None
    assert time.perf_counter() - start < 5


def test_the_reason_names_the_item_that_is_no_label() -> None:
    _, reason = read_label_set("BILLING, SALES", DESK)
    assert reason == "not a list of labels: 'BILLING, SALES' ('SALES' is none of them)"


WAYS = [
    json.dumps,
    ", ".join,
    "; ".join,
    "\n".join,
    lambda labels: "\n".join(f"- {label}" for label in labels),
    lambda labels: "\n".join(f"{n}. {label}" for n, label in enumerate(labels, 1)),
]


@given(
    chosen=st.lists(st.sampled_from(DESK), min_size=1, max_size=12),
    way=st.sampled_from(WAYS),
    data=st.data(),
)
def test_neither_order_nor_repeats_matter(chosen, way, data):
    other = data.draw(st.permutations([*chosen, *chosen[:3]]))
    expected = label_set(chosen)
    assert label_set(other) == expected == label_set(set(other))
    assert read_label_set(way(chosen), DESK) == read_label_set(way(other), DESK)
    assert read_label_set(way(other), DESK) == (expected, None)
    assert labels_among(other) == other
    assert label_set(labels_in(expected)) == expected


@given(text=st.text(alphabet='[]",;-* BILNGnoe\n', max_size=40))
def test_no_text_is_more_than_its_labels(text):
    output, reason = read_label_set(text, DESK)
    assert (output is None) != (reason is None)
    assert set(labels_in(output or "[]")) <= set(DESK)


@pytest.mark.parametrize(
    ("value", "labels"),
    [
        (["A", " B "], ["A", "B"]),
        ([], []),
        ('["B", "A"]', ["B", "A"]),
        ([3, 0], ["3", "0"]),
        ("[3, 0]", ["3", "0"]),
    ],
)
def test_a_file_may_hold_lists_or_their_text(value: object, labels: list[str]) -> None:
    assert labels_among(value) == labels


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("A", "not a JSON array"),
        ("A, B", "not a JSON array"),
        ({"A": True}, "not a JSON array"),
        (None, "not a JSON array"),
        ('["A"', "not a JSON array"),
        (["A", ""], 'item 2 of the output is "", not a label'),
        (["A", None], "item 2 of the output is null"),
        ([["A"]], r'item 1 of the output is \["A"\]'),
        ([True], "item 1 of the output is true"),
    ],
)
def test_what_a_file_holds_is_a_list_or_refused(value: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        labels_among(value)


def test_an_output_is_made_of_the_labels_of_its_kind() -> None:
    assert labels_of('["B", "A"]', "labels") == ("B", "A")
    assert labels_of("[]", "labels") == ()
    assert labels_of("A", "label") == ("A",)
    assert labels_of("", "label") == labels_of("A", "text") == labels_of('["A"]', "json") == ()
    assert has_label('["A", "B"]', "B")
    assert has_label("B", "B")
    assert not has_label('["A"]', "B")
