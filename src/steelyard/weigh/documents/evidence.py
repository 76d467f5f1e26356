"""How far the evidence of an example came: lost, cut, not found, ranked too low, or in the prompt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from steelyard.core import EvidencePiece, Example
from steelyard.result.documents import AnswerBin
from steelyard.retrieve.base import Passage, TextSpan
from steelyard.retrieve.grounds import Grounds, covers, overlaps

DEPTH = 50
"""Passages of a ranking that are looked at: evidence below was not found."""
_STAGES: tuple[AnswerBin, ...] = (
    "lost_in_parsing",
    "cut_by_chunking",
    "not_found",
    "ranked_too_low",
    "dropped_from_prompt",
)


@dataclass(frozen=True)
class EvidencePlaces:
    """The evidence of examples among an arm's ``passages``, all that it could find.

    A piece of evidence is reached by passages that hold it together, white space apart: it need not stand
    in one of them alone.
    """

    grounds: Grounds
    passages: Sequence[Passage]
    _holding: dict[EvidencePiece, frozenset[Passage]] = field(default_factory=dict, repr=False)

    @cached_property
    def _by_document(self) -> dict[str, list[Passage]]:
        by_document: dict[str, list[Passage]] = {}
        for passage in self.passages:
            if passage.span is not None:
                by_document.setdefault(passage.span.document, []).append(passage)
        return by_document

    def holding(self, piece: EvidencePiece) -> frozenset[Passage]:
        """The passages that hold a piece whole; where none does, those that hold a part of it."""
        if piece not in self._holding:
            pairs = [
                (passage, span)
                for span in self._spans(piece)
                for passage in self._by_document.get(span.document, ())
                if overlaps(passage.span, span)
            ]
            whole = {passage for passage, span in pairs if covers(passage.span, span)}
            self._holding[piece] = frozenset(whole or {passage for passage, _ in pairs})
        return self._holding[piece]

    def held_by(self, example: Example) -> list[frozenset[Passage]]:
        """For each piece of an example's evidence the passages that hold it."""
        return [self.holding(piece) for piece in example.evidence] if example.answerable else []

    def missing(self, example: Example, passages: Sequence[Passage]) -> list[TextSpan]:
        """Where the pieces of evidence stand in the documents that ``passages`` do not hold whole."""
        if not example.answerable:
            return []
        pieces = (self._spans(piece) for piece in example.evidence)
        return [span for spans in pieces if not self._reached(spans, passages) for span in spans]

    def stage(
        self,
        example: Example,
        ranking: Sequence[Passage],
        in_prompt: Sequence[Passage],
        *,
        is_ranked: bool,
        is_dropped: bool,
    ) -> AnswerBin | None:
        """Where an example's evidence was lost, by its worst piece; ``None``: all of it is in the prompt.

        ``ranking`` holds the best `DEPTH` passages, ``in_prompt`` those that were to be shown;
        ``is_dropped``: the model did not get all of these.
        """
        stages = [
            self._stage(piece, ranking, in_prompt, is_ranked, is_dropped)
            for piece in example.evidence
        ]
        return next((stage for stage in _STAGES if stage in stages), None)

    def _stage(
        self,
        piece: EvidencePiece,
        ranking: Sequence[Passage],
        in_prompt: Sequence[Passage],
        is_ranked: bool,
        is_dropped: bool,
    ) -> AnswerBin | None:
        spans = self._spans(piece)
        if not spans:
            return "lost_in_parsing"
        if self._reached(spans, in_prompt):
            return "dropped_from_prompt" if is_dropped else None
        holding = self._by_document
        if not any(
            covers(passage.span, span)
            for span in spans
            for passage in holding.get(span.document, ())
        ):
            return "cut_by_chunking"
        if not is_ranked:  # nothing was searched, so that only a limit on passages is left
            return "dropped_from_prompt"
        return "ranked_too_low" if self._reached(spans, ranking[:DEPTH]) else "not_found"

    def _spans(self, piece: EvidencePiece) -> list[TextSpan]:
        """Where a piece stands, without white space at its ends; nothing where only that is left."""
        spans = (self._trimmed(span) for span in self.grounds.spans(piece))
        return [span for span in spans if span.start < span.end]

    def _trimmed(self, span: TextSpan) -> TextSpan:
        text = self._text(span)[span.start : span.end]
        start = span.start + len(text) - len(text.lstrip())
        return span._replace(start=start, end=max(start, span.start + len(text.rstrip())))

    def _text(self, span: TextSpan) -> str:
        document = self.grounds.corpus.document(span.document)
        return "" if document is None else document.text

    def _reached(self, spans: Iterable[TextSpan], passages: Sequence[Passage]) -> bool:
        return any(self._is_covered(span, passages) for span in spans)

    def _is_covered(self, span: TextSpan, passages: Sequence[Passage]) -> bool:
        """Whether no visible character of a stretch stands out of all passages."""
        text, place = self._text(span), span.start
        ends = sorted(
            (passage.span.start, passage.span.end)
            for passage in passages
            if passage.span is not None and overlaps(passage.span, span)
        )
        for start, end in ends:
            if text[place:start].strip():
                return False
            place = max(place, end)
        return not text[place : span.end].strip()
