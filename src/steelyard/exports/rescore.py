"""The exported files answer the run's test examples again, and are held to what the arm answered."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.core import Answer, Example, Record, clusters_of, questions_of
from steelyard.exports.records import Rescored
from steelyard.exports.source import ExportSource
from steelyard.model.base import Model
from steelyard.result.figures import Figure
from steelyard.score import compare_records, quality
from steelyard.score.base import ModelMetric
from steelyard.seeds import generator
from steelyard.strategy import load_arm
from steelyard.weigh.measure import to_records
from steelyard.words import points

EQUAL_SHARE = 0.99
TOLERANCE = 0.01
"""How far below the measured metric the export may be, by the lower limit of its interval."""


def rescore(source: ExportSource, model: Model, items: int | None, tolerance: float) -> Rescored:
    """Ask ``model`` what the arm was asked, on ``items`` of the test examples drawn by the run's seed.

    Passes with at least 99 % equal answers; else if the 95 % interval of the paired difference of the
    task's first metric, export less arm, does not reach below minus ``tolerance``: the export is then
    shown to be no worse than that (non-inferiority; the interval is that of `compare_records`).
    """
    places = _drawn(source, items)
    examples = [source.examples[place] for place in places]
    before = [source.records[place] for place in places]
    arm = load_arm(source.run.folder / "arms" / source.arm.name, lambda _: model)
    answers = arm.answer_all(questions_of(examples))
    equal = sum(
        _words(answer) == _words(record.answer)
        for answer, record in zip(answers, before, strict=True)
    )
    rescored = Rescored(
        items=len(examples),
        of=len(source.examples),
        equal=equal,
        metric=source.metric.name,
        tolerance=tolerance,
        passed=equal >= EQUAL_SHARE * len(examples),
    )
    if isinstance(source.metric, ModelMetric):
        reason = (
            f"{source.metric.name} asks a judge, so that answers that differ cannot be weighed here"
        )
        return rescored if rescored.passed else rescored.updated(reason=reason)
    return _compared(source, rescored, before, _graded(source, examples, answers), examples)


def _words(answer: Answer) -> str:
    """The output where there is one, else what the model wrote."""
    return answer.completion.text if answer.output is None else answer.output


def _drawn(source: ExportSource, items: int | None) -> list[int]:
    size = len(source.examples)
    if items is None or items >= size:
        return list(range(size))
    order = generator(source.run.result.seed, "export").permutation(size)
    return sorted(int(place) for place in order[:items])


def _graded(
    source: ExportSource, examples: Sequence[Example], answers: Sequence[Answer]
) -> list[Record]:
    return to_records(f"{source.arm.name} (exported)", examples, answers, [source.metric])


def _compared(
    source: ExportSource,
    rescored: Rescored,
    before: Sequence[Record],
    again: Sequence[Record],
    examples: Sequence[Example],
) -> Rescored:
    clusters, seed = clusters_of(examples), source.run.result.seed
    figures = [
        Figure.of(
            quality(source.metric, records, generator(seed, "export:figure"), clusters=clusters)
        )
        for records in (before, again)
    ]
    rescored = rescored.updated(measured=figures[0].value, exported=figures[1].value)
    if rescored.equal == rescored.items:
        return rescored
    rng = generator(seed, "export:paired")
    paired = compare_records(source.metric, again, before, rng, clusters=clusters)
    rescored = rescored.updated(
        difference=paired.difference,
        low=paired.low,
        high=paired.high,
        level=paired.level,
        method=paired.method,
    )
    if rescored.passed or paired.low >= -rescored.tolerance:
        return rescored.updated(passed=True)
    return rescored.updated(
        reason=(
            f"{rescored.equal} of {rescored.items} answers are equal, and {source.metric.name} is not "
            f"shown to be within {points(rescored.tolerance)}: exported less measured is "
            f"{100 * paired.difference:+.1f} points, {100 * paired.level:.0f} % interval "
            f"{100 * paired.low:+.1f} to {100 * paired.high:+.1f}"
        )
    )
