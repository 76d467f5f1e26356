"""An encoder for tests: words stand for concepts, and a text is the sum of its concepts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from steelyard.model.encoder import Encoder


class ConceptEncoder(Encoder):
    """``concepts`` names a dimension for each word; words without one do not count.

    ``calls`` holds the texts that were encoded, in order.
    """

    def __init__(self, concepts: Mapping[str, int], fingerprint: str = "concepts") -> None:
        self.concepts = concepts
        self.calls: list[str] = []
        self._fingerprint = fingerprint

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.calls += texts
        size = max(self.concepts.values(), default=0) + 1
        vectors = np.zeros((len(texts), size), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()):
                if word in self.concepts:
                    row[self.concepts[word]] += 1
            length = np.linalg.norm(row)
            row /= length if length else 1
        return vectors
