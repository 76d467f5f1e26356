"""Mistakes in rules are one line each, by place and name, before anything is spent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from steelyard.errors import ConfigError
from steelyard.score.rules import RULES, build_rules
from steelyard.score.rules.base import Rule, build_own_rules

PAGE = Path(__file__).resolve().parents[3] / "docs" / "task-yaml.md"


@pytest.mark.parametrize("name", list(RULES))
def test_every_type_is_there_and_documented(name: str) -> None:
    rule = RULES.get(name)
    assert issubclass(rule, Rule)
    assert rule.__doc__ and rule.__doc__ != Rule.__doc__
    assert f"`{name}`" in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            {"type": "nevr", "words": ["a"]},
            r"rules\[1\]: unknown type 'nevr' \(did you mean 'never'",
        ),
        ({"type": "wrds"}, r"\(did you mean 'words'\?\); the closest of 43: words(, [\w:]+){7}$"),
        (
            {"type": "never", "name": "x", "word": ["a"]},
            r"\(x, never\): unknown option 'word' \(did",
        ),
        ({"type": "never"}, "give words or patterns"),
        ({"type": "contains", "words": [""]}, "a word is empty"),
        ({"type": "contains", "words": [3]}, "words.0 must be text, not 3"),
        ({"type": "regex", "pattern": "("}, r"'\(' is not a regular expression: missing \)"),
        ({"type": "regex", "pattern": ""}, "the pattern is empty"),
        ({"type": "never", "words": ["/[/"]}, "is not a regular expression"),
        ({"type": "first_sentence"}, "give any_of or patterns"),
        ({"type": "ends_with", "text": " "}, "text is empty"),
        ({"type": "ends_with"}, "missing key 'text': add it"),
        ({"type": "words"}, "set min or max"),
        ({"type": "words", "min": 5, "max": 2}, "max 2 is below min 5"),
        ({"type": "words", "max": "ten"}, "not 'ten'"),
        ({"type": "numbered_list", "min": -1}, "min must be at least 0, not -1"),
        ({"type": "case", "is": "title"}, "'lower' or 'upper', not 'title'"),
        ({"type": "language", "is": "Germn"}, r"unknown language 'Germn' \(did you mean 'german'"),
        ({"type": "language"}, "missing key 'is'"),
        ({"type": "valid_json", "schema": {"type": "objekt"}}, "schema is not a valid JSON schema"),
        ({"words": ["a"]}, "a rule needs a type"),
        ({"type": "no_markdown", "name": "all"}, "a rule cannot be called 'all'"),
        ({"type": "no_markdown", "name": 3}, "a rule cannot be called 3"),
        ({"type": "keywords:existence"}, "missing key 'keywords'"),
        (
            {"type": "keywords:frequency", "keyword": "a", "frequency": 2, "relation": "at lest"},
            "not 'at lest'",
        ),
        (
            {
                "type": "length_constraints:nth_paragraph_first_word",
                "num_paragraphs": 2,
                "nth_paragraph": 3,
                "first_word": "a",
            },
            "nth_paragraph 3 is beyond num_paragraphs 2",
        ),
    ],
)
def test_a_mistake_is_one_line(rule: dict[str, Any], message: str) -> None:
    if rule.get("type") == "language":
        pytest.importorskip("py3langid")
    with pytest.raises(ConfigError, match=message) as caught:
        build_rules([rule], "rules")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("rules[1]")


def test_rules_are_called_by_name_or_type() -> None:
    rules = ["no_markdown", {"type": "words", "max": 5}, {"type": "words", "min": 2}]
    assert [each.name for each in build_rules(rules, "rules")] == [
        "no_markdown",
        "words",
        "words-2",
    ]
    named = [{"type": "words", "max": 5, "name": " short "}, "no_markdown"]
    assert [each.name for each in build_rules(named, "rules")] == ["short", "no_markdown"]


def test_two_rules_cannot_be_given_one_name() -> None:
    rules = ["no_markdown", {"type": "words", "max": 5, "name": "no_markdown"}]
    with pytest.raises(ConfigError, match=r"rules\[2\]: two rules are called 'no_markdown'"):
        build_rules(rules, "rules")


def test_an_examples_own_rules_are_kept_apart() -> None:
    own = build_own_rules([{"type": "words", "max": n} for n in (3, 4)], "rules", {"words"})
    assert [each.name for each in own] == ["words (own)", "words (own)#2"]
