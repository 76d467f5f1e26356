"""Metrics over sets of labels: several labels, or none, as one output."""

from __future__ import annotations

from typing import ClassVar

from steelyard.core import OutputKind
from steelyard.label_sets import labels_in
from steelyard.score.base import Metric


class SetF1(Metric):
    """F1 of the answer's labels and the reference's, the mean over the rows.

    Of one row 2 |A ∩ R| / (|A| + |R|), and 1 where both sets are empty: the example-based F1 of
    Godbole and Sarawagi (2004), "Discriminative methods for multi-labeled classification". Every row
    counts alike, however many labels it has; F1 of each label is in the report. Neither order nor a
    label that is repeated counts.
    """

    name = "set_f1"
    title = "Set F1"
    kinds: ClassVar[tuple[OutputKind, ...]] = ("labels",)

    def score_answer(self, output: str, reference: str) -> float:
        answer, expected = set(labels_in(output)), set(labels_in(reference))
        total = len(answer) + len(expected)
        return 2 * len(answer & expected) / total if total else 1.0


class ExactSet(Metric):
    """Whether the answer has exactly the reference's labels: subset accuracy (Zhang and Zhou, 2014)."""

    name = "exact_set"
    title = "Exact set"
    kinds: ClassVar[tuple[OutputKind, ...]] = ("labels",)
    binary = True

    def score_answer(self, output: str, reference: str) -> float:
        return float(set(labels_in(output)) == set(labels_in(reference)))
