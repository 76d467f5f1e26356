from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from steelyard.core import Example, Split
from steelyard.data.dataset import Unreadable
from steelyard.data.formats import BadRow
from steelyard.planning.audit import audit_rows
from steelyard.result.audit import Duplicates
from steelyard.stats import detectable_difference
from steelyard.task import Task
from steelyard.task.from_rows import bare_task
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
    audit = audit_rows(data).to_dict()
    assert (audit["examples"], audit["rows"]) == (6, 7)
    assert audit["parts"]["train"]["labels"] == {"A": 2, "B": 1, "C": 0}
    assert audit["parts"]["test"]["input_characters"] == {"p5": 21, "p50": 21, "p95": 23, "max": 23}
    assert audit["duplicates"]["exact"] == {"rows": 1, "clusters": 1, "sources": [["e:1", "e:3"]]}
    assert audit["duplicates"]["normalised"] == {
        "rows": 3,
        "clusters": 2,
        "sources": [["e:1", "e:2", "e:3"], ["e:4", "e:5"]],
    }
    assert audit["skipped"]["rows"] == [{"file": "e.jsonl", "line": 9, "reason": "empty input"}]
    assert audit["ignored_keys"] == ["extra"]


def test_the_same_data_gives_the_same_audit() -> None:
    assert audit_rows(divided(small_split())) == audit_rows(divided(small_split()))


def test_conflicts_name_their_rows_and_bound_accuracy() -> None:
    audit = audit_rows(divided(small_split()))
    conflicts = audit.conflicts
    assert (conflicts.inputs, conflicts.rows, conflicts.reason) == (1, 3, None)
    assert conflicts.found[0].input == "Where is it?"
    assert [(row.source, row.output) for row in conflicts.found[0].rows] == [
        ("e:1", "A"),
        ("e:2", "B"),
        ("e:3", "A"),
    ]
    assert audit.accuracy_ceiling is not None
    assert (audit.accuracy_ceiling.value, audit.accuracy_ceiling.reason) == (5 / 6, None)


def test_json_conflicts_by_its_value() -> None:
    """A sign or a capital makes another value; the order of keys does not."""
    same, other = '{"a": 1, "b": 2}', '{"a": -1, "b": 2}'
    train = (
        example("1", "one thing", same),
        example("2", "one thing", '{"b": 2, "a": 1}'),
        example("3", "another thing", same),
        example("4", "another thing", other),
    )
    split = Split(train, (example("5", "dev", same),), (example("6", "test", same),))
    audit = audit_rows(divided(split, bare_task(Path("e"), "json", {})))
    assert [found.input for found in audit.conflicts.found] == ["another thing"]
    assert audit.accuracy_ceiling is not None
    assert audit.accuracy_ceiling.reason == "defined for single labels only"


def test_warnings_say_what_a_reader_must_know() -> None:
    bad = (Unreadable(7, "all", BadRow("e", 1, "x")),)
    data = divided(small_split(), of_labels("A", "B", "C"), bad=bad)
    assert audit_rows(data).warnings == (
        "1 test row also appears in train or dev; scores will look too high",
        "left out: 1 bad row, which steelyard data check lists",
        "1 input with different outputs: no arm can get them all right",
        "only 2 test rows: only large differences will show",
        "no test row has the label C: it is not measured",
        "2 rows nearly repeat another: there are fewer independent examples than rows",
    )


def test_a_test_that_can_show_nothing_is_not_said_to_show_large_differences() -> None:
    data = divided(small_split(), of_labels("A", "B"))
    warnings = audit_rows(data, detectable=detectable_difference(2)).warnings
    assert "only 2 test rows: hardly any difference between arms will show" in warnings


def test_what_is_undefined_is_none_with_a_reason() -> None:
    audit = audit_rows(divided(small_split(), bare_task(Path("e"), "text", {})))
    assert audit.accuracy_ceiling is not None
    assert (audit.accuracy_ceiling.value, audit.accuracy_ceiling.reason) == (
        None,
        "defined for single labels only",
    )
    assert (audit.conflicts.inputs, audit.conflicts.rows) == (None, None)
    assert audit.conflicts.reason == "several texts may be right"
    assert audit.parts["train"].labels is None


