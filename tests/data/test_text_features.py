from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from steelyard.data.suspicion.text_features import text_features

TEXTS = [
    f"{a} {b} {c}"
    for a in "how when why".split()
    for b in "do can may".split()
    for c in "we i you it".split()
]


def features(
    texts: list[str], dimensions: int = 50, basis_rows: int = 5_000
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return text_features(texts, dimensions, np.random.default_rng(0), basis_rows)


def test_with_all_dimensions_likeness_is_that_of_word_and_character_tfidf() -> None:
    found = features(TEXTS)
    word = TfidfVectorizer(token_pattern=r"\S+", ngram_range=(1, 2), sublinear_tf=True)
    char = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2)
    both = [each.fit_transform(TEXTS).toarray() for each in (word, char)]
    expected = sum(each @ each.T for each in both) / 2
    assert found @ found.T == pytest.approx(expected, abs=1e-3)


def test_texts_with_a_common_part_of_a_word_are_alike() -> None:
    texts = ["cancelled order", "cancellation please", "weather today", "order please", "today"] * 2
    found = features(texts)
    cosines = found @ found.T
    assert cosines[0, 1] > cosines[2, 1]


def test_the_strongest_direction_comes_first_and_directions_are_as_many_as_asked_for() -> None:
    found = features(TEXTS, dimensions=5)
    assert found.shape == (len(TEXTS), 5)
    power = np.square(found).sum(axis=0)
    assert power[0] == power.max()


def test_directions_from_some_of_the_texts_fit_them_all() -> None:
    full, part = features(TEXTS, 12), features(TEXTS, 12, basis_rows=30)
    assert np.square(part).sum() > 0.9 * np.square(full).sum()


def test_the_same_generator_gives_the_same_features() -> None:
    assert (features(TEXTS) == features(TEXTS)).all()


@settings(max_examples=50)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=30))
def test_any_texts_have_finite_features_of_at_most_unit_length(texts: list[str]) -> None:
    found = features(texts, 10)
    assert found.shape[0] == len(texts)
    assert np.isfinite(found).all()
    assert (np.linalg.norm(found, axis=1) < 1.01).all()


@pytest.mark.parametrize(
    "texts", [[""], ["", " "], ["a"], ["same same"] * 3, ["?" * 9, "\u4f60\u597d" * 50]]
)
def test_odd_texts(texts: list[str]) -> None:
    assert np.isfinite(features(texts)).all()
