"""Rows that are put aside: what a run would refuse, and what is longer than the model's context."""

from __future__ import annotations

from dataclasses import replace

from steelyard.data.base import CheckOptions
from steelyard.data.checks import CHECKS
from steelyard.data.dataset import Dataset
from steelyard.data.formats import RawRow, RowError
from steelyard.data.likeness.rows import RowLikeness
from steelyard.data.outfiles import unwritable
from steelyard.data.repairs.fields import with_output
from steelyard.data.repairs.work import RepairRow, Work
from steelyard.data.rows import ParsedRow, RowParser, parser_of


def parse_rows(work: Work, *, patient: bool) -> None:
    """Read the fields of every row; a ``patient`` pass takes outputs that a run would refuse."""
    parser = parser_of(work.task)
    for row in work.kept():
        try:
            row.example, _, refusal = _parsed(parser, row)
        except RowError as error:
            work.leave(row, "unreadable", str(error))
        else:
            if refusal is not None and not patient:
                work.leave(row, "unreadable", refusal)


def put_output(work: Work, row: RepairRow, output: str, action: str, reason: str = "") -> bool:
    """Write another output into a row that has one, and log it; say whether it could be done."""
    parser = parser_of(work.task)
    for fields, path, before in with_output(row.fields, row.read.output, output):
        tried = replace(row, fields=fields)
        try:
            example = _parsed(parser, tried).example
        except RowError:
            continue
        if example.output == output:
            row.fields, row.example = fields, example
            work.change(row, action, path, (before, output), reason)
            return True
    return False


def refuse_repeated_ids(work: Work) -> None:
    """Put rows aside whose id an earlier row of the same part has: a run needs them to differ."""
    first: dict[tuple[str, str], int] = {}
    for row in work.kept():
        if row.read.id and first.setdefault((row.part, row.read.id), row.number) != row.number:
            before = first[row.part, row.read.id]
            reason = f"id {row.read.id[:40]!r} is already used in row {before}"
            work.leave(row, "unreadable", reason)


def _parsed(parser: RowParser, row: RepairRow) -> ParsedRow:
    problem = unwritable(row.fields)
    if problem is not None:
        raise RowError(problem)
    return parser.parse(RawRow(row.line, row.fields), row.source.rpartition(":")[0])


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
            if by_number[number].removal is None:
                work.leave(by_number[number], "over_context", why)
