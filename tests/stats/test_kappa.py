from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from steelyard.stats.kappa import agreement_table, cohen_kappa

MARKS = (1, 2, 3, 4)
pairs = st.lists(st.tuples(st.sampled_from(MARKS), st.sampled_from(MARKS)), min_size=2, max_size=40)


def spread(table: list[list[int]]) -> tuple[list[int], list[int]]:
    """Ratings that make ``table``."""
    cells = [
        (row, column)
        for row, counts in enumerate(table)
        for column, count in enumerate(counts)
        for _ in range(count)
    ]
    return [a for a, _ in cells], [b for _, b in cells]


def test_kappa_by_hand() -> None:
    # 35 of 50 agree, and by chance 0.5 would: (0.7 - 0.5) / (1 - 0.5)
    first, second = spread([[20, 5], [10, 15]])
    found = cohen_kappa(first, second, (0, 1))
    assert found.value == pytest.approx(0.4)
    assert found.n == 50
    assert found.low is not None and found.high is not None
    assert found.low < 0.4 < found.high


def test_quadratic_weights_by_hand() -> None:
    # credits 1, 3/4, 0 of three marks: observed (4 + 3 * 3/4) / 8, by chance over the margins
    first, second = spread([[2, 1, 0], [1, 1, 0], [0, 1, 1]])
    second_margin, first_margin = np.array([3, 3, 1]) / 7, np.array([3, 2, 2]) / 7
    credit = np.array([[1, 0.75, 0], [0.75, 1, 0.75], [0, 0.75, 1]])
    observed = (4 + 3 * 0.75) / 7
    chance = float(first_margin @ credit @ second_margin)
    found = cohen_kappa(first, second, (0, 1, 2), "quadratic")
    assert found.value == pytest.approx((observed - chance) / (1 - chance))


@example([(1, 2), (2, 1)])  # each a mark apart: the weights count it in part
@given(pairs)
def test_kappa_is_symmetric_and_within_its_interval(rated: list[tuple[int, int]]) -> None:
    first, second = [a for a, _ in rated], [b for _, b in rated]
    for weights in ("none", "quadratic"):
        one = cohen_kappa(first, second, MARKS, weights)
        other = cohen_kappa(second, first, MARKS, weights)
        assert one.value == pytest.approx(other.value)
        if one.value is None:
            assert one.reason
        else:
            assert -1 <= one.value <= 1 + 1e-9
            assert (one.low is None) == (one.reason is not None)
            if one.low is not None and one.high is not None:
                assert -1 <= one.low <= one.value + 1e-9
                assert one.value - 1e-9 <= one.high <= 1


def test_a_far_mark_costs_more_than_a_near_one() -> None:
    mine = [1, 2, 3, 4] * 5
    near, far = [1, 2, 3, 3] * 5, [1, 2, 3, 1] * 5
    worth = [cohen_kappa(mine, theirs, MARKS, "quadratic").value for theirs in (mine, near, far)]
    assert worth[0] == pytest.approx(1)
    assert worth[0] > worth[1] > worth[2]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("first", "second", "value", "reason"),
    [
        ([], [], None, "no items"),
        ([1] * 5, [1] * 5, None, "the same rating"),
        ([1, 2] * 5, [1] * 10, 0.0, "one rater gave every item the same rating"),
        ([1, 2, 3], [2, 3, 1], -0.5, "no spread"),
    ],
)
def test_what_is_undefined_has_a_reason(
    first: list[int], second: list[int], value: float | None, reason: str
) -> None:
    found = cohen_kappa(first, second, MARKS)
    assert found.value == pytest.approx(value)
    assert found.low is None
    assert reason in (found.reason or "")


def test_full_agreement_is_bounded_by_how_much_was_seen() -> None:
    few, many = (cohen_kappa([1, 2] * n, [1, 2] * n, MARKS) for n in (5, 100))
    assert few.value == many.value == 1
    assert few.low is not None and many.low is not None
    assert 0 < few.low < many.low < 1
    opposite = cohen_kappa([1, 2] * 5, [2, 1] * 5, (1, 2))
    assert (opposite.value, opposite.low) == (-1, -1)


@pytest.mark.parametrize(
    ("weights", "size", "agree", "n", "least"),
    [
        ("none", 3, 0.6, 40, 0.93),
        ("none", 3, 0.3, 20, 0.93),
        ("quadratic", 5, 0.6, 40, 0.91),
        ("quadratic", 5, 0.3, 100, 0.92),
    ],
)
def test_the_interval_covers(weights: str, size: int, agree: float, n: int, least: float) -> None:
    rng = np.random.default_rng(3)
    joint = np.full((size, size), (1 - agree) / size**2) + np.eye(size) * agree / size
    hits = drawn = 0
    for _ in range(400):
        cells = rng.choice(size * size, size=n, p=joint.ravel())
        found = cohen_kappa(
            (cells // size).tolist(),
            (cells % size).tolist(),
            tuple(range(size)),
            "none" if weights == "none" else "quadratic",
        )
        if found.low is not None and found.high is not None:
            drawn += 1
            hits += found.low <= agree <= found.high
    assert drawn > 390
    assert least <= hits / drawn <= 0.995


def test_the_table_has_the_first_rater_in_its_rows() -> None:
    table = agreement_table(["a", "a", "b"], ["a", "b", "b"], ("a", "b"))
    assert table.tolist() == [[1, 1], [0, 1]]
