"""The same input, or nearly the same, with different outputs."""

from __future__ import annotations

import math

from steelyard.data.base import CheckOptions, CheckResult, Finding, Severity
from steelyard.data.dataset import Dataset, clip
from steelyard.data.likeness.alike import (
    Conflict,
    answers,
    ceilings,
    near_conflicts,
    same_conflicts,
)
from steelyard.data.likeness.rows import groups_of
from steelyard.words import counted

MANY = 0.01
SHOWN_OUTPUTS = 5


def find(data: Dataset, options: CheckOptions) -> CheckResult:
    """Find inputs with different outputs: one finding for the same input, one for nearly the same.

    The same input is the same with the turns before it but for case, punctuation and spaces; nearly
    the same as in near_duplicates. Labels are compared as they are, JSON by its value; texts may
    differ rightly, so that they only earn a note, and only for the same input. Rows whose output is
    in the minority come first; evidence names a row that differs (``also``), its output, and how
    often each output occurs. The facts hold the accuracy ceiling: see `steelyard.data.likeness.alike`.
    """
    said = answers(data)
    groups = [
        group
        for group in groups_of(data.normalised_keys)
        if len({said[index] for index in group}) > 1
    ]
    is_text = data.kind == "text"
    near = [] if is_text else near_conflicts(data, said)
    same = same_conflicts(groups, said)
    facts = {
        "inputs": len(groups),
        "rows": len(same),
        "near_rows": None if is_text else len(near),
        **ceilings(data, said),
    }
    findings = []
    if same:
        findings.append(_same_finding(data, groups, same, facts["accuracy_ceiling"]["value"]))
    if near:
        findings.append(_near_finding(data, near, facts["accuracy_ceiling_near"]["value"]))
    return CheckResult(tuple(findings), facts)


def _same_finding(
    data: Dataset, groups: list[list[int]], found: list[Conflict], ceiling: float | None
) -> Finding:
    verb = "has" if len(groups) == 1 else "have"
    message = f"{counted(len(groups), 'input')} {verb} different outputs, in {counted(len(found), 'row')}: "
    if ceiling is None:
        severity: Severity = "note"
        message += "rightly so where several texts will do; look whether the style is one"
    else:
        severity = "error" if 1 - ceiling >= MANY else "warning"
        message += (
            f"no rule that answers an input always the same way gets more than {_percent(ceiling)}"
        )
    return _finding(data, severity, message, found, "same")


def _near_finding(data: Dataset, found: list[Conflict], ceiling: float | None) -> Finding:
    severity: Severity = "warning" if len(found) >= MANY * len(data.examples) else "note"
    verb = "has" if len(found) == 1 else "have"
    message = (
        f"{counted(len(found), 'row')} {verb} another output than a row nearly the same: a few "
        "characters decide, or one of the two is wrong"
    )
    if ceiling is not None:
        message += f" (then at most {_percent(ceiling)} can be right)"
    return _finding(data, severity, message, found, "near")


def _percent(share: float) -> str:
    """Rounded down, so that what is below 100 % never reads as 100 %."""
    return f"{math.floor(share * 10_000 + 1e-6) / 100:g} %"


def _finding(
    data: Dataset, severity: Severity, message: str, found: list[Conflict], kind: str
) -> Finding:
    rows = [conflict.row for conflict in found]
    return Finding(
        "contradictions",
        severity,
        message,
        data.rows_of(rows),
        data.evidence(
            rows,
            kind=[kind] * len(rows),
            also=[data.numbers[conflict.also] for conflict in found],
            also_output=[clip(data.written[conflict.also]) for conflict in found],
            similarity=[round(conflict.similarity, 3) for conflict in found],
            outputs=[_shown(conflict.outputs) for conflict in found],
        ),
    )


def _shown(outputs: dict[str, int]) -> dict[str, int]:
    """The most frequent outputs, shortened, and how often each occurs."""
    ranked = sorted(outputs.items(), key=lambda item: (-item[1], item[0]))
    return {clip(output): count for output, count in ranked[:SHOWN_OUTPUTS]}
