"""What train says about each label in a few words: glosses for an instruction's label list."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from steelyard.core import Example
from steelyard.strategy.shots import typical_first, vectors

WORDS = 5
_CHARACTERS = 90
_TOKENS = r"(?u)\b[^\W\d_]{3,}\b"


def label_words(train: Sequence[Example], labels: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """Return up to five words for each label: most typical of its texts, least of the others'.

    A word's weight is its mean TF-IDF in the label's texts less its mean in all others (in the
    spirit of class-based TF-IDF, Grootendorst 2022). A label without examples has no words.
    """
    vectorizer = TfidfVectorizer(token_pattern=_TOKENS, sublinear_tf=True)
    try:
        matrix = vectorizer.fit_transform([example.input for example in train])
    except ValueError:  # no text holds a word
        return dict.fromkeys(labels, ())
    names = vectorizer.get_feature_names_out()
    outputs = np.array([example.output for example in train])
    total = np.asarray(matrix.sum(axis=0)).ravel()
    words: dict[str, tuple[str, ...]] = {}
    for label in labels:
        places = np.flatnonzero(outputs == label)
        inside = np.asarray(matrix[places].sum(axis=0)).ravel() if len(places) else 0 * total
        others = max(1, len(train) - len(places))
        weight = np.round(inside / max(1, len(places)) - (total - inside) / others, 12)
        best = np.argsort(-weight, kind="stable")[:WORDS]
        words[label] = tuple(str(names[place]) for place in best if weight[place] > 0)
    return words


def label_examples(train: Sequence[Example], labels: Sequence[str]) -> Mapping[str, str]:
    """Return each label's most typical text in one line, cut at a word; empty without examples."""
    examples: dict[str, str] = {}
    for label in labels:
        inputs = [example.input for example in train if example.output == label]
        examples[label] = _cut(inputs[typical_first(vectors(inputs))[0]]) if inputs else ""
    return examples


def _cut(text: str) -> str:
    line = re.sub(r"\s+", " ", text).strip()
    if len(line) <= _CHARACTERS:
        return line
    return f"{line[:_CHARACTERS].rsplit(' ', 1)[0]}…"
