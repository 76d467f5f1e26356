from __future__ import annotations

import json
from pathlib import Path

from steelyard.core import Example, Split
from steelyard.data.dataset import Unreadable
from steelyard.data.formats import BadRow
from steelyard.data.overview import overview
from steelyard.task import Task
from steelyard.task.config import bare_task
from steelyard.task.sections import OutputConfig
from tests.data.alike_rows import divided


def example(name: str, text: str, label: str = "A") -> Example:
    return Example(id=name, input=text, output=label, source=f"e:{name}")


def of_labels(*labels: str) -> Task:
    output = OutputConfig(kind="label", labels=labels)
    return bare_task(Path("e"), "label", {}).model_copy(update={"output": output})


def small_split() -> Split:
    train = (
        example("1", "Where is it?"),
        example("2", "where is it", "B"),
        example("3", "Where is it?"),
    )
    dev = (example("4", "another thing entirely"),)
    test = (example("5", "another thing entirely!"), example("6", "cancel my plan please", "B"))
    return Split(train, dev, test)


def test_the_audit_counts_what_is_there() -> None:
    bad = (Unreadable(7, "all", BadRow("e.jsonl", 9, "empty input")),)
    data = divided(small_split(), of_labels("A", "B", "C"), bad=bad, ignored_keys=("extra",))
    found = overview(data)
    assert json.loads(json.dumps(found)) == found
    assert found["examples"] == 6
    assert found["parts"]["train"]["labels"] == {"A": 2, "B": 1, "C": 0}
    assert found["parts"]["test"]["input_characters"] == {"p5": 21, "p50": 21, "p95": 23, "max": 23}
    assert found["duplicates"]["exact"]["rows"] == 1
    assert found["duplicates"]["normalised"]["rows"] == 3
    assert found["skipped"]["rows"] == [{"file": "e.jsonl", "line": 9, "reason": "empty input"}]
    assert found["ignored_keys"] == ["extra"]


def test_conflicts_name_their_rows_and_bound_accuracy() -> None:
    found = overview(divided(small_split()))
    assert (found["conflicts"]["inputs"], found["conflicts"]["rows"]) == (1, 3)
    assert found["conflicts"]["found"][0]["rows"] == [
        {"source": "e:1", "output": "A"},
        {"source": "e:2", "output": "B"},
        {"source": "e:3", "output": "A"},
    ]
    assert found["accuracy_ceiling"] == {"value": 5 / 6, "reason": None}


def test_warnings_say_what_a_reader_must_know() -> None:
    bad = (Unreadable(7, "all", BadRow("e", 1, "x")),)
    data = divided(small_split(), of_labels("A", "B", "C"), bad=bad)
    said = " ".join(overview(data)["warnings"])
    for part in (
        "1 test row also appears in train or dev",
        "left out: 1 bad row",
        "1 input with different outputs",
        "only 2 test rows",
        "no test row has the label C",
    ):
        assert part in said


def test_what_is_undefined_is_none_with_a_reason() -> None:
    found = overview(divided(small_split(), bare_task(Path("e"), "text", {})))
    assert found["accuracy_ceiling"] == {"value": None, "reason": "defined for labels only"}
    assert found["conflicts"]["inputs"] is None
    assert found["conflicts"]["reason"]
    assert found["parts"]["train"]["labels"] is None


def test_near_duplicates_have_a_rate() -> None:
    near = (
        example("1", "please send me the invoice for my last order of shoes"),
        example("2", "please send me the invoice for my last order of shoes now"),
    )
    found = overview(divided(Split(near, (example("3", "hello"),), (example("4", "bye"),))))
    assert found["duplicates"]["near"]["rate"] == 0.5
    assert found["duplicates"]["near"]["sources"][0][:2] == ["e:1", "e:2"]


def test_rows_nearly_in_two_parts_are_said_apart_from_those_that_are() -> None:
    text = "please send me the invoice for my last order of shoes"
    split = Split(
        (example("1", text), example("2", "where is it")),
        (example("3", "hello"),),
        (example("4", text + " now"), example("5", "Where is it?")),
    )
    found = overview(divided(split))
    assert (found["leaks"]["near"]["test_count"], found["leaks"]["normalised"]["test_count"]) == (
        2,
        1,
    )
    said = " ".join(found["warnings"])
    assert "1 test row also appears in train or dev" in said
    assert "1 test row nearly repeats a train or dev row" in said
