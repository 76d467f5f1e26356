"""The documents of a task in its audit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steelyard.data.dataset import Dataset


def with_documents(
    facts: dict[str, Any], data: Dataset, only: Sequence[str] | None
) -> dict[str, Any]:
    """The ``facts`` of an audit with what is said of the task's documents.

    ``only`` names the checks to make, ``None`` all; one of documents that there are none of is not measured.
    """
    from steelyard.errors import MissingExtraError
    from steelyard.planning.documents_audit import CHECKS, review_documents
    from steelyard.retrieve.documents import task_documents
    from steelyard.retrieve.grounds import Grounds

    names = CHECKS if only is None else tuple(name for name in CHECKS if name in only)
    if not names or (only is None and data.task.documents is None):
        return facts
    try:
        corpus = task_documents(data.task)
    except MissingExtraError as error:
        return _unmeasured(facts, names, str(error))
    if corpus is None:
        return _unmeasured(facts, names, "the task names no documents")
    facts = review_documents(data, Grounds(corpus), names).added_to(facts)
    if (figures := facts.get("documents")) is not None:
        facts["understood"].append({"about": "documents", "text": _text(figures)})
    return facts


def _unmeasured(facts: dict[str, Any], names: Sequence[str], reason: str) -> dict[str, Any]:
    unmeasured = {"state": "not measured", "reason": reason, "seconds": 0.0, "facts": {}}
    return {**facts, "checks": {**facts["checks"], **dict.fromkeys(names, unmeasured)}}


def _text(figures: dict[str, Any]) -> str:
    from steelyard.words import counted

    files = ", ".join(f"{count:,} {state}" for state, count in figures["files"].items())
    documents = counted(figures["documents"], "document")
    return f"{documents} of {counted(figures['characters'], 'character')}; files: {files}"
