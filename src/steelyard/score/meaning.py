"""How close two texts are in meaning, by the sentence encoder."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from typing import Any
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from steelyard.core import Example
from steelyard.extras import require, require_encoder
from steelyard.model.encoder import Encoder, SentenceEncoder
from steelyard.score.base import Grade, ReferenceMetric

_DECIMALS = 5  # beyond them a score depends on what else is in the batch
_MAX_REFERENCES = 20_000


class EmbeddingSimilarity(ReferenceMetric):
    """The cosine between the encodings of answer and reference; below 0 counts as 0.

    The sentence encoder knows English and reads the first 256 word pieces. It hardly distinguishes a
    statement from its opposite: it says what a reply is about rather than whether it is right.
    """

    name = "embedding_similarity"
    title = "Embedding similarity"

    def __init__(self, *building: Any, encoder: Encoder | None = None) -> None:
        """Use ``encoder``, or the sentence encoder.

        Raises `MissingExtraError` with the install command where that is absent.
        """
        super().__init__(*building)
        self._references: dict[str, NDArray[np.float32]] = {}
        if encoder is not None:
            self._encoder = encoder
            return
        require_encoder()
        for module in ("torch", "transformers"):
            if find_spec(module) is None:
                require(module, "local")

    @cached_property
    def _encoder(self) -> Encoder:
        return SentenceEncoder.load()

    def score_answer(self, output: str, reference: str) -> float:
        return self._scores([output], [reference])[0]

    def grade_all(self, examples: Sequence[Example], outputs: Sequence[str | None]) -> list[Grade]:
        """Grade each answer; all are encoded together."""
        answered = [place for place, output in enumerate(outputs) if output is not None]
        texts = [outputs[place] or "" for place in answered]
        scores = self._scores(texts, [examples[place].output for place in answered])
        grades = [Grade(0.0)] * len(outputs)
        for place, score in zip(answered, scores, strict=True):
            grades[place] = Grade(score)
        return grades

    def _scores(self, answers: Sequence[str], references: Sequence[str]) -> list[float]:
        if not answers:
            return []
        answers = [normalize("NFC", text) for text in answers]
        references = [normalize("NFC", text) for text in references]
        answers, references = (
            [normalize("NFC", text) for text in texts] for texts in (answers, references)
        )
        new = [text for text in dict.fromkeys(references) if text not in self._references]
        texts = list(dict.fromkeys([*answers, *new]))
        encodings = dict(zip(texts, self._encoder.encode(texts), strict=True))
        if len(self._references) > _MAX_REFERENCES:
            self._references.clear()
        self._references |= {text: encodings[text] for text in new}
        vectors = {**self._references, **encodings}
        pairs = zip(answers, references, strict=True)
        cosines = [float(np.dot(vectors[a], vectors[b])) for a, b in pairs]
        return [round(min(1.0, max(0.0, cosine)), _DECIMALS) for cosine in cosines]
