"""Folders and files to documents: every file is read, skipped with a reason, or refused with one line."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from steelyard.extras import require
from steelyard.files import TASK_NAME, hash_file, note_source, open_file, real
from steelyard.retrieve.documents.base import (
    Corpus,
    Document,
    DocumentLimits,
    DocumentRefusedError,
    DocumentSkippedError,
    FileOutcome,
    HiddenText,
    ParsedText,
    capped,
)
from steelyard.retrieve.documents.characters import cleaned
from steelyard.retrieve.documents.decoding import decoded
from steelyard.retrieve.documents.kinds import DocumentKind, kind_of
from steelyard.retrieve.documents.plain import read_plain
from steelyard.retrieve.documents.rows import read_row_documents
from steelyard.retrieve.documents.walk import ListedFile, base_of, walk
from steelyard.retrieve.documents.worker import ParserProcess
from steelyard.task import Task
from steelyard.task.dataset_folder import files_of

_HEAD = 4096
_OF_TASK = "a file of the task: its examples hold the answers"


class _Read(NamedTuple):
    documents: tuple[Document, ...]
    notes: tuple[str, ...] = ()


def read_documents(
    paths: Sequence[Path],
    *,
    text: str | None = None,
    keep_hidden: bool = False,
    limits: DocumentLimits | None = None,
    leave_out: Collection[Path] = (),
) -> Corpus:
    """Read folders and files: Markdown, text, HTML, PDF, and rows of CSV and JSON Lines.

    ``text`` names the column of rows that is their text. ``keep_hidden`` leaves hidden text in the
    documents; it is listed all the same. The files ``leave_out`` are skipped.

    Raises `DataError` for a path that is not there, and `MissingExtraError` where PDF or HTML is met and its
    parser is not installed; what is wrong with a file is its outcome.
    """
    reader = _Reader(text, keep_hidden, limits or DocumentLimits())
    outcomes: list[FileOutcome] = []
    documents: list[Document] = []
    withheld = {real(path) for path in leave_out}
    copies = {(path.stat().st_size, hash_file(path)) for path in withheld if path.is_file()}
    with reader.parser:
        for item in walk(paths, reader.limits.files):
            if isinstance(item, ListedFile) and real(item.path) in withheld:
                outcomes.append(FileOutcome(item.name, "skipped", _OF_TASK))
            elif isinstance(item, ListedFile) and _is_copy(item.path, copies):
                outcomes.append(FileOutcome(item.name, "skipped", f"a copy of {_OF_TASK}"))
            elif isinstance(item, ListedFile):
                read, outcome = reader.outcome(item)
                documents += read
                outcomes.append(outcome)
            else:
                outcomes.append(item)
    return Corpus(
        tuple(sorted(documents, key=_in_order)),
        tuple(sorted(outcomes, key=lambda outcome: outcome.name)),
        (base_of(paths).as_posix(),) if paths else (),
    )


def _is_copy(path: Path, files: Collection[tuple[int, str]]) -> bool:
    """Whether a file holds what one of ``files``, known by size and hash, does."""
    try:
        size = path.stat().st_size
        return any(size == one for one, _ in files) and (size, hash_file(path)) in files
    except OSError:
        return False


def task_documents(task: Task, limits: DocumentLimits | None = None) -> Corpus | None:
    """Read the documents of a task; ``None`` where it names none.

    The task's own files are none of them: its examples hold the answers.
    """
    if task.documents is None:
        return None
    examples = [file for path in task.example_paths.values() for file in files_of(path)]
    return read_documents(
        task.document_paths,
        text=task.documents.text,
        keep_hidden=task.documents.hidden == "keep",
        limits=limits,
        leave_out=(*examples, task.folder / TASK_NAME),
    )


def _in_order(document: Document) -> tuple[str, int]:
    """By name; the rows of a file by their lines."""
    file, mark, line = document.name.rpartition("#")
    return (file, int(line)) if mark and document.kind == "row" else (document.name, 0)


class _Reader:
    """Reads one file after another."""

    def __init__(self, column: str | None, keep_hidden: bool, limits: DocumentLimits) -> None:
        self.column, self.keep_hidden, self.limits = column, keep_hidden, limits
        self.parser = ParserProcess(limits)

    def outcome(self, file: ListedFile) -> tuple[tuple[Document, ...], FileOutcome]:
        """The documents of a file, and what became of it."""
        note_source(file.path)
        try:
            read = self._read(file)
        except DocumentSkippedError as error:
            return (), FileOutcome(file.name, "skipped", str(error))
        except DocumentRefusedError as error:
            return (), FileOutcome(file.name, "refused", str(error))
        except OSError as error:
            return (), FileOutcome(
                file.name, "refused", f"cannot be read: {error.strerror or error}"
            )
        except MemoryError:
            return (), FileOutcome(file.name, "refused", "needs more memory than there is")
        return read.documents, FileOutcome(
            file.name, "read", notes=read.notes, documents=len(read.documents)
        )

    def _read(self, file: ListedFile) -> _Read:
        with open_file(file.path) as opened:
            head = opened.read(_HEAD)
            kind = kind_of(file.name, head)
            size = os.fstat(opened.fileno()).st_size
            most = {"pdf": self.limits.pdf_bytes, "html": self.limits.html_bytes}.get(
                kind, self.limits.text_bytes
            )
            if size > most:
                raise DocumentRefusedError(
                    f"has {size / 2**20:,.0f} MB, more than the {most / 2**20:,.0f} MB it may have: split it"
                )
            data = b"" if kind == "pdf" else head + opened.read()
        if kind == "rows":
            rows = read_row_documents(
                file.path, file.name, data, self.column, self.limits, keep_hidden=self.keep_hidden
            )
            return _Read(*rows)
        parsed = self._parsed(file, kind, data)
        if not parsed.text.strip():
            hidden = " that is seen" if parsed.hidden else ""
            raise DocumentSkippedError(f"holds no text{hidden}")
        document = Document(
            file.name,
            parsed.text,
            parsed.page_starts,
            parsed.metadata,
            parsed.hidden,
            parsed.removed,
            kind,
        )
        return _Read((document,), parsed.notes)

    def _parsed(self, file: ListedFile, kind: DocumentKind, data: bytes) -> ParsedText:
        if kind == "pdf":
            require("pypdfium2", "documents")
            return self._without_marks(self.parser.pdf(file.path, keep_hidden=self.keep_hidden))
        text, notes = decoded(data, is_html=kind == "html")
        if kind == "html":
            require("selectolax", "documents")
            parsed = self.parser.html(text, keep_hidden=self.keep_hidden)
            parsed = self._without_marks(parsed)
        else:
            parsed = read_plain(
                text,
                self.limits.hidden_pieces,
                is_markdown=kind == "markdown",
                keep_hidden=self.keep_hidden,
            )
        return parsed._replace(notes=(*notes, *parsed.notes))

    def _without_marks(self, parsed: ParsedText) -> ParsedText:
        """Take hidden characters out of each page."""
        starts = parsed.page_starts or (0,)
        pieces: list[str] = []
        hidden: list[HiddenText] = list(parsed.hidden)
        moved: list[int] = []
        place = 0
        for at, (start, end) in enumerate(
            zip(starts, (*starts[1:], len(parsed.text)), strict=True)
        ):
            page = at + 1 if parsed.page_starts else None
            clean = cleaned(
                parsed.text[start:end], self.limits.hidden_pieces, page, keep=self.keep_hidden
            )
            moved.append(place)
            place += len(clean.text)
            pieces.append(clean.text)
            hidden += clean.hidden
        page_starts = tuple(moved) if parsed.page_starts else ()
        return parsed._replace(text="".join(pieces), hidden=capped(hidden), page_starts=page_starts)
