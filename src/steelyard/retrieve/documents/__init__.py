"""Files to documents, and documents to passages: what can be looked up, and where each piece stands."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steelyard.retrieve.documents.base import (
        Corpus,
        Document,
        DocumentLimits,
        FileOutcome,
        HiddenText,
    )
    from steelyard.retrieve.documents.findings import documents_findings
    from steelyard.retrieve.documents.passages import split_passages
    from steelyard.retrieve.documents.read import read_documents, task_documents
    from steelyard.retrieve.documents.sizes import estimated_tokens

_BASE = "steelyard.retrieve.documents.base"
_LAZY = {
    "Corpus": _BASE,
    "Document": _BASE,
    "DocumentLimits": _BASE,
    "FileOutcome": _BASE,
    "HiddenText": _BASE,
    "documents_findings": "steelyard.retrieve.documents.findings",
    "estimated_tokens": "steelyard.retrieve.documents.sizes",
    "read_documents": "steelyard.retrieve.documents.read",
    "split_passages": "steelyard.retrieve.documents.passages",
    "task_documents": "steelyard.retrieve.documents.read",
}
"""The process that parses files imports this package, too, and must start at once."""

__all__ = [
    "Corpus",
    "Document",
    "DocumentLimits",
    "FileOutcome",
    "HiddenText",
    "documents_findings",
    "estimated_tokens",
    "read_documents",
    "split_passages",
    "task_documents",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
