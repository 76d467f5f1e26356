"""Whether an arm's probabilities are kept, and how accurate its surest answers are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from steelyard.core import Example, Record, clusters_of
from steelyard.output_kinds import KINDS
from steelyard.result.figures import Figure
from steelyard.result.steadiness import Calibration, CalibrationBin, Coverage
from steelyard.score import Metric
from steelyard.seeds import generator
from steelyard.stats.calibration import (
    brier,
    calibration_error,
    chance_error,
    coverage_curve,
    reliability,
)
from steelyard.stats.resample import Clusters, Floats
from steelyard.strategy import Arm

FEWEST = 20
"""With fewer answers that have a probability, calibration is not reported."""


class JudgedAnswers(NamedTuple):
    """Some of an arm's answers: how sure, whether right (0 or 1), and their clusters, in one order."""

    confidence: Floats
    correct: Floats
    clusters: Clusters | None


def measure_calibration(
    arm: Arm,
    records: Sequence[Record],
    examples: Sequence[Example],
    metric: Metric,
    seed: int,
) -> tuple[Calibration | None, str | None]:
    """Return an arm's calibration, or ``None`` with the reason.

    The probability is that of the answer given (top-label calibration). Answers that failed have
    none, and count as handed to a person.
    """
    places = confident_places(records)
    if not places:
        return None, "its answers have no probabilities"
    if (why := why_not_judged(arm, metric)) is not None:
        return None, why
    if len(places) < FEWEST:
        return None, f"only {len(places)} answers have a probability; {FEWEST} are needed"
    confidence, correct, groups = judged(arm, records, examples, places)
    rng = generator(seed, f"calibration:{arm.name}")
    error = calibration_error(confidence, correct, rng, clusters=groups)
    chance = chance_error(confidence, correct, rng, clusters=groups)
    curve = coverage_curve(confidence, correct, len(records), rng, clusters=groups)
    bins = reliability(confidence, correct)
    calibration = Calibration(
        source=arm.confidence_source,
        n=len(places),
        without=len(records) - len(places),
        ece=Figure.of(error),
        ece_expected=chance.expected,
        ece_p_value=chance.p_value,
        brier=brier(confidence, correct),
        bins=tuple(CalibrationBin(**group._asdict()) for group in bins),
        coverage=tuple(Coverage(**point._asdict()) for point in curve),
    )
    return calibration, None


def confident_places(records: Sequence[Record]) -> list[int]:
    """Places of the answers that have a probability."""
    return [place for place, record in enumerate(records) if _confidence(record) is not None]


def judged(
    arm: Arm, records: Sequence[Record], examples: Sequence[Example], places: Sequence[int]
) -> JudgedAnswers:
    """Look up how sure and how right the answers at ``places`` are; no probability counts as 1."""
    sure = [1.0 if (c := _confidence(records[place])) is None else c for place in places]
    right = [_is_right(arm, records[place], examples[place]) for place in places]
    return JudgedAnswers(
        np.array(sure, dtype=np.float64),
        np.array(right, dtype=np.float64),
        clusters_of([examples[place] for place in places]),
    )


def why_not_judged(arm: Arm, metric: Metric) -> str | None:
    """Say why answers are neither right nor wrong; ``None`` where they are."""
    if metric.binary or KINDS[arm.brief.kind].is_labelled:
        return None
    return f"{metric.name} does not score answers as right or wrong"


def _confidence(record: Record) -> float | None:
    confidence = record.answer.confidence
    return None if confidence is None else min(1.0, max(0.0, confidence))


def _is_right(arm: Arm, record: Record, example: Example) -> bool:
    """Labels are right where they are accepted, whatever the metric; others where they score 1."""
    if KINDS[arm.brief.kind].is_labelled:
        return (record.answer.output or "").strip() in (record.reference.strip(), *example.accepted)
    return record.score == 1
