from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import steelyard
from steelyard.cli import main
from steelyard.data.checks import CHECKS

NAMES = {
    "exact_duplicates",
    "near_duplicates",
    "paraphrases",
    "leaks",
    "contradictions",
    "label_errors",
    "private_data",
    "over_context",
    "imbalance",
    "languages",
    "output_hygiene",
    "size",
    "format",
}
TOPICS = {
    "BILLING": "invoice refund charge payment price",
    "TECHNICAL": "crash error screen update install",
    "ACCOUNT": "password login profile e-mail name",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Sixty rows with one of everything wrong."""
    rows: list[Any] = [
        {"input": f"The {word} of order {n} is not what I wanted, please help", "output": label}
        for n in range(4)
        for label, words in TOPICS.items()
        for word in words.split()
    ]
    rows[10] = rows[3]
    rows[20] = {"input": rows[5]["input"], "output": "ACCOUNT"}
    rows[30] = {"input": "Write to jo.doe@example.com about it", "output": "ACCOUNT"}
    rows[40] = {"input": "An empty answer", "output": ""}
    lines = [json.dumps(row) for row in rows]
    lines[50] = '{"input": "cut off'
    path = tmp_path / "tickets.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def audited(path: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    assert main(["data", "check", str(path), "--no-encoder", "--json", *more]) == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    return said


def test_every_check_is_made_and_every_row_counted(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = audited(file, capsys)
    assert set(CHECKS) == NAMES == set(said["checks"])
    assert said["rows"] == 60
    assert said["readable"] == 59
    for finding in said["findings"]:
        assert set(finding) == {"check", "severity", "count", "rows", "message", "evidence"}
        assert finding["severity"] in ("error", "warning", "note")
        assert all(1 <= row <= 60 for row in finding["rows"])
        assert [each["row"] for each in finding["evidence"]] == finding["rows"][:20]
    names = {mistake["name"] for mistake in said["mistakes"]}
    assert names == {"too_early", "too_little", "poor_quality", "wrong_task", "not_validated"}


def test_what_was_planted_is_found(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found: dict[str, set[int]] = {}
    for finding in audited(file, capsys)["findings"]:
        found.setdefault(finding["check"], set()).update(finding["rows"])
    assert found["exact_duplicates"] == {11, 21}
    assert {6, 21} <= found["contradictions"]
    assert found["private_data"] == {31}
    assert 41 in found["output_hygiene"]
    assert 51 in found["format"]
    assert found["size"]  # labels with fewer rows than can be learned


def test_text_page_and_exit_code(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "audit.html"
    command = ["data", "check", str(file), "--no-encoder", "--html", str(page)]
    assert main([*command, "--fail-on", "error"]) == 1
    out = capsys.readouterr().out
    assert "Common mistakes" in out
    assert "jo.doe@example.com" not in out
    findings, _, commands = out.rpartition("\n\n")
    assert max(len(line) for line in findings.splitlines()) <= 80
    assert f"repair: steelyard data fix {file} OUT" in commands
    html = page.read_text(encoding="utf-8")
    assert "Data audit" in html
    assert "jo.doe@example.com" not in html


def test_a_redacted_copy(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    copy = tmp_path / "redacted.jsonl"
    assert main(["data", "check", str(file), "--no-encoder", "--redact", str(copy)]) == 0
    text = copy.read_text(encoding="utf-8")
    assert "jo.doe" not in text
    assert "[EMAIL_1]" in text
    capsys.readouterr()


def test_only_some_checks(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = audited(file, capsys, "--only", "size,imbalance")
    assert set(said["checks"]) == {"size", "imbalance"}
    assert said["mistakes"] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["absent.csv"], "no file absent.csv"),
        (["FILE", "--only", "leek"], "unknown check 'leek' (did you mean 'leaks'?)"),
        (["FILE", "--tuning", "opnai"], "did you mean 'openai'"),
        (["FILE", "--redact", "copy.xyz"], "copy.xyz"),
        (["FILE", "--html", "/proc/absent/x.html"], "cannot write /proc/absent/x.html"),
    ],
)
def test_wrong_inputs_are_one_line(
    arguments: list[str], message: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(file) if each == "FILE" else each for each in arguments]
    assert main(["data", "check", *given, "--no-encoder"]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_from_python(file: Path) -> None:
    audit = steelyard.data.check(file, steelyard.data.CheckOptions(encoder=False))
    assert audit.dataset.rows == 60
    assert any(finding.check == "exact_duplicates" for finding in audit.findings)
    severities = [finding.severity for finding in audit.findings]
    order = ["error", "warning", "note"]
    assert severities == sorted(severities, key=order.index)
