"""TF-IDF features and an index over them, saved as arrays and JSON: no pickle is ever loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from steelyard.config.options import one_of
from steelyard.config.records import read_as
from steelyard.errors import DataError
from steelyard.files import parse_json, read_file, read_json
from steelyard.retrieve.arrays import read_arrays, read_sparse
from steelyard.retrieve.base import Hit, Passage

_WORD = {"analyzer": "word", "ngram_range": (1, 2), "token_pattern": r"(?u)\b\w+\b"}
_CHAR = {"analyzer": "char_wb", "ngram_range": (2, 5)}
FEATURES: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "word": (_WORD,),
    "char": (_CHAR,),
    "word+char": (_WORD, _CHAR),
}
FeatureName = Annotated[str, one_of("features", lambda: FEATURES)]
"""Feature sets by name; each is one or more vectorizers, side by side."""
MAX_FEATURES = 100_000
"""Per vectorizer; the most frequent n-grams count."""
_CHUNK = 512
"""Texts compared at once: bounds the dense matrix of similarities."""
_POOL = 4
"""Diverse passages are picked among so many times as many neighbours, and at least 20."""


@dataclass(frozen=True)
class _SavedFeatures:
    features: FeatureName
    terms: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class _SavedShot:
    input: str
    output: str


@dataclass(frozen=True)
class _SavedRules:
    """``order`` was written by the first versions."""

    diversity: float = 0.0
    per_label: int = 0
    order: str = ""


class Tfidf:
    """One feature set fitted on texts: sublinear term frequency, smooth idf, unit length."""

    def __init__(self, features: str, vectorizers: Sequence[TfidfVectorizer]) -> None:
        self.features = features
        self._vectorizers = list(vectorizers)

    @classmethod
    def fit(cls, texts: Sequence[str], features: str) -> Tfidf:
        """Learn vocabulary and idf. Raises `DataError` where no text contains a word."""
        vectorizers = [_vectorizer(settings, MAX_FEATURES) for settings in FEATURES[features]]
        if not any(any(character.isalnum() for character in text) for text in texts):
            raise DataError(
                f"none of the {len(texts)} train inputs contains a word, so TF-IDF has nothing to learn "
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
        """Write ``features.json``, with the terms in column order, and ``idf.npz``."""
        terms = [list(vectorizer.get_feature_names_out()) for vectorizer in self._vectorizers]
        text = json.dumps({"features": self.features, "terms": terms}, ensure_ascii=False)
        (folder / "features.json").write_text(text, encoding="utf-8")
        idf = {str(place): vectorizer.idf_ for place, vectorizer in enumerate(self._vectorizers)}
        np.savez_compressed(folder / "idf.npz", **idf)

    @classmethod
    def load(cls, folder: Path) -> Tfidf:
        """Read what `save` wrote. Raises `ValueError` and its like for anything else."""
        saved = read_as(_SavedFeatures, read_json(folder / "features.json"), "features.json")
        sets = FEATURES[saved.features]
        weights = read_arrays(folder / "idf.npz", [str(place) for place in range(len(sets))])
        vectorizers = []
        for settings, terms, idf in zip(sets, saved.terms, weights, strict=True):
            if not terms or idf.shape != (len(terms),):
                raise ValueError(f"{len(terms)} terms have weights of the shape {idf.shape}")
            vectorizer = _vectorizer(settings, None, terms)
            vectorizer.idf_ = idf
            vectorizers.append(vectorizer)
        return cls(saved.features, vectorizers)

    @property
    def width(self) -> int:
        """The number of features."""
        return sum(len(vectorizer.idf_) for vectorizer in self._vectorizers)


class TfidfIndex:
    """A `Retriever` by the TF-IDF cosine of texts, in [0, 1].

    ``diversity`` in [0, 1] weighs difference from the passages already picked against nearness to the
    text (maximal marginal relevance, Carbonell & Goldstein 1998, with lambda = 1 - ``diversity``). At
    most ``per_output`` passages have the same output (0: any number).
    """

    name: ClassVar[str] = "tfidf"

    def __init__(
        self,
        passages: Sequence[Passage],
        tfidf: Tfidf,
        matrix: sparse.csr_matrix,
        diversity: float = 0.0,
        per_output: int = 0,
    ) -> None:
        self.passages = tuple(passages)
        self.diversity = diversity
        self.per_output = per_output
        self._tfidf = tfidf
        self._matrix = matrix

    @classmethod
    def fit(cls, passages: Sequence[Passage], features: str) -> TfidfIndex:
        """Index ``passages``. Raises `DataError` where no text contains a word."""
        texts = [passage.text for passage in passages]
        tfidf = Tfidf.fit(texts, features)
        return cls(passages, tfidf, tfidf.transform(texts))

    @property
    def features(self) -> str:
        return self._tfidf.features

    def varied(self, diversity: float, per_output: int) -> TfidfIndex:
        return TfidfIndex(self.passages, self._tfidf, self._matrix, diversity, per_output)

    def find(self, texts: Sequence[str], k: int) -> list[list[Hit]]:
        """Return at most ``k`` passages for each text, the best first; ties in the index's order."""
        pick = self._diverse if self.diversity or self.per_output else _nearest
        hits: list[list[Hit]] = []
        for start in range(0, len(texts), _CHUNK):
            features = self._tfidf.transform(texts[start : start + _CHUNK])
            similarities: NDArray[Any] = (features @ self._matrix.T).toarray()
            hits += [
                [Hit(self.passages[place], float(row[place])) for place in pick(row, k)]
                for row in similarities
            ]
        return hits

    def _diverse(self, relevance: NDArray[Any], k: int) -> list[int]:
        """Places of the picked passages; ``relevance`` holds the cosines of all."""
        pool = _nearest(relevance, max(20, _POOL * k))
        alike: NDArray[Any] = (self._matrix[pool] @ self._matrix[pool].T).toarray()
        cap = self.per_output or k
        picked: list[int] = []
        outputs: dict[str, int] = {}
        while len(picked) < min(k, len(pool)):
            repeated = alike[:, picked].max(axis=1) if picked else np.zeros(len(pool))
            worth = (1 - self.diversity) * relevance[pool] - self.diversity * repeated
            worth = np.round(worth, 12)
            worth[picked] = -np.inf
            worth[[outputs.get(self.passages[i].output, 0) >= cap for i in pool]] = -np.inf
            best = int(np.argmax(worth))
            if worth[best] == -np.inf:
                break
            picked.append(best)
            output = self.passages[pool[best]].output
            outputs[output] = outputs.get(output, 0) + 1
        return [int(pool[place]) for place in picked]

    def save(self, folder: Path) -> None:
        """Write features, the matrix, ``shots.jsonl`` and ``retrieval.json`` to ``folder``."""
        self._tfidf.save(folder)
        rules = {"diversity": self.diversity, "per_label": self.per_output}
        (folder / "retrieval.json").write_text(json.dumps(rules), encoding="utf-8")
        sparse.save_npz(folder / "matrix.npz", self._matrix)
        lines = [
            json.dumps({"input": passage.text, "output": passage.output}, ensure_ascii=False) + "\n"
            for passage in self.passages
        ]
        (folder / "shots.jsonl").write_text("".join(lines), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> TfidfIndex:
        """Read what `save` wrote. Raises `ValueError` and its like for anything else."""
        lines = read_file(folder / "shots.jsonl").decode("utf-8").split("\n")
        shots = [read_as(_SavedShot, parse_json(line), "shots.jsonl") for line in lines if line]
        path = folder / "retrieval.json"  # absent in arms saved by the first versions
        rules = read_as(_SavedRules, read_json(path) if path.is_file() else {}, "retrieval.json")
        if not 0 <= rules.diversity <= 1 or rules.per_label < 0:
            raise ValueError(f"retrieval.json: impossible {rules}")
        tfidf = Tfidf.load(folder)
        matrix = read_sparse(folder / "matrix.npz", (len(shots), tfidf.width))
        passages = [Passage(shot.input, shot.output) for shot in shots]
        return cls(passages, tfidf, matrix, rules.diversity, rules.per_label)


def _nearest(similarities: NDArray[Any], k: int) -> NDArray[Any]:
    return np.argsort(-similarities, kind="stable")[:k]


def _vectorizer(
    settings: Mapping[str, Any], limit: int | None, vocabulary: Sequence[str] | None = None
) -> TfidfVectorizer:
    return TfidfVectorizer(
        sublinear_tf=True, max_features=limit, vocabulary=vocabulary, dtype=np.float64, **settings
    )
