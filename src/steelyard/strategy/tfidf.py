"""TF-IDF features and a nearest-text index, kept as arrays and JSON so that no pickle is loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from steelyard.config.options import one_of
from steelyard.errors import DataError
from steelyard.strategy.formats import Shot

_WORD = {"analyzer": "word", "ngram_range": (1, 2), "token_pattern": r"(?u)\b\w+\b"}
_CHAR = {"analyzer": "char_wb", "ngram_range": (2, 5)}
FEATURES: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "word": (_WORD,),
    "char": (_CHAR,),
    "word+char": (_WORD, _CHAR),
}
FeatureName = Annotated[str, one_of("features", lambda: FEATURES)]
"""Feature sets by name: each is one or more vectorizers side by side."""
MAX_FEATURES = 100_000
"""Per vectorizer; the most frequent n-grams are kept."""
_CHUNK = 512
"""Texts compared at once: bounds the dense matrix of similarities."""
_POOL = 4
"""Diverse shots are picked among so many times as many neighbours, and a score at least."""
RETRIEVED_ORDERS = ("nearest_last", "nearest_first")


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
        idf = {str(place): vectorizer.idf_ for place, vectorizer in enumerate(self._vectorizers)}
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


@dataclass(frozen=True)
class Retrieval:
    """How neighbours become shots.

    ``diversity`` in [0, 1] weighs being unlike the shots already picked against being near the input
    (maximal marginal relevance, Carbonell & Goldstein 1998, with lambda = 1 - ``diversity``). At most
    ``per_label`` shots have the same output (0: any number). ``order`` is one of `RETRIEVED_ORDERS`.
    """

    diversity: float = 0.0
    per_label: int = 0
    order: str = "nearest_last"

    @property
    def plain(self) -> bool:
        """Whether the nearest are simply taken."""
        return not self.diversity and not self.per_label


class ShotIndex:
    """Train examples to be found by the TF-IDF cosine of their input, shown by ``retrieval``."""

    def __init__(
        self,
        shots: Sequence[Shot],
        tfidf: Tfidf,
        matrix: sparse.csr_matrix | None = None,
        retrieval: Retrieval = Retrieval(),
    ) -> None:
        self.shots = tuple(shots)
        self.retrieval = retrieval
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
        neighbours: list[list[Neighbour]] = []
        for start in range(0, len(texts), _CHUNK):
            features = self._tfidf.transform(texts[start : start + _CHUNK])
            similarities: NDArray[Any] = (features @ self._matrix.T).toarray()
            places = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
            neighbours += [
                [Neighbour(self.shots[place], float(row[place])) for place in nearest]
                for row, nearest in zip(similarities, places, strict=True)
            ]
        return neighbours

    def showing(self, retrieval: Retrieval) -> ShotIndex:
        """Return the same index with another way to show what it finds."""
        return ShotIndex(self.shots, self._tfidf, self._matrix, retrieval)

    def shown(self, texts: Sequence[str], k: int) -> list[list[Shot]]:
        """Return for each text the shots to show, at most ``k``, in the order of the prompt."""
        if self.retrieval.plain:
            shots = [[near.shot for near in row] for row in self.nearest(texts, k)]
        else:
            shots = []
            for start in range(0, len(texts), _CHUNK):
                features = self._tfidf.transform(texts[start : start + _CHUNK])
                similarities: NDArray[Any] = (features @ self._matrix.T).toarray()
                shots += [[self.shots[i] for i in self._marginal(row, k)] for row in similarities]
        first = self.retrieval.order == "nearest_first"
        return shots if first else [list(reversed(row)) for row in shots]

    def _marginal(self, relevance: NDArray[Any], k: int) -> list[int]:
        """Places of the picked shots, the first pick first; ``relevance`` holds all shots' cosines."""
        pool = np.argsort(-relevance, kind="stable")[: max(20, _POOL * k)]
        alike: NDArray[Any] = (self._matrix[pool] @ self._matrix[pool].T).toarray()
        weight, cap = self.retrieval.diversity, self.retrieval.per_label or k
        picked: list[int] = []
        outputs: dict[str, int] = {}
        while len(picked) < min(k, len(pool)):
            repeated = alike[:, picked].max(axis=1) if picked else np.zeros(len(pool))
            worth = np.round((1 - weight) * relevance[pool] - weight * repeated, 12)
            full = [outputs.get(self.shots[i].output, 0) >= cap for i in pool]
            worth[picked] = -np.inf
            worth[full] = -np.inf
            best = int(np.argmax(worth))
            if worth[best] == -np.inf:
                break
            picked.append(best)
            output = self.shots[pool[best]].output
            outputs[output] = outputs.get(output, 0) + 1
        return [int(pool[place]) for place in picked]

    def save(self, folder: Path) -> None:
        """Write features, the matrix, ``shots.jsonl`` and ``retrieval.json`` to ``folder``."""
        self._tfidf.save(folder)
        (folder / "retrieval.json").write_text(json.dumps(asdict(self.retrieval)), encoding="utf-8")
        sparse.save_npz(folder / "matrix.npz", self._matrix)
        lines = [json.dumps(shot._asdict(), ensure_ascii=False) + "\n" for shot in self.shots]
        (folder / "shots.jsonl").write_text("".join(lines), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> ShotIndex:
        """Read what :meth:`save` wrote."""
        with (folder / "shots.jsonl").open(encoding="utf-8") as lines:
            shots = [Shot(**json.loads(line)) for line in lines]
        matrix = sparse.csr_matrix(sparse.load_npz(folder / "matrix.npz"))
        path = folder / "retrieval.json"  # absent in arms saved by the first versions
        saved = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return cls(shots, Tfidf.load(folder), matrix, Retrieval(**saved))


def _vectorizer(
    settings: Mapping[str, Any], limit: int | None, vocabulary: Sequence[str] | None = None
) -> TfidfVectorizer:
    return TfidfVectorizer(
        sublinear_tf=True, max_features=limit, vocabulary=vocabulary, dtype=np.float64, **settings
    )
