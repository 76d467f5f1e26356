"""Repairs of whole rows: outputs rewritten, duplicates dropped, unusable rows set aside."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from steelyard.core import OutputKind
from steelyard.data.base import CheckOptions
from steelyard.data.checks import CHECKS
from steelyard.data.dataset import Dataset, dataset_of
from steelyard.data.formats import RowError
from steelyard.data.formats.base import LeftOutError
from steelyard.data.likeness.alike import answer
from steelyard.data.likeness.rows import RowLikeness, exact_key, normalised_key
from steelyard.data.outfiles import unwritable
from steelyard.data.outputs.variants import intended
from steelyard.data.repairs.fields import with_output
from steelyard.data.repairs.work import RepairRow, RepairWork
from steelyard.data.reviews.answers import Answers, keys_of
from steelyard.data.rows import ParsedRow, RowParser, parser_of
from steelyard.label_sets import label_set, labels_among, labels_of
from steelyard.output_kinds import KINDS
from steelyard.words import counted

_RANK = {"test": 0, "dev": 1}
"""Of a row in several parts the one nearest to the test stays: a test row is worth the most."""
_SHORT = 60


def parse_rows(work: RepairWork, *, patient: bool) -> None:
    """Read the fields of every row; a ``patient`` pass takes outputs that a run would refuse."""
    parser = parser_of(work.task)
    for row in work.remaining():
        try:
            row.example, _, refusal = _parsed(parser, row)
        except LeftOutError as error:
            work.leave(row, "left_out", str(error))
        except RowError as error:
            work.leave(row, "unreadable", str(error))
        else:
            if refusal is not None and not patient:
                work.leave(row, "unreadable", refusal)


def put_output(
    work: RepairWork, row: RepairRow, output: str, action: str, reason: str = ""
) -> bool:
    """Write another output into a row that has one, and log it; say whether it could be done."""
    return put_text(work, row, Rewrite(row.read.output, output, output), action, reason)


class Rewrite(NamedTuple):
    """A text in a row and the one to put in its place, which makes ``output`` the row's output."""

    old: str
    new: str
    output: str


def put_text(
    work: RepairWork, row: RepairRow, text: Rewrite, action: str, reason: str = ""
) -> bool:
    """Rewrite one text of a row, and log it; say whether that gave the row the output wanted."""
    parser = parser_of(work.task)
    for fields, path, before in with_output(row.fields, text.old, text.new):
        tried = replace(row, fields=fields)
        try:
            example = _parsed(parser, tried).example
        except RowError:
            continue
        if example.output == text.output:
            row.fields, row.example = fields, example
            work.change(row, action, path, (before, text.new), reason)
            return True
    return False


def refuse_repeated_ids(work: RepairWork) -> None:
    """Set rows aside whose id an earlier row of the same part has: a run needs them to differ."""
    first: dict[tuple[str, str], int] = {}
    for row in work.remaining():
        if row.read.id and first.setdefault((row.part, row.read.id), row.number) != row.number:
            before = first[row.part, row.read.id]
            reason = f"id {row.read.id[:40]!r} is already used in row {before}"
            work.leave(row, "unreadable", reason)


def _parsed(parser: RowParser, row: RepairRow) -> ParsedRow:
    problem = unwritable(row.fields)
    if problem is not None:
        raise RowError(problem)
    return parser.parse(row.raw._replace(fields=row.fields), row.source.rpartition(":")[0])


def set_long_rows_aside(work: RepairWork) -> None:
    """Put aside what the check ``over_context`` finds among the rows as repaired."""
    rows = list(work.remaining())
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


def drop_duplicates(work: RepairWork) -> None:
    """Drop rows with the same input and output as another: of one part the first with most fields stays.

    Another may state what the first does not: other accepted answers, a rejected one, a group. Rows of one
    part with different rejected answers are different pairs, and stay.
    """
    first: dict[tuple[str, ...], RepairRow] = {}
    for row in sorted(work.remaining(), key=_precedence):
        key = (exact_key(row.read), _answer(row, work.task.output.kind))
        earliest = first.setdefault(key, row)
        original = first.setdefault((*key, row.read.rejected or ""), row)
        if earliest.part != row.part or (original is row and not row.read.rejected):
            original = earliest
        if original is row:
            continue
        if original.part == row.part:
            work.leave(row, "duplicate", f"identical to row {original.number}")
        else:
            work.leave(row, "leak", f"also in {original.part}, as row {original.number}")


