"""Outputs that are written anew: labels spelled like others, and what a person decided in ``data label``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from steelyard.data.dataset import open_dataset
from steelyard.data.repairs.aside import put_output
from steelyard.data.repairs.work import RepairRow, Work
from steelyard.data.reviews.answers import Answers, keys_of
from steelyard.words import counted


def unify_labels(work: Work) -> None:
    """Write each label as it is declared, or else as most rows write it (the first, if equal)."""
    if work.task.output.kind != "label":
        return
    counts = Counter(row.read.output for row in work.kept())
    spelling: dict[str, str] = {folded(label): label for label in work.task.output.labels}
    for label, _ in counts.most_common():
        spelling.setdefault(folded(label), label)
    for row in work.kept():
        label = row.read.output
        usual = spelling[folded(label)]
        if label == usual or not label:
            continue
        put_output(work, row, usual, "label_spelling", _reason(work, usual))


def folded(text: str) -> str:
    """The text without case and with single spaces."""
    return " ".join(text.casefold().split())


def _reason(work: Work, spelling: str) -> str:
    if spelling in work.task.output.labels:
        return "spelled as output.labels has it"
    return "spelled as most rows have it"


def apply_answers(work: Work, path: Path) -> None:
    """Label, drop or flag rows as the answers say. Raises `DataError` for a file of no answers."""
    decided = Answers(path).read()
    data = open_dataset(work.task)
    keys = dict(zip(data.numbers, keys_of(data), strict=True))
    answered = set()
    for row in work.kept():
        key = keys.get(row.number)
        answer = decided.get(key) if key is not None else None
        if answer is None or key is None:
            continue
        answered.add(key)
        if answer.action == "drop":
            work.leave(row, "dropped", "dropped in the review")
        elif answer.action == "later":
            work.leave(row, "flagged", "flagged in the review as one to edit")
        else:
            _relabel(work, row, answer.new)
    lost = len(decided) - len(answered)
    if lost:
        work.notes.append(
            f"{path.name} has {counted(lost, 'answer')} to rows that are not there: they have "
            "changed since the review"
        )


def _relabel(work: Work, row: RepairRow, new: str | None) -> None:
    row.is_trusted = True
    if new is None or new == row.read.output:
        return
    if not put_output(work, row, new, "answer"):
        work.leave(row, "flagged", f"the review says {new!r}, for which the row has no place")
