"""The packaged example keeps what its README, POLICY, FACTS and rules promise."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from steelyard.core import Example
from steelyard.data.likeness.near import near_pairs
from steelyard.data.prepare import read_task
from steelyard.score.rules.base import NamedRule, Reply, build_own_rules, build_rules
from steelyard.task import load_task

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "support-replies"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
FACTS = (FOLDER / "FACTS.md").read_text(encoding="utf-8")
CLOSING = "Is there anything else I can help you with?"
SLICES = ("ordinary", "hard", "trap")
STEP = re.compile(r"^(\d+)\. ", re.MULTILINE)
MENU = re.compile(r" > (?=[A-Z])")

ACKNOWLEDGING = (
    "Thanks for reaching out about this.",
    "Hi Anna, thank you for the screenshot.",
    "Hello Ben! I'm sorry that the upload failed twice.",
    "I apologise for the trouble with your invoice.",
    "Losing a day's work is frustrating, so let's get it back.",
    "That must be stressful before a deadline.",
    "You're right, the page should have told you.",
    "Of course, I can show you how.",
    "Great question about the plans.",
    "I completely understand why you want this settled today.",
    "We appreciate your patience with this.",
    "Congratulations on the new office!",
)
NOT_ACKNOWLEDGING = (
    "Open Preferences > Advanced and press Reset Sync Database.",
    "V-207 means that the sync server is not reached.",
    "To change the plan, go to Console > Billing > Plan.",
    "Hi Anna! Please follow the steps below.",
    "1. Click the Vault icon.",
    "What is the error code on the screen?",
    "You need to be an Owner to see this page.",
    "It is important to close Excel before you go on.",
    "A good idea is to restart the computer.",
    "This is a known problem with old agents.",
    "Here is how to lock the file so that Rob cannot change it.",
    "Confusing names are a common cause of V-104.",
    "The file can be restored from Deleted Files.",
)
BREAKING = {
    "no_pricing": (
        "The Team plan costs 12 dollars.",
        "You pay €8.50 for a guest.",
        "There is 20 % off for charities.",
        "It is billed per user per month.",
        "Two-step sign-in is free of charge.",
        "Starter is cheaper for you.",
        "You are owed a refund of 52.07.",
    ),
    "no_competitors": (
        "Nimbusbox stores files elsewhere.",
        "Unlike others, we encrypt everything.",
        "Vault is faster than most.",
        "Our competitors cannot do that.",
        "You can move from Dropbox in an hour.",
    ),
    "no_promises": (
        "Dark mode is coming soon.",
        "The feature will be added.",
        "We are working on passkeys.",
        "Our team plans to support it; it is planned for next year.",
        "It comes in the next release.",
        "This will be available later, in a coming version.",
        "We'll add it.",
        "I promise that it will work.",
        "You'll get your full refund.",
    ),
}
HARMLESS = (
    "Your old versions are kept for 30 days, which is less than 90.",
    "The upload stops at 70 % and the file has 5 GB.",
    "Owners see what they pay at Console > Billing > Plan.",
    "I can't say what comes or when.",
    "The files will be there once the icon is green.",
    "Work with two monitors if that is better for you than one.",
    "The person will be added to the space and your files will be available in a browser.",
    "I can't compare us with competitors or promise when something comes.",
    "We are going to need the report's number.",
)


@pytest.fixture(scope="module")
def examples() -> tuple[Example, ...]:
    return read_task(load_task(FOLDER)).usable.examples


@pytest.fixture(scope="module")
def rules() -> dict[str, NamedRule]:
    return {rule.name: rule for rule in build_rules(load_task(FOLDER).rules, "rules")}


def is_kept(rule: NamedRule, text: str) -> bool:
    return rule.rule.is_kept(Reply(text))


def test_it_is_a_text_task_scored_by_rules_with_enough_examples(
    examples: tuple[Example, ...],
) -> None:
    task = load_task(FOLDER)
    assert task.output.kind == "text"
    assert task.primary_metric == "rules"
    assert task.metric_configs[0].options == {"all": True}
    assert len(examples) >= 220
    traps = sum(example.slice == "trap" for example in examples)
    assert 0.12 <= traps / len(examples) <= 0.18


def test_every_reference_keeps_every_rule(
    examples: tuple[Example, ...], rules: dict[str, NamedRule]
) -> None:
    broken = [
        (example.id, name)
        for example in examples
        for name, rule in rules.items()
        if not is_kept(rule, example.output)
    ]
    assert broken == []


def test_each_example_has_a_rule_of_its_own_that_few_other_replies_keep(
    examples: tuple[Example, ...],
) -> None:
    own = [build_own_rules(json.loads(example.rules or "[]"), "rules", ()) for example in examples]
    assert {tuple(rule.name for rule in rules) for rules in own} == {("answers",)}
    replies = [Reply(example.output) for example in examples]
    kept = np.array([[rules[0].rule.is_kept(reply) for reply in replies] for rules in own])
    assert kept.diagonal().all()
    others = (kept.sum(axis=1) - 1) / (len(examples) - 1)
    assert others.max() <= 0.15  # a rule that many replies keep asks for nothing
    assert others.mean() <= 0.04
    assert kept.mean(axis=0).max() <= 0.12  # the best single reply to every message


@pytest.mark.parametrize("text", ACKNOWLEDGING)
def test_other_words_that_acknowledge_count(text: str, rules: dict[str, NamedRule]) -> None:
    assert is_kept(rules["acknowledges"], f"{text}\n\n1. Open Vault.\n2. Wait.")


@pytest.mark.parametrize("text", NOT_ACKNOWLEDGING)
def test_a_solution_or_a_greeting_does_not_acknowledge(
    text: str, rules: dict[str, NamedRule]
) -> None:
    assert not is_kept(rules["acknowledges"], f"{text}\n\n1. Thank you.\n2. I'm sorry.")


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in BREAKING.items() for text in texts]
)
def test_what_is_never_said_is_found(name: str, text: str, rules: dict[str, NamedRule]) -> None:
    assert not is_kept(rules[name], f"Thank you. {text} Is that all?")


@pytest.mark.parametrize("text", HARMLESS)
def test_what_may_be_said_is_left_alone(text: str, rules: dict[str, NamedRule]) -> None:
    assert [name for name in BREAKING if not is_kept(rules[name], text)] == []


def test_a_reply_without_steps_or_closing_is_found(
    examples: tuple[Example, ...], rules: dict[str, NamedRule]
) -> None:
    reply = examples[0].output
    assert not is_kept(rules["closing"], f"{reply}\nKind regards")
    assert not is_kept(rules["numbered_steps"], STEP.sub("", reply))
    assert not is_kept(rules["length"], CLOSING)
    assert not is_kept(rules["plain_text"], reply.replace("Vault", "**Vault**"))


def test_replies_have_the_shape_of_the_policy(examples: tuple[Example, ...]) -> None:
    for example in examples:
        steps = [int(number) for number in STEP.findall(example.output)]
        assert steps == list(range(1, len(steps) + 1)), example.id
        assert example.output.splitlines()[-1] == CLOSING, example.id
        assert example.output.count(CLOSING) == 1, example.id
    openings = Counter(example.output.split(". ")[0] for example in examples)
    assert openings.most_common(1)[0][1] == 1


def test_menu_paths_and_codes_are_those_of_the_facts(examples: tuple[Example, ...]) -> None:
    quoted = " > ".join(re.findall(r"`([^`]+)`", FACTS))
    names = tuple({" ".join(name.split()) for name in quoted.split(" > ")})
    codes = set(re.findall(r"^\| ([VFC]-\d+) \|", FACTS, re.MULTILINE))
    for example in examples:
        parts = MENU.split(example.output)
        for before, after in pairwise(parts):
            assert before.endswith(names) and after.startswith(names), (example.id, after[:40])
        assert set(re.findall(r"\b[VFC]-\d+\b", example.output)) <= codes, example.id


def test_no_two_examples_are_alike(examples: tuple[Example, ...]) -> None:
    assert len({example.id for example in examples}) == len(examples)
    for texts in ([e.input for e in examples], [e.output for e in examples]):
        assert near_pairs(texts, threshold=0.3) == []


def test_contact_details_are_invented(examples: tuple[Example, ...]) -> None:
    text = "\n".join(f"{example.input}\n{example.output}" for example in examples)
    assert set(re.findall(r"@([\w-]+(?:\.[\w-]+)+)", text)) == {"example.com"}
    assert {number[:6] for number in re.findall(r"\b555-\d{4}\b", text)} == {"555-01"}
    assert "@" not in "".join(example.output for example in examples)


def test_the_readme_counts_topics_and_slices() -> None:
    lines = (FOLDER / "replies.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    cells = Counter((row["topic"], row["slice"]) for row in rows)
    topics = {row["topic"] for row in rows}
    for topic in topics:
        counts = [cells[topic, name] for name in SLICES]
        assert "| " + " | ".join(map(str, [topic, sum(counts), *counts])) + " |" in README
    totals = [sum(cells[topic, name] for topic in topics) for name in SLICES]
    assert "| " + " | ".join(map(str, ["all", sum(totals), *totals])) + " |" in README
    assert sum(totals) == len(rows)


def test_the_readme_counts_threads_and_words(examples: tuple[Example, ...]) -> None:
    said = " ".join(README.split())
    asked = sorted(len(example.input.split()) for example in examples)
    answered = sorted(len(example.output.split()) for example in examples)
    steps = sorted(len(STEP.findall(example.output)) for example in examples)
    threads = Counter(example.group for example in examples if example.group)
    assert f"from {asked[0]} to {asked[-1]} words, half of them up to {median(asked):.0f}" in said
    assert f"from {answered[0]} to {answered[-1]}, half up to {median(answered):.0f}" in said
    assert f"with {steps[0]} to {steps[-1]} steps" in said
    assert f"the {len(threads)} threads of two messages" in said
    assert set(threads.values()) == {2}
