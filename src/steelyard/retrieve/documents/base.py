"""What reading documents yields: texts with their places, and one outcome for every file."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple

from steelyard.errors import closest

FileState = Literal["read", "skipped", "refused"]
Removed = tuple[tuple[int, int], ...]

MOST_HIDDEN_SHOWN = 1_000
"""Hidden texts listed for each document, and the characters shown of each: lists must stay lists."""
MOST_HIDDEN_CHARACTERS = 2_000
NOT_LISTED = "not_listed"
"""The kind of the hidden texts beyond the list."""


class HiddenText(NamedTuple):
    """A text that a reader of the document does not see.

    ``where`` is its place in words (``line 12``, ``<div class="x">``); ``page`` counts from 1. ``texts`` is
    above 1 in the last line of a list that was cut: how many more there are.
    """

    kind: str
    text: str
    page: int | None = None
    where: str = ""
    texts: int = 1


class FileOutcome(NamedTuple):
    """What became of one file (or of a folder that was not entered).

    ``reason`` says why it was skipped or refused; ``notes`` what is worth knowing of one that was read;
    ``documents`` how many it holds, one for each row of a table.
    """

    name: str
    state: FileState
    reason: str = ""
    notes: tuple[str, ...] = ()
    documents: int = 0

    def __str__(self) -> str:
        return f"{self.name}: {self.reason or '; '.join(self.notes) or self.state}"


@dataclass(frozen=True)
class DocumentLimits:
    """What a file may take before it is refused.

    ``parse_seconds`` (of processor time, and ``page_seconds`` more for every page of a PDF that has been
    read) and ``parse_bytes`` (of memory) hold for the process that takes PDF and HTML apart.
    ``drawn_pages`` of a PDF are looked at as drawn, where colours leave it open what is seen.
    """

    text_bytes: int = 64 * 2**20
    html_bytes: int = 16 * 2**20
    pdf_bytes: int = 256 * 2**20
    pdf_pages: int = 5_000
    parse_seconds: float = 8.0
    page_seconds: float = 0.03
    drawn_pages: int = 120
    parse_bytes: int = 896 * 2**20
    files: int = 100_000
    hidden_pieces: int = 500_000


@dataclass(frozen=True)
class Document:
    """One text to look things up in.

    ``name`` is the path relative to the folder that was read, with ``#`` and the line for a row.
    ``page_starts`` are the offsets at which pages begin, empty where there are none. ``text`` holds no
    hidden text unless it was asked for. ``removed`` are the character spans that were taken out of a
    file of plain text or Markdown, in order, as offsets in the file (without its byte-order mark).
    ``kind`` is text, markdown, html, pdf or row.
    """

    name: str
    text: str
    page_starts: tuple[int, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    hidden: tuple[HiddenText, ...] = ()
    removed: Removed = ()
    kind: str = "text"

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the text in UTF-8, in hexadecimal."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def file(self) -> str:
        """The name of its file: a row is named by its line, too."""
        return self.name.rpartition("#")[0] if self.kind == "row" else self.name

    @property
    def is_markdown(self) -> bool:
        """Whether lines that begin with ``#`` are headings."""
        return self.kind in {"markdown", "html"}

    @cached_property
    def _lost_before(self) -> tuple[list[int], list[int]]:
        """The ends of what was removed, and how many characters are gone up to each."""
        ends, lost, total = [], [], 0
        for start, end in self.removed:
            total += end - start
            ends.append(end)
            lost.append(total)
        return ends, lost

    def from_raw(self, offset: int) -> int:
        """The offset in ``text`` of a character offset in the file.

        What stood in a removed span comes to where it was cut out.
        """
        ends, lost = self._lost_before
        place = bisect_right(ends, offset)
        before = lost[place - 1] if place else 0
        if place < len(self.removed) and offset > self.removed[place][0]:
            offset = self.removed[place][0]
        return offset - before

    def page_at(self, offset: int) -> int | None:
        """The page, from 1, on which a character of ``text`` stands; ``None`` without pages."""
        return max(1, bisect_right(self.page_starts, offset)) if self.page_starts else None


