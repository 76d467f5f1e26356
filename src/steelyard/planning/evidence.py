"""Whether the evidence that examples name stands in the documents."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from steelyard.core import EvidencePiece, Example, Split
from steelyard.data.base import CheckResult, Finding, Severity
from steelyard.data.dataset import Dataset
from steelyard.errors import DataError
from steelyard.retrieve.grounds import Grounds
from steelyard.words import counted, listed

CHECK = "evidence"
MOST_PLACES = 5
"""A text that stands in more places than these says little of where an answer is."""
_SHOWN_CHARACTERS = 60


@dataclass(frozen=True)
class EvidenceFaults:
    """What is wrong with the evidence of examples, by their places, with the reason.

    ``lost`` stands in no document that was read, ``loose`` in too many places; ``misplaced`` gives a place
    that holds another text, or is beyond the document.
    """

    lost: Mapping[int, str] = field(default_factory=dict)
    loose: Mapping[int, str] = field(default_factory=dict)
    misplaced: Mapping[int, str] = field(default_factory=dict)
    pieces: int = 0


def evidence_faults(grounds: Grounds, examples: Sequence[Example]) -> EvidenceFaults:
    """Look up every piece of evidence; of an example the first reason of each kind counts."""
    lost: dict[int, str] = {}
    loose: dict[int, str] = {}
    misplaced: dict[int, str] = {}
    pieces = 0
    for place, example in enumerate(examples):
        for piece in example.evidence:
            pieces += 1
            spans = grounds.spans(piece)
            if (wrong := _misplaced(grounds, piece)) is not None:
                misplaced.setdefault(place, wrong)
            elif not spans:
                lost.setdefault(place, _why_lost(grounds, piece))
            elif len(spans) > MOST_PLACES:
                loose.setdefault(place, f"stands in {len(spans):,} places")
    return EvidenceFaults(lost, loose, misplaced, pieces)


def _why_lost(grounds: Grounds, piece: EvidencePiece) -> str:
    if piece.document is not None and grounds.corpus.document(piece.document) is None:
        return grounds.corpus.why_absent(piece.document)
    text = repr(piece.text[:_SHOWN_CHARACTERS])
    hidden = grounds.corpus.where_hidden(piece.text, piece.document)
    if piece.document is None:
        return f"{text} stands in no document that was read{hidden}"
    return f"{text} does not stand in {piece.document}{hidden}"


def _misplaced(grounds: Grounds, piece: EvidencePiece) -> str | None:
    """What is at the place that a piece gives, where that is not its text; ``None`` where all is well."""
    document = None if piece.document is None else grounds.corpus.document(piece.document)
    if document is None or piece.start is None or piece.end is None:
        return None
    if document.from_raw(piece.end) > len(document.text):
        return f"{document.name} ends before character {piece.end:,}"
    for span in grounds.spans(piece):
        there = document.text[span.start : span.end]
        if not there.strip():
            return f"{document.name} has no text from {piece.start} to {piece.end}"
        if piece.text.strip() and there.split() != piece.text.split():
            return (
                f"{document.name} has {there[:_SHOWN_CHARACTERS]!r} from {piece.start} to {piece.end}, not "
                f"{piece.text[:_SHOWN_CHARACTERS]!r}"
            )
    return None


def evidence_notes(grounds: Grounds | None, split: Split) -> tuple[str, ...]:
    """What a plan says of evidence. Raises `DataError` for what is not at the place that it gives."""
    if grounds is None:
        return ()
    examples = list(chain(*split))
    faults = evidence_faults(grounds, examples)
    for place, wrong in faults.misplaced.items():
        raise DataError(f"{_name(examples[place])}: its evidence is not at its place: {wrong}")
    notes = []
    for about, reasons in ((lost_text, faults.lost), (loose_text, faults.loose)):
        if reasons:
            names = dict.fromkeys(_name(examples[place]) for place in reasons)
            notes.append(f"{about(reasons, 'example')}: {listed(list(names))}")
    return tuple(notes)


def _explains(reason: str) -> bool:
    """Whether a reason says more than that a text is not there."""
    return " was not read: " in reason or "no reader sees" in reason


def lost_text(reasons: Mapping[int, str], one: str) -> str:
    """How many examples (called ``one``) name evidence that is not there, and what was not read."""
    unread = dict.fromkeys(reason for reason in reasons.values() if _explains(reason))
    names = f" ({listed(list(unread))})" if unread else ""
    return (
        f"the evidence of {counted(len(reasons), one)} stands in no document that was read{names} and "
        "will count as lost in parsing"
    )


def loose_text(reasons: Collection[int], one: str) -> str:
    """How many examples (called ``one``) have evidence that stands in many places."""
    return (
        f"the evidence of {counted(len(reasons), one)} stands in more than {MOST_PLACES} "
        "places, each of which counts"
    )


def evidence_findings(data: Dataset, grounds: Grounds) -> CheckResult:
    """What the audit says of the rows' evidence."""
    faults = evidence_faults(grounds, data.examples)
    facts = {
        "rows_with_evidence": sum(bool(example.evidence) for example in data.examples),
        "unanswerable": sum(not example.answerable for example in data.examples),
        "pieces": faults.pieces,
        "lost": len(faults.lost),
        "misplaced": len(faults.misplaced),
        "loose": len(faults.loose),
    }
    rows = counted(len(faults.misplaced), "row")
    every: tuple[tuple[Severity, str, Mapping[int, str]], ...] = (
        (
            "error",
            f"the evidence of {rows} is not at its place: a run stops there",
            faults.misplaced,
        ),
        ("warning", lost_text(faults.lost, "row"), faults.lost),
        ("note", loose_text(faults.loose, "row"), faults.loose),
    )
    findings = [
        Finding.of_rows(data, list(reasons), CHECK, severity, text, because=list(reasons.values()))
        for severity, text, reasons in every
        if reasons
    ]
    return CheckResult(tuple(findings), facts, None if faults.pieces else "no row names evidence")


def _name(example: Example) -> str:
    return example.source or example.id
