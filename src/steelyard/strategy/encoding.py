"""Which encoder reads the passages: the sentence encoder of this machine, an endpoint, or none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from steelyard.errors import ConfigError
from steelyard.extras import require
from steelyard.model.base import ModelSpec, provider_of
from steelyard.model.config import spec_in_option
from steelyard.model.encoder import Encoder
from steelyard.model.hosted.embeddings import EndpointEncoder
from steelyard.retrieve.index.encoders import counted
from steelyard.retrieve.index.passage_index import open_encoder

LOCAL, NONE = "local", "none"
_WHERE = "strategy rag: option encoder"


@dataclass(frozen=True)
class EncoderChoice:
    """The option ``encoder``: ``local``, ``none``, or the embedding model of an endpoint."""

    word: str = LOCAL
    spec: ModelSpec | None = None

    @classmethod
    def parse(cls, value: Any) -> EncoderChoice:
        """Read the option. Raises `ConfigError` for what is no hosted model."""
        if value in (LOCAL, NONE, None, False):
            return cls(LOCAL if value == LOCAL else NONE)
        spec = spec_in_option(value, _WHERE, f"{LOCAL} or {NONE}")
        if provider_of(spec).is_local:
            raise ConfigError(
                f"{_WHERE}: {spec.name} runs on this machine: name an endpoint, local or none"
            )
        require("aiohttp", "hosted")
        return cls("", spec)

    def open(self) -> Encoder | None:
        """The encoder, over the user's cache of vectors; ``None`` where BM25 searches alone."""
        if self.spec is not None:
            return counted(EndpointEncoder(self.spec))
        return None if self.word == NONE else open_encoder()
