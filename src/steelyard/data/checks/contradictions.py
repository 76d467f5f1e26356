"""The same input, or nearly the same, with different outputs."""

from __future__ import annotations

import math

from steelyard.data.base import CheckOptions, CheckResult, Finding, Severity
from steelyard.data.dataset import SHOWN, SHOWN_CHARACTERS, Dataset
from steelyard.data.likeness.alike import (
    Conflict,
    answers,
    ceilings,
    near_conflicts,
    same_conflicts,
)
from steelyard.data.likeness.rows import groups_of
from steelyard.words import counted, one_line

MANY = 0.01
SHOWN_OUTPUTS = 5


def find(data: Dataset, options: CheckOptions) -> CheckResult:
    """Find inputs with different outputs: one finding for the same input, one for nearly the same.

    The same: equal with the turns before it apart from case, punctuation and spaces; nearly the same
    as in near_duplicates. Labels are compared as they are, JSON by its value; texts may well differ,
    so they only earn a note, and only for the same input. Rows whose output is in the minority come
    first; evidence names a row that differs (``also``), its output, and how often each output
    occurs. The facts hold the row numbers of the first inputs (``groups``) and the accuracy ceiling:
    see `steelyard.data.likeness.alike`.
    """
    outputs = answers(data)
    groups = [
        group
        for group in groups_of(data.normalised_keys)
        if len({outputs[index] for index in group}) > 1
    ]
    is_text = data.kind == "text"
    near = [] if is_text else near_conflicts(data, outputs)
    same = same_conflicts(groups, outputs)
    facts = {
        "inputs": len(groups),
        "rows": len(same),
        "near_rows": None if is_text else len(near),
        "groups": [list(data.rows_of(group[:SHOWN])) for group in groups[:SHOWN]],
        **ceilings(data, outputs),
    }
    findings = []
    if same:
        findings.append(_same_finding(data, groups, same, facts["accuracy_ceiling"]["value"]))
    if near:
        findings.append(_near_finding(data, near, facts["accuracy_ceiling_near"]["value"]))
    return CheckResult(tuple(findings), facts)


def _same_finding(
    data: Dataset, groups: list[list[int]], conflicts: list[Conflict], ceiling: float | None
) -> Finding:
    severity: Severity = "note"
    advice = "fine where several replies are acceptable; check that their style is consistent"
    if ceiling is not None:
        severity = "error" if 1 - ceiling >= MANY else "warning"
        whole = " of the sets exactly right" if data.kind == "labels" else ""
        advice = (
            "a model that always answers an input the same way gets at most "
            f"{_percent(ceiling)}{whole}{_review(data)}"
        )
    inputs = counted(len(groups), "input has", "inputs have")
    rows = counted(len(conflicts), "row")
    return _finding(data, severity, f"{inputs} different outputs ({rows}): {advice}", conflicts)


def _near_finding(data: Dataset, conflicts: list[Conflict], ceiling: float | None) -> Finding:
    severity: Severity = "warning" if len(conflicts) >= MANY * len(data.examples) else "note"
    message = (
        f"{counted(len(conflicts), 'row has', 'rows have')} a different output from a nearly "
        "identical row: either a few characters decide, or one of the two is wrong"
    )
    if ceiling is not None:
        message += f" (then at most {_percent(ceiling)} can be right){_review(data)}"
    return _finding(data, severity, message, conflicts, "near")


def _review(data: Dataset) -> str:
    """The command that shows the rows one by one, where a key can decide."""
    return "; steelyard data label shows them one by one" if data.kind == "label" else ""


def _percent(share: float) -> str:
    """Rounded down, so that what is below 100 % never reads as 100 %."""
    return f"{math.floor(share * 10_000 + 1e-6) / 100:g} %"


def _finding(
    data: Dataset, severity: Severity, message: str, conflicts: list[Conflict], kind: str = "same"
) -> Finding:
    return Finding.of_rows(
        data,
        [conflict.row for conflict in conflicts],
        "contradictions",
        severity,
        message,
        kind=[kind] * len(conflicts),
        also=[data.numbers[conflict.also] for conflict in conflicts],
        also_output=[
            one_line(data.written[conflict.also], SHOWN_CHARACTERS) for conflict in conflicts
        ],
        similarity=[round(conflict.similarity, 3) for conflict in conflicts],
        outputs=[_most_frequent(conflict.outputs) for conflict in conflicts],
    )


def _most_frequent(outputs: dict[str, int]) -> dict[str, int]:
    """The most frequent outputs, shortened, and how often each occurs."""
    ranked = sorted(outputs.items(), key=lambda item: (-item[1], item[0]))
    return {one_line(output, SHOWN_CHARACTERS): count for output, count in ranked[:SHOWN_OUTPUTS]}
