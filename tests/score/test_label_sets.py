from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.label_sets import label_set
from steelyard.score import build_metric

SETS = st.frozensets(st.sampled_from("ABCDE"))


@pytest.mark.parametrize(
    ("answer", "reference", "f1"),
    [
        ("AB", "AB", 1.0),
        ("", "", 1.0),
        ("A", "", 0.0),
        ("", "A", 0.0),
        ("A", "AB", 2 / 3),
        ("AB", "BC", 1 / 2),
        ("ABCD", "E", 0.0),
    ],
)
def test_f1_of_two_sets(answer: str, reference: str, f1: float) -> None:
    sets = label_set(answer), label_set(reference)
    assert build_metric("set_f1").score(*sets) == pytest.approx(f1)
    assert build_metric("exact_set").score(*sets) == float(f1 == 1)


@given(answer=SETS, reference=SETS)
def test_scores_are_symmetric_and_whole_only_for_the_same_set(answer, reference):
    f1, exact = build_metric("set_f1"), build_metric("exact_set")
    sets = label_set(answer), label_set(reference)
    assert f1.score(*sets) == f1.score(*sets[::-1])
    assert (f1.score(*sets) == 1) == (answer == reference) == (exact.score(*sets) == 1)
    assert f1.score(None, sets[1]) == exact.score(None, sets[1]) == 0
