"""A task's documents as strategies use them: cut into passages, and the evidence of examples placed."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from steelyard.core import EvidencePiece, Example
from steelyard.retrieve.base import Passage, TextSpan
from steelyard.retrieve.documents import Corpus, Document, split_passages

_SPACES = re.compile(r"\s+")
_FEWEST_CHARACTERS = 3
"""A shorter answer stands in any text by chance, so that it places nothing."""


@dataclass(frozen=True)
class Grounds:
    """Documents, and what of them answers a question."""

    corpus: Corpus
    _cut: dict[tuple[int, int], tuple[Passage, ...]] = field(default_factory=dict, repr=False)
    _spans: dict[EvidencePiece, tuple[TextSpan, ...]] = field(default_factory=dict, repr=False)
    _looks: dict[int, _PassagesLook] = field(default_factory=dict, repr=False)

    def passages(self, most: int, overlap: int = 0) -> tuple[Passage, ...]:
        """All documents cut into passages of at most so many tokens, in the order of their names."""
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

    def spans(self, evidence: EvidencePiece) -> tuple[TextSpan, ...]:
        """Where a piece of evidence stands: every place of a text; nothing where it is not found."""
        if evidence not in self._spans:
            self._spans[evidence] = tuple(self._find(evidence))
        return self._spans[evidence]

    def _find(self, evidence: EvidencePiece) -> Iterator[TextSpan]:
        documents: Iterable[Document] = self.corpus.documents
        if evidence.document is not None:
            document = self.corpus.document(evidence.document)
            documents = () if document is None else (document,)
        for one in documents:
            if evidence.start is not None and evidence.end is not None:
                yield _stretch(one, evidence.start, evidence.end)
            else:
                yield from _places(one, evidence.text)

    def gold(self, example: Example) -> tuple[tuple[TextSpan, ...], ...]:
        """For each piece of an example's evidence the places where it stands, any of which will do."""
        return tuple(self.spans(piece) for piece in example.evidence)

    def answering(self, passages: Sequence[Passage], example: Example) -> frozenset[int]:
        """The places of the passages that hold an example's evidence, in part at least.

        Without evidence, of those that hold its output or an accepted answer word for word.
        """
        if not example.answerable:
            return frozenset()
        look = self._look(passages)
        if example.evidence:
            return frozenset(
                place
                for piece in self.gold(example)
                for span in piece
                for place in look.by_document.get(span.document, ())
                if overlaps(passages[place].span, span)
            )
        texts = [_plain(text) for text in (example.output, *example.accepted)]
        texts = [text for text in texts if len(text) >= _FEWEST_CHARACTERS]
        return frozenset(
            place for place, plain in enumerate(look.plain) if any(text in plain for text in texts)
        )

    def _look(self, passages: Sequence[Passage]) -> _PassagesLook:
        look = self._looks.get(id(passages))
        if look is None or look.passages is not passages:
            look = self._looks[id(passages)] = _PassagesLook(passages)
        return look


@dataclass(frozen=True)
class _PassagesLook:
    """Passages, their places by document, and their texts in plain letters."""

    passages: Sequence[Passage]

    @cached_property
    def by_document(self) -> dict[str, list[int]]:
        places = defaultdict(list)
        for place, passage in enumerate(self.passages):
            if passage.span is not None:
                places[passage.span.document].append(place)
        return dict(places)

    @cached_property
    def plain(self) -> list[str]:
        return [_plain(passage.text) for passage in self.passages]


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
    """Every place of ``text``, whatever white space stands between its words."""
    words = text.split()
    if not words or any(word not in document.text for word in words):
        return
    for match in re.finditer(r"\s+".join(map(re.escape, words)), document.text):
        yield TextSpan(document.name, match.start(), match.end(), document.page_at(match.start()))


def _plain(text: str) -> str:
    return _SPACES.sub(" ", text).strip().casefold()