def _precedence(row: RepairRow) -> tuple[int, int, int]:
    stated = sum(value not in (None, "", [], {}) for value in row.fields.values())
    return _RANK.get(row.part, 2), -stated, row.number


def set_conflicts_aside(work: RepairWork) -> None:
    """Set rows aside that have the same input and different outputs.

    The same is what the check ``contradictions`` takes for it: but for case, punctuation and spaces.
    Rows that a person has confirmed stay. Several texts may be right, so texts never conflict.
    """
    kind = work.task.output.kind
    if kind == "text":
        return
    alike: dict[str, list[RepairRow]] = {}
    for row in work.remaining():
        alike.setdefault(normalised_key(row.read), []).append(row)
    for rows in alike.values():
        if len(rows) > 1 and len({_answer(row, kind) for row in rows}) > 1:
            _set_aside(work, rows)


def _set_aside(work: RepairWork, rows: Iterable[RepairRow]) -> None:
    rows = list(rows)
    kind = work.task.output.kind
    for row in rows:
        if row.is_trusted:
            continue
        other = next(rival for rival in rows if _answer(rival, kind) != _answer(row, kind))
        output = other.read.output
        what = f"the output {output!r}" if len(output) <= _SHORT else "another output"
        work.leave(row, "conflict", f"row {other.number} has the same input and {what}")


def _answer(row: RepairRow, kind: OutputKind) -> str:
    """A text as it is, JSON by its value."""
    return answer(row.read.output, kind) if kind == "json" else row.read.output


def unify_labels(work: RepairWork) -> None:
    """Write each label as it is declared, or else as most rows write it (the first, if equal).

    From a declared label it may differ by case, spaces and punctuation; from another by case and spaces.
    """
    kind = work.task.output.kind
    if not KINDS[kind].is_labelled:
        return
    counts = Counter(
        label for row in work.remaining() for label in labels_of(row.read.output, kind)
    )
    declared = work.task.output.labels
    meant = intended(counts, declared) if declared else {}
    spelling: dict[str, str] = {folded(label): label for label in declared}
    for label, _ in counts.most_common():
        spelling.setdefault(folded(label), label)
    for row in work.remaining():
        for label in labels_of(row.read.output, kind):
            usual = meant.get(label) or spelling[folded(label)]
            if label and label != usual:
                _respell(work, row, label, usual)


def _respell(work: RepairWork, row: RepairRow, label: str, usual: str) -> None:
    reason = _reason(work, usual)
    if work.task.output.kind == "label":
        put_output(work, row, usual, "label_spelling", reason)
        return
    written = _parsed(parser_of(work.task), row).written
    labels = [usual if one == label else one for one in labels_among(written)]
    wanted, listed = label_set(labels), json.dumps(labels, ensure_ascii=False)
    for old, new in ((label, usual), (written, listed)):
        if put_text(work, row, Rewrite(old, new, wanted), "label_spelling", reason):
            return


def folded(text: str) -> str:
    """The text without case and with single spaces."""
    return " ".join(text.casefold().split())


def _reason(work: RepairWork, spelling: str) -> str:
    if spelling in work.task.output.labels:
        return "spelled as in output.labels"
    return "spelled as in most rows"


def apply_answers(work: RepairWork, path: Path) -> None:
    """Label, drop or flag rows as the answers say. Raises `DataError` for a file that is not answers."""
    decided = Answers(path).read()
    data = dataset_of(work.task, work.source)
    keys = dict(zip(data.numbers, keys_of(data), strict=True))
    answered = set()
    for row in work.remaining():
        key = keys.get(row.number)
        answer = decided.get(key) if key is not None else None
        if answer is None or key is None:
            continue
        answered.add(key)
        if answer.action == "drop":
            work.leave(row, "dropped", "dropped in the review")
        elif answer.action == "later":
            work.leave(row, "flagged", "flagged in the review for editing")
        else:
            _relabel(work, row, answer.new)
    lost = len(decided) - len(answered)
    if lost:
        work.notes.append(
            f"{path.name} has {counted(lost, 'answer')} for rows that are no longer there: they have "
            "changed since the review"
        )


def _relabel(work: RepairWork, row: RepairRow, new: str | None) -> None:
    row.is_trusted = True
    if new is None or new == row.read.output:
        return
    if not put_output(work, row, new, "answer"):
        work.leave(row, "flagged", f"the review says {new!r}, but the row has no field for it")
