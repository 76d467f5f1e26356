from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.data.likeness.rows import normalise


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  Hello,\n WORLD! ", "hello world"),
        ("Ｆｕｌｌ", "full"),
        ("Straße", "strasse"),
        ("?!", "?!"),
        ("...", "..."),
        ("don't", "don t"),
        ("👍", "👍"),
        ("कि", "कि"),
    ],
)
def test_folding(text: str, folded: str) -> None:
    assert normalise(text) == folded


def test_different_marks_and_symbols_stay_different() -> None:
    assert normalise("कि") != normalise("का")
    assert normalise("👍") != normalise("👎")
    assert normalise("?!") != normalise("...")


@given(st.text())
def test_case_space_and_punctuation_do_not_matter(text: str) -> None:
    if normalise(text).isalnum():
        assert normalise(f"  {text}!\n") == normalise(text)
