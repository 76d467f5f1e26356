"""The data audit as text for a terminal and as what a page shows. It computes no figure."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from steelyard.report.view import entries, section
from steelyard.words import counted, shortened

_WIDTH = 80
_NAMED = {"row", "source", "input", "output"}
_MOST_EVIDENCE = 8
SEVERITIES = {"error": "Misleading", "warning": "Costing quality", "note": "Worth knowing"}


class Evidence(NamedTuple):
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
    evidence: list[Evidence]

    @property
    def more(self) -> int:
        """How many of its rows are not shown."""
        return max(0, self.count - len(self.evidence))


class AuditView:
    """An audit as ``data check --json`` prints it, or as ``result.json`` holds it."""

    def __init__(self, audit: Mapping[str, Any], most: int = _MOST_EVIDENCE) -> None:
        self.findings = [_finding(each, most) for each in entries(audit, "findings")]
        self.mistakes = entries(audit, "mistakes")
        checks = section(audit, "checks")
        self.clean = [name for name in checks if section(checks, name).get("state") == "clean"]
        self.unmeasured = {
            name: str(reason)
            for name in checks
            if (reason := section(checks, name).get("reason")) is not None
        }
        self.rows = audit.get("rows", audit.get("examples"))
        self.files = [str(each.get("file")) for each in entries(audit, "files")]
        self.kind = audit.get("kind")
        self.columns = section(audit, "columns")
        self.seconds = sum(float(section(checks, name).get("seconds") or 0) for name in checks)
        self.made = len(checks)

    @property
    def counts(self) -> list[tuple[str, str, int]]:
        """Severity, its title, and how many findings are of it."""
        return [
            (name, title, sum(finding.severity == name for finding in self.findings))
            for name, title in SEVERITIES.items()
        ]

    def __bool__(self) -> bool:
        return bool(self.made)


def _finding(data: Mapping[str, Any], most: int) -> FindingView:
    return FindingView(
        check=str(data.get("check")),
        severity=str(data.get("severity")),
        count=int(data.get("count") or 0),
        message=str(data.get("message")),
        evidence=[_evidence(each) for each in entries(data, "evidence")[:most]],
    )


def _evidence(data: Mapping[str, Any]) -> Evidence:
    more = {key: value for key, value in data.items() if key not in _NAMED}
    why = ", ".join(f"{key.replace('_', ' ')} {_said(value)}" for key, value in more.items())
    source, asked, said = (str(data.get(key) or "") for key in ("source", "input", "output"))
    return Evidence(int(data.get("row") or 0), source, asked, said, why)


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{_said(key)}: {_said(each)}" for key, each in value.items())
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_said, value))
    return str(value)


def audit_text(audit: Mapping[str, Any], name: str, rows: int = 3) -> str:
    """Return the audit in 80 columns of plain text, ``rows`` rows of evidence a finding."""
    view = AuditView(audit, max(0, rows))
    columns = ", ".join(f"{role} = {column}" for role, column in view.columns.items())
    lines = [
        f"{name}: {counted(int(view.rows or 0), 'row')}, {view.kind} output"
        + (f" ({columns})" if columns else "")
    ]
    for finding in view.findings:
        lines += ["", *_finding_lines(finding)]
    if view.mistakes:
        lines += ["", "Common mistakes", *_mistake_lines(view.mistakes)]
    if view.clean:
        lines += ["", *_wrapped(f"Clean: {', '.join(view.clean)}.", "", "       ")]
    for check, reason in view.unmeasured.items():
        lines += _wrapped(f"Not (wholly) measured: {check}: {reason}", "", "  ")
    counts = ", ".join(counted(count, severity) for severity, _, count in view.counts)
    lines += ["", f"{counted(view.made, 'check')} in {view.seconds:.1f} s: {counts}"]
    return "\n".join(lines)


def _finding_lines(finding: FindingView) -> list[str]:
    head = f"{finding.severity.upper():<8}{finding.check}: {finding.message}"
    lines = _wrapped(head, "", "        ")
    for each in finding.evidence:
        said = f"{each.input!r} -> {each.output!r}" if each.output else repr(each.input)
        where = (
            f"row {each.row} {shortened(said, 150)}"
            if each.input
            else f"row {each.row} ({each.source})"
        )
        lines += _wrapped(where, "        ", "          ")
        lines += _wrapped(each.why, "          ", "          ") if each.why else []
    if finding.evidence and finding.more:
        lines.append(f"        and {finding.more} more")
    return lines


def _mistake_lines(mistakes: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        line
        for each in mistakes
        for line in _wrapped(
            f"{each.get('state')!s:<8}{str(each.get('name')).replace('_', ' ')}: "
            f"{each.get('message')}",
            "  ",
            "          ",
        )
    ]


def _wrapped(text: str, first: str, then: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=first, subsequent_indent=then, break_on_hyphens=False
    ) or [first]


def render_audit(audit: Mapping[str, Any], name: str) -> str:
    """Return the audit as one HTML page that works offline."""
    from markupsafe import Markup

    from steelyard.report.templating import environment, static

    return (
        environment()
        .get_template("audit_page.html")
        .render(name=name, audit=AuditView(audit), css=Markup(static("report.css")))
    )
