"""Rows that say where in the documents their answer stands, and whether it does at all."""

from __future__ import annotations

from typing import Any

import pytest

from steelyard.core import EvidencePiece
from steelyard.data.evidence import answerable_in, evidence_in
from steelyard.data.formats.base import RowError

SPAN = {"document": "a.md", "start": 3, "end": 9}


@pytest.mark.parametrize(
    ("value", "pieces"),
    [
        (None, ()),
        ("", ()),
        ([], ()),
        ("The pump holds 3.9 bar.", (EvidencePiece("The pump holds 3.9 bar."),)),
        (["one", "two"], (EvidencePiece("one"), EvidencePiece("two"))),
        (SPAN, (EvidencePiece("", "a.md", 3, 9),)),
        ([SPAN, "two"], (EvidencePiece("", "a.md", 3, 9), EvidencePiece("two"))),
        ('{"document": "a.md", "start": 3, "end": 9}', (EvidencePiece("", "a.md", 3, 9),)),
        ('["one"]', (EvidencePiece("one"),)),
        ({"document": "a.md", "text": "one"}, (EvidencePiece("one", "a.md"),)),
        ("[1] holds 3.9 bar", (EvidencePiece("[1] holds 3.9 bar"),)),
    ],
)
def test_evidence_is_a_text_a_span_or_a_list_of_them(value: Any, pieces: Any) -> None:
    assert evidence_in({"evidence": value}) == pieces


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (7, "must be a text of the documents"),
        ([" "], "must be a text of the documents"),
        ({"start": 1, "end": 2}, "must name its document"),
        ({**SPAN, "end": 3}, "0 <= start < end"),
        ({**SPAN, "start": -1}, "0 <= start < end"),
        ({**SPAN, "start": True}, "0 <= start < end"),
        ({"document": "a.md"}, "0 <= start < end"),
        ({**SPAN, "page": 2}, "evidence has no 'page'"),
    ],
)
def test_evidence_that_says_nothing_is_refused(value: Any, why: str) -> None:
    with pytest.raises(RowError, match=why):
        evidence_in({"evidence": value})


@pytest.mark.parametrize(
    ("value", "answerable"),
    [(None, True), ("", True), (True, True), (False, False), ("false", False), ("0", False)],
)
def test_a_row_is_answerable_unless_it_says_otherwise(value: Any, answerable: bool) -> None:
    assert answerable_in({"answerable": value}) is answerable


def test_a_row_without_an_answer_has_no_evidence() -> None:
    with pytest.raises(RowError, match="is not answerable has evidence"):
        answerable_in({"answerable": False, "evidence": "The pump holds 3.9 bar."})


def test_what_is_neither_true_nor_false_is_refused() -> None:
    with pytest.raises(RowError, match="true or false, not 'perhaps'"):
        answerable_in({"answerable": "perhaps"})
