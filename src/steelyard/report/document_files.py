"""How the files of a task's documents were read, and what in them no reader sees."""

from __future__ import annotations

from collections import Counter

from steelyard.report import formats
from steelyard.result.audit import DocumentFile, DocumentsAudit, HiddenTextPlace
from steelyard.words import counted


class DocumentFiles:
    """The files of a result's documents, as its audit has them."""

    def __init__(self, audit: DocumentsAudit) -> None:
        self._audit = audit

    @property
    def counts(self) -> str:
        """How many files were read and not, and how many documents they hold."""
        audit = self._audit
        files = [f"{formats.count(count)} {state}" for state, count in audit.files.items()]
        texts = counted(audit.documents, "document")
        return f"{texts} of {counted(audit.characters, 'character')}; files: {', '.join(files)}"

    @property
    def hidden(self) -> str:
        """The texts that no reader sees, counted by kind; empty where there are none."""
        kinds = self._audit.hidden
        named = [f"{kind.replace('_', ' ')} {formats.count(n)}" for kind, n in kinds.items()]
        return f"{counted(sum(kinds.values()), 'text')} ({', '.join(named)})" if kinds else ""

    @property
    def hidden_texts(self) -> list[tuple[HiddenTextPlace, int]]:
        """The listed texts that no reader sees: each document, kind and place once, and how many there."""
        return list(Counter(self._audit.hidden_texts).items())

    @property
    def hidden_not_listed(self) -> int:
        """How many more there are."""
        return self._audit.hidden_not_listed

    def files(self, *states: str) -> list[DocumentFile]:
        """The listed files of these states."""
        return [file for state in states for file in self._audit.outcomes if file.state == state]

    def not_listed(self, *states: str) -> str:
        """How many files of these states are not listed; empty where all are."""
        more = self._audit.files_not_listed
        return formats.count(n) if (n := sum(more.get(state, 0) for state in states)) else ""
