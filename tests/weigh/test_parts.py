from __future__ import annotations

import json

import pytest

from steelyard.core import Answer, Completion, Example
from steelyard.score import Grade, Metric, build_metric
from steelyard.weigh.measure import to_records
from steelyard.weigh.parts import parts
from tests.score.tasks import task_with

WORDS = {"type": "words", "max": 2}
CONTAINS = {"type": "contains", "words": ["ok"]}


def answers(*outputs: str | None) -> list[Answer]:
    return [Answer(output, Completion(output or "", "stop")) for output in outputs]


def examples(*rules: list[dict[str, object]], groups: str = "") -> list[Example]:
    return [
        Example(str(i), "x", "", rules=json.dumps(own), group=groups[i] if groups else None)
        for i, own in enumerate(rules)
    ]


def figures(
    some: list[Example], *outputs: str | None, task: tuple[dict[str, object], ...] = ()
) -> dict[str, dict[str, object]]:
    metric = build_metric("rules", task=task_with(rules=list(task)))
    records = to_records("arm", some, answers(*outputs), [metric])
    return {figure.part: figure.to_dict() for figure in parts(metric, records, 0, some)}


def test_each_part_is_a_proportion_over_the_records_that_have_it() -> None:
    some = examples([WORDS], [WORDS, CONTAINS], [CONTAINS])
    found = figures(some, "ok", "not ok at all", None)
    assert list(found) == ["all", "each", "words", "contains"]
    assert {name: (each["value"], each["n"]) for name, each in found.items()} == {
        "all": (pytest.approx(1 / 3), 3),
        "words": (0.5, 2),
        "contains": (0.5, 2),
        "each": (0.5, 4),  # of four rules two are kept
    }
    assert found["words"]["method"] == "Clopper-Pearson"
    assert found["each"]["method"] == "Korn-Graubard over clusters"
    assert set(found["words"]) == {"metric", "part", "value", "low", "high", "level", "n", "method"}
    assert found["words"]["low"] < 0.5 < found["words"]["high"]  # type: ignore[operator]


def test_several_rules_of_one_type_are_one_part() -> None:
    some = examples([WORDS, {"type": "words", "min": 2}], [WORDS])
    found = figures(some, "a", "a")
    assert (found["words"]["value"], found["words"]["n"]) == (pytest.approx(2 / 3), 3)


def test_examples_of_one_group_are_taken_together() -> None:
    found = figures(examples(*[[WORDS]] * 6, groups="aabbcc"), *["a"] * 3, *["a b c"] * 3)
    assert found["words"]["method"] == "Korn-Graubard over clusters"
    apart = figures(examples(*[[WORDS]] * 6), *["a"] * 3, *["a b c"] * 3)
    assert found["words"]["low"] < apart["words"]["low"]  # type: ignore[operator]


class Halves(Metric):
    """Two parts of every answer; a failed answer has none to show."""

    name = "halves"

    def score_answer(self, output: str, reference: str) -> float:
        return 0.5

    def grade(self, example: Example, output: str | None) -> Grade:
        return Grade(0.0) if output is None else Grade(0.5, {"first": 1.0, "second": 0.25})


def test_a_failed_answer_counts_0_in_parts_that_apply_to_every_example() -> None:
    some = [Example(str(i), "x", "y") for i in range(4)]
    metric = Halves()
    records = to_records("arm", some, answers("a", "b", "c", None), [metric])
    found = {figure.part: figure.to_dict() for figure in parts(metric, records, 0, some)}
    assert list(found) == ["first", "second"]
    assert (found["first"]["value"], found["first"]["n"]) == (0.75, 4)
    assert found["second"]["value"] == pytest.approx(3 * 0.25 / 4)
    assert found["second"]["method"] == "BCa bootstrap"


def test_a_metric_without_parts_has_none() -> None:
    metric = build_metric("exact_match")
    some = [Example("1", "x", "y")]
    assert parts(metric, to_records("arm", some, answers("y"), [metric]), 0, some) == []
    assert parts(metric, [], 0, []) == []


def test_a_rule_that_could_be_told_of_no_reply_is_there_without_a_value() -> None:
    endless = {"type": "regex", "pattern": "(a|a)*$"}
    found = figures(examples(*[[WORDS, endless]] * 2), "a" * 60 + "!", "a" * 60 + "!")
    assert (found["words"]["value"], found["words"]["n"]) == (1.0, 2)
    assert (found["regex"]["value"], found["regex"]["n"]) == (None, 0)
    assert "came to no end" in str(found["regex"]["reason"])
    assert (found["each"]["value"], found["each"]["n"]) == (1.0, 2)
    known = figures(examples([endless], [endless]), "a" * 60 + "!", "b")
    assert known["regex"]["n"] == 1
