"""The encoder of a saved index, known by its fingerprint and built when it is first needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.errors import ModelError
from steelyard.model.encoder import Encoder, SentenceEncoder, pinned_fingerprint
from steelyard.model.hosted.embeddings import EndpointEncoder
from steelyard.retrieve.index.vector_cache import CachedEncoder, open_vectors


def cached(encoder: Encoder) -> Encoder:
    """Return an encoder that asks the user's cache first, unless that is turned off, or it does already."""
    cache = open_vectors()
    if cache is None or isinstance(encoder, CachedEncoder):
        return encoder
    return CachedEncoder(encoder, cache)


class Opener:
    """Builds the encoder with ``fingerprint``, once; `ModelError` where that is another one's.

    ``encoder`` is taken instead if it is given and has that fingerprint.
    """

    def __init__(
        self, fingerprint: str, recipe: Mapping[str, Any], encoder: Encoder | None = None
    ) -> None:
        self._fingerprint = fingerprint
        self._recipe = recipe
        self._encoder = encoder

    def __call__(self) -> Encoder:
        if self._encoder is None:
            self._encoder = self._build()
        if self._encoder.fingerprint != self._fingerprint:
            raise ModelError(
                f"the index holds vectors of {self._fingerprint}, so {self._encoder.fingerprint} cannot "
                "search it: index the documents again"
            )
        return self._encoder

    def _build(self) -> Encoder:
        if self._recipe:
            return cached(EndpointEncoder.from_recipe(self._recipe))
        if self._fingerprint != pinned_fingerprint():
            raise ModelError(
                f"the index holds vectors of {self._fingerprint}, which is not the sentence encoder here: "
                "hand in that encoder, or index the documents again"
            )
        return SentenceEncoder.load()
