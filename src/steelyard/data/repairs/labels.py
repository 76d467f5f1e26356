"""Labels that differ only by case or spaces get one spelling."""

from __future__ import annotations

from collections import Counter

from steelyard.data.repairs.readable import put_output
from steelyard.data.repairs.work import Work


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
        wanted = spelling[folded(label)]
        if label == wanted or not label:
            continue
        put_output(work, row, wanted, "label_spelling", _reason(work, wanted))


def folded(text: str) -> str:
    """The text without case and with single spaces."""
    return " ".join(text.casefold().split())


def _reason(work: Work, wanted: str) -> str:
    if wanted in work.task.output.labels:
        return "spelled as output.labels has it"
    return "spelled as most rows have it"
