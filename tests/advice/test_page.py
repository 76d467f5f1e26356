"""The page on advice names every question, rule and way as the data has them."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from steelyard.advice.choices import WAYS
from steelyard.advice.decide import STEPS
from steelyard.advice.ways import way_facts
from steelyard.rules_of_thumb import thumb_rules

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "advice.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("word", "way"),
    [
        ("rag", "retrieval"),
        ("lora", "fine_tune"),
        ("Fine-Tuning", "fine_tune"),
        ("cascade", "hybrid"),
    ],
)
def test_a_way_is_found_by_the_names_that_the_field_and_strategies_have(
    word: str, way: str
) -> None:
    assert way_facts(word).way == way


def test_the_tables_are_those_of_the_data() -> None:
    spec = importlib.util.spec_from_file_location("tables", ROOT / "scripts" / "advice_tables.py")
    assert spec is not None and spec.loader is not None
    tables = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tables)
    assert tables.filled(PAGE) == PAGE, "run python scripts/advice_tables.py"
    assert PAGE.count("\n| `") >= len(thumb_rules())


def test_the_order_of_decisions_names_rules_that_are_there() -> None:
    table = PAGE.partition("## How it decides")[2].partition("## The rules")[0]
    named = set(re.findall(r"`([a-z0-9_]+)`", table))
    assert named <= set(thumb_rules()) | set(WAYS)
    assert named >= set(WAYS)
    # a row for each step but two: nothing answered, and facts that change told with the facts
    assert table.count("\n| ") - 1 == len(STEPS) - 2
