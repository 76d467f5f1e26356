"""The encoder of a saved index, known by its fingerprint and built when it is first needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steelyard.errors import ModelError
from steelyard.model.encoder import Encoder, SentenceEncoder, pinned_fingerprint
from steelyard.model.hosted.embeddings import EndpointEncoder
from steelyard.retrieve.index.vector_cache import CachedEncoder, open_vectors

_CHARACTERS_A_TOKEN = 4


def cached(encoder: Encoder) -> Encoder:
    """Return an encoder that asks the user's cache first, unless that is turned off, or it does already."""
    cache = open_vectors()
    if cache is None or isinstance(encoder, CachedEncoder):
        return encoder
    return CachedEncoder(encoder, cache)


class CountedEncoder(Encoder):
    """Counts what an endpoint is asked for, whether or not the cache has it: that is what using it costs."""

    def __init__(self, endpoint: EndpointEncoder) -> None:
        self._endpoint = endpoint
        self._inner = cached(endpoint)
        self._characters = 0

    @property
    def fingerprint(self) -> str:
        return self._inner.fingerprint

    @property
    def recipe(self) -> Mapping[str, Any]:
        return self._inner.recipe

    @property
    def account(self) -> str:
        """What accounts call the model."""
        return self._endpoint.account

    @property
    def tokens(self) -> float:
        """Tokens of all texts so far: as the endpoint counts them, at least one for four characters."""
        return max(self._endpoint.usage.input_tokens, self._characters / _CHARACTERS_A_TOKEN)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors; see `Encoder`."""
        self._characters += sum(map(len, texts))
        return self._inner.encode(texts)


def counted(endpoint: EndpointEncoder) -> CountedEncoder:
    """Return the encoder of an endpoint, over the user's cache, with its count."""
    return CountedEncoder(endpoint)


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
            return counted(EndpointEncoder.from_recipe(self._recipe))
        if self._fingerprint != pinned_fingerprint():
            raise ModelError(
                f"the index holds vectors of {self._fingerprint}, which is not the sentence encoder here: "
                "hand in that encoder, or index the documents again"
            )
        return SentenceEncoder.load()
