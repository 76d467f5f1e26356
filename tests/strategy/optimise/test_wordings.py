from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

import pytest

from steelyard.core import Example, OutputKind
from steelyard.strategy.base import Brief
from steelyard.strategy.optimise.wordings import (
    Wording,
    Wordings,
    about,
    label_examples,
    label_words,
    named_wordings,
)
from steelyard.strategy.prompt import full_instruction
from tests.strategy.samples import TOPICS, tickets

SCHEMA = '{"properties": {"a": {"type": "string"}, "b": {"enum": [1, 2]}, "c": {}}}'
LABELS = Brief("Classify the ticket. Answer with the label only.", "label", tuple(TOPICS))
BRIEFS: dict[OutputKind, Brief] = {
    "label": LABELS,
    "json": Brief("Extract the facts.", "json", schema=SCHEMA),
    "text": Brief("Solve the problem: show no steps.", "text"),
}
DATA = json.loads(files("steelyard.strategy").joinpath("data/instructions.json").read_text())


def wordings(kind: OutputKind = "label", train: Sequence[Example] = tickets(60)) -> Wordings:
    return Wordings(BRIEFS[kind], train)


@pytest.mark.parametrize("kind", BRIEFS)
def test_as_given_is_the_prompt_that_every_other_strategy_uses(kind: OutputKind) -> None:
    assert wordings(kind).text(Wording()) == full_instruction(BRIEFS[kind])
    assert Wording().name == "as_given"


@pytest.mark.parametrize("kind", BRIEFS)
def test_variants_differ_and_leave_no_gap(kind: OutputKind) -> None:
    texts = {name: wordings(kind).text(wording) for name, wording in wordings(kind).named().items()}
    assert len(set(texts.values())) == len(texts) >= 5
    for text in texts.values():
        assert text and "{" not in text.replace(SCHEMA, "") and "\n\n\n" not in text


@pytest.mark.parametrize("kind", BRIEFS)
def test_neighbours_fit_and_differ_in_one_slot(kind: OutputKind) -> None:
    near = wordings(kind).neighbours(Wording())
    assert near and len(set(near)) == len(near)
    for wording in near:
        assert sum(a != b for a, b in zip(wording, Wording(), strict=True)) == 1
        assert wordings(kind).text(wording)


def test_every_block_and_slot_of_the_data_is_known_and_says_what_it_is_for() -> None:
    assert list(DATA["slots"]) == list(Wording._fields)
    for blocks in DATA["slots"].values():
        for block in blocks.values():
            assert block["about"] and block["text"]
    for wording in named_wordings().values():
        assert about(wording)
    assert {type(wording) for wording in named_wordings().values()} == {Wording}


def test_labels_are_listed_glossed_or_exemplified() -> None:
    listed = wordings().text(Wording(task="given", labels="listed")) or ""
    assert "\n- BILLING\n- TECHNICAL\n- ACCOUNT" in listed
    words = wordings().text(Wording(task="given", labels="words")) or ""
    billing = next(line for line in words.splitlines() if line.startswith("- BILLING: "))
    assert {"invoice", "refund"} <= set(billing.removeprefix("- BILLING: ").split(", "))
    examples = wordings().text(Wording(task="given", labels="examples")) or ""
    assert examples.count('"') == 6


def test_fields_are_named_with_their_types() -> None:
    text = wordings("json").text(Wording(task="given", labels="fields")) or ""
    assert text.endswith("- a (string)\n- b (one of 1, 2)\n- c")


def test_a_block_that_cannot_be_filled_does_not_fit() -> None:
    assert wordings("text").text(Wording(labels="words")) is None
    assert wordings(train=()).text(Wording(task="given", labels="words")) is None
    free = Wordings(Brief("Extract.", "json"), ())
    assert free.text(Wording(task="short")) is None
    assert free.text(Wording(labels="fields")) is None


def test_the_task_is_restated_by_its_first_sentence() -> None:
    text = wordings().text(Wording(closing="restated")) or ""
    assert text.endswith("\n\nRemember: Classify the ticket.")


def test_braces_in_the_instruction_stay() -> None:
    brief = Brief("Answer {labels} or {x}.", "label", ("A", "B"))
    assert "Answer {labels} or {x}." in (Wordings(brief, ()).text(Wording()) or "")


def test_glosses_say_what_is_a_labels_own() -> None:
    words: dict[str, Any] = dict(label_words(tickets(60), [*TOPICS, "NEW"]))
    assert set(words["TECHNICAL"]) <= {*TOPICS["TECHNICAL"], "since", "monday", "the"}
    assert "please" not in words["BILLING"]
    assert words["NEW"] == ()
    assert label_words([Example("", "!!", "A")], ["A"]) == {"A": ()}
    long = Example("", "word " * 60, "A")
    assert label_examples([long], ["A", "B"]) == {"A": ("word " * 18).strip() + "…", "B": ""}
