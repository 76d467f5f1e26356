"""Rows whose output is a list of labels: read, guessed, checked, repaired and split."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steelyard.core import Example
from steelyard.data import fix, label, split
from steelyard.data.base import CheckOptions
from steelyard.data.checks import CHECKS
from steelyard.data.checks.label_errors import find as find_label_errors
from steelyard.data.dataset import open_dataset
from steelyard.data.formats.base import RawRow, RowError
from steelyard.data.likeness.rows import RowLikeness
from steelyard.data.rows import RowParser
from steelyard.data.splits.allocation import split_of, split_rows
from steelyard.errors import ConfigError, DataError
from steelyard.label_sets import label_set, labels_in
from tests.data.alike_rows import dataset

LABELS = ("BILLING", "TECHNICAL", "URGENT")
OPTIONS = CheckOptions(encoder=False)
WORDS = {
    "BILLING": "invoice refund payment card price",
    "TECHNICAL": "crash error screen bug update",
    "URGENT": "now today asap emergency immediately",
}


def tickets(count: int, seed: int = 1) -> list[tuple[str, list[str]]]:
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        labels = rng.choice(LABELS, rng.integers(0, 4), replace=False).tolist()
        words = [word for one in labels for word in rng.choice(WORDS[one].split(), 2)]
        rows.append((" ".join([*map(str, words), f"please help with case{number}"]), labels))
    return rows


def to_jsonl(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def written(path: Path, rows: Sequence[tuple[str, list[str]]]) -> Path:
    return to_jsonl(path, [{"text": text, "label": labels} for text, labels in rows])


@pytest.mark.parametrize(
    ("value", "output"),
    [
        (["URGENT", "BILLING", "URGENT"], '["BILLING", "URGENT"]'),
        ([], "[]"),
        ('["URGENT", "BILLING"]', '["BILLING", "URGENT"]'),
        ([" URGENT "], '["URGENT"]'),
    ],
)
def test_a_list_is_one_set(value: object, output: str) -> None:
    row = RowParser("labels", LABELS, {}).parse(RawRow(1, {"input": "a", "output": value}), "f")
    assert (row.example.output, row.refusal) == (output, None)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("BILLING", r'not a JSON array of labels: write \["A", "B"\], or \[\] for none'),
        ({"BILLING": True}, "not a JSON array of labels"),
        (["BILLING", None], "item 2 of the output is null"),
        (["BILING"], r"label 'BILING' is not in output.labels \(did you mean 'BILLING'\?\)"),
        (["BILLING", "SALES"], "label 'SALES' is not in output.labels"),
        ("", "empty output"),
    ],
)
def test_what_is_no_list_of_the_labels_is_refused(value: object, reason: str) -> None:
    row = RowParser("labels", LABELS, {}).parse(RawRow(1, {"input": "a", "output": value}), "f")
    assert row.refusal is not None
    assert __import__("re").search(reason, row.refusal)


@pytest.mark.parametrize(
    ("outputs", "kind", "labels"),
    [
        ([["A", "B"], ["A"], [], ["B"]] * 3, "labels", ("A", "B")),
        ([["A"], ["B"]] * 5, "labels", ("A", "B")),
        ([[f"word {n}", f"term {n}"] for n in range(10)], "json", ()),
        ([[{"a": n}] for n in range(10)], "json", ()),
        ([[{"a": 1}], {"a": 1}] * 5, "json", ()),
        ([[0, 5, "ORG"], [3, 9, "PER"]] * 5, "json", ()),
        ([["A"], "B"] * 5, "label", ()),
    ],
)
def test_the_kind_of_lists_is_guessed(
    outputs: list[Any], kind: str, labels: tuple[str, ...], tmp_path: Path
) -> None:
    rows = [{"input": f"text {n}", "output": output} for n, output in enumerate(outputs)]
    file = to_jsonl(tmp_path / "rows.jsonl", rows)
    if kind == "label":
        assert open_dataset(file).kind != "labels"
        return
    data = open_dataset(file)
    assert data.kind == kind
    assert data.labels == labels
    assert not data.unusable


def test_spellings_inside_lists_are_unified(tmp_path: Path) -> None:
    rows = [*tickets(30), ("odd one", ["Urgent", "billing"]), ("odd two", ["technical "])]
    jsonl = written(tmp_path / "rows.jsonl", rows)
    done = fix(jsonl, tmp_path / "fixed.jsonl")
    assert done.counts == {"label_spelling": 2}
    kept = [json.loads(line) for line in (tmp_path / "fixed.jsonl").read_text().splitlines()]
    assert [row["label"] for row in kept[-2:]] == [["URGENT", "BILLING"], ["TECHNICAL"]]
    assert [row["label"] for row in kept[:30]] == [labels for _, labels in rows[:30]]
    assert fix(tmp_path / "fixed.jsonl", tmp_path / "again.jsonl").changes == ()


def test_spellings_in_a_cell_are_unified(tmp_path: Path) -> None:
    rows = [*tickets(30), ("odd one", ["Urgent", "billing"])]
    with (tmp_path / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows([text, json.dumps(labels)] for text, labels in rows)
    fix(tmp_path / "rows.csv", tmp_path / "fixed.csv")
    with (tmp_path / "fixed.csv").open(newline="", encoding="utf-8") as file:
        assert json.loads([*csv.reader(file)][-1][1]) == ["URGENT", "BILLING"]


def test_rows_are_alike_by_their_sets(tmp_path: Path) -> None:
    rows = [*tickets(30), ("twice", ["URGENT", "BILLING"]), ("twice", ["BILLING", "URGENT"])]
    rows += [("both ways", ["URGENT"]), ("both ways", [])]
    file = written(tmp_path / "rows.jsonl", rows)
    contradictions = CHECKS.get("contradictions")(open_dataset(file), OPTIONS)
    assert contradictions.facts["inputs"] == 1
    assert "of the sets exactly right" in contradictions.findings[0].message
    assert fix(file, tmp_path / "fixed.jsonl").counts == {"duplicate": 1, "conflict": 2}


def test_the_checks_count_labels_not_sets(tmp_path: Path) -> None:
    rows = [*tickets(60), ("odd", ["Urgent"])]
    data = open_dataset(written(tmp_path / "rows.jsonl", rows))
    counts = CHECKS.get("imbalance")(data, OPTIONS).facts["counts"]
    assert counts["BILLING"] == sum("BILLING" in labels for _, labels in rows)
    assert counts["Urgent"] == 1
    hygiene = CHECKS.get("output_hygiene")(data, OPTIONS)
    assert hygiene.facts["troubles"] == {"spellings": 1}
    assert hygiene.facts["spellings"] == {"Urgent": "URGENT"}


def test_lists_that_are_none_are_named() -> None:
    rows = [("a", '["A"]'), ("b", "A, B"), ("c", '["A", null]'), ("d", "[]")]
    hygiene = CHECKS.get("output_hygiene")(dataset(rows, "labels"), OPTIONS)
    assert hygiene.facts["troubles"]["not_labels"] == 2


def test_labels_that_are_missing_or_in_excess_are_doubted() -> None:
    rows = [(text, set(labels)) for text, labels in tickets(500)]
    wrong = (20, 90, 150, 260, 310, 440)
    for index in wrong:
        rows[index][1].symmetric_difference_update({"URGENT"})
    data = dataset([(text, label_set(labels)) for text, labels in rows], "labels")
    result = find_label_errors(data, OPTIONS)
    (finding,) = result.findings
    assert set(finding.rows) <= {index + 1 for index in wrong}
    assert len(finding.rows) >= 4
    assert result.facts["by_label"] == {"URGENT": len(finding.rows), "BILLING": 0, "TECHNICAL": 0}
    assert all("URGENT" in str(row["problem"]) for row in finding.evidence)
    assert find_label_errors(data, OPTIONS) == result


def test_too_few_rows_say_so() -> None:
    rows = [(text, label_set(labels)) for text, labels in tickets(20)]
    result = find_label_errors(dataset(rows, "labels"), OPTIONS)
    assert "at least 50 rows are needed" in (result.reason or "")


def test_data_label_refuses_lists(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"these rows have several \(output.kind: labels\)"):
        label(written(tmp_path / "rows.jsonl", tickets(30)))


@pytest.mark.parametrize("seed", range(5))
def test_each_label_is_spread_over_the_parts(seed: int) -> None:
    rows = [*tickets(200, seed), *[(f"rare thing {n}", ["RARE", "URGENT"]) for n in range(4)]]
    examples = [Example(f"{n}", text, label_set(labels)) for n, (text, labels) in enumerate(rows)]
    allocation = split_rows(RowLikeness(examples), seed=seed, kind="labels")
    assert {part: len(of) for part, of in allocation.members.items()} == allocation.report["wanted"]
    parts = split_of(examples, allocation.members)
    for name in (*LABELS, "RARE"):
        total = sum(name in labels_in(example.output) for example in examples)
        for part in parts:
            count = sum(name in labels_in(example.output) for example in part)
            assert abs(count - total * len(part) / len(examples)) <= 2
    assert any("RARE" in labels_in(example.output) for example in parts.train)


def test_the_manifest_counts_labels(tmp_path: Path) -> None:
    rows = tickets(60)
    done = split(written(tmp_path / "rows.jsonl", rows), tmp_path / "parts")
    counts = [part["labels"] for part in done.manifest["parts"].values()]
    for name in LABELS:
        assert sum(count[name] for count in counts) == sum(name in labels for _, labels in rows)


def test_rows_with_one_and_the_same_set_cannot_be_weighed() -> None:
    examples = [Example(f"{n}", f"text {n}", '["A", "B"]') for n in range(20)]
    with pytest.raises(DataError, match="every example has the set of labels"):
        split_rows(RowLikeness(examples), seed=0, kind="labels")


def test_a_row_error_is_no_example() -> None:
    with pytest.raises(RowError, match="no output"):
        RowParser("labels", LABELS, {}).parse(RawRow(1, {"input": "a"}), "f")
