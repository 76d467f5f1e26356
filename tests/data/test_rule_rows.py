"""Rows with rules of their own, with and without outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.data.formats.base import RawRow, RowError
from steelyard.data.prepare import read_task
from steelyard.data.rows import RowParser, content_id, has_references
from steelyard.data.starter import init_from_file
from steelyard.errors import DataError
from steelyard.model import ModelSpec
from steelyard.strategy import TaskFacts
from steelyard.strategy.auto import auto
from steelyard.strategy.base import Brief
from steelyard.task import load_task
from tests.conftest import MakeTask, to_jsonl

RULES = [{"type": "words", "max": 5}, "no_markdown"]
IFEVAL = {
    "key": 1000,
    "prompt": "Write a poem.",
    "instruction_id_list": ["punctuation:no_comma", "length_constraints:number_words"],
    "kwargs": [{}, {"relation": "at least", "num_words": 3, "keyword": None}],
}


def parse(row: dict[str, Any], kind: Any = "text", **columns: str) -> Any:
    parsed = RowParser(kind, (), columns).parse(RawRow(1, row), "e")
    if parsed.refusal is not None:
        raise RowError(parsed.refusal)
    return parsed.example


@pytest.mark.parametrize(
    "row",
    [
        {"input": "hi", "rules": RULES},
        {"input": "hi", "output": "", "rules": RULES},
        {"input": "hi", "output": None, "rules": json.dumps(RULES)},
        {"messages": [{"role": "user", "content": "hi"}], "rules": RULES},
    ],
)
def test_a_row_with_rules_may_lack_an_output(row: dict[str, Any]) -> None:
    example = parse(row)
    assert (example.input, example.output) == ("hi", "")
    assert json.loads(example.rules) == RULES


def test_a_row_with_rules_keeps_its_output() -> None:
    example = parse({"input": "hi", "output": "ho", "rules": RULES})
    assert (example.output, json.loads(example.rules)) == ("ho", RULES)
    chat = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]
    assert parse({"messages": chat, "rules": RULES}).output == "ho"


def test_the_column_of_rules_can_be_named() -> None:
    assert json.loads(parse({"input": "hi", "checks": RULES}, rules="checks").rules) == RULES
    with pytest.raises(RowError, match="the rules must be a list"):
        parse({"input": "hi", "output": "ho", "checks": "be nice"}, rules="checks")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"input": "hi"}, "no output"),
        ({"input": "hi", "output": " ", "rules": []}, "empty output"),
        ({"input": "hi", "rules": [{"max": 5}]}, "rule 1 is .* not a mapping with a type"),
        ({"input": "hi", "rules": ["no_markdown", 3]}, "rule 2 is '3'"),
        ({**IFEVAL, "kwargs": [{}]}, "instruction_id_list has 2 entries and kwargs 1"),
        ({**IFEVAL, "instruction_id_list": [1, 2]}, "must be a list of texts"),
        ({**IFEVAL, "prompt": 3}, "prompt is not text"),
    ],
)
def test_what_cannot_be_read_has_a_reason(row: dict[str, Any], message: str) -> None:
    with pytest.raises(RowError, match=message):
        parse(row)


def test_what_only_bears_the_name_is_no_rule() -> None:
    parser = RowParser("text", (), {})
    row = {"input": "hi", "output": "ho", "rules": "be nice"}
    assert parser.parse(RawRow(1, row), "e").example.rules is None
    assert list(parser.ignored) == ["rules"]
    assert parse({"input": "hi", "output": "ho", "rules": RULES}, "label").rules is None


def test_rules_are_part_of_what_a_row_says() -> None:
    rows = [{"input": "hi", "output": "ho"}, {"input": "hi", "output": "ho", "rules": RULES}]
    assert len({content_id(parse(row)) for row in rows}) == 2


def test_ifevals_own_rows_are_read() -> None:
    example = parse(IFEVAL)
    assert (example.id, example.input, example.output) == ("1000", "Write a poem.", "")
    assert json.loads(example.rules) == [
        {"type": "punctuation:no_comma"},
        {"type": "length_constraints:number_words", "relation": "at least", "num_words": 3},
    ]
    cells = {name: json.dumps(v) if isinstance(v, list) else v for name, v in IFEVAL.items()}
    assert parse(cells) == example
    with pytest.raises(RowError, match="it has no output"):
        parse(IFEVAL, "label")


def test_a_task_scored_by_rules_alone_needs_no_outputs(make_task: MakeTask) -> None:
    rows = [{"input": f"hi {n}"} for n in range(3)]
    task = make_task({"e.jsonl": rows}, kind="text", rules=RULES)
    assert not has_references(read_task(task).usable.examples)
    task = make_task({"e.jsonl": rows}, kind="text", rules=RULES, metric=["rules", "rouge_l"])
    with pytest.raises(DataError, match="no output"):
        read_task(task)


def test_strategies_that_learn_from_outputs_are_left_out_without_them(make_task: MakeTask) -> None:
    task = make_task({"e.jsonl": [IFEVAL | {"key": n} for n in range(30)]}, kind="text")
    train = read_task(task).usable.examples
    task_facts = TaskFacts(Brief("Do it.", "text", metric="rules"), train)
    chosen = auto(task_facts, ModelSpec("embedded", "x"))
    names = [spec.name for spec in chosen.specs]
    assert "zero_shot" in names
    left_out = dict(chosen.left_out)
    for name in ("majority", "nearest_neighbour", "few_shot", "retrieved_few_shot", "lora"):
        assert name not in names
        assert left_out[name] == "it needs reference outputs, and the train examples have none"


def test_a_file_of_rules_starts_a_task_scored_by_them(tmp_path: Path) -> None:
    rows = [IFEVAL | {"key": n, "prompt": f"Write {n}."} for n in range(12)]
    (tmp_path / "rows.jsonl").write_text(to_jsonl(rows), encoding="utf-8")
    task = load_task(init_from_file(tmp_path / "task", tmp_path / "rows.jsonl"))
    assert (task.output.kind, task.metrics) == ("text", ("rules",))
