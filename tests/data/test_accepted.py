"""Other answers that a row accepts beside its output."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.core import OutputKind
from steelyard.data import fix, split
from steelyard.data.base import CheckOptions
from steelyard.data.checks import CHECKS
from steelyard.data.dataset import open_dataset
from steelyard.data.formats.base import RawRow, RowError
from steelyard.data.rows import ParsedRow, RowParser, content_id

LABELS = ("A", "B", "C")


def parsed(
    kind: OutputKind, fields: dict[str, Any], columns: dict[str, str] | None = None
) -> ParsedRow:
    labels = LABELS if kind in ("label", "labels") else ()
    return RowParser(kind, labels, columns or {}).parse(RawRow(1, fields), "f")


@pytest.mark.parametrize(
    ("kind", "output", "value", "accepted"),
    [
        ("text", "Paris", ["City of Paris", "Paris, France"], ("City of Paris", "Paris, France")),
        ("text", "Paris", '["City of Paris"]', ("City of Paris",)),
        ("text", "4", [4, "four", "four"], ("4", "four")),
        ("text", "Paris", [], ()),
        ("text", "Paris", None, ()),
        ("text", "Paris", "", ()),
        ("label", "A", [" B "], ("B",)),
        ("labels", ["A"], [["C", "A"], '["B"]', []], ('["A", "C"]', '["B"]', "[]")),
        ("json", {"a": 1}, [{"a": 2}, [1]], ('{"a": 2}', "[1]")),
    ],
)
def test_a_list_of_answers_is_read(
    kind: OutputKind, output: Any, value: Any, accepted: tuple[str, ...]
) -> None:
    row = parsed(kind, {"input": "a", "output": output, "accepted": value})
    assert row.example.accepted == accepted
    assert row.refusal is None


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("label", ["D"], r"accepted answer 'D': label 'D' is not in output.labels"),
        ("labels", ["A"], "accepted answer 'A': the output is not a JSON array of labels"),
        ("json", ["no JSON"], "accepted answer 'no JSON': the output is not JSON"),
        ("text", [{"a": 1}], "it is not text"),
        ("text", ["fine", " "], "it is empty"),
        ("text", [None], "it is empty"),
    ],
)
def test_answers_that_cannot_be_scored_are_refused(
    kind: OutputKind, value: list[Any], reason: str
) -> None:
    output = {"label": "A", "labels": ["A"], "json": {}, "text": "x"}[kind]
    for name in ("accepted", "accepted_answers"):
        with pytest.raises(RowError, match=reason):
            parsed(kind, {"input": "a", "output": output, name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("accepted", True), ("accepted", "yes"), ("aliases", "Bob"), ("aliases", ["D"])],
)
def test_a_field_that_only_has_the_name_is_told(name: str, value: Any) -> None:
    parser = RowParser("label", LABELS, {})
    row = parser.parse(RawRow(1, {"input": "a", "output": "A", name: value}), "f")
    assert row.example.accepted == ()
    assert name in parser.ignored


def test_a_column_that_is_named_must_hold_lists() -> None:
    fields = {"input": "a", "output": "A", "others": "B"}
    with pytest.raises(RowError, match="accepted must be a list of other answers, not 'B'"):
        parsed("label", fields, {"accepted": "others"})
    assert parsed("label", fields | {"others": ["B"]}, {"accepted": "others"}).example.accepted


def test_a_name_from_the_content_changes_only_where_there_are_others() -> None:
    fields = {"input": "a", "output": "x"}
    alone, empty, with_others = (
        content_id(parsed("text", fields | more).example)
        for more in ({}, {"accepted": []}, {"accepted": ["y"]})
    )
    assert alone == empty != with_others


def test_they_are_counted_and_kept(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"input": f"question {n} about {n * 7}", "output": f"answer {n}"} for n in range(30)
    ]
    rows[4]["accepted"] = ["reply 4", "4"]
    rows[9]["accepted"] = ["reply 9"]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    result = CHECKS.get("format")(open_dataset(file), CheckOptions(encoder=False))
    assert result.facts["accepted"] == 2
    (note,) = [one for one in result.findings if "other accepted answers" in one.message]
    assert note.rows == (5, 10)
    fix(file, tmp_path / "fixed.jsonl")
    assert json.loads((tmp_path / "fixed.jsonl").read_text().splitlines()[4]) == rows[4]
    parts = split(file, tmp_path / "parts").parts.values()
    lines = [json.loads(line) for part in parts for line in part.read_text().splitlines()]
    assert [row for row in lines if "accepted" in row] == sorted(
        [rows[4], rows[9]], key=lines.index
    )


def test_private_data_in_them_is_found(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"input": f"who is {n}?", "output": f"name {n}"} for n in range(5)
    ]
    rows[2]["accepted"] = ["Ann, ann.smith@acme-corp.com"]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    result = CHECKS.get("private_data")(open_dataset(file), CheckOptions(encoder=False))
    assert result.facts["kinds"]["email"]["accepted_answers"] == 1
    assert "1 in the accepted answers" in result.findings[0].message
