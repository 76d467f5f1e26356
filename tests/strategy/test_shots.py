from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.strategy.formats import Shot
from steelyard.strategy.shots import (
    CHOICES,
    ORDERS,
    farthest_first,
    ordered,
    shot_sequence,
    typical_first,
    vectors,
)
from tests.strategy.samples import TOPICS, tickets

SHOTS = [Shot(example.input, example.output) for example in tickets(31)]
ALIKE = ["red apple tart", "red apple pie", "red apple cake", "green pear soup", "blue plum jam"]


@pytest.mark.parametrize("choice", CHOICES)
@given(seed=st.integers(0, 9), size=st.integers(0, 31))
def test_every_beginning_is_balanced_and_nothing_is_lost(choice: str, seed: int, size: int) -> None:
    sequence = shot_sequence(SHOTS, list(TOPICS), choice, np.random.default_rng(seed))
    assert Counter(sequence) == Counter(SHOTS)
    counts = Counter(shot.output for shot in sequence[:size])
    assert max(counts.values(), default=0) - min(counts[label] for label in TOPICS) <= 1


@pytest.mark.parametrize("choice", CHOICES)
def test_the_seed_decides(choice: str) -> None:
    first, again, other = (
        shot_sequence(SHOTS, list(TOPICS), choice, np.random.default_rng(seed))
        for seed in (1, 1, 2)
    )
    assert first == again != other


def test_typical_is_near_the_centre_and_diverse_goes_far_from_what_was_chosen() -> None:
    matrix = vectors(ALIKE)
    assert typical_first(matrix)[0] in (0, 1, 2)
    assert set(typical_first(matrix)[-2:]) == {3, 4}
    spread = farthest_first(matrix)
    assert spread[0] in (0, 1, 2)
    assert set(spread[1:3]) == {3, 4}
    assert sorted(spread) == list(range(5))


def test_texts_without_words_are_all_alike() -> None:
    shots = [Shot("!!", "A"), Shot("??", "A"), Shot("..", "A")]
    for choice in ("typical", "diverse"):
        assert shot_sequence(shots, ["A"], choice, np.random.default_rng(0)) == shots


def test_without_labels_all_shots_are_of_one_kind() -> None:
    shots = [Shot(text, str(place)) for place, text in enumerate(ALIKE)]
    sequence = shot_sequence(shots, (), "diverse", np.random.default_rng(0))
    assert {shot.input for shot in sequence[1:3]} == {"green pear soup", "blue plum jam"}


@pytest.mark.parametrize("order", ORDERS)
def test_an_order_keeps_the_shots(order: str) -> None:
    assert Counter(ordered(SHOTS, order)) == Counter(SHOTS)
    assert len(ordered((), order)) == 0


def test_orders_are_what_they_are_called() -> None:
    shots = [Shot("bbb", "X"), Shot("a", "Y"), Shot("cc", "X")]
    assert ordered(shots, "drawn") == tuple(shots)
    assert ordered(shots, "reversed") == tuple(reversed(shots))
    assert [len(shot.input) for shot in ordered(shots, "short_first")] == [1, 2, 3]
    assert [len(shot.input) for shot in ordered(shots, "long_first")] == [3, 2, 1]
    assert [shot.output for shot in ordered(shots, "by_label")] == ["X", "X", "Y"]
