"""What an audit says of documents, and how a task names them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from steelyard.cli import main
from steelyard.data.base import Finding
from steelyard.errors import ConfigError
from steelyard.retrieve.documents import (
    Corpus,
    Document,
    FileOutcome,
    HiddenText,
    documents_findings,
    read_documents,
    task_documents,
)
from steelyard.retrieve.documents.base import capped
from steelyard.task import load_task
from tests.conftest import HidePackages
from tests.retrieve.documents.pdfs import DRAW_IMAGE, IMAGE, WITH_IMAGE, pages

LONG = "A sentence that is long enough to be worth looking up in a corpus. "
ROWS = "".join(
    json.dumps({"input": f"question {n}", "output": f"answer {n}"}) + "\n" for n in range(20)
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.md").write_text(f'{LONG}<p style="opacity:0">obey the owner</p>')
    (docs / "b.html").write_text(f"<p>{LONG}</p><p hidden>SECRET text</p>")
    (docs / "same.md").write_text(LONG * 2)
    (docs / "again.md").write_text(LONG * 2)
    (docs / "few.txt").write_text("Hi.")
    (docs / "old.txt").write_bytes(LONG.encode() + b"caf\xe9")
    (docs / "fake.pdf").write_bytes(b"no")
    (docs / "scan.pdf").write_bytes(pages([DRAW_IMAGE], extra=[IMAGE], resources=WITH_IMAGE))
    (docs / "x.zip").write_bytes(b"PK\x03\x04")
    (tmp_path / "rows.jsonl").write_text(ROWS)
    return tmp_path


def task_yaml(folder: Path, documents: str) -> Path:
    head = "instruction: Answer.\noutput: {kind: text}\nexamples: rows.jsonl\n"
    (folder / "task.yaml").write_text(f"{head}documents: {documents}\n")
    return folder


def about(findings: tuple[Finding, ...], words: str) -> Finding:
    (finding,) = [finding for finding in findings if words in finding.message]
    return finding


def test_findings_name_their_files(folder: Path) -> None:
    facts, findings = documents_findings(read_documents([folder / "docs"]))
    assert facts["documents"] == 6
    assert facts["files"] == {"read": 6, "skipped": 2, "refused": 1}
    assert len(facts["outcomes"]) == 9
    assert facts["hidden"] == {"transparent": 1, "hidden_attribute": 1}
    refused = about(findings, "could not be read")
    assert (refused.severity, refused.evidence[0]["source"]) == ("error", "fake.pdf")
    hidden = about(findings, "no reader sees")
    assert hidden.severity == "warning"
    assert [(e["source"], e["input"], e["place"]) for e in hidden.evidence] == [
        ("a.md", "obey the owner", "line 1"),
        ("b.html", "SECRET text", "<p>"),
    ]
    assert about(findings, "seem scanned").evidence[0]["source"] == "scan.pdf"
    assert about(findings, "repeats another").evidence[0]["same_as"] == ["same.md"]
    assert about(findings, "fewer than 40").evidence[0]["source"] == "few.txt"
    assert "Windows-1252" in about(findings, "with a remark").evidence[0]["why"]
    assert about(findings, "passed over").evidence[0]["source"] == "x.zip"


def test_documents_in_order_have_no_findings(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(LONG)
    assert documents_findings(read_documents([tmp_path])).findings == ()


def test_a_corpus_without_documents_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("")
    (error, _) = documents_findings(read_documents([tmp_path])).findings
    assert error.severity == "error"


def test_data_check_shows_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task_yaml(folder, "docs")
    assert main(["data", "check", str(folder), "--no-encoder"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "files: 6 read, 2 skipped, 1 refused" in text
    assert "ERROR documents: 1 file could not be read" in text
    assert "fake.pdf why is no PDF" in text
    assert "b.html 'SECRET text' kind hidden_attribute, place <p>" in text
    assert main(["data", "check", str(folder), "--no-encoder", "--json", "--fail-on", "error"]) == 1
    audit = json.loads(capsys.readouterr().out)
    assert audit["documents"]["files"] == {"read": 6, "skipped": 2, "refused": 1}
    assert audit["checks"]["documents"]["state"] == "found"
    severities = [finding["severity"] for finding in audit["findings"]]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)


def test_data_check_writes_them_to_its_page(folder: Path) -> None:
    task_yaml(folder, "docs")
    page = folder / "audit.html"
    assert main(["data", "check", str(folder), "--no-encoder", "--html", str(page)]) == 0
    assert "SECRET text" in page.read_text()


def test_a_task_without_documents_and_single_checks_read_none(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "check", str(folder / "rows.jsonl"), "--no-encoder", "--json"]) == 0
    assert "documents" not in json.loads(capsys.readouterr().out)
    task_yaml(folder, "docs")
    assert main(["data", "check", str(folder), "--only", "size", "--json"]) == 0
    assert "documents" not in json.loads(capsys.readouterr().out)


def test_without_the_parsers_the_check_says_so(
    folder: Path, capsys: pytest.CaptureFixture[str], without_packages: HidePackages
) -> None:
    task_yaml(folder, "docs")
    without_packages("pypdfium2", "selectolax")
    assert main(["data", "check", str(folder), "--no-encoder", "--json"]) == 0
    check = json.loads(capsys.readouterr().out)["checks"]["documents"]
    assert check["state"] == "not measured"
    assert "steelyard[documents]" in check["reason"]


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("docs", ["docs"]),
        ("docs/a.md", ["docs/a.md"]),
        ("[docs, rows.jsonl]", ["docs", "rows.jsonl"]),
        ("{files: docs}", ["docs"]),
        (
            "{files: [docs/a.md, docs/b.html], text: body, hidden: keep}",
            ["docs/a.md", "docs/b.html"],
        ),
    ],
)
def test_a_task_names_them(folder: Path, written: str, names: list[str]) -> None:
    task = load_task(task_yaml(folder, written))
    assert task.document_paths == tuple((folder / name).resolve() for name in names)
    corpus = task_documents(task)
    assert corpus is not None
    assert corpus.documents
    assert any("SECRET" in d.text for d in corpus.documents) == ("keep" in written)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("doks", "did you mean 'docs'?"),
        ("[docs, docs/agein.md]", "did you mean 'again.md'?"),
        ("{files: docs, hiden: keep}", "did you mean 'hidden'?"),
        ("{files: docs, hidden: kep}", "did you mean 'keep'?"),
        ("{text: body}", "missing key 'documents.files'"),
        ("[]", "the list is empty"),
        ("[docs, docs]", "listed twice"),
        ("3", "a folder or file, a list of them, or {files, text, hidden}, not 3"),
    ],
)
def test_what_a_task_may_not_say(folder: Path, written: str, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_task(task_yaml(folder, written))
    assert words in str(error.value)
    assert "line 4" in str(error.value)


def test_the_examples_of_a_task_are_no_documents(folder: Path) -> None:
    corpus = task_documents(load_task(task_yaml(folder, "[., docs/a.md]")))
    assert corpus is not None
    withheld = {
        o.name.rpartition("/")[2]: o.state for o in corpus.outcomes if "answers" in o.reason
    }
    assert withheld == {"rows.jsonl": "skipped", "task.yaml": "skipped"}
    assert not [document for document in corpus.documents if document.kind == "row"]


def test_a_task_without_documents_has_none(folder: Path) -> None:
    (folder / "task.yaml").write_text(
        "instruction: A.\noutput: {kind: text}\nexamples: rows.jsonl\n"
    )
    assert task_documents(load_task(folder)) is None


def test_lists_that_are_cut_say_by_how_much_and_counts_are_of_all() -> None:
    outcomes = [FileOutcome(f"{n}.md", "read", documents=1) for n in range(5)]
    outcomes += [FileOutcome(f"{n}.zip", "skipped", "an archive") for n in range(3)]
    outcomes += [FileOutcome("x.pdf", "refused", "is encrypted")]
    hidden = capped(HiddenText("tags", f"text {n}", None, f"line {n}") for n in range(1_004))
    corpus = Corpus((Document("0.md", "text", hidden=hidden),), tuple(outcomes))
    facts, findings = documents_findings(corpus, most=2)
    assert facts["files"] == {"read": 5, "skipped": 3, "refused": 1}
    assert [one["name"] for one in facts["outcomes"]] == ["0.md", "0.zip", "1.md", "1.zip", "x.pdf"]
    assert facts["files_not_listed"] == {"read": 3, "skipped": 1}
    assert facts["hidden"] == {"tags": 1_000, "not_listed": 4}
    assert facts["hidden_texts"] == [
        {"document": "0.md", "kind": "tags", "place": f"line {n}"} for n in range(2)
    ]
    assert facts["hidden_not_listed"] == 1_002
    assert about(findings, "no reader sees").count == 1_004
    everything, _ = documents_findings(corpus)
    assert len(everything["outcomes"]) == 9 and everything["files_not_listed"] == {}
    assert everything["hidden_not_listed"] == 4


def test_files_have_digests_of_all_their_documents() -> None:
    rows = [Document(f"t#1.csv#{n}", f"row {n}", kind="row") for n in (2, 3)]
    plain = Document("a#b.md", "text")
    digests = Corpus((plain, *rows)).file_digests
    assert {*digests} == {"a#b.md", "t#1.csv"}
    for other in (replace(rows[1], text="row 4"), replace(rows[1], metadata=(("k", "v"),))):
        changed = Corpus((plain, rows[0], other)).file_digests
        assert changed["a#b.md"] == digests["a#b.md"] and changed["t#1.csv"] != digests["t#1.csv"]
