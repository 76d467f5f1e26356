"""Metrics over labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from steelyard.core import OutputKind
from steelyard.score.base import CorpusMetric, Metric


class Accuracy(Metric):
    """The share of answers that are the reference label."""

    name = "accuracy"
    title = "Accuracy"
    kinds: ClassVar[tuple[OutputKind, ...]] = ("label",)
    binary = True

    def score_answer(self, output: str, reference: str) -> float:
        return float(output.strip() == reference.strip())


class MacroF1(CorpusMetric):
    """The mean over labels of F1, each label counting alike.

    The labels are those that occur among the references: an answer that names another one, or none,
    is a miss for its reference and no label's false alarm. The item score is whether it is right.
    """

    name = "macro_f1"
    title = "Macro F1"
    kinds: ClassVar[tuple[OutputKind, ...]] = ("label",)
    binary = True

    def score_answer(self, output: str, reference: str) -> float:
        return float(output.strip() == reference.strip())

    def encode(
        self, outputs: Sequence[str | None], references: Sequence[str]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Number the labels; -1 is any answer outside the references' labels."""
        labels = sorted({reference.strip() for reference in references})
        codes = {label: code for code, label in enumerate(labels)}
        answers = [-1 if output is None else codes.get(output.strip(), -1) for output in outputs]
        return np.array(answers), np.array([codes[reference.strip()] for reference in references])

    def figure(self, outputs: NDArray[Any], references: NDArray[Any]) -> float:
        return float(self.weighted(outputs, references, np.ones((1, len(outputs))))[0])

    def weighted(
        self, outputs: NDArray[Any], references: NDArray[Any], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        labels = np.arange(int(references.max()) + 1)
        is_expected, is_answered = (codes[:, None] == labels for codes in (references, outputs))
        # Whole numbers far below 2**24: single precision counts them exactly, in half the time.
        contributions = np.hstack([is_expected, is_answered, is_expected & is_answered])
        sums = weights.astype(np.float32) @ contributions.astype(np.float32)
        expected, answered, right = np.split(sums.astype(np.float64), 3, axis=1)
        # A resample may lack a label; answers that name it are then nobody's false alarm.
        present = expected > 0
        f1 = np.where(present, 2 * right / np.maximum(expected + answered, 1), 0.0)
        return np.asarray(f1.sum(axis=1) / present.sum(axis=1), dtype=np.float64)
