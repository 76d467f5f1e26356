"""The packaged example keeps what its README, POLICY and schema promise."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from steelyard.core import Example
from steelyard.data.likeness.near import near_pairs
from steelyard.data.likeness.rows import asked_text
from steelyard.data.prepare import read_task
from steelyard.task import load_task

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "order-extraction"
README = (FOLDER / "README.md").read_text(encoding="utf-8")
INTENTS = ("new_order", "change", "cancellation", "other")
SLICES = ("email", "chat", "voicemail", "form")
SENT = re.compile(r"Sent: (\d{4}-\d\d-\d\d) \((\w+)\)\n")

Row = dict[str, Any]


@pytest.fixture(scope="module")
def examples() -> tuple[Example, ...]:
    return read_task(load_task(FOLDER)).usable.examples


@pytest.fixture(scope="module")
def outputs(examples: tuple[Example, ...]) -> list[Row]:
    return [json.loads(example.output) for example in examples]


def sent_on(example: Example) -> date:
    found = SENT.match(example.input)
    assert found, example.id
    return date.fromisoformat(found[1])


def test_it_is_a_json_task_with_a_schema_and_enough_examples(
    examples: tuple[Example, ...],
) -> None:
    task = load_task(FOLDER)
    assert task.output.kind == "json"
    assert task.output.json_schema is not None
    assert task.primary_metric == "json_match"
    assert len(examples) >= 250


def test_every_output_fits_the_schema(outputs: list[Row]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = load_task(FOLDER).output.json_schema
    jsonschema.Draft202012Validator.check_schema(schema)
    checker = jsonschema.FormatChecker()
    validator = jsonschema.Draft202012Validator(schema, format_checker=checker)
    assert [error.message for row in outputs for error in validator.iter_errors(row)] == []


def test_keys_stand_in_the_order_of_the_schema(outputs: list[Row]) -> None:
    schema = load_task(FOLDER).output.json_schema or {}
    assert {tuple(row) for row in outputs} == {tuple(schema["properties"])}
    assert schema["required"] == list(schema["properties"])
    item_keys = tuple(schema["properties"]["items"]["items"]["properties"])
    assert {tuple(item) for row in outputs for item in row["items"]} == {item_keys}


def test_no_two_examples_are_alike(examples: tuple[Example, ...], outputs: list[Row]) -> None:
    texts = [asked_text(example) for example in examples]
    assert len({example.id for example in examples}) == len(examples)
    assert len(set(texts)) == len(texts)
    assert near_pairs(texts) == []
    assert near_pairs(texts, threshold=0.5) == []
    for key in ("customer", "order_reference"):
        named = Counter(row[key] for row in outputs if row[key] is not None)
        assert named.most_common(1)[0][1] == 1


def test_sent_days_are_right_and_deliveries_follow_them(
    examples: tuple[Example, ...], outputs: list[Row]
) -> None:
    for example, row in zip(examples, outputs, strict=True):
        sent = sent_on(example)
        assert f"({sent:%A})" in example.input.splitlines()[0], example.id
        if row["delivery_date"] is not None:
            days = (date.fromisoformat(row["delivery_date"]) - sent).days
            assert 0 <= days <= 31, example.id


def test_the_rules_of_the_policy_that_a_program_can_check(
    examples: tuple[Example, ...], outputs: list[Row]
) -> None:
    for example, row in zip(examples, outputs, strict=True):
        where = f"{example.id}: {row}"
        kept = {"intent", "customer", "order_reference"}
        if row["intent"] in ("cancellation", "other"):
            assert not any(row[key] for key in row if key not in kept), where
            assert row["substitutions"] is None, where
        if row["intent"] == "new_order":
            assert row["order_reference"] is None, where
        if row["intent"] != "change":
            assert all(item["quantity"] != 0 for item in row["items"]), where
        assert row["allergens"] == sorted(row["allergens"]), where
        assert all(item["product"] == item["product"].lower() for item in row["items"]), where
        named = [(item["product"], item["unit"]) for item in row["items"]]
        assert len(set(named)) == len(named), where
        if row["customer"] is not None:
            assert row["customer"].casefold() in example.input.casefold(), where


def test_contact_details_are_invented(examples: tuple[Example, ...]) -> None:
    text = "\n".join(example.input for example in examples)
    domains = set(re.findall(r"@([\w-]+(?:\.[\w-]+)+)", text))
    assert domains == {"example.com"}
    assert {number[:6] for number in re.findall(r"\b555-\d{4}\b", text)} == {"555-01"}


def test_the_readme_counts_slices_and_intents(
    examples: tuple[Example, ...], outputs: list[Row]
) -> None:
    cells = Counter(
        (example.slice, row["intent"]) for example, row in zip(examples, outputs, strict=True)
    )
    for name in SLICES:
        counts = [cells[name, intent] for intent in INTENTS]
        assert "| " + " | ".join(map(str, [name, sum(counts), *counts])) + " |" in README
    totals = [sum(cells[name, intent] for name in SLICES) for intent in INTENTS]
    assert "| " + " | ".join(map(str, ["all", sum(totals), *totals])) + " |" in README
    assert sum(totals) == len(examples)


def test_the_readme_counts_items_and_empty_fields(outputs: list[Row]) -> None:
    sizes = Counter(len(row["items"]) for row in outputs)
    counts = [sizes[size] for size in range(max(sizes) + 1)]
    assert "| examples | " + " | ".join(map(str, counts)) + " |" in README
    for key in outputs[0]:
        share = sum(row[key] in (None, []) for row in outputs) / len(outputs)
        assert re.search(rf"^\| `{key}` \|.*\| {share:.0%}".replace("%", " %"), README, re.M), key


def test_the_readme_counts_products_and_words(
    examples: tuple[Example, ...], outputs: list[Row]
) -> None:
    items = [item for row in outputs for item in row["items"]]
    amounts = [item["quantity"] for item in items]
    broken = sum(isinstance(amount, float) for amount in amounts)
    words = sorted(len(example.input.split()) for example in examples)
    said = " ".join(README.split())
    products = len({item["product"] for item in items})
    assert f"{len(items)} items name {products} different products" in said
    assert f"{broken} quantities are not whole numbers" in said
    assert f"{amounts.count(0)} are 0 (dropped" in said
    assert f"{amounts.count(None)} are `null` (vague)" in said
    assert f"from {words[0]} to {words[-1]} words, half of them up to {median(words):.0f}" in said
