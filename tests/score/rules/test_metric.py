"""The metric over rules: the task's and the example's, strict and loose, one by one and all."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steelyard.core import Example
from steelyard.errors import ConfigError, DataError
from steelyard.score import Metric, build_metric
from tests.score.tasks import task_with

TASK = ({"type": "words", "max": 3}, {"name": "no pricing", "type": "never", "words": ["price"]})


def metric(rules: tuple[dict[str, Any], ...] = TASK, **options: Any) -> Metric:
    return build_metric("rules", options, task_with(rules=list(rules)))


def example(*rules: dict[str, Any], source: str = "e.jsonl:1") -> Example:
    return Example("1", "x", "", source=source, rules=json.dumps(rules) if rules else None)


def test_the_score_is_the_share_of_rules_kept() -> None:
    grade = metric().grade(example(), "the price is right")
    assert grade.score == 0
    grade = metric().grade(example(), "no price")
    assert (grade.score, dict(grade.parts)) == (0.5, {"words": 1, "no pricing": 0, "all": 0})


def test_all_scores_one_only_when_all_are_kept() -> None:
    strict = metric(all=True)
    assert (strict.binary, strict.name) == (True, "rules_all")
    assert [strict.grade(example(), said).score for said in ("no price", "fine")] == [0, 1]


def test_an_example_adds_rules_of_its_own() -> None:
    own = example({"type": "contains", "words": ["ok"]}, {"type": "words", "min": 2})
    grade = metric().grade(own, "ok")
    assert dict(grade.parts) == {
        "words": 1,
        "no pricing": 1,
        "contains": 1,
        "words (own)": 0,
        "all": 0,
    }
    assert grade.score == 3 / 4


def test_a_failed_answer_keeps_no_rule() -> None:
    grade = metric().grade(example({"type": "case", "is": "lower"}), None)
    assert grade.score == 0
    assert dict(grade.parts) == dict.fromkeys(("words", "no pricing", "case", "all"), 0)


@pytest.mark.parametrize(
    ("reply", "rule"),
    [
        ("Sure! Here it is:\nall small", {"type": "case", "is": "lower"}),
        ("all small\nHope It Helps", {"type": "case", "is": "lower"}),
        ("Sure!\nall small\nHope It Helps", {"type": "case", "is": "lower"}),
        ("*{}*", {"type": "valid_json"}),
        ("Here:\n*{}*\nBye", {"type": "valid_json"}),
    ],
)
def test_loose_overlooks_the_first_line_the_last_and_asterisks(
    reply: str, rule: dict[str, Any]
) -> None:
    strict, loose = metric((rule,)), metric((rule,), loose=True)
    assert loose.name == "rules_loose"
    assert (strict.grade(example(), reply).score, loose.grade(example(), reply).score) == (0, 1)


def test_nothing_left_keeps_no_rule() -> None:
    loose = metric(({"type": "never", "words": ["x"]},), loose=True)
    assert loose.grade(example(), "x\nx").score == 0


def test_every_example_needs_a_rule() -> None:
    metric().check([example()])
    metric(()).check([example({"type": "no_markdown"})])
    with pytest.raises(ConfigError, match=r"nothing to check in e\.jsonl:2; add rules:"):
        metric(()).check([example({"type": "no_markdown"}), example(source="e.jsonl:2")])


def test_a_bad_rule_of_an_example_names_its_row() -> None:
    bad = example({"type": "nevr"}, source="e.jsonl:7")
    with pytest.raises(DataError, match=r"e\.jsonl:7: rules\[1\]: unknown type 'nevr'"):
        metric().check([bad])


@pytest.mark.parametrize(
    ("options", "message"),
    [({"al": True}, r"did you mean 'all'\?"), ({"all": "yes"}, "all must be true or false")],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        metric(**options)


def test_rules_are_for_texts() -> None:
    with pytest.raises(
        ConfigError, match=r"rules is for output\.kind: text, and the task's is label"
    ):
        task_with(metric="rules", output={"kind": "label"})
