"""A task's documents as strategies use them: cut into passages, and the evidence of examples placed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from steelyard.core import Evidence, Example
from steelyard.retrieve.base import Passage, TextSpan
from steelyard.retrieve.documents import Corpus, Document, split_passages

_SPACES = re.compile(r"\s+")
_FEWEST_CHARACTERS = 3
"""A shorter answer stands in any text by chance, so that it places nothing."""


@dataclass(frozen=True)
class Grounds:
    """Documents, and what of them answers a question.

    ``keep_hidden`` says that hidden text was asked for; it is then part of the documents' texts.
    """

    corpus: Corpus
    _cut: dict[tuple[int, int], tuple[Passage, ...]] = field(default_factory=dict, repr=False)

    def passages(self, most: int, overlap: int = 0) -> tuple[Passage, ...]:
        """All documents cut into passages of at most so many characters, in the order of their names."""
        if (most, overlap) not in self._cut:
            self._cut[most, overlap] = tuple(
                passage
                for document in self.corpus.documents
                for passage in split_passages(document, most=most, overlap=overlap)
            )
        return self._cut[most, overlap]

    @cached_property
    def whole(self) -> tuple[Passage, ...]:
        """Every document as one passage."""
        return tuple(
            Passage(
                document.text,
                span=TextSpan(document.name, 0, len(document.text), document.page_at(0)),
                metadata=document.metadata,
            )
            for document in self.corpus.documents
        )

    def spans(self, evidence: Evidence) -> tuple[TextSpan, ...]:
        """Where a piece of evidence stands: every place of a text; nothing where it is not found."""
        if evidence.document is None:
            documents: Iterable[Document] = self.corpus.documents
        else:
            document = self.corpus.document(evidence.document)
            documents = () if document is None else (document,)
        if evidence.start is not None and evidence.end is not None:
            return tuple(_stretch(document, evidence.start, evidence.end) for document in documents)
        return tuple(span for document in documents for span in _places(document, evidence.text))

    def gold(self, example: Example) -> tuple[tuple[TextSpan, ...], ...]:
        """For each piece of an example's evidence the places where it stands, any of which will do."""
        return tuple(self.spans(piece) for piece in example.evidence)

    def answering(self, passages: Sequence[Passage], example: Example) -> frozenset[int]:
        """The places of the passages that hold an example's evidence, in part at least.

        Without evidence, of those that hold its output or an accepted answer word for word.
        """
        if not example.answerable:
            return frozenset()
        if example.evidence:
            spans = [span for piece in self.gold(example) for span in piece]
            return frozenset(
                place
                for place, passage in enumerate(passages)
                if any(overlaps(passage.span, span) for span in spans)
            )
        texts = [_plain(text) for text in (example.output, *example.accepted)]
        texts = [text for text in texts if len(text) >= _FEWEST_CHARACTERS]
        return frozenset(
            place
            for place, passage in enumerate(passages)
            if any(text in _plain(passage.text) for text in texts)
        )


def overlaps(passage: TextSpan | None, span: TextSpan) -> bool:
    """Whether two stretches share a character of one document."""
    return (
        passage is not None
        and passage.document == span.document
        and passage.start < span.end
        and span.start < passage.end
    )


def covers(passage: TextSpan | None, span: TextSpan) -> bool:
    """Whether a passage holds a whole stretch."""
    return (
        passage is not None
        and passage.document == span.document
        and passage.start <= span.start
        and span.end <= passage.end
    )


def _stretch(document: Document, start: int, end: int) -> TextSpan:
    first, last = document.from_raw(start), document.from_raw(end)
    last = min(last, len(document.text))
    return TextSpan(document.name, min(first, last), last, document.page_at(first))


def _places(document: Document, text: str) -> Iterable[TextSpan]:
    """Every place of ``text``; where there is none as it is written, with any white space between words."""
    text = text.strip()
    if not text:
        return
    pattern = re.escape(text)
    if text not in document.text:
        pattern = r"\s+".join(map(re.escape, text.split()))
    for match in re.finditer(pattern, document.text):
        yield TextSpan(document.name, match.start(), match.end(), document.page_at(match.start()))


def _plain(text: str) -> str:
    return _SPACES.sub(" ", text).strip().casefold()
