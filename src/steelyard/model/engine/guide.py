"""Answers held to a JSON schema: which tokens may come next, and which must."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from steelyard.errors import ModelError
from steelyard.extras import require
from steelyard.model.schema_check import compile_schema, unfit


class GuideStep(NamedTuple):
    """The tokens that follow a choice without another choice, and whether the answer is complete."""

    forced: list[int]
    is_complete: bool


class Guide:
    """Follows one answer through a grammar."""

    def __init__(self, matcher: Any, end_tokens: frozenset[int], vocabulary: int) -> None:
        self._matcher = matcher
        self._end_tokens = end_tokens
        self._bits = np.full((1, (vocabulary + 31) // 32), -1, dtype=np.int32)
        self._vocabulary = vocabulary

    def begin(self) -> GuideStep:
        """The tokens that every answer begins with."""
        return self._forced([])

    def mask(self, scores: torch.Tensor) -> torch.Tensor:
        """Return ``scores``, shape (vocabulary,), with those of forbidden tokens at minus infinity."""
        from llguidance.numpy import fill_next_token_bitmask

        fill_next_token_bitmask(self._matcher, self._bits)
        allowed = np.unpackbits(self._bits.view(np.uint8), bitorder="little")
        wide = np.zeros(scores.shape[-1], dtype=bool)
        shared = min(len(wide), len(allowed), self._vocabulary)
        wide[:shared] = allowed[:shared]
        return scores.masked_fill(~torch.from_numpy(wide).to(scores.device), float("-inf"))

    def follow(self, token: int) -> None:
        """Go on with ``token`` where forced tokens are chosen one by one like all others."""
        if token not in self._end_tokens:
            self._matcher.consume_token(token)

    def take(self, token: int) -> GuideStep:
        """Go on with ``token``, which `mask` allowed."""
        if token in self._end_tokens:
            return GuideStep([], True)
        return self._forced([token])

    def _forced(self, tokens: Sequence[int]) -> GuideStep:
        matcher = self._matcher
        for token in tokens:
            matcher.consume_token(token)
        forced = [int(token) for token in matcher.compute_ff_tokens()]
        consumed = []
        for token in forced:
            if token in self._end_tokens:
                break
            matcher.consume_token(token)
            consumed.append(token)
        if matcher.is_error():
            raise ModelError(f"constrained decoding failed: {matcher.get_error()}")
        return GuideStep(consumed, bool(matcher.is_stopped()) or len(consumed) < len(forced))


class Guides:
    """Makes guides for one tokenizer; a schema's grammar is made once."""

    def __init__(self, tokenizer: Any, end_tokens: frozenset[int], vocabulary: int) -> None:
        self._end_tokens = end_tokens
        self._vocabulary = vocabulary
        self._grammars: dict[str, str] = {}
        self._library: Any = require("llguidance", "local")
        require("llguidance.hf", "local")
        try:
            self._tokenizer = self._library.hf.from_tokenizer(
                tokenizer,
                n_vocab=vocabulary,
                eos_token=sorted(end_tokens),
                slices=self._library.LLTokenizer.json_slices(),
            )
        except ValueError as error:
            raise ModelError(
                f"answers cannot be constrained to output.schema: llguidance cannot read the model's "
                f"tokenizer ({error}); leave output.schema out"
            ) from None

    def start(self, schema: str) -> Guide:
        """Return a guide for one answer of ``schema`` (JSON text).

        Raises `ModelError` for a schema that no grammar can hold to.
        """
        matcher = self._library.LLMatcher(self._tokenizer, self._grammar(schema), log_level=0)
        if matcher.is_error():
            raise ModelError(unfit(matcher.get_error()))
        return Guide(matcher, self._end_tokens, self._vocabulary)

    def _grammar(self, schema: str) -> str:
        if schema not in self._grammars:
            try:
                self._grammars[schema] = compile_schema(schema, self._tokenizer)
            except ValueError as error:
                raise ModelError(unfit(str(error))) from None
        return self._grammars[schema]