@dataclass(frozen=True)
class Corpus:
    """All documents by name, and what became of every file; names are relative to ``folders``."""

    documents: tuple[Document, ...] = ()
    outcomes: tuple[FileOutcome, ...] = ()
    folders: tuple[str, ...] = ()

    @cached_property
    def _by_name(self) -> dict[str, Document]:
        return {document.name: document for document in self.documents}

    def document(self, name: str) -> Document | None:
        """The document of a name; a path that leads to the folder may stand in front of it."""
        name = name.removeprefix("./")
        if name in self._by_name:
            return self._by_name[name]
        _, mark, rest = name.partition("/")
        while mark:
            front = name[: len(name) - len(rest) - 1]
            if rest in self._by_name and any(f"/{f}".endswith(f"/{front}") for f in self.folders):
                return self._by_name[rest]
            _, mark, rest = rest.partition("/")
        return None

    def where_hidden(self, text: str, name: str | None = None) -> str:
        """That a text was left out since no reader sees it, and the way on; empty where it was not."""
        needle = " ".join(text.split())
        within = self.documents if name is None else filter(None, [self.document(name)])
        for document in within if needle else ():
            for hidden in document.hidden:
                if needle in " ".join(hidden.text.split()):
                    kind = hidden.kind.replace("_", " ")
                    return (
                        f"; it is in text of {document.name} that no reader sees ({kind}), which is left "
                        "out unless documents says hidden: keep"
                    )
        return ""

    def why_absent(self, name: str) -> str:
        """Why there is no document of a name: it was not read, or there is none; then the closest names."""
        for outcome in self.outcomes:
            if outcome.state != "read" and (
                name == outcome.name or name.endswith(f"/{outcome.name}")
            ):
                return f"{name} was not read: {outcome.reason}"
        folders = [f"{folder.rpartition('/')[2]}/" for folder in self.folders]
        plain = next((name.removeprefix(one) for one in folders if name.startswith(one)), name)
        return f"no document {name!r}{closest(plain, self._by_name)}"

    def of_state(self, state: FileState) -> tuple[FileOutcome, ...]:
        """The outcomes of one state."""
        return tuple(outcome for outcome in self.outcomes if outcome.state == state)

    @cached_property
    def file_digests(self) -> dict[str, str]:
        """By file a digest of the texts and metadata of its documents, in 16 hexadecimal digits."""
        digests: dict[str, Any] = {}
        for document in self.documents:
            digest = digests.setdefault(document.file, hashlib.sha256())
            digest.update("\0".join((*_content(document), "")).encode("utf-8", "surrogatepass"))
        return {name: digest.hexdigest()[:16] for name, digest in digests.items()}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over names, texts and metadata of all documents, in hexadecimal."""
        digest = hashlib.sha256()
        for document in self.documents:
            digest.update("\0".join((*_content(document), "")).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


def _content(document: Document) -> tuple[str, str, str]:
    return document.name, document.sha256, repr(document.metadata)


class DocumentRefusedError(Exception):
    """A file cannot be read; the message is the reason, without the file's name."""


class DocumentSkippedError(Exception):
    """A file holds nothing to read; the message is the reason, without the file's name."""


class ParsedText(NamedTuple):
    """What a parser of one kind of file found in it."""

    text: str
    hidden: tuple[HiddenText, ...] = ()
    page_starts: tuple[int, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    removed: Removed = ()
    notes: tuple[str, ...] = ()


def capped(hidden: Iterable[HiddenText]) -> tuple[HiddenText, ...]:
    """Hidden texts as they are listed: long ones cut, and a last line for those beyond the list."""
    every = list(hidden)
    listing = [
        item._replace(text=item.text[:MOST_HIDDEN_CHARACTERS]) for item in every[:MOST_HIDDEN_SHOWN]
    ]
    if len(every) > MOST_HIDDEN_SHOWN:
        more = len(every) - MOST_HIDDEN_SHOWN
        listing.append(HiddenText(NOT_LISTED, "", None, f"and {more:,} more hidden texts", more))
    return tuple(listing)
