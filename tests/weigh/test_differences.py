"""Counts of any two arms add up; the listed examples are spread over the pairs."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.core import Answer, Completion, Example, Record
from steelyard.private.redact import hide
from steelyard.weigh.differences import MOST_EXAMPLES, differences

Scores = dict[str, list[float]]


def made(scores: Scores, text: str = "input") -> tuple[list[Example], dict[str, list[Record]]]:
    n = len(next(iter(scores.values()), []))
    examples = [Example(f"e{i}", f"{text} {i}", "A") for i in range(n)]
    records = {
        arm: [
            Record(arm, f"e{i}", "scored", score, "A", Answer(f"{arm} {i}", Completion("", "stop")))
            for i, score in enumerate(values)
        ]
        for arm, values in scores.items()
    }
    return examples, records


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 30).flatmap(
        lambda n: st.dictionaries(
            st.sampled_from(["a", "b", "c"]),
            st.lists(st.sampled_from([0.0, 0.5, 1.0]), min_size=n, max_size=n),
            min_size=1,
        )
    )
)
def test_the_four_counts_add_up_to_the_test(scores: Scores) -> None:
    found = differences(*made(scores))
    n = len(next(iter(scores.values())))
    assert len(found.pairs) == len(scores) * (len(scores) - 1) // 2
    for pair in found.pairs:
        assert pair.both_right + pair.a_better + pair.b_better + pair.alike == n
        one, other = np.array(scores[pair.a]), np.array(scores[pair.b])
        assert pair.a_better - pair.b_better == sum(np.sign(one - other))
        assert pair.both_right == sum((one == 1) & (other == 1))
    assert found.is_graded == any(0.5 in values for values in scores.values())
    rows = list(zip(*scores.values(), strict=True))
    assert found.differing == sum(len(set(row)) > 1 for row in rows) == len(found.examples)
    for example in found.examples:
        assert len(set(example.scores.values())) > 1


def test_a_rare_difference_is_listed_beside_many_of_other_pairs() -> None:
    n = 4 * MOST_EXAMPLES
    scores = {"a": [1.0] * n, "b": [1.0] * (n - 1) + [0.0], "c": [0.0] * n}
    found = differences(*made(scores), first="a")
    assert len(found.examples) == MOST_EXAMPLES and found.differing == n
    assert f"e{n - 1}" in {example.example_id for example in found.examples}


def test_the_bound_holds_and_every_pair_has_its_share() -> None:
    rng = np.random.default_rng(5)
    scores = {f"arm{i}": list(rng.integers(0, 2, 900).astype(float)) for i in range(8)}
    found = differences(*made(scores), first="arm3")
    assert len(found.examples) == MOST_EXAMPLES
    for pair in found.pairs:
        listed = sum(e.scores[pair.a] != e.scores[pair.b] for e in found.examples)
        assert listed >= MOST_EXAMPLES // len(found.pairs)
    assert "arm3" in (found.pairs[0].a, found.pairs[0].b)


def test_texts_are_cut_and_failures_have_no_output() -> None:
    examples, records = made({"a": [1.0], "b": [0.0]}, text="long " * 200)
    records["b"] = [
        Record("b", "e0", "failed", 0.0, "A", Answer("half", Completion("", "stop"), failure="cut"))
    ]
    [example] = differences(examples, records).examples
    assert len(example.input) == 240
    assert example.outputs == {"a": "a 0", "b": None}


def test_private_values_are_hidden_before_a_text_is_cut() -> None:
    examples, records = made({"a": [1.0], "b": [0.0]}, text="x" * 225 + " jane.miller@example.org")
    [example] = differences(examples, records, rewrite=hide).examples
    assert "jane" not in example.input
    [example] = differences(examples, records).examples
    assert "jane" in example.input


def test_one_arm_or_none_has_no_pairs() -> None:
    assert differences(*made({"a": [1.0, 0.0]})).pairs == ()
    assert differences([], {}).examples == ()
