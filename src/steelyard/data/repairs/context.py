"""Rows longer than the model's context are put aside."""

from __future__ import annotations

from steelyard.data.base import CheckOptions
from steelyard.data.checks import CHECKS
from steelyard.data.dataset import Dataset
from steelyard.data.likeness.rows import RowLikeness
from steelyard.data.repairs.work import Work


def set_long_rows_aside(work: Work) -> None:
    """Put aside what the check ``over_context`` finds among the rows as repaired."""
    rows = list(work.kept())
    data = Dataset(
        work.task,
        RowLikeness([row.read for row in rows]),
        numbers=tuple(row.number for row in rows),
        parts_read=tuple(row.part for row in rows),
        written=tuple(row.read.output for row in rows),
    )
    result = CHECKS.get("over_context")(data, CheckOptions())
    if result.reason is not None:
        work.notes.append(f"rows over the model's context: {result.reason}")
    by_number = {row.number: row for row in rows}
    why = f"longer than the {result.facts.get('window')} tokens that {work.task.model.name} reads"
    for finding in result.findings:
        for number in finding.rows if finding.severity == "error" else ():
            if by_number[number].left is None:
                work.leave(by_number[number], "over_context", why)
