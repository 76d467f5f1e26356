"""Rows that say where in the documents their answer stands, and whether it does at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from steelyard.cli.app import main
from steelyard.core import EvidencePiece
from steelyard.data.dataset import open_dataset
from steelyard.data.evidence import answerable_in, evidence_in
from steelyard.data.formats.base import RawRow, RowError
from steelyard.data.formats.roles import check_roles, document_roles, pair_roles, usual_names
from steelyard.data.rows import RowParser
from steelyard.task.sections import ColumnsConfig

SPAN = {"document": "a.md", "start": 3, "end": 9}


@pytest.mark.parametrize(
    ("value", "pieces"),
    [
        (None, ()),
        ("", ()),
        ([], ()),
        ("The pump holds 3.9 bar.", (EvidencePiece("The pump holds 3.9 bar."),)),
        (["one", "two"], (EvidencePiece("one"), EvidencePiece("two"))),
        (SPAN, (EvidencePiece("", "a.md", 3, 9),)),
        ([SPAN, "two"], (EvidencePiece("", "a.md", 3, 9), EvidencePiece("two"))),
        ('{"document": "a.md", "start": 3, "end": 9}', (EvidencePiece("", "a.md", 3, 9),)),
        ('["one"]', (EvidencePiece("one"),)),
        ({"document": "a.md", "text": "one"}, (EvidencePiece("one", "a.md"),)),
        ("[1] holds 3.9 bar", (EvidencePiece("[1] holds 3.9 bar"),)),
    ],
)
def test_evidence_is_a_text_a_span_or_a_list_of_them(value: Any, pieces: Any) -> None:
    assert evidence_in({"evidence": value}) == pieces


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (7, "must be a text of the documents"),
        ([" "], "must be a text of the documents"),
        ({"start": 1, "end": 2}, "must name its document"),
        ({**SPAN, "end": 3}, "0 <= start < end"),
        ({**SPAN, "start": -1}, "0 <= start < end"),
        ({**SPAN, "start": True}, "0 <= start < end"),
        ({"document": "a.md"}, "0 <= start < end"),
        ({**SPAN, "page": 2}, "evidence has no 'page'"),
    ],
)
def test_evidence_that_says_nothing_is_refused(value: Any, why: str) -> None:
    with pytest.raises(RowError, match=why):
        evidence_in({"evidence": value})


@pytest.mark.parametrize(
    ("value", "answerable"),
    [(None, True), ("", True), (True, True), (False, False), ("false", False), ("0", False)],
)
def test_a_row_is_answerable_unless_it_says_otherwise(value: Any, answerable: bool) -> None:
    assert answerable_in({"answerable": value}) is answerable


def test_a_row_without_an_answer_has_no_evidence() -> None:
    with pytest.raises(RowError, match="is not answerable has evidence"):
        answerable_in({"answerable": False, "evidence": "The pump holds 3.9 bar."})


def test_what_is_neither_true_nor_false_is_refused() -> None:
    with pytest.raises(RowError, match="true or false, not 'perhaps'"):
        answerable_in({"answerable": "perhaps"})


@pytest.mark.parametrize(
    ("value", "answerable"), [(None, True), (True, False), (False, True), ("1", False)]
)
def test_a_row_may_say_that_it_is_unanswerable(value: Any, answerable: bool) -> None:
    assert answerable_in({"unanswerable": value}) is answerable


def test_a_row_that_contradicts_itself_is_refused() -> None:
    assert not answerable_in({"answerable": False, "unanswerable": True})
    with pytest.raises(RowError, match="'answerable' and 'unanswerable' are both true"):
        answerable_in({"answerable": True, "unanswerable": True})


@pytest.mark.parametrize(
    ("fields", "columns", "evidence", "answerable"),
    [
        ({"evidence": "a b"}, {}, "a b", True),
        ({"Evidence": "a b"}, {}, "a b", True),
        ({"gold": "a b"}, {}, None, True),
        ({"gold": "a b", "evidence": "c"}, {"evidence": "gold"}, "a b", True),
        ({"evidence": "a b"}, {"evidence": None}, None, True),
        ({"is_impossible": True}, {}, None, False),
        ({"hopeless": "yes"}, {"unanswerable": "hopeless"}, None, False),
        ({"there": "no"}, {"answerable": "there"}, None, False),
        ({"answerable": False}, {"answerable": None}, None, True),
        ({"evidence": 3}, {"weight": "evidence"}, None, True),
        ({"": "a nameless column"}, {}, None, True),
    ],
)
def test_columns_say_which_field_holds_what(
    fields: dict[str, Any], columns: dict[str, str | None], evidence: str | None, answerable: bool
) -> None:
    parser = RowParser("text", (), columns, has_documents=True)
    row = parser.parse(RawRow(1, {"input": "Q?", "output": "A", **fields}), "f").example
    assert row.evidence == (() if evidence is None else (EvidencePiece(evidence),))
    assert row.answerable is answerable


def test_a_task_without_documents_has_no_use_for_evidence() -> None:
    parser = RowParser("text", (), {"evidence": "gold"})
    row = parser.parse(RawRow(1, {"input": "Q?", "output": "A", "gold": "a b"}), "f").example
    assert row.evidence == () and parser.ignored == ("gold",)


def test_the_task_and_the_command_line_name_the_columns(tmp_path: Path) -> None:
    folder = documents_task(tmp_path, {"columns": {"evidence": "gold", "unanswerable": "none"}})
    data = open_dataset(folder)
    assert [bool(one.evidence) for one in data.examples] == [True] * 3 + [False]
    assert [one.answerable for one in data.examples] == [True] * 3 + [False]
    assert data.ignored_keys == ("spare",) and data.notes == ()
    named = open_dataset(folder, {"evidence": "spare"})
    assert not any(one.evidence for one in named.examples[1:])


def test_a_named_column_that_no_row_has_is_said(tmp_path: Path) -> None:
    folder = documents_task(tmp_path, {"columns": {"evidence": "golf", "group": "customer"}})
    assert open_dataset(folder).notes == (
        "no row has 'customer', which is named as the group",
        "no row has 'golf', which is named as the evidence (did you mean 'gold'?)",
    )


def test_columns_of_one_role_list_all_roles_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    roles = set(ColumnsConfig.model_fields)
    assert roles == {*usual_names(), *document_roles(), *pair_roles()}
    for role in roles:
        check_roles({role: "name"})
    assert main(["data", "check", "x.csv", "--columns", "nothing=a"]) == 2
    message = capsys.readouterr().err
    assert all(role in message for role in roles)


def documents_task(folder: Path, more: dict[str, Any]) -> Path:
    task = {
        "instruction": "Answer.",
        "output": {"kind": "text"},
        "examples": "e.jsonl",
        "documents": "docs",
        "model": "fake:smart",
    }
    rows = [{"input": f"Q{n}?", "output": f"A{n}", "gold": f"fact {n}"} for n in range(3)]
    rows[0]["spare"] = "fact 0"
    rows.append({"input": "Q3?", "output": "unknown", "none": True})  # type: ignore[dict-item]
    (folder / "task.yaml").write_text(yaml.safe_dump(task | more))
    (folder / "e.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "docs").mkdir()
    (folder / "docs" / "a.md").write_text("fact 0, fact 1 and fact 2")
    return folder
