"""The figures of a metric's parts: each rule, each field."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from steelyard.core import Estimate, Example, Record, clusters_of
from steelyard.result.figures import PartFigure
from steelyard.score import Metric
from steelyard.score.base import PartsMetric
from steelyard.seeds import generator
from steelyard.stats import mean

_NUMBER = re.compile(r"#\d+\Z")
"""Behind the name of a part that a record has several of: in the figures they are one."""


@dataclass(frozen=True)
class _Scored:
    """Parts of every record by name, and the group of each record, if any has one."""

    metric: str
    arm: str
    seed: int
    parts: Sequence[Mapping[str, float]]
    groups: Sequence[Hashable] | None

    def figure(self, part: str, items: Sequence[tuple[int, float]]) -> PartFigure:
        """The mean over ``items``, pairs of a record's place and a score, with its interval.

        Scores of one record, or of one group, are taken to depend on each other.
        """
        rng = generator(self.seed, f"part:{self.metric}/{part}:{self.arm}")
        scores = [score for _, score in items]
        estimate = mean(scores, rng, clusters=self._clusters([place for place, _ in items]))
        return PartFigure.of(estimate, metric=self.metric, part=part)

    def _clusters(self, places: Sequence[int]) -> list[Hashable] | None:
        groups = self.groups
        if groups is None and len(set(places)) == len(places):
            return None
        return [
            ("record", place) if groups is None or groups[place] is None else groups[place]
            for place in places
        ]


def parts(
    metric: Metric, records: Sequence[Record], seed: int, examples: Sequence[Example]
) -> list[PartFigure]:
    """Return the mean of each part over the records that it applies to, with its interval.

    ``examples`` are the records', in the same order; those of one group are taken together. A failed
    answer counts 0. Where the metric names a pooled part, that is the mean over all parts of all
    records. A part that no reply could be graded for has a figure without a value. Empty for a metric
    without parts.
    """
    parts_of_records = [record.parts(metric.name) for record in records]
    _fill_failed(parts_of_records, records)
    arm = records[0].arm if records else ""
    scored = _Scored(metric.name, arm, seed, parts_of_records, clusters_of(examples))
    by_name: dict[str, list[tuple[int, float]]] = {}
    for place, scores in enumerate(parts_of_records):
        for name, score in scores.items():
            by_name.setdefault(_NUMBER.sub("", name), []).append((place, score))
    figures, unknown = [], []
    if isinstance(metric, PartsMetric):
        names = dict.fromkeys(_NUMBER.sub("", name) for name in metric.part_names(examples))
        nothing = Estimate(None, reason=metric.unknown_reason)
        unknown = [
            PartFigure.of(nothing, metric=metric.name, part=name)
            for name in names
            if name not in by_name
        ]
        summaries = [name for name in metric.summary_parts if name in by_name]
        figures = [scored.figure(name, by_name.pop(name)) for name in summaries]
        if by_name:
            pooled = sorted(chain.from_iterable(by_name.values()))
            figures.append(scored.figure(metric.pooled_part, pooled))
    return [*figures, *(scored.figure(name, items) for name, items in by_name.items()), *unknown]


def _fill_failed(parts_of_records: list[dict[str, float]], records: Sequence[Record]) -> None:
    """Give failed answers without parts a 0 in each part that applies to every example."""
    answered = [
        scores
        for scores, record in zip(parts_of_records, records, strict=True)
        if record.outcome == "scored"
    ]
    counts = Counter(name for scores in answered for name in scores)
    always = [name for name, count in counts.items() if count == len(answered)]
    for scores, record in zip(parts_of_records, records, strict=True):
        if record.outcome == "failed" and not scores:
            scores.update(dict.fromkeys(always, 0.0))
