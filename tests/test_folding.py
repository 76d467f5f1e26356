"""One form for texts that are written differently."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.folding import folded, plain


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("a  b\n c", "a b c"),
        ("−1 – 2", "-1 - 2"),
        ("“don’t”", '"don\'t"'),
        ("Zu\u0308rich", "Zürich"),
        ("Ａ１！", "A1!"),
        ("ﬁve", "five"),
        ("BIL\u200bLING\ufeff", "BILLING"),
        ("12²", "12²"),
        ("½ ①", "½ ①"),
        ("👍\ufe0f", "👍"),
        ("A", "A"),
    ],
)
def test_plain_folds_how_a_text_looks_and_nothing_it_says(text: str, form: str) -> None:
    assert plain(text) == form


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("BILLING", "billing"),
        ("Straße", "STRASSE"),
        ("ILIK", "ılık"),
        ("İPTAL", "iptal"),
        ("Σ", "ς"),
    ],
)
def test_folded_folds_case_in_every_language(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert plain(plain(text)) == plain(text)
    assert folded(folded(text)) == folded(text)
