from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.data.base import CheckOptions
from steelyard.data.checks import contradictions
from steelyard.data.likeness.alike import answer
from tests.data.alike_rows import dataset

OPTIONS = CheckOptions(encoder=False)
LONG = "please send me the invoice for my last order of shoes"


def test_the_minority_comes_first_and_bounds_accuracy() -> None:
    rows = [
        ("where is it", "A"),
        ("Where is it?", "A"),
        ("where is it", "B"),
        ("other", "A"),
        ("cancel", "A"),
        ("cancel", "B"),
    ]
    result = contradictions.find(dataset(rows), OPTIONS)
    (finding,) = result.findings
    assert finding.rows == (3, 5, 6, 1, 2)
    assert finding.evidence[0]["also"] == 1
    assert finding.evidence[0]["also_output"] == "A"
    assert finding.evidence[0]["outputs"] == {"A": 2, "B": 1}
    assert (result.facts["inputs"], result.facts["rows"]) == (2, 5)
    assert result.facts["accuracy_ceiling"] == {"value": pytest.approx(4 / 6), "reason": None}
    assert finding.severity == "error"
    assert finding.message == (
        "2 inputs have different outputs (5 rows): a model that always answers an input the same way "
        "gets at most 66.66 %; steelyard data label shows them one by one"
    )
    assert json.loads(json.dumps(result.facts)) == result.facts


def test_a_ceiling_just_below_one_does_not_read_as_one() -> None:
    rows = [(f"text {n}", "A") for n in range(30_000)] + [("text 1", "B")]
    (finding, *_) = contradictions.find(dataset(rows), OPTIONS).findings
    assert "at most 99.99 %" in finding.message
    assert finding.severity == "warning"


def test_near_inputs_with_different_outputs_have_their_own_finding_and_ceiling() -> None:
    rows = [(LONG, "A"), (LONG + " now", "A"), (LONG + " so", "B"), (LONG + " x", "A")]
    result = contradictions.find(dataset(rows), OPTIONS)
    (finding,) = result.findings
    assert finding.rows[0] == 3, "the odd one out"
    assert set(finding.rows) == {1, 2, 3, 4}, "each was compared with each"
    assert finding.evidence[0]["kind"] == "near"
    assert 0.8 <= finding.evidence[0]["similarity"] < 1
    assert result.facts["accuracy_ceiling"]["value"] == 1
    assert result.facts["accuracy_ceiling_near"]["value"] == 0.75
    assert "at most 75 % can be right" in finding.message


def test_another_system_message_is_another_question() -> None:
    rows = [(LONG, "A", "all", None, "be kind"), (LONG + "!", "B", "all", None, "be brief")]
    rows += [(LONG + " now", "B", "all", None, "be brief")]
    result = contradictions.find(dataset(rows), OPTIONS)
    assert result.findings == ()
    assert result.facts["accuracy_ceiling_near"]["value"] == 1


def test_json_is_compared_by_value() -> None:
    same = [("order", '{"a": 1, "b": 2.0}'), ("Order!", '{"b": 2, "a":1}')]
    assert contradictions.find(dataset(same, "json"), OPTIONS).findings == ()
    different = [*same, ("order", '{"a": 2, "b": 2}')]
    (finding,) = contradictions.find(dataset(different, "json"), OPTIONS).findings
    assert finding.rows[0] == 3


def test_texts_may_differ_rightly() -> None:
    rows = [("why", "Because."), ("why?", "For a reason."), (LONG, "x"), (LONG + " now", "y")]
    result = contradictions.find(dataset(rows, "text"), OPTIONS)
    (finding,) = result.findings
    assert (finding.severity, finding.rows) == ("note", (1, 2))
    assert result.facts["accuracy_ceiling"] == {
        "value": None,
        "reason": "several texts may be right",
    }
    assert result.facts["accuracy_ceiling_near"]["value"] is None


def test_large_clusters_of_templates_are_looked_at_by_the_pairs_that_tie_them() -> None:
    rows = [
        (f"Dear support, my order number {n} has not arrived yet, please help", "AB"[n == 70])
        for n in range(100)
    ]
    result = contradictions.find(dataset(rows), OPTIONS)
    assert result.findings[0].rows[0] == 71


def test_nothing_to_look_at_is_none_with_a_reason() -> None:
    result = contradictions.find(dataset([]), OPTIONS)
    assert result.findings == ()
    assert result.facts["accuracy_ceiling"] == {"value": None, "reason": "there are no rows"}


@pytest.mark.parametrize(
    ("output", "kind", "said"),
    [
        (" A ", "label", "A"),
        ("a", "label", "a"),
        ('{"b": 1.0, "a": [1e0]}', "json", '{"a": [1], "b": 1}'),
        (" {broken ", "json", "{broken"),
        ("[" * 100_000, "json", "[" * 100_000),
        ("1e999", "json", "Infinity"),
        ("Well, YES!", "text", "well yes"),
    ],
)
def test_what_counts_as_the_same_answer(output: str, kind: str, said: str) -> None:
    assert answer(output, kind) == said  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.sampled_from(["x", "X!", "y", "z"]), st.sampled_from("AB"))))
def test_the_ceiling_is_what_the_best_table_reaches(rows: list[tuple[str, str]]) -> None:
    facts = contradictions.find(dataset(rows), OPTIONS).facts
    keys = sorted({text.lower().strip("!") for text, _ in rows})
    right = sum(
        max(
            sum(label == given for text, label in rows if text.lower().strip("!") == key)
            for given in "AB"
        )
        for key in keys
    )
    expected = right / len(rows) if rows else None
    assert facts["accuracy_ceiling"]["value"] == expected
