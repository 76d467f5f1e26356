"""The data audit as text for a terminal and as what a page shows. It computes no figure."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from steelyard.result import DataAudit
from steelyard.result.audit import AuditFindings, EvidenceRow, FindingResult, MistakeResult
from steelyard.words import counted, shortened

_WIDTH = 80
_MOST_EVIDENCE = 12
SEVERITIES = {"error": "Misleading", "warning": "Costing quality", "note": "Worth knowing"}


class EvidenceView(NamedTuple):
    """One row of a finding: where it is, what it says, and why it is suspect."""

    row: int
    source: str
    input: str
    output: str
    why: str


@dataclass(frozen=True)
class FindingView:
    """A finding as a page shows it."""

    check: str
    severity: str
    count: int
    message: str
    evidence: list[EvidenceView]

    @property
    def more(self) -> int:
        return max(0, self.count - len(self.evidence))


class AuditView:
    """What the checks found, as a page or a terminal shows it."""

    def __init__(self, audit: AuditFindings, most: int = _MOST_EVIDENCE) -> None:
        self.findings = [_finding(finding, most) for finding in audit.findings]
        self.mistakes = audit.mistakes
        self.clean = [name for name, check in audit.checks.items() if check.state == "clean"]
        self.unmeasured = {
            name: check.reason for name, check in audit.checks.items() if check.reason is not None
        }
        self.checks = len(audit.checks)

    @property
    def counts(self) -> list[tuple[str, str, int]]:
        return [
            (name, title, sum(finding.severity == name for finding in self.findings))
            for name, title in SEVERITIES.items()
        ]

    def __bool__(self) -> bool:
        return bool(self.checks)


def _finding(finding: FindingResult, most: int) -> FindingView:
    return FindingView(
        check=finding.check,
        severity=finding.severity,
        count=finding.count,
        message=finding.message,
        evidence=[_evidence(row) for row in finding.evidence[:most]],
    )


def _evidence(row: EvidenceRow) -> EvidenceView:
    more = row.model_extra or {}
    why = ", ".join(f"{key.replace('_', ' ')} {_in_words(value)}" for key, value in more.items())
    return EvidenceView(row.row, row.source, row.input, row.output, why)


def _in_words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{_in_words(key)}: {_in_words(inner)}" for key, inner in value.items())
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_in_words, value))
    return str(value)


def audit_text(audit: DataAudit, name: str, rows: int = 3) -> str:
    """Return the audit in 80 columns of plain text, ``rows`` rows of evidence a finding."""
    view = AuditView(audit, max(0, rows))
    named = "" if audit.understood else ", ".join(f"{r} = {c}" for r, c in audit.columns.items())
    lines = [
        f"{name}: {counted(audit.rows or 0, 'row')}, {audit.kind} output{named and f' ({named})'}",
        *[""][: len(audit.understood)],
    ]
    for fact in audit.understood:
        lines += _wrapped(f"{fact.about:<14}{fact.text}", "", " " * 14)
    for finding in view.findings:
        lines += ["", *_finding_lines(finding)]
    if view.mistakes:
        lines += ["", "Common mistakes", *_mistake_lines(view.mistakes)]
    if view.clean:
        lines += ["", *_wrapped(f"Clean: {', '.join(view.clean)}.", "", "       ")]
    for check, reason in view.unmeasured.items():
        lines += _wrapped(f"Not fully measured: {check}: {reason}", "", "  ")
    counts = ", ".join(counted(count, severity) for severity, _, count in view.counts)
    lines += [
        "",
        f"{counted(view.checks, 'check')} in {audit.seconds:.1f} s after reading: {counts}",
    ]
    return "\n".join(lines)


def _finding_lines(finding: FindingView) -> list[str]:
    head = f"{finding.severity.upper():<8}{finding.check}: {finding.message}"
    lines = _wrapped(head, "", "        ")
    for row in finding.evidence:
        texts = f"{row.input!r} -> {row.output!r}" if row.output else repr(row.input)
        place = f"row {row.row}" if row.row else row.source  # a document is no row
        where = f"{place} {shortened(texts, 150)}" if row.input else place
        if row.row and not row.input:
            where = f"{place} ({row.source})"
        lines += _wrapped(where, "        ", "          ")
        lines += _wrapped(row.why, "          ", "          ") if row.why else []
    if finding.evidence and finding.more:
        lines.append(f"        and {finding.more} more")
    return lines


def _mistake_lines(mistakes: Sequence[MistakeResult]) -> list[str]:
    return [
        line
        for mistake in mistakes
        for line in _wrapped(
            f"{mistake.state:<8}{mistake.name.replace('_', ' ')}: {mistake.message}",
            "  ",
            "          ",
        )
    ]


def _wrapped(text: str, first: str, then: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=first, subsequent_indent=then, break_on_hyphens=False
    ) or [first]
