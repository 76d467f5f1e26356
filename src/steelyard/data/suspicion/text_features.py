"""Texts as short dense vectors: word and character TF-IDF, folded into few dimensions.

Latent semantic analysis: Deerwester et al., "Indexing by latent semantic analysis" (JASIS, 1990),
by the randomised range finder of Halko, Martinsson and Tropp (SIAM Review 53, 2011). The n-grams of
a word are counted once for each distinct word, not once for each text: a text's n-grams are then
the product of two thin sparse matrices, which is never multiplied out as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer

from steelyard.data.suspicion.arrays import Floats32

CLIPPED = 2_000
"""Characters of a text that are looked at: bounds the time on documents."""
MAX_WORDS = 100_000
"""Words kept, and word pairs kept, the most frequent ones."""
_WORD = r"\S+"
_GRAMS = (2, 5)
_BUCKETS = 2**17
_LONGEST = 40  # characters of a word; longer ones are addresses, keys, or text without spaces
_BLOCK = 8_192
_OVERSAMPLED = 20
_PASSES = 2
_NEGLIGIBLE = 1e-7  # of the strongest direction's power: float32 holds no more


class _Block(NamedTuple):
    """Features of all texts: ``counts`` (n, w), times ``grams`` (w, f) where words have parts."""

    counts: Any
    grams: Any | None

    def inner(self, right: Floats32) -> Floats32:
        """What the counts are multiplied by for the whole block's product with ``right``."""
        return right if self.grams is None else np.asarray(self.grams @ right)

    def transposed_times(self, right: Floats32) -> Floats32:
        inner = self.counts.T @ right
        return np.asarray(inner if self.grams is None else self.grams.T @ inner)

    @property
    def width(self) -> int:
        return int((self.counts if self.grams is None else self.grams).shape[1])

    def of(self, rows: NDArray[np.intp]) -> _Block:
        return _Block(self.counts[rows], self.grams)


def text_features(
    texts: Sequence[str], dimensions: int, rng: np.random.Generator, basis_rows: int = 5_000
) -> Floats32:
    """Return an (n texts, at most ``dimensions``) matrix, the strongest direction first.

    Half of a text's unit length is its words and word pairs, half the runs of 2 to 5 characters
    inside its words. The directions are found on at most ``basis_rows`` texts, drawn at random;
    no label is looked at. A text without a word is a row of zeros.
    """
    blocks = _blocks([text[:CLIPPED] for text in texts])
    if not blocks:
        return np.zeros((len(texts), 1), dtype=np.float32)
    sample = np.arange(len(texts))
    if len(texts) > basis_rows:
        sample = np.sort(rng.choice(len(texts), basis_rows, replace=False))
    directions = _directions([block.of(sample) for block in blocks], dimensions, rng)
    return _product(blocks, directions)


def _blocks(texts: Sequence[str]) -> list[_Block]:
    singles, words = _counts(texts, (1, 1))
    if not words:
        return []
    pairs, _ = _counts(texts, (2, 2))
    both = singles if pairs is None else sparse.hstack([singles, pairs], format="csr")
    both = _seen_twice(both)
    both = _sublinear(both) @ _idf(np.bincount(both.indices, minlength=both.shape[1]), len(texts))
    grams = _grams(words)
    frequency = np.zeros(grams.shape[1])
    for part in _parts(singles, grams):
        frequency += np.bincount(part.indices, minlength=grams.shape[1])
    columns = np.flatnonzero(frequency > 1)
    if not len(columns):
        columns = np.arange(grams.shape[1])
    grams = (grams[:, columns] @ _idf(frequency[columns], len(texts))).tocsr()
    softened = _sublinear(singles)
    lengths = [np.sqrt(part.power(2).sum(axis=1)) for part in _parts(softened, grams)]
    return [
        _Block(_scaled(both, np.sqrt(both.power(2).sum(axis=1))), None),
        _Block(_scaled(softened, np.concatenate([np.asarray(part) for part in lengths])), grams),
    ]


