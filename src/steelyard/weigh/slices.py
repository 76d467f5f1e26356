"""The arms slice by slice: exploratory, corrected for the number of slices that are tested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from steelyard.core import Comparison, Example, Record, clusters_of
from steelyard.result.figures import Figure
from steelyard.result.run import FEWEST_OF_GROUP
from steelyard.result.slices import SliceRow, SliceTable
from steelyard.score import Metric, compare_records, quality
from steelyard.seeds import generator
from steelyard.stats import holm

MOST_SLICES = 16
"""More slices than this are counted, not listed: the largest are."""


@dataclass(frozen=True)
class _Test:
    """The test split, and every arm's records of it in its order."""

    metric: Metric
    examples: Sequence[Example]
    records: Mapping[str, Sequence[Record]]
    seed: int


def slice_table(
    metric: Metric,
    examples: Sequence[Example],
    records: Mapping[str, Sequence[Record]],
    pair: tuple[str, str] | None,
    seed: int,
) -> SliceTable:
    """Return every arm's quality on each slice, and the paired difference of ``pair`` on it.

    ``records`` holds each arm's in the order of ``examples``. A slice of fewer than `FEWEST_OF_GROUP`
    examples is not tested. P-values are corrected by Holm (1979) over the slices that are: nobody
    said before the run which slice matters, so the largest difference of many is no finding alone.
    """
    counts = Counter(example.slice for example in examples if example.slice is not None)
    largest = sorted(counts, key=lambda name: (-counts[name], name))
    names = sorted(largest[:MOST_SLICES]) if records else []
    test = _Test(metric, examples, records, seed)
    rows = _corrected([_row(test, name, pair) for name in names])
    return SliceTable(
        a=pair[0] if pair else None,
        b=pair[1] if pair else None,
        metric=metric.name,
        tests=sum(row.comparison is not None for row in rows),
        without=len(examples) - counts.total(),
        left_out=len(counts) - len(names),
        rows=tuple(rows),
    )


def rival_of(
    first: str | None, reference: str | None, values: Mapping[str, float | None]
) -> str | None:
    """The arm that ``first`` is compared with: the reference, or else the best of the others."""
    if first is None:
        return None
    if reference is not None and reference != first:
        return reference
    others = {arm: value for arm, value in values.items() if arm != first and value is not None}
    return max(others, key=lambda arm: others[arm] or 0.0, default=None)


def _row(test: _Test, name: str, pair: tuple[str, str] | None) -> SliceRow:
    places = [place for place, example in enumerate(test.examples) if example.slice == name]
    groups = clusters_of(test.examples)
    clusters = None if groups is None else [groups[place] for place in places]
    records = {arm: [rows[place] for place in places] for arm, rows in test.records.items()}
    figures = {
        arm: Figure.of(
            quality(
                test.metric,
                rows,
                generator(test.seed, f"slice:{name}:{arm}"),
                clusters=clusters,
            )
        )
        for arm, rows in records.items()
    }
    row = SliceRow(slice=name, n=len(places), arms=figures)
    if pair is None:
        return row.updated(reason="there is no other arm to compare with")
    if len(places) < FEWEST_OF_GROUP:
        return row.updated(reason=f"fewer than {FEWEST_OF_GROUP} test examples")
    rng = generator(test.seed, f"slice:{name}:{pair[0]}:{pair[1]}")
    first, second = (records[arm] for arm in pair)
    comparison = compare_records(test.metric, first, second, rng, clusters=clusters)
    return row.updated(comparison=comparison)


def _corrected(rows: Sequence[SliceRow]) -> list[SliceRow]:
    tested = [row.comparison for row in rows if row.comparison is not None]
    adjusted = iter(holm([comparison.p_value for comparison in tested]))

    def with_p(comparison: Comparison | None) -> Comparison | None:
        return comparison and replace(comparison, p_adjusted=next(adjusted))

    return [row.updated(comparison=with_p(row.comparison)) for row in rows]
