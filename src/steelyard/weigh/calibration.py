"""Whether an arm's probabilities are kept, and what handing the unsure to a person gains."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from steelyard.core import Example, Record, clusters_of
from steelyard.output_kinds import KINDS
from steelyard.result.figures import Figure
from steelyard.result.steadiness import Calibration, CalibrationBin, Coverage, Handover
from steelyard.score import Metric
from steelyard.seeds import generator
from steelyard.stats.calibration import (
    CoveragePoint,
    brier,
    calibration_error,
    chance_error,
    coverage_curve,
    handover,
    items_to_show,
    reliability,
)
from steelyard.strategy import Arm
from steelyard.words import percent

FEWEST = 20
"""With fewer answers that have a probability, calibration is not reported."""
TARGET = 0.95
"""The accuracy wanted where the task's constraints name none."""


def measure_calibration(
    arm: Arm,
    records: Sequence[Record],
    examples: Sequence[Example],
    metric: Metric,
    seed: int,
    target: float | None = None,
) -> tuple[Calibration | None, str | None]:
    """Return an arm's calibration, or ``None`` with the reason.

    The probability is that of the answer given (top-label calibration). Answers that failed have
    none, and count as handed to a person. ``target`` is ``constraints.min_quality``.
    """
    places = [place for place, record in enumerate(records) if _confidence(record) is not None]
    if not places:
        return None, "its answers have no probabilities"
    if not metric.binary and not KINDS[arm.brief.kind].is_labelled:
        return None, f"{metric.name} does not score answers as right or wrong"
    if len(places) < FEWEST:
        return None, f"only {len(places)} answers have a probability; {FEWEST} are needed"
    confidence = np.array([_confidence(records[place]) for place in places], dtype=np.float64)
    correct = np.array(
        [_is_right(arm, records[place], examples[place]) for place in places], dtype=np.float64
    )
    groups = clusters_of([examples[place] for place in places])
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
        handover=_handover(curve, TARGET if target is None else target),
    )
    return calibration, None


def _confidence(record: Record) -> float | None:
    confidence = record.answer.confidence
    return None if confidence is None else min(1.0, max(0.0, confidence))


def _is_right(arm: Arm, record: Record, example: Example) -> bool:
    """Labels are right where they are accepted, whatever the metric; others where they score 1."""
    if KINDS[arm.brief.kind].is_labelled:
        return (record.answer.output or "").strip() in (record.reference.strip(), *example.accepted)
    return record.score == 1


def _handover(curve: list[CoveragePoint], target: float) -> Handover:
    """The share a person must take over so that the rest is shown to be ``target`` accurate."""
    best = handover(curve, target)
    if best is not None:
        return Handover(target=target, share=1 - best.coverage, **best._asdict())
    needed = items_to_show(target)
    most = max(point.n for point in curve)
    if needed is None:
        why = f"no number of answers can show {percent(target)} accuracy"
    elif needed > most:
        why = f"{most} answers cannot show {percent(target)} accuracy: it takes {needed}, all of them right"
    else:
        why = f"no subset of its answers is reliably {percent(target)} right"
    return Handover(target=target, reason=why)
