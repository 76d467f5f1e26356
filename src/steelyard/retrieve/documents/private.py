"""Private data in documents, their texts and other columns: where, of which kinds, never in full."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NamedTuple, cast

from steelyard.data.base import CheckResult, Finding, Severity
from steelyard.private.find import Match, find_private, mask, may_hold
from steelyard.private.phones import missing_library, regions_of
from steelyard.private.pieces import hint_of, rewrite
from steelyard.private.rules import rule_book
from steelyard.retrieve.documents.base import Corpus, Document
from steelyard.retrieve.documents.characters import cleaned
from steelyard.retrieve.documents.passages import HEADING
from steelyard.retrieve.documents.rows import line_of
from steelyard.words import counted

CHECK = "private_documents"
MOST_CHARACTERS = 10_000_000
"""About 15 seconds; what is beyond is said not to be searched."""
_PIECE, _BESIDE = 20_000, 500
"""Characters searched at once, and those looked at on both sides: no value is longer."""
_LOOKED_AT = 10_000
_FILES, _VALUES = 50, 3


class _Value(NamedTuple):
    """A private value as it may be shown, and where it is; ``is_shown``: a model may be shown it."""

    kind: str
    strength: int
    masked: str
    place: str
    is_shown: bool = True


@dataclass(frozen=True)
class _File:
    name: str
    values: Sequence[_Value]

    def of(self, kind: str) -> list[_Value]:
        return [value for value in self.values if value.kind == kind]


def private_findings(corpus: Corpus, most: int = MOST_CHARACTERS) -> CheckResult:
    """One finding for each kind of private data, files with most of it first.

    Texts are searched, and metadata that no model is shown (titles; columns that are not among a row's
    text), in pieces, so that time grows with their length; the first ``most`` characters of all. The facts
    count by kind and by file, and ``not_shown`` what only metadata hold.
    """
    regions = regions_of(
        document.text[:_PIECE] for document in islice(corpus.documents, _LOOKED_AT)
    )
    by_file: dict[str, list[_Value]] = defaultdict(list)
    searched, rest = 0, most
    for document in corpus.documents:
        parts = [("", document.text), *_beside(document)]
        length = sum(len(text) for _, text in parts)
        searched += length <= rest
        for name, text in parts:
            by_file[document.file] += _values(document, name, text[:rest], regions)
            rest -= min(rest, len(text))
    files = [_File(name, values) for name, values in by_file.items() if values]
    kinds = [kind for kind in rule_book().kinds if any(file.of(kind) for file in files)]
    beyond = len(corpus.documents) - searched
    reasons = [
        missing_library(),
        f"{counted(beyond, 'document')} not searched, or not to the end: the first {most:,} characters of "
        "all documents are"
        if beyond
        else None,
    ]
    return CheckResult(
        tuple(_finding(kind, files) for kind in kinds),
        _facts(files, kinds, searched, most - rest),
        "; ".join(filter(None, reasons)) or None,
    )


def _beside(document: Document) -> Iterator[tuple[str, str]]:
    """The metadata of a document that do not stand in its text."""
    for name, value in document.metadata:
        line = line_of(name, value) if document.kind == "row" else value
        if line not in document.text and cleaned(line, len(line)).text not in document.text:
            yield name, value


def _values(document: Document, name: str, text: str, regions: Sequence[str]) -> list[_Value]:
    """The values of a document's text, or of its metadata of that ``name``."""
    if not name:
        return [_value(document, match, masked) for match, masked in _matches(text, regions)]
    place = f"{_place(document, 0)}, {'column' if document.kind == 'row' else 'metadata'} {name!r}"
    values: list[_Value] = []

    def note(value: str, hint: str) -> str:
        for match, masked in _matches(value, regions, hint):
            values.append(_Value(match.kind, match.strength, masked, place, name == HEADING))
        return value

    if may_hold(text):
        rewrite(text, note, hint_of(name))
    return values


def _matches(text: str, regions: Sequence[str], hint: str = "") -> Iterator[tuple[Match, str]]:
    """The private values of a text, at their places in all of it, and masked."""
    for start in range(0, len(text), _PIECE):
        first = max(0, start - _BESIDE)
        piece = text[first : start + _PIECE + _BESIDE]
        for match in find_private(piece, regions, hint) if may_hold(piece) else ():
            if start <= first + match.start < start + _PIECE:
                masked = f"{mask(piece[match.start : match.end])} ({match.rule})"
                moved = replace(match, start=first + match.start, end=first + match.end)
                yield moved, masked


def _value(document: Document, match: Match, masked: str) -> _Value:
    return _Value(match.kind, match.strength, masked, _place(document, match.start))


def _place(document: Document, offset: int) -> str:
    page = document.page_at(offset)
    line = document.name.rpartition("#")[2] if document.kind == "row" else ""
    return (f"page {page}" if page else f"line {line}" if line else "") or f"character {offset:,}"


def _finding(kind: str, files: Sequence[_File]) -> Finding:
    words = rule_book().kinds[kind]
    holding = sorted((file for file in files if file.of(kind)), key=lambda f: -len(f.of(kind)))
    values = [value for file in holding for value in file.of(kind)]
    weak = sum(value.strength == 1 for value in values)
    unsure = f", {weak:,} of them less certain" if weak else ""
    apart = sum(not value.is_shown for value in values)
    some = "" if apart == len(values) else f" {apart:,} of them"
    unseen = f",{some} in columns or titles that no model is shown" if apart else ""
    contain = counted(len(holding), f"file contains {words.one}", f"files contain {words.many}")
    return Finding(
        CHECK,
        cast(Severity, words.severity),
        f"{contain} ({counted(len(values), 'value')}{unsure}{unseen})",
        evidence=tuple(_evidence(kind, file) for file in holding[:_FILES]),
        count=len(holding),
    )


def _evidence(kind: str, file: _File) -> dict[str, Any]:
    values = file.of(kind)
    return {
        "row": 0,
        "source": file.name,
        "input": "",
        "output": "",
        "kind": kind,
        "values": len(values),
        "found": [f"{value.masked} at {value.place}" for value in values[:_VALUES]],
    }


def _facts(
    files: Sequence[_File], kinds: Sequence[str], searched: int, characters: int
) -> dict[str, Any]:
    return {
        "documents_searched": searched,
        "characters_searched": characters,
        "files_with_any": len(files),
        "kinds": {
            kind: {
                "files": sum(bool(file.of(kind)) for file in files),
                "values": sum(len(file.of(kind)) for file in files),
                "not_shown": sum(not value.is_shown for file in files for value in file.of(kind)),
            }
            for kind in kinds
        },
        "files": [
            {"name": file.name, "values": dict(Counter(value.kind for value in file.values))}
            for file in sorted(files, key=lambda file: -len(file.values))[:_FILES]
        ],
        "files_not_listed": max(0, len(files) - _FILES),
        "missed": rule_book().missed,
    }
