"""What rows look like to a model that doubts their labels, and how careful to be with so many rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from steelyard.data.base import CheckOptions
from steelyard.data.dataset import Dataset
from steelyard.data.likeness.meaning import embeddings
from steelyard.data.suspicion.arrays import Floats32, Places
from steelyard.data.suspicion.out_of_fold import FoldSettings
from steelyard.data.suspicion.text_features import text_features

CAREFUL_ROWS = 20_000
"""Up to here the careful effort; above, rows are plenty and time is not."""

PENALTIES = (0.1, 0.3, 1.0, 3.0)
"""Tried in this order, as long as the log loss on rows not seen falls; noisy labels need more."""


@dataclass(frozen=True)
class SuspicionSettings:
    """TF-IDF's ``dimensions``, the models' settings, and how many times to deal the folds and average."""

    dimensions: int
    settings: FoldSettings
    repeats: int


CAREFUL = SuspicionSettings(400, FoldSettings(folds=5, steps=15), repeats=2)
FAST = SuspicionSettings(256, FoldSettings(folds=3, steps=12), repeats=1)


def effort_for(rows: int) -> SuspicionSettings:
    """How careful to be with so many rows."""
    return CAREFUL if rows <= CAREFUL_ROWS else FAST


class Features(NamedTuple):
    """(n, d) vectors, what they are made of, and why the encoder is missing, if it is."""

    values: Floats32
    name: str
    without: str | None


def features_of(
    data: Dataset, rows: Places, options: CheckOptions, dimensions: int, rng: np.random.Generator
) -> Features:
    """Return the features of the rows of these indices."""
    words = text_features([data.texts[index] for index in rows], dimensions, rng)
    vectors = embeddings(data, options)
    if isinstance(vectors, str):
        return Features(words, "TF-IDF", vectors)
    meanings = vectors[rows]
    both = np.hstack([words, meanings - meanings.mean(axis=0)]) * np.float32(np.sqrt(0.5))
    return Features(both.astype(np.float32), "TF-IDF and the sentence encoder", None)
