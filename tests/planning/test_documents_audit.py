"""The audit of documents: evidence, changes and private data, in ``data check`` and in a run's result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.cli.app import main
from steelyard.core import EvidencePiece, Example
from steelyard.data.base import CheckResult, Finding
from steelyard.data.dataset import open_dataset
from steelyard.errors import DataError
from steelyard.planning.audit import audit_rows
from steelyard.planning.change_check import is_odd
from steelyard.planning.documents_audit import CHECKS, DocumentsReview, review_documents
from steelyard.planning.evidence import evidence_faults
from steelyard.planning.facts import fact_of
from steelyard.planning.plan import RunOptions, make_plan
from steelyard.retrieve.documents import Corpus, Document, FileOutcome, task_documents
from steelyard.retrieve.fact_changes import FactChange
from steelyard.retrieve.grounds import Grounds
from tests.strategy.documents_task import rows, write_documents_task

PAGE = Document("a.md", "The pump holds 3.9 bar. It is red.")
CUT = Document("b.md", "kept", removed=((0, 8),))
CORPUS = Corpus(
    (PAGE, CUT), (FileOutcome("locked.pdf", "refused", "is encrypted"),), ("/somewhere/docs",)
)


def example(*pieces: EvidencePiece) -> Example:
    return Example("1", "How many?", "3.9 bar", evidence=pieces, source="e.jsonl:1")


@pytest.mark.parametrize(
    ("piece", "kind", "why"),
    [
        (EvidencePiece("holds  3.9\nbar"), None, ""),
        (EvidencePiece("holds 4 bar"), "lost", "'holds 4 bar' stands in no document that was read"),
        (EvidencePiece("It is red", "b.md"), "lost", "'It is red' does not stand in b.md"),
        (EvidencePiece("It", "locked.pdf"), "lost", "locked.pdf was not read: is encrypted"),
        (EvidencePiece("It", "docs/locked.pdf"), "lost", "was not read: is encrypted"),
        (EvidencePiece("", "c.md", 0, 3), "lost", "no document 'c.md' (did you mean"),
        (EvidencePiece("", "a.md", 4, 8), None, ""),
        (EvidencePiece("pump", "a.md", 4, 8), None, ""),
        (
            EvidencePiece("bump", "a.md", 4, 8),
            "misplaced",
            "a.md has 'pump' from 4 to 8, not 'bump'",
        ),
        (EvidencePiece("", "a.md", 30, 99), "misplaced", "a.md ends before character 99"),
        (EvidencePiece("", "a.md", 98, 99), "misplaced", "a.md ends before character 99"),
        (EvidencePiece("", "b.md", 0, 8), "misplaced", "b.md has no text from 0 to 8"),
        (EvidencePiece("", "b.md", 8, 12), None, ""),
    ],
)
def test_evidence_is_there_lost_or_misplaced(
    piece: EvidencePiece, kind: str | None, why: str
) -> None:
    faults = evidence_faults(Grounds(CORPUS), [example(), example(piece)])
    by_kind = {"lost": faults.lost, "misplaced": faults.misplaced, "loose": faults.loose}
    assert {name for name, reasons in by_kind.items() if reasons} == ({kind} if kind else set())
    if kind is not None:
        assert [*by_kind[kind]] == [1] and why in by_kind[kind][1]


def change(old: str, new: str, answer: str, old_answer: str, **more: Any) -> FactChange:
    return FactChange(
        "a.md", old, new, "What?", answer, old_answer=old_answer, where="c line 1", **more
    )


@pytest.mark.parametrize(
    ("old", "new", "answer", "old_answer", "is_odd_answer"),
    [
        ("3.9 bar", "4.9 bar", "4.9 bar", "3.9 bar", False),
        ("3.9 bar", "4.9 bar", "5.9 bar", "3.9 bar", True),
        ("3.9", "4.9", "4.9 bar", "3.9 bar", False),  # what stands beside it counts
        ("3.9", "4.9", "4,9 bar", "3,9 bar", False),
        ("3.9 bar", "1,200 bar", "1200 bar", "3.9 bar", False),
        ("3.9 bar", "1,200 bar", "1300 bar", "3.9 bar", True),
        ("3.9 bar", "twelve bar", "12 bar", "3.9 bar", False),  # numbers in words are not read
        ("3.9 bar", "12 bar", "twelve", "four", False),
        ("3.9 bar", "4.9 bar", "390 kPa", "490 kPa", False),  # drawn another way before, too
        ("It is red", "It is green", "Green", "Red", False),
        ("It is red", "It is green", "the greenish one", "the red one", False),
        ("It is red", "It is green", "Blue", "Red", True),
        ("It is red", "It is green", "No", "Yes", False),
        ("It is red", "It is green", "Nein, sie ist anders", "Ja, sie ist es", False),
        ("It is red", "", "Not in the documents", "Red", False),
        ("It is red", "Its colour is secret", "Not in the documents", "Red", False),
        ("3.9 bar", "on 2024-03-01", "1 March 2024", "3.9 bar", False),
        ("It is red", "它是绿色的", "绿色", "red", False),
        ("It is red", "它是绿色的", "蓝", "red", True),
    ],
)
def test_an_answer_that_does_not_follow_is_told_and_no_other(
    old: str, new: str, answer: str, old_answer: str, is_odd_answer: bool
) -> None:
    fact = fact_of(change(old, new, answer, old_answer), {})
    assert is_odd(fact, CORPUS, {"not in the documents"}) is is_odd_answer


def test_another_accepted_form_will_do() -> None:
    fact = fact_of(change("It is red", "It is green", "verde", "red", accepted=("green",)), {})
    assert not is_odd(fact, CORPUS)


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """A task whose rows, changes and documents each have faults."""
    folder = write_documents_task(tmp_path, document_changes="c.jsonl", strategies=["rag"])
    (folder / "docs" / "locked.pdf").write_bytes(b"%PDF-1.4 broken")
    mail = "Ask bob.smith@acme-corp.com, or bob.smith@acme-corp.com."
    (folder / "docs" / "P1.md").write_text(f"# P1\n\nPump P1 holds 3.1 bar. {mail}\n")
    lines = rows()
    lines[0]["evidence"] = "Pump P1 holds nothing."
    lines[1]["evidence"] = {"document": "docs/locked.pdf", "start": 0, "end": 4}
    (folder / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines))
    write_changes(folder, [pump("P3"), pump("P4", answer="7.4 bar")])
    return folder


def pump(name: str, **more: Any) -> dict[str, Any]:
    old, new = (f"{lead}.{name[1:]} bar" for lead in (3, 5))
    question = f"What pressure does pump {name} hold?"
    fields = {"document": f"docs/{name}.md", "old": old, "new": new, "question": question}
    return {**fields, "answer": new, **more}


def write_changes(folder: Path, changes: list[dict[str, Any]]) -> None:
    (folder / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in changes))


def review(folder: Path, *only: str) -> DocumentsReview:
    data = open_dataset(folder)
    corpus = task_documents(data.task)
    assert corpus is not None
    return review_documents(data, Grounds(corpus), only or CHECKS)


def only_finding(result: CheckResult) -> Finding:
    [finding] = result.findings
    return finding


def test_data_check_names_the_rows_whose_evidence_is_lost(task: Path) -> None:
    result = review(task, "evidence").results["evidence"]
    finding = only_finding(result)
    assert (finding.severity, finding.rows) == ("warning", (1, 2))
    assert "docs/locked.pdf was not read: is damaged" in finding.message
    assert [row["because"] for row in finding.evidence] == [
        "'Pump P1 holds nothing.' stands in no document that was read",
        "docs/locked.pdf was not read: is damaged, or no PDF: it cannot be opened",
    ]
    assert result.facts["rows_with_evidence"] == 60 and result.facts["lost"] == 2


def test_a_plan_says_the_same_of_evidence(task: Path) -> None:
    notes = make_plan(task, RunOptions()).notes
    [lost] = [note for note in notes if "count as lost in parsing" in note]
    assert "of 2 examples" in lost and "docs/locked.pdf was not read" in lost
    assert "examples.jsonl:1" in lost and "examples.jsonl:2" in lost


def test_evidence_beyond_its_document_stops_a_plan_and_is_an_error_of_the_audit(task: Path) -> None:
    lines = rows()
    lines[4]["evidence"] = {"document": "docs/P5.md", "start": 3, "end": 4_000}
    (task / "examples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines))
    finding = only_finding(review(task, "evidence").results["evidence"])
    assert (finding.severity, finding.rows) == ("error", (5,))
    with pytest.raises(DataError, match=r"P5\.md ends before character 4,000"):
        make_plan(task, RunOptions())


def test_an_answer_that_is_not_new_is_told_with_its_row(task: Path) -> None:
    finding = only_finding(review(task, "document_changes").results["document_changes"])
    assert finding.severity == "warning" and "(line 2)" in finding.message
    assert finding.evidence[0]["because"] == "'7.4 bar' is not in '5.4 bar'"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (pump("P99"), "no document 'docs/P99.md'"),
        (pump("P5", document="docs/locked.pdf"), "docs/locked.pdf was not read: is damaged"),
        (pump("P5", old="9 bar and more"), "does not stand in P5.md"),
        (pump("P5", old="P5"), "stands 2 times in P5.md"),
        (pump("P3"), "its question stands in line 1 too"),
        ({"document": "docs/P5.md"}, "old is missing"),
        (
            pump("P5", question="Another?", old="P5 holds 3.5 bar", new="P5 is gone", answer="no"),
            "add old_answer",
        ),
        (pump("P3", question="Another?", old="3.3 bar. It is", old_answer="3.3 bar"), "overlaps"),
    ],
)
def test_every_change_that_does_not_fit_is_listed(
    task: Path, row: dict[str, Any], why: str
) -> None:
    write_changes(task, [pump("P3"), row])
    finding = only_finding(review(task, "document_changes").results["document_changes"])
    assert finding.severity == "error" and finding.count == 1
    assert why in f"{finding.evidence[0]['because']}"
    with pytest.raises(DataError) as error:
        make_plan(task, RunOptions())
    assert why in str(error.value)


def test_all_unfit_changes_are_counted_at_once(task: Path) -> None:
    write_changes(task, [pump("P98"), pump("P3"), pump("P99"), {"docment": 1}])
    finding = only_finding(review(task, "document_changes").results["document_changes"])
    assert (finding.count, "(lines 1, 3 and 4)" in finding.message) == (3, True)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({}, "rag would send such text to a hosted provider, in passages; today no request leaves"),
        ({"strategies": ["rag", "long_context"]}, "rag and long_context would send"),
        ({"model": "openai:gpt-4o-mini"}, "rag sends such text to a hosted provider, in passages"),
        (
            {"model": {"provider": "openai", "name": "gpt-4o-mini", "redact": True}},
            "rag sends passages to a hosted provider, with such values replaced (redact)",
        ),
        (
            {"strategies": [{"name": "rag", "options": {"encoder": "openai:embedder"}}]},
            "every passage is sent to embedder to be encoded",
        ),
        ({"strategies": ["zero_shot"]}, ""),
    ],
)
def test_private_data_of_documents_says_where_it_would_go(
    tmp_path: Path, keys: dict[str, Any], says: str
) -> None:
    folder = write_documents_task(tmp_path, **({"strategies": ["rag"]} | keys))
    (folder / "docs" / "P1.md").write_text("Pump P1: ask bob.smith@acme-corp.com.")
    finding = only_finding(review(folder, "private_documents").results["private_documents"])
    assert finding.message.startswith("1 file contains an e-mail address (1 value)")
    assert says in finding.message and ("send" in finding.message or not says)
    assert "sent" not in finding.message or "encoder" in str(keys)


def test_private_data_that_no_model_is_shown_is_not_said_to_be_sent(tmp_path: Path) -> None:
    documents = {"files": "docs", "text": "says"}
    folder = write_documents_task(tmp_path, strategies=["rag"], documents=documents)
    (folder / "docs" / "t.csv").write_text("says,owner\nPump P1.,bob.smith@acme-corp.com\n")
    finding = only_finding(review(folder, "private_documents").results["private_documents"])
    assert finding.message == (
        "1 file contains an e-mail address (1 value, in columns or titles that no model is shown)"
    )


def test_a_run_has_the_audit_of_its_documents_in_its_result(task: Path) -> None:
    plan = make_plan(task, RunOptions())
    audit = audit_rows(plan.data, 0, grounds=plan.grounds)
    assert audit.documents is not None
    assert audit.documents.files == {"read": 12, "skipped": 0, "refused": 1}
    [refused] = [file for file in audit.documents.outcomes if file.state == "refused"]
    assert (refused.name, refused.reason) == (
        "locked.pdf",
        "is damaged, or no PDF: it cannot be opened",
    )
    assert {*CHECKS} <= {*audit.checks}
    assert all(audit.checks[name].seconds is None for name in CHECKS)
    assert "documents: 1 file could not be read, and will not be looked up in" in audit.errors
    assert audit_rows(plan.data, 0).documents is None


@pytest.mark.parametrize("names", [("documents",), ("evidence", "size"), CHECKS])
def test_only_makes_the_checks_that_are_named(
    task: Path, names: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", str(task), "--only", ",".join(names), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert {*shown["checks"]} == {*names}
    assert {finding["check"] for finding in shown["findings"]} <= {*names}
    assert ("documents" in shown) is ("documents" in names)


def test_only_says_what_cannot_be_looked_at(task: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "check", str(task / "examples.jsonl"), "--only", "documents"]) == 0
    assert "documents: the task names no documents" in capsys.readouterr().out
    assert main(["data", "check", str(task), "--only", "documnts"]) == 2
    message = capsys.readouterr().err
    assert "did you mean 'documents'?" in message and "private_documents" in message
