"""Slices: each arm's figure on them, the paired difference, corrected over those tested."""

from __future__ import annotations

import numpy as np
import pytest

from steelyard.core import Answer, Completion, Example, Record
from steelyard.result.slices import SliceTable
from steelyard.score import build_metric
from steelyard.stats import compare, holm, proportion
from steelyard.weigh.slices import MOST_SLICES, rival_of, slice_table

ACCURACY = build_metric("accuracy")


def examples_of(slices: list[str | None], groups: list[str] | None = None) -> list[Example]:
    return [
        Example(f"e{i}", f"input {i}", "A", slice=name, group=groups[i] if groups else None)
        for i, name in enumerate(slices)
    ]


def records_of(arm: str, examples: list[Example], right: list[bool]) -> list[Record]:
    return [
        Record(
            arm=arm,
            example_id=example.id,
            outcome="scored",
            score=float(good),
            reference="A",
            answer=Answer("A" if good else "B", Completion("", "stop")),
            scores={"accuracy": float(good)},
        )
        for example, good in zip(examples, right, strict=True)
    ]


def made(
    slices: list[str | None], pair: tuple[str, str] | None = ("one", "two")
) -> tuple[SliceTable, dict[str, list[bool]]]:
    rng = np.random.default_rng(3)
    examples = examples_of(slices)
    right = {
        arm: [bool(r < share) for r in rng.random(len(slices))]
        for arm, share in {"one": 0.9, "two": 0.5, "three": 0.7}.items()
    }
    records = {arm: records_of(arm, examples, good) for arm, good in right.items()}
    return slice_table(ACCURACY, examples, records, pair, 0), right


def test_figures_and_differences_are_those_of_the_slice_alone() -> None:
    slices: list[str | None] = ["x"] * 45 + ["y"] * 30 + [None] * 5
    table, right = made(slices)
    assert [(row.slice, row.n) for row in table.rows] == [("x", 45), ("y", 30)]
    assert (table.a, table.b, table.tests, table.without, table.left_out) == ("one", "two", 2, 5, 0)
    parts = {"x": slice(0, 45), "y": slice(45, 75)}
    rng, raw = np.random.default_rng(0), []
    for row in table.rows:
        part = parts[row.slice]
        for arm, figure in row.arms.items():
            assert figure.estimate == proportion(sum(right[arm][part]), row.n)
        expected = compare(
            np.array(right["one"][part], float),
            np.array(right["two"][part], float),
            ("one", "two"),
            "accuracy",
            rng,
        )
        assert row.comparison is not None
        assert row.comparison.p_value == expected.p_value
        assert (row.comparison.difference, row.comparison.low) == (
            expected.difference,
            expected.low,
        )
        raw.append(expected.p_value)
    assert [row.comparison and row.comparison.p_adjusted for row in table.rows] == holm(raw)


def test_a_slice_too_small_to_test_is_shown_and_not_in_the_family() -> None:
    table, _ = made([*["x"] * 30, *["y"] * 9])
    x, y = table.rows
    assert table.tests == 1
    assert x.comparison is not None and x.comparison.p_adjusted == x.comparison.p_value
    assert y.comparison is None and y.reason == "fewer than 10 test examples"
    assert y.arms["one"].n == 9


def test_the_smallest_of_too_many_slices_are_counted_not_listed() -> None:
    slices = [f"s{i:03d}" for i in range(MOST_SLICES + 3) for _ in range(1 + (i != 1))]
    table, _ = made(list(slices))
    assert len(table.rows) == MOST_SLICES and table.left_out == 3
    assert "s001" not in {row.slice for row in table.rows}


def test_groups_are_taken_together_within_a_slice() -> None:
    examples = examples_of(["x"] * 40, [f"g{i // 10}" for i in range(40)])
    right = [i < 20 for i in range(40)]
    records = {
        "one": records_of("one", examples, right),
        "two": records_of("two", examples, [not r for r in right]),
    }
    [row] = slice_table(ACCURACY, examples, records, ("one", "two"), 0).rows
    assert row.arms["one"].method == "Korn-Graubard over clusters"
    assert row.comparison is not None and row.comparison.method.endswith("over clusters")


def test_no_slices_or_no_arms_make_an_empty_table() -> None:
    assert made([None] * 12)[0].rows == ()
    assert slice_table(ACCURACY, examples_of(["x"] * 12), {}, None, 0).rows == ()


def test_without_a_pair_the_figures_stand_alone() -> None:
    table, _ = made(["x"] * 30, pair=None)
    assert table.rows[0].reason == "there is no other arm to compare with"
    assert table.tests == 0


@pytest.mark.parametrize(
    ("first", "reference", "rival"),
    [
        ("a", "b", "b"),
        ("a", "a", "c"),
        ("a", None, "c"),
        (None, "b", None),
    ],
)
def test_the_rival_is_the_reference_else_the_best_other(
    first: str | None, reference: str | None, rival: str | None
) -> None:
    assert rival_of(first, reference, {"a": 0.9, "b": 0.3, "c": 0.5, "d": None}) == rival
    assert rival_of("a", None, {"a": 0.9}) is None


def test_slices_that_do_not_differ_are_called_different_in_at_most_5_in_100_runs() -> None:
    """Equal arms on eight slices: the chance of any adjusted p at or below 0.05."""
    rng = np.random.default_rng(11)
    examples = examples_of([f"s{i % 8}" for i in range(240)])
    false = 0
    for _ in range(120):
        records = {
            arm: records_of(arm, examples, list(rng.random(240) < 0.7)) for arm in ("one", "two")
        }
        table = slice_table(ACCURACY, examples, records, ("one", "two"), 0)
        false += any(
            ((row.comparison and row.comparison.p_adjusted) or 1) <= 0.05 for row in table.rows
        )
    assert false <= 12  # 6 expected at most; 12 has a chance below 0.02
