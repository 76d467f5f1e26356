"""Facts that change in documents: read from a file, and carried out on a copy of the documents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, NamedTuple

from steelyard.data.read import read_rows
from steelyard.errors import DataError, closest
from steelyard.retrieve.documents import Corpus, Document
from steelyard.words import shortened

_TEXTS = ("document", "old", "new", "question", "answer")
_MORE = ("accepted", "old_answer", "old_accepted")
_MAY_BE_EMPTY = "new"
_MOST_SHOWN = 60
_PIECES = re.compile(r"\w+|\s+|[^\w\s]")


@dataclass(frozen=True)
class FactChange:
    """In ``document`` the text ``old`` becomes ``new``, which may be empty; ``question`` asks for it.

    ``answer`` and ``accepted`` are right after the change; ``old_answer`` and ``old_accepted`` were
    before, where the row says so. ``where`` is the row, for messages.
    """

    document: str
    old: str
    new: str
    question: str
    answer: str
    accepted: tuple[str, ...] = ()
    old_answer: str | None = None
    old_accepted: tuple[str, ...] = ()
    where: str = ""

    @property
    def former_answer(self) -> str | None:
        """What ``answer`` was, where ``old`` and ``new`` differ within it alone; else ``None``."""
        matches = list(re.finditer(re.escape(self.answer), self.new, re.IGNORECASE))
        if len(matches) != 1:
            return None
        place, stop = matches[0].span()
        old, new = _PIECES.findall(self.old), _PIECES.findall(self.new)
        codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        edits = [code for code in codes if code[0] != "equal"]
        if not edits:
            return None
        first, last = edits[0], edits[-1]
        start, end = len("".join(new[: first[3]])), len("".join(new[: last[4]]))
        is_beside = start == end and start in (place, stop)  # what is gone may be no part of it
        if start < place or end > stop or is_beside:
            return None
        before = "".join(old[first[1] : last[2]])
        return (self.new[place:start] + before + self.new[end:stop]).strip()


def read_changes(path: Path, name: str) -> tuple[FactChange, ...]:
    """Read the rows of a file that the task calls ``name``. Raises `DataError`, with the row."""
    changes: list[FactChange] = []
    for change in each_change(path, name):
        if isinstance(change, DataError):
            raise change
        changes.append(change)
    return tuple(changes)


def each_change(path: Path, name: str) -> Iterator[FactChange | DataError]:
    """The rows of a file as changes, or why one is none.

    Raises `DataError` for a file that cannot be read at all, or lists none.
    """
    rows_of: dict[str, int] = {}
    row = None
    for row in read_rows(path):
        where = f"{name} line {row.line}"
        try:
            if row.reason is not None:
                raise DataError(f"{where}: {row.reason}")
            change = _change(row.fields, where)
            question = " ".join(change.question.split())
            if question in rows_of:
                raise DataError(f"{where}: its question stands in line {rows_of[question]} too")
        except DataError as error:
            yield error
        else:
            rows_of[question] = row.line
            yield change
    if row is None:
        raise DataError(f"{name} lists no change: write a row {{{', '.join(_TEXTS)}}} for each")


def _change(fields: Mapping[str, Any], where: str) -> FactChange:
    for name in fields:
        if name not in (*_TEXTS, *_MORE):
            raise DataError(f"{where}: unknown key {name!r}{closest(name, (*_TEXTS, *_MORE))}")
    for name in _TEXTS:
        value = fields.get(name)
        if not isinstance(value, str) or not (value.strip() or name == _MAY_BE_EMPTY):
            fault = "is missing" if value is None else f"must be a text, not {str(value)[:40]!r}"
            raise DataError(f"{where}: {name} {fault}")
    former = fields.get("old_answer")
    if former is not None and not (isinstance(former, str) and former.strip()):
        raise DataError(f"{where}: old_answer must be a text, not {str(former)[:40]!r}")
    if fields["old"] == fields["new"]:
        raise DataError(f"{where}: old and new are the same text")
    texts = {name: fields[name] for name in _TEXTS}
    return FactChange(
        **texts,
        accepted=_texts(fields.get("accepted"), "accepted", where),
        old_answer=former,
        old_accepted=_texts(fields.get("old_accepted"), "old_accepted", where),
        where=where,
    )


def _texts(value: Any, name: str, where: str) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(texts, list | tuple) or not all(
        isinstance(text, str) and text.strip() for text in texts
    ):
        raise DataError(f"{where}: {name} must be a text or a list of texts")
    return tuple(texts)


class _Edit(NamedTuple):
    start: int
    end: int
    change: FactChange


def changed_corpus(corpus: Corpus, changes: Sequence[FactChange]) -> Corpus:
    """Return the documents after all ``changes``; one that is left without text is gone.

    Raises `DataError` with the row whose document is not there, or whose ``old`` does not stand in it
    exactly once, or overlaps that of another row.
    """
    edits: dict[str, list[_Edit]] = {}
    for change in changes:
        document = _document(corpus, change)
        edits.setdefault(document.name, []).append(_edit(document, change))
    documents = [
        _changed(document, sorted(edits[document.name])) if document.name in edits else document
        for document in corpus.documents
    ]
    return replace(corpus, documents=tuple(one for one in documents if one.text.strip()))


def beside_change(corpus: Corpus, change: FactChange, most: int) -> tuple[str, str]:
    """The text before and behind the place of ``old``, at most so many characters of each.

    Raises `DataError` as `changed_corpus` does.
    """
    document = _document(corpus, change)
    start, end, _ = _edit(document, change)
    return document.text[max(0, start - most) : start], document.text[end : end + most]


def _document(corpus: Corpus, change: FactChange) -> Document:
    document = corpus.document(change.document)
    if document is None:
        raise DataError(f"{change.where}: {corpus.why_absent(change.document)}")
    return document


def _edit(document: Document, change: FactChange) -> _Edit:
    places = list(_places(document.text, change.old))
    text = f"its old text {shortened(change.old, _MOST_SHOWN)!r}"
    if not places:
        hidden = Corpus((document,)).where_hidden(change.old)
        raise DataError(f"{change.where}: {text} does not stand in {document.name}{hidden}")
    if len(places) > 1:
        raise DataError(
            f"{change.where}: {text} stands {len(places)} times in {document.name}: write more of it"
        )
    return _Edit(*places[0], change)


def _places(text: str, old: str) -> Iterable[tuple[int, int]]:
    """Every place of ``old``; where there is none as it is written, with any white space between words."""
    pattern = re.escape(old)
    if old not in text:
        pattern = r"\s+".join(map(re.escape, old.split()))
    for match in re.finditer(f"(?=({pattern}))", text):
        yield match.start(1), match.end(1)


def _changed(document: Document, edits: Sequence[_Edit]) -> Document:
    pieces, place, text = [], 0, document.text
    for edit in edits:
        if edit.start < place:
            raise DataError(f"{edit.change.where}: its old text overlaps that of another row")
        pieces += [text[place : edit.start], edit.change.new]
        place = edit.end

    def moved(offset: int) -> int:
        before = [edit for edit in edits if edit.end <= offset]
        return offset + sum(len(edit.change.new) - (edit.end - edit.start) for edit in before)

    pages = tuple(moved(start) for start in document.page_starts)
    # Offsets of the file do not lead into a text that is not the file's.
    return replace(document, text="".join([*pieces, text[place:]]), page_starts=pages, removed=())
