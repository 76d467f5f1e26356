"""The index of passages: settings, legs and filters behind one `Retriever`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from steelyard.errors import ConfigError, MissingExtraError
from steelyard.model.encoder import Encoder, SentenceEncoder
from steelyard.retrieve.base import Hit, Passage
from steelyard.retrieve.index.dense import DenseLeg
from steelyard.retrieve.index.disk import IndexParts, read_parts, write_index
from steelyard.retrieve.index.encoders import Opener, cached
from steelyard.retrieve.index.fusion import best, convex, reciprocal_ranks
from steelyard.retrieve.index.labels import Labels, Where
from steelyard.retrieve.index.lexical import Bm25Leg, PassageNumbers, Scores
from steelyard.retrieve.index.settings import FinderSettings
from steelyard.retrieve.index.stored import Hashes, hash_texts
from steelyard.retrieve.index.terms import Tokenizer

log = logging.getLogger("steelyard")

CELLS = 2**21
"""Scores of a leg at a time: 16 MB."""

_FEW = 0.25
"""Of so small a share of the passages the vectors are picked out first."""


class PassageIndex:
    """A `Retriever` by BM25, by meaning, or by both; exact, and the same for the same passages.

    A hit has a score above 0: a shared term (``bm25``), a cosine above 0 (``dense``), or either of them
    (``rrf``, ``convex``). Ties stand in the order of the passages.
    """

    name: ClassVar[str] = "passages"

    def __init__(
        self,
        passages: Sequence[Passage],
        settings: FinderSettings,
        bm25: Bm25Leg,
        dense: DenseLeg | None,
        labels: Labels,
        hashes: Hashes | None = None,
    ) -> None:
        self.passages = passages
        self.settings = settings
        self.bm25 = bm25
        self.dense = dense
        self.labels = labels
        self._hashes = hashes

    @property
    def hashes(self) -> Hashes:
        """The SHA-256 of what every passage is searched by, shape (passages, 32)."""
        if self._hashes is None:
            self._hashes = hash_texts(map(self.settings.searched, self.passages))
        return self._hashes

    @classmethod
    def fit(
        cls,
        passages: Sequence[Passage],
        settings: FinderSettings = FinderSettings(),  # noqa: B008 - frozen
        encoder: Encoder | None = None,
    ) -> Self:
        """Index ``passages``; without an ``encoder`` by BM25 alone, with a warning if more was meant."""
        texts = [settings.searched(passage) for passage in passages]
        bm25 = Bm25Leg.fit(texts, Tokenizer(settings.language))
        dense = None if encoder is None else DenseLeg.fit(texts, settings.windows, encoder)
        return cls(passages, usable(settings, encoder), bm25, dense, Labels.of(passages))

    def varied(self, settings: FinderSettings) -> PassageIndex:
        """Return the same index, searched as ``settings`` say: legs and weight may differ.

        Raises `ValueError` where passages would have to be read again.
        """
        if replace(settings, legs="bm25", weight=0.5) != replace(
            self.settings, legs="bm25", weight=0.5
        ):
            raise ValueError("windows, language and fields are those of the index: fit another one")
        if settings.needs_encoder and self.dense is None:
            raise ValueError(f"the index has no vectors, so it cannot be searched by {settings}")
        return PassageIndex(
            self.passages, settings, self.bm25, self.dense, self.labels, self._hashes
        )

    def find(self, texts: Sequence[str], k: int, where: Where | None = None) -> list[list[Hit]]:
        """Return at most ``k`` passages for each text, the best first, of those that ``where`` allows.

        Scores are of all passages that are allowed: they do not depend on ``k``, nor on the other
        texts. Raises `DataError` for metadata that no passage has.
        """
        allowed = None if where is None else self.labels.places(where)
        return [
            [Hit(self.passages[place], score) for place, score in row]
            for row in self.places(texts, k, allowed)
        ]

    def places(
        self, texts: Sequence[str], k: int, allowed: PassageNumbers | None = None
    ) -> Iterator[list[tuple[int, float]]]:
        """Yield for each text the places of its hits with their scores; see `find`."""
        for scores in self._scores(texts, allowed):
            for row in scores:
                hits = best(row, k)
                places = hits if allowed is None else allowed[hits]
                yield [
                    (int(place), float(row[hit])) for place, hit in zip(places, hits, strict=True)
                ]

    def _scores(self, texts: Sequence[str], allowed: PassageNumbers | None) -> Iterator[Scores]:
        for some in self.portions(texts):
            yield fused(self.settings, *self.leg_scores(some, allowed))

    def portions(self, texts: Sequence[str]) -> Iterator[Sequence[str]]:
        """Yield so many texts at a time as `leg_scores` should be asked for."""
        step = max(1, CELLS // max(1, len(self.passages)))
        for start in range(0, len(texts), step):
            yield texts[start : start + step]

    def leg_scores(
        self, texts: Sequence[str], allowed: PassageNumbers | None = None
    ) -> tuple[Scores, Scores]:
        """Return the scores of BM25 and of meaning, shape (texts, passages that are allowed).

        A leg that is not needed has zeros.
        """
        size = len(self.passages) if allowed is None else len(allowed)
        bm25 = np.zeros((len(texts), size))
        dense = bm25
        if self.settings.legs != "dense":
            bm25 = _only(self.bm25.scores(texts), allowed)
        if self.settings.needs_encoder and self.dense is not None:
            if allowed is not None and size < len(self.passages) * _FEW:
                dense = self.dense.narrowed(allowed).scores(texts)
            else:
                dense = _only(self.dense.scores(texts), allowed)
        return bm25, dense

    def save(self, folder: Path) -> None:
        """Write the index to ``folder``, which exists; an index there is replaced in one step.

        Raises `StorageError`, and `ConfigError` where the encoder has no fingerprint to know it by.
        """
        dense = self.dense
        if dense is not None and not dense.fingerprint:
            raise ConfigError("vectors of an encoder without a fingerprint cannot be saved")
        vectors: tuple[Any, ...] = ()
        if dense is not None:
            vectors = (dense.vectors, dense.starts, dense.fingerprint, dense.recipe)
        parts = (self.settings, self.passages, self.hashes, self.bm25.postings, self.labels)
        write_index(IndexParts(*parts, *vectors), folder)

    @classmethod
    def load(cls, folder: Path, encoder: Encoder | None = None) -> Self:
        """Read what `save` wrote; ``encoder`` is built at the first question unless it is given.

        Raises `ValueError` and its like for anything else, and for another encoder than the index's.
        """
        parts = read_parts(folder)
        dense = None
        if parts.vectors is not None:
            build = Opener(parts.encoder, parts.recipe, encoder)
            vectors = (parts.vectors, parts.vector_starts)
            dense = DenseLeg(*vectors, build, parts.encoder, parts.recipe)
        bm25 = Bm25Leg(parts.postings, Tokenizer(parts.settings.language))
        return cls(parts.passages, parts.settings, bm25, dense, parts.labels, parts.hashes)


def _only(scores: Scores, allowed: PassageNumbers | None) -> Scores:
    return scores if allowed is None else scores[:, allowed]


def fused(settings: FinderSettings, bm25: Scores, dense: Scores) -> Scores:
    """Return one score per text and passage out of those of the legs."""
    match settings.legs:
        case "bm25":
            return bm25
        case "dense":
            return dense
        case "rrf":
            return reciprocal_ranks(bm25, dense)
        case "convex":
            return convex(bm25, dense, settings.weight)


def usable(settings: FinderSettings, encoder: Encoder | None) -> FinderSettings:
    """Return the settings that can be followed; a warning says what is missing."""
    if encoder is not None or not settings.needs_encoder:
        return settings
    log.warning(
        "passages are searched by BM25 alone: there is no sentence encoder for %s", settings
    )
    return replace(settings, legs="bm25")


def open_encoder(load: Callable[[], Encoder] = SentenceEncoder.load) -> Encoder | None:
    """Return the sentence encoder, over the user's cache of vectors.

    Without it ``None``, with a warning that has the install command.
    """
    try:
        return cached(load())
    except MissingExtraError as error:
        log.warning("passages are searched by BM25 alone: %s", error)
        return None
