"""TF-IDF features and a nearest-text index, kept as arrays and JSON so that no pickle is loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from steelyard.errors import DataError
from steelyard.strategy.formats import Shot

_WORD = {"analyzer": "word", "ngram_range": (1, 2), "token_pattern": r"(?u)\b\w+\b"}
_CHAR = {"analyzer": "char_wb", "ngram_range": (2, 5)}
FEATURES: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "word": (_WORD,),
    "char": (_CHAR,),
    "word+char": (_WORD, _CHAR),
}
"""Feature sets by name: each is one or more vectorizers side by side."""
MAX_FEATURES = 100_000
"""Per vectorizer; the most frequent n-grams are kept."""
_CHUNK = 512
"""Texts compared at once: bounds the dense matrix of similarities."""


class Tfidf:
    """One feature set fitted on texts: sublinear term frequency, smooth idf, unit length."""

    def __init__(self, features: str, vectorizers: Sequence[TfidfVectorizer]) -> None:
        self.features = features
        self._vectorizers = list(vectorizers)

    @classmethod
    def fit(cls, texts: Sequence[str], features: str) -> Tfidf:
        """Learn vocabulary and idf; texts without a single word or letter raise `DataError`."""
        vectorizers = [_vectorizer(settings, MAX_FEATURES) for settings in FEATURES[features]]
        if not any(any(character.isalnum() for character in text) for text in texts):
            raise DataError(
                f"none of the {len(texts)} train inputs holds a word: TF-IDF has nothing to learn "
                "from; check which column is the input"
            )
        for vectorizer in vectorizers:
            vectorizer.fit(texts)
        return cls(features, vectorizers)

    def transform(self, texts: Sequence[str]) -> sparse.csr_matrix:
        """Return an (n texts, n features) matrix whose rows have unit length, or are all zero."""
        blocks = [vectorizer.transform(texts) for vectorizer in self._vectorizers]
        return sparse.csr_matrix(sparse.hstack(blocks) / np.sqrt(len(blocks)))

    def save(self, folder: Path) -> None:
        """Write ``features.json`` (names, in column order) and ``idf.npz`` to ``folder``."""
        terms = [list(vectorizer.get_feature_names_out()) for vectorizer in self._vectorizers]
        text = json.dumps({"features": self.features, "terms": terms}, ensure_ascii=False)
        (folder / "features.json").write_text(text, encoding="utf-8")
        idf = {str(place): each.idf_ for place, each in enumerate(self._vectorizers)}
        np.savez_compressed(folder / "idf.npz", **idf)

    @classmethod
    def load(cls, folder: Path) -> Tfidf:
        """Read what :meth:`save` wrote."""
        saved = json.loads((folder / "features.json").read_text(encoding="utf-8"))
        vectorizers = []
        with np.load(folder / "idf.npz", allow_pickle=False) as idf:
            for place, settings in enumerate(FEATURES[saved["features"]]):
                vectorizer = _vectorizer(settings, None, saved["terms"][place])
                vectorizer.idf_ = idf[str(place)]
                vectorizers.append(vectorizer)
        return cls(saved["features"], vectorizers)


class Neighbour(NamedTuple):
    """A train example near a text; ``similarity`` is their cosine in [0, 1]."""

    shot: Shot
    similarity: float


class ShotIndex:
    """Train examples to be found by the TF-IDF cosine of their input."""

    def __init__(
        self, shots: Sequence[Shot], tfidf: Tfidf, matrix: sparse.csr_matrix | None = None
    ) -> None:
        self.shots = tuple(shots)
        self._tfidf = tfidf
        self._matrix = tfidf.transform([shot.input for shot in shots]) if matrix is None else matrix

    @classmethod
    def fit(cls, shots: Sequence[Shot], features: str) -> ShotIndex:
        """Index ``shots``; without a word among their inputs raises `DataError`."""
        return cls(shots, Tfidf.fit([shot.input for shot in shots], features))

    @property
    def features(self) -> str:
        """The name of the feature set."""
        return self._tfidf.features

    def nearest(self, texts: Sequence[str], k: int) -> list[list[Neighbour]]:
        """Return for each text its ``k`` nearest shots, the nearest first; ties in train order."""
        found: list[list[Neighbour]] = []
        for start in range(0, len(texts), _CHUNK):
            features = self._tfidf.transform(texts[start : start + _CHUNK])
            similarities: NDArray[Any] = (features @ self._matrix.T).toarray()
            places = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
            found += [
                [Neighbour(self.shots[place], float(row[place])) for place in chosen]
                for row, chosen in zip(similarities, places, strict=True)
            ]
        return found

    def save(self, folder: Path) -> None:
        """Write features, the matrix and ``shots.jsonl`` to ``folder``."""
        self._tfidf.save(folder)
        sparse.save_npz(folder / "matrix.npz", self._matrix)
        lines = [json.dumps(shot._asdict(), ensure_ascii=False) + "\n" for shot in self.shots]
        (folder / "shots.jsonl").write_text("".join(lines), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> ShotIndex:
        """Read what :meth:`save` wrote."""
        with (folder / "shots.jsonl").open(encoding="utf-8") as lines:
            shots = [Shot(**json.loads(line)) for line in lines]
        matrix = sparse.csr_matrix(sparse.load_npz(folder / "matrix.npz"))
        return cls(shots, Tfidf.load(folder), matrix)


def _vectorizer(
    settings: Mapping[str, Any], limit: int | None, vocabulary: Sequence[str] | None = None
) -> TfidfVectorizer:
    return TfidfVectorizer(
        sublinear_tf=True, max_features=limit, vocabulary=vocabulary, dtype=np.float64, **settings
    )