def test_near_duplicates_have_a_rate() -> None:
    near = (
        example("1", "please send me the invoice for my last order of shoes"),
        example("2", "please send me the invoice for my last order of shoes now"),
    )
    split = Split(near, (example("3", "hello"),), (example("4", "bye"),))
    audit = audit_rows(divided(split))
    found = audit.duplicates.near
    assert found is not None
    assert (found.rows, found.rate, found.threshold) == (2, 0.5, 0.8)
    assert found.sources == (("e:1", "e:2", 0.925),)
    [finding] = [finding for finding in audit.findings if finding.check == "near_duplicates"]
    assert audit.near_repeats == finding.count == 1
    assert finding.message.startswith("1 row nearly repeats another row's input")
    assert audit.warnings[-1] == (
        "1 row nearly repeats another: there are fewer independent examples than rows"
    )


def test_rows_nearly_in_two_parts_are_said_apart_from_those_that_are() -> None:
    text = "please send me the invoice for my last order of shoes"
    split = Split(
        (example("1", text), example("2", "where is it")),
        (example("3", "hello"),),
        (example("4", text + " now"), example("5", "Where is it?")),
    )
    audit = audit_rows(divided(split))
    assert (audit.leaks["near"].test_count, audit.leaks["normalised"].test_count) == (2, 1)
    assert audit.warnings[:2] == (
        "1 test row also appears in train or dev; scores will look too high",
        "1 test row nearly repeats a train or dev row; scores may look too high",
    )


def test_rows_that_a_run_refuses_count_in_no_figure() -> None:
    """Each row has a copy without an output; figures, facts and findings all leave the copies out."""
    texts = [f"{(n + 1) * 7919}" * 3 for n in range(30)]
    taken = [example(f"{n}", text, "AB"[n % 2]) for n, text in enumerate(texts)]
    refused = [example(f"{30 + n}", text, "") for n, text in enumerate(texts)]
    whole = divided(Split((*taken, *refused), (), ()), of_labels("A", "B"))
    data = replace(
        whole,
        refusals=dict.fromkeys(range(30, 60), "empty output"),
        members={"train": range(14), "dev": range(14, 20), "test": range(20, 30)},
    )
    audit = audit_rows(data)
    facts = {name: outcome.facts for name, outcome in audit.checks.items()}
    assert (audit.rows, audit.examples) == (60, 30)
    assert audit.duplicates.exact == Duplicates(rows=0, clusters=0)
    assert facts["exact_duplicates"]["rows"] == facts["near_duplicates"]["equal"]["rows"] == 0
    assert {kind: leak.count for kind, leak in audit.leaks.items()} == dict.fromkeys(
        ["exact", "normalised", "near", "group"], 0
    )
    assert facts["leaks"]["kinds"]["exact"] == {"rows": 0, "test_rows": 0}
    assert audit.accuracy_ceiling is not None
    assert audit.accuracy_ceiling.value == 1
    assert facts["contradictions"]["accuracy_ceiling"]["value"] == 1
    assert facts["size"]["parts"]["train"]["rows"] == 14
    [outcome] = [mistake for mistake in audit.mistakes if mistake.name == "poor_quality"]
    assert outcome.message.startswith("no row is in doubt")
    [left_out] = [finding for finding in audit.findings if "cannot be used" in finding.message]
    assert audit.skipped is not None
    assert (left_out.check, left_out.count, audit.skipped.count) == ("format", 30, 30)
    assert left_out.rows == tuple(range(31, 61))
    assert left_out.message.endswith("empty output")


def test_leaks_between_given_files_are_reported_with_their_rows() -> None:
    train = (
        Example(id="1", input="Where is it?", output="A", group="g1", source="e:0"),
        Example(id="2", input="other", output="B", source="e:1"),
    )
    dev = (Example(id="d", input="Where is it?", output="A", source="dev:1"),)
    test = (
        Example(id="t1", input="where is it", output="A", source="test:1"),
        Example(id="t2", input="new", output="B", group="g1", source="test:2"),
    )
    leaks = audit_rows(divided(Split(train, dev, test))).leaks
    assert {kind: (leak.count, leak.test_count) for kind, leak in leaks.items()} == {
        "exact": (1, 0),
        "normalised": (2, 1),
        "near": (2, 1),
        "group": (1, 1),
    }
    assert [row.to_dict().get("similarity") for row in leaks["near"].rows] == [1.0, 1.0]
    assert leaks["normalised"].rows[1].to_dict() == {
        "part": "test",
        "source": "test:1",
        "also_in": "train",
        "also_source": "e:0",
    }


def test_rows_in_one_part_leak_nowhere() -> None:
    audit = audit_rows(divided(Split((example("1", "a"), example("2", "a")), (), ())))
    assert [(leak.count, leak.rows) for leak in audit.leaks.values()] == [(0, ())] * 4
    assert audit.checks["leaks"].reason == "all rows are in one part: nothing can leak"
