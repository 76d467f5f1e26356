"""The documents of a task in its audit."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steelyard.task import Task

_SEVERITIES = ("error", "warning", "note")


def add_documents(facts: dict[str, Any], task: Task) -> None:
    """Read a task's documents and add what is found to the ``facts`` of its audit; nothing without them."""
    from steelyard.errors import MissingExtraError
    from steelyard.retrieve.documents import documents_findings, task_documents
    from steelyard.words import counted

    if task.documents is None:
        return
    started = time.perf_counter()
    try:
        corpus = task_documents(task)
    except MissingExtraError as error:
        _add_check(facts, "not measured", str(error), started)
        return
    assert corpus is not None
    figures, findings = documents_findings(corpus)
    files = figures["files"]
    text = (
        f"{counted(figures['documents'], 'document')} of {counted(figures['characters'], 'character')}; "
        f"files: {files['read']:,} read, {files['skipped']:,} skipped, {files['refused']:,} refused"
    )
    facts["documents"] = figures
    facts["understood"].append({"about": "documents", "text": text})
    facts["findings"] += [finding.to_dict() for finding in findings]
    facts["findings"].sort(key=lambda finding: _SEVERITIES.index(finding["severity"]))
    _add_check(facts, "found" if findings else "clean", None, started)


def _add_check(facts: dict[str, Any], state: str, reason: str | None, started: float) -> None:
    seconds = round(time.perf_counter() - started, 3)
    facts["checks"]["documents"] = {
        "state": state,
        "reason": reason,
        "seconds": seconds,
        "facts": {},
    }
