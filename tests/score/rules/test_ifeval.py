"""IFEval's 25 instructions on hand-made replies, and the data set's own ids where it is at hand."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from steelyard.score.rules import RULES, Reply, build_rules

ENGLISH = "this reply is written in plain english and it goes on for a while"
CASES: list[tuple[str, dict[str, Any], list[str], list[str]]] = [
    ("keywords:existence", {"keywords": ["mom", "Tea"]}, ["Moms like tea"], ["mom only"]),
    (
        "keywords:frequency",
        {"keyword": "it", "frequency": 2, "relation": "at least"},
        ["It: its"],
        ["It"],
    ),
    (
        "keywords:frequency",
        {"keyword": "it", "frequency": 2, "relation": "less than"},
        ["It"],
        ["it it"],
    ),
    ("keywords:forbidden_words", {"forbidden_words": ["rock"]}, ["rocks are here"], ["a Rock."]),
    (
        "keywords:letter_frequency",
        {"letter": "q", "let_frequency": 2, "let_relation": "less than"},
        ["quit"],
        ["Quite quick"],
    ),
    (
        "keywords:letter_frequency",
        {"letter": "#", "let_frequency": 2, "let_relation": "at least"},
        ["#a #b"],
        ["#a"],
    ),
    (
        "language:response_language",
        {"language": "en"},
        [ENGLISH],
        ["das ist eine ganz andere sprache"],
    ),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 2, "relation": "less than"},
        ["Dr. A is in."],
        ["A b. C d."],
    ),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 2, "relation": "at least"},
        ["One. Two."],
        ["One\nTwo"],
    ),
    (
        "length_constraints:number_paragraphs",
        {"num_paragraphs": 2},
        ["a\n***\nb", "***\na\n***\nb"],
        ["a\n\nb", "a\n***\n***\nb"],
    ),
    (
        "length_constraints:number_words",
        {"num_words": 3, "relation": "at least"},
        ["don't go"],
        ["a b"],
    ),
    (
        "length_constraints:nth_paragraph_first_word",
        {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Weekend"},
        ['a b\n\n"Weekend!" he said', "a\n\n\n\nweekend"],
        ["Weekend\n\nb", "a\n\nweekend\n\nc", "weekend"],
    ),
    (
        "detectable_content:number_placeholders",
        {"num_placeholders": 2},
        ["[a] [b c]"],
        ["[a] b", "[a [b]"],
    ),
    (
        "detectable_content:postscript",
        {"postscript_marker": "P.S."},
        ["Hi\np.s. bye", "P. S. x"],
        ["PSST", "P.P.S"],
    ),
    (
        "detectable_content:postscript",
        {"postscript_marker": "P.P.S"},
        ["Hi\nP.P.S. bye"],
        ["P.S. bye"],
    ),
    (
        "detectable_format:number_bullet_lists",
        {"num_bullets": 2},
        ["* a\n- b"],
        ["* a", "* a\n* b\n* c", "**a**\n* b"],
    ),
    (
        "detectable_format:constrained_response",
        {},
        ["Well: My answer is no."],
        ["My answer is nope."],
    ),
    (
        "detectable_format:number_highlighted_sections",
        {"num_highlights": 2},
        ["*a* **b**"],
        ["*a*", "** ** *a*"],
    ),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "Section", "num_sections": 2},
        ["Section 1\na\nSection 2"],
        ["Section A Section 1"],
    ),
    ("detectable_format:json_format", {}, ['{"a": 1}', '```JSON\n{"a": 1}\n```'], ["a: 1"]),
    ("detectable_format:title", {}, ["<<A day>>\nIt was"], ["<< >>", "<A>", "<<A\nB>>"]),
    (
        "combination:two_responses",
        {},
        ["a ****** b", "******a******b"],
        ["a", "a******a", "a******b******c", "a************b"],
    ),
    ("combination:repeat_prompt", {"prompt_to_repeat": "Say it."}, ["say it. OK"], ["OK. Say it."]),
    ("startend:end_checker", {"end_phrase": "Any more?"}, ['Yes. "any more?"'], ["Any more? No."]),
    ("startend:quotation", {}, ['"all of it"'], ['"', '"a" b']),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": "at least"},
        ["NASA is BIG"],
        ["NASA is Big"],
    ),
    (
        "change_case:english_capital",
        {},
        [ENGLISH.upper()],
        [ENGLISH, "DAS IST EINE GANZ ANDERE SPRACHE"],
    ),
    (
        "change_case:english_lowercase",
        {},
        [ENGLISH],
        [ENGLISH.title(), "das ist eine ganz andere sprache"],
    ),
    ("punctuation:no_comma", {}, ["a; b"], ["a, b", "一，二"]),
]


def test_all_25_instructions_are_tried() -> None:
    ids = [name for name in RULES if ":" in name]
    assert len(ids) == 25
    assert {name for name, *_ in CASES} == set(ids)


@pytest.mark.parametrize(("name", "kwargs", "good", "bad"), CASES)
def test_an_instruction_tells_good_from_bad(
    name: str, kwargs: dict[str, Any], good: list[str], bad: list[str]
) -> None:
    if name.startswith(("language:", "change_case:english")):
        pytest.importorskip("py3langid")
    ((_, rule),) = build_rules([{"type": name, **kwargs}], "rules")
    assert [reply for reply in good if not rule.is_kept(Reply(reply))] == []
    assert [reply for reply in bad if rule.is_kept(Reply(reply))] == []


def data_set() -> Path:
    """The data set's file, by an environment variable or beside the checkout."""
    beside = Path(__file__).resolve().parents[4] / "shared" / "data"
    return Path(os.environ.get("STEELYARD_DATA", beside)) / "ifeval" / "input_data.jsonl"


@pytest.mark.skipif(not data_set().is_file(), reason="IFEval's data set is not at hand")
def test_every_instruction_of_the_data_set_is_known_and_can_be_held_against_a_reply() -> None:
    pytest.importorskip("py3langid")
    rows = [json.loads(line) for line in data_set().read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 541
    replies = [Reply(ENGLISH), Reply('"My answer is yes." <<T>> *a* [x]\n\n***\n\n1. NASA, P.S. x')]
    count = 0
    for row in rows:
        rules = [
            {"type": name, **kwargs}
            for name, kwargs in zip(row["instruction_id_list"], row["kwargs"], strict=True)
        ]
        for _, rule in build_rules(rules, str(row["key"])):
            count += 1
            assert all(rule.is_kept(reply) in (True, False) for reply in replies)
    assert count == 834
