"""Whether the evidence that examples name stands in the documents."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from steelyard.core import EvidencePiece, Example, Split
from steelyard.errors import DataError
from steelyard.retrieve.base import TextSpan
from steelyard.retrieve.grounds import Grounds
from steelyard.words import counted, listed

MOST_PLACES = 5
"""A text that stands in more places than these says little of where an answer is."""


def evidence_notes(grounds: Grounds | None, split: Split) -> tuple[str, ...]:
    """What a plan says of evidence. Raises `DataError` for a text that does not stand at its own place."""
    if grounds is None:
        return ()
    lost, loose = [], []
    for example, piece in _pieces(chain(*split)):
        spans = grounds.spans(piece)
        _check_text(grounds, example, piece, spans)
        if not spans:
            lost.append(example.source or example.id)
        elif len(spans) > MOST_PLACES:
            loose.append(example.source or example.id)
    notes = []
    if lost:
        notes.append(
            f"the evidence of {counted(len(set(lost)), 'example')} stands in no document that was read and "
            f"will count as lost in parsing: {listed(list(dict.fromkeys(lost)))}"
        )
    if loose:
        notes.append(
            f"the evidence of {counted(len(set(loose)), 'example')} stands in more than {MOST_PLACES} "
            f"places, each of which counts: {listed(list(dict.fromkeys(loose)))}"
        )
    return tuple(notes)


def _pieces(examples: Iterable[Example]) -> Iterable[tuple[Example, EvidencePiece]]:
    return ((example, piece) for example in examples for piece in example.evidence)


def _check_text(
    grounds: Grounds, example: Example, piece: EvidencePiece, spans: Iterable[TextSpan]
) -> None:
    """Raise `DataError` where a piece gives a text and a place that holds another one."""
    if piece.start is None or not piece.text.strip():
        return
    for span in spans:
        document = grounds.corpus.document(span.document)
        there = "" if document is None else document.text[span.start : span.end]
        if there.split() != piece.text.split():
            raise DataError(
                f"{example.source or example.id}: its evidence is not at its place: {span.document} has "
                f"{there[:60]!r} from {piece.start} to {piece.end}, not {piece.text[:60]!r}"
            )
