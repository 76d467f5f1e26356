from __future__ import annotations

from steelyard.report import audit_text, render_audit
from steelyard.result import DataAudit

AUDIT = DataAudit.model_validate(
    {
        "rows": 12,
        "kind": "label",
        "columns": {"input": "text", "output": "category"},
        "files": [{"part": "all", "file": "x.csv", "first_row": 1, "last_row": 12}],
        "findings": [
            {
                "check": "leaks",
                "severity": "error",
                "count": 9,
                "rows": [3, 4],
                "message": "9 test rows stand in train too, which overstates quality",
                "evidence": [
                    {
                        "row": 3,
                        "source": "x.csv:4",
                        "input": "<b>where</b> is my card",
                        "output": "card",
                        "also": 7,
                        "similarity": 0.91234,
                    },
                    {
                        "row": 4,
                        "source": "x.csv:5",
                        "input": "again",
                        "output": "card",
                        "also": [1, 2],
                    },
                ],
            },
            {
                "check": "size",
                "severity": "warning",
                "count": 0,
                "rows": [],
                "message": "12 rows are few",
                "evidence": [],
            },
        ],
        "mistakes": [
            {"name": "too_early", "state": "ok", "message": "the prompt was tried"},
            {"name": "not_validated", "state": "risk", "message": "no test part"},
        ],
        "checks": {
            "leaks": {"state": "found", "reason": None, "seconds": 0.5, "facts": {}},
            "size": {"state": "found", "reason": None, "seconds": 0.25, "facts": {}},
            "languages": {"state": "clean", "reason": None, "seconds": 0.25, "facts": {}},
            "paraphrases": {
                "state": "not measured",
                "reason": "the encoder is not installed",
                "seconds": 0.0,
                "facts": {},
            },
        },
    }
)


def test_the_text_holds_every_finding_within_80_columns() -> None:
    text = audit_text(AUDIT, "x.csv")
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "x.csv: 12 rows, label output (input = text, output = category)" in text
    assert text.index("ERROR   leaks: 9 test rows") < text.index("WARNING size: 12 rows are few")
    assert "also 7, similarity 0.912" in text
    assert "and 7 more" in text
    assert "risk    not validated: no test part" in text
    assert "Clean: languages." in text
    assert "paraphrases: the encoder is not installed" in text
    assert "4 checks in 1.0 s after reading: 1 error, 1 warning, 0 notes" in text


def test_rows_of_evidence_are_as_many_as_asked_for() -> None:
    assert "row 4" not in audit_text(AUDIT, "x", rows=1)
    assert "row 3" not in audit_text(AUDIT, "x", rows=0)
    assert "row 4" in audit_text(AUDIT, "x", rows=2)


def test_the_page_escapes_what_rows_hold_and_needs_no_network() -> None:
    page = render_audit(AUDIT, "x <script>.csv")
    assert "&lt;b&gt;where&lt;/b&gt; is my card" in page
    assert "x &lt;script&gt;.csv" in page
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page
    assert "9 test rows stand in train too" in page
    assert "No test part".lower() in page


def test_an_audit_without_findings_says_so() -> None:
    page = render_audit(AUDIT.updated(findings=()), "x")
    assert "No findings." in page
