"""How the documents of two runs differ: which files, and which arms read them."""

from __future__ import annotations

from steelyard.changes.finished import FinishedRun
from steelyard.changes.records import DocumentsChange

MOST_FILES = 50


def documents_change(before: FinishedRun, now: FinishedRun) -> DocumentsChange | None:
    """Compare what two runs read; ``None`` where it is the same, or neither has documents."""
    digests = before.identity.get("documents"), now.identity.get("documents")
    if digests[0] == digests[1]:
        return None
    arms = dict.fromkeys(
        arm.name for run in (now, before) for arm in run.result.arms if arm.bins is not None
    )
    change = DocumentsChange(before=digests[0], now=digests[1], arms=tuple(arms))
    files = [
        {} if digest is None else run.documents
        for digest, run in zip(digests, (before, now), strict=True)
    ]
    first, second = files
    if first is None or second is None:
        folder = (before if first is None else now).folder
        return change.updated(reason=f"{folder} was made by a version that did not keep its files")
    added, removed = sorted(second.keys() - first.keys()), sorted(first.keys() - second.keys())
    changed = sorted(name for name in first.keys() & second.keys() if first[name] != second[name])
    return change.updated(
        added=len(added),
        removed=len(removed),
        changed=len(changed),
        added_files=tuple(added[:MOST_FILES]),
        removed_files=tuple(removed[:MOST_FILES]),
        changed_files=tuple(changed[:MOST_FILES]),
    )