def _counts(texts: Sequence[str], ngrams: tuple[int, int]) -> tuple[Any, Sequence[str]]:
    """Count words or pairs; ``(None, [])`` where the texts have none."""
    counter = CountVectorizer(
        token_pattern=_WORD, ngram_range=ngrams, max_features=MAX_WORDS, dtype=np.float32
    )
    try:
        counts = counter.fit_transform(texts)
    except ValueError as error:
        if "empty vocabulary" not in str(error):
            raise
        return None, []
    return counts, list(counter.get_feature_names_out())


def _seen_twice(counts: Any) -> Any:
    """Leave out what a single text has: it ties that text to no other."""
    columns = np.flatnonzero(np.bincount(counts.indices, minlength=counts.shape[1]) > 1)
    return counts[:, columns] if len(columns) else counts


def _grams(words: Sequence[str]) -> Any:
    """(n words, n buckets in use): how often a word has each hashed run of characters."""
    hashing = HashingVectorizer(
        analyzer="char_wb",
        ngram_range=_GRAMS,
        n_features=_BUCKETS,
        alternate_sign=False,
        norm=None,
        lowercase=False,
        dtype=np.float32,
    )
    grams = hashing.transform(word[:_LONGEST] for word in words)
    return grams[:, np.unique(grams.indices)]


def _parts(counts: Any, grams: Any) -> Iterator[Any]:
    """The product, a block of rows at a time."""
    for start in range(0, counts.shape[0], _BLOCK):
        yield counts[start : start + _BLOCK] @ grams


def _idf(frequency: NDArray[Any], texts: int) -> Any:
    return sparse.diags((np.log((1 + texts) / (1 + frequency)) + 1).astype(np.float32))


def _sublinear(counts: Any) -> Any:
    softened = sparse.csr_matrix(counts, copy=True)
    softened.data = 1 + np.log(softened.data)
    return softened


def _scaled(counts: Any, lengths: NDArray[Any]) -> Any:
    """Rows of length one half squared, so that two blocks make one; zeros stay."""
    flat = np.asarray(lengths, dtype=np.float32).ravel()
    scale = np.divide(np.sqrt(0.5), flat, out=np.zeros_like(flat), where=flat > 0)
    return sparse.csr_matrix(sparse.diags(scale.astype(np.float32)) @ counts)


def _directions(
    blocks: Sequence[_Block], dimensions: int, rng: np.random.Generator
) -> list[Floats32]:
    """Orthonormal columns, cut by block, that span most of what the texts differ in."""
    rows, width = blocks[0].counts.shape[0], sum(block.width for block in blocks)
    tried = min(dimensions + _OVERSAMPLED, rows, width)
    directions = [rng.standard_normal((block.width, tried), dtype=np.float32) for block in blocks]
    for _ in range(_PASSES):
        basis = _orthonormal([_product(blocks, directions)], tried)[0]
        directions = [block.transposed_times(basis) for block in blocks]
    return _orthonormal(directions, dimensions)


def _orthonormal(parts: Sequence[Floats32], most: int) -> list[Floats32]:
    """Turn the columns of ``parts``, one above the other, to at most ``most`` orthonormal ones.

    The strongest come first. Through the small matrix of inner products rather than by QR, which
    is exact to more digits and, on busy cores, fifty times slower.
    """
    gram = sum(part.T.astype(np.float64) @ part for part in parts)
    powers, rotation = np.linalg.eigh(gram)
    order = np.argsort(-powers)[:most]
    order = order[powers[order] > powers.max() * _NEGLIGIBLE]
    turned = (rotation[:, order] / np.sqrt(powers[order])).astype(np.float32)
    return [part @ turned for part in parts]


def _product(blocks: Sequence[_Block], rights: Sequence[Floats32]) -> Floats32:
    inner = [block.inner(right) for block, right in zip(blocks, rights, strict=True)]
    total = np.empty((blocks[0].counts.shape[0], rights[0].shape[1]), dtype=np.float32)
    for start in range(0, len(total), _BLOCK):
        part = slice(start, start + _BLOCK)
        total[part] = sum(
            block.counts[part] @ right for block, right in zip(blocks, inner, strict=True)
        )
    return total
