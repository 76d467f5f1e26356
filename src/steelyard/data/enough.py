"""How many rows each part has or would get, and what a test part of that size can tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import ceil
from typing import Any, NamedTuple

from steelyard.config.options import read_options
from steelyard.data.dataset import Dataset
from steelyard.data.splits.allocation import MIN_EXAMPLES, part_sizes, stratum_quotas
from steelyard.data.splits.clusters import build_clusters
from steelyard.errors import ConfigError, DataError
from steelyard.families import METRICS
from steelyard.stats import Detectable, detectable_difference, items_needed, proportion
from steelyard.task.sections import SplitConfig
from steelyard.words import counted

ACCURACY = 0.8
"""Where the half-width of an interval is quoted: a usual accuracy; at 0.5 it is a quarter wider."""

DIFFERENCES = (0.05, 0.02)
MOST_ROWS = 1_000_000


@dataclass(frozen=True)
class PartSize:
    """Rows of one part, those that ask something of their own, and the latter by label."""

    rows: int
    distinct: int
    labels: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Parts:
    """Train, dev and test: as given, or (``is_planned``) as Steelyard's own split would make them.

    ``by_name`` is empty where no split can be made, and ``reason`` says why.
    """

    by_name: Mapping[str, PartSize]
    is_planned: bool
    reason: str | None = None

    @property
    def train(self) -> PartSize:
        return self.by_name.get("train", PartSize(0, 0))

    @property
    def test(self) -> PartSize:
        return self.by_name.get("test", PartSize(0, 0))


class MoreRows(NamedTuple):
    """Rows that it takes to show ``difference``; ``None`` with the reason where none suffice.

    ``items`` counts distinct test rows, ``test_rows`` those still to add to the test part, and
    ``rows`` those to add to the one file that Steelyard splits.
    """

    difference: float
    items: int | None
    test_rows: int | None
    rows: int | None
    reason: str | None


def parts_of(data: Dataset) -> Parts:
    """Return the parts in use; planned as a run would split them where there is one file."""
    if "test" in data.parts or "all" not in data.task.example_paths:
        return Parts(_given(data), is_planned=False)
    distinct = first_indices(data)
    if len(data.examples) < MIN_EXAMPLES:
        reason = (
            f"{counted(len(data.examples), 'readable row')} cannot be split into train, dev and "
            f"test: at least {MIN_EXAMPLES} are needed"
        )
        return Parts({}, is_planned=True, reason=reason)
    try:
        sizes = part_sizes(len(data.examples), data.task.split)
    except DataError as error:
        return Parts({}, is_planned=True, reason=str(error))
    share = len(distinct) / len(data.examples)
    scaled = {part: round(size * share) for part, size in sizes.items()}
    scaled["train"] = len(distinct) - scaled["test"] - scaled["dev"]
    labels = _labels(data, distinct)
    quotas = stratum_quotas(labels, scaled) if labels else {}
    named = {
        part: PartSize(sizes[part], scaled[part], quotas.get(part, {}))
        for part in ("train", "dev", "test")
    }
    return Parts(named, is_planned=True)


def first_indices(data: Dataset, part: str | None = None) -> list[int]:
    """The first row of each distinct input, of one part or of all."""
    places: dict[str, int] = {}
    for index, key in enumerate(data.normalised_keys):
        if part is None or data.parts[index] == part:
            places.setdefault(key, index)
    return list(places.values())


def _given(data: Dataset) -> dict[str, PartSize]:
    counts = Counter(data.parts)
    parts = {}
    for part in ("train", "dev", "test"):
        distinct = first_indices(data, part)
        parts[part] = PartSize(counts[part], len(distinct), _labels(data, distinct))
    if not counts["dev"] and counts["train"] >= MIN_EXAMPLES:
        parts = _with_dev(parts)
    return parts


def _with_dev(parts: Mapping[str, PartSize]) -> dict[str, PartSize]:
    """Give dev what a run cuts off a train file without a dev file."""
    train = parts["train"]
    rows = part_sizes(train.rows, None)["dev"]
    distinct = min(round(rows * train.distinct / train.rows), train.distinct - 1)
    remaining = train.distinct - distinct
    sizes = {"train": remaining, "dev": distinct, "test": 0}
    quotas = stratum_quotas(train.labels, sizes) if train.labels else {}
    return {
        "train": PartSize(train.rows - rows, remaining, quotas.get("train", {})),
        "dev": PartSize(rows, distinct, quotas.get("dev", {})),
        "test": parts["test"],
    }


def _labels(data: Dataset, indices: Sequence[int]) -> dict[str, int]:
    return dict(Counter(label for i in indices for label in data.label_sets[i]))


def unseen_reason(data: Dataset) -> str | None:
    """Why the size of a test alone does not say what difference it shows; ``None`` if it does."""
    name = data.task.primary_metric
    try:
        if ":" not in name:  # the user's own function is not run to look at data
            kind, options = METRICS.get(name), data.task.metric_configs[0].options
            metric = kind(read_options(f"metric {name}", kind.options_type, options), data.task)
            if metric.binary and metric.decomposable:
                return None
    except ConfigError as error:
        return str(error)
    return f"depends on the spread of {name}, which is known only after a run"


def shown_by(data: Dataset, parts: Parts) -> Detectable:
    """The smallest difference between two arms that the distinct test rows show, as a run has it."""
    return detectable_difference(parts.test.distinct, clusters=_test_clusters(data, parts))


def _test_clusters(data: Dataset, parts: Parts) -> int:
    """How many clusters the test rows fall into; where the part is planned, in proportion to all rows."""
    rows, places = data.likeness, range(len(data.examples))
    if not parts.is_planned:
        rows = rows.subset([place for place in places if data.parts[place] == "test"])
    clusters = len(build_clusters(rows, [()] * len(rows.examples)))
    if not parts.is_planned:
        return clusters
    return min(parts.test.distinct, round(clusters / len(places) * parts.test.rows))


def more_for(
    difference: float, parts: Parts, fractions: SplitConfig | None, comparisons: int = 1
) -> MoreRows:
    """Rows still to be added until the test part shows ``difference`` between two arms.

    Rows of one file are counted as if they repeated each other as often as those there are.
    ``comparisons`` share the level.
    """
    needed = items_needed(difference, comparisons=comparisons)
    if needed.items is None:
        return MoreRows(difference, None, None, None, needed.reason)
    lacking = max(0, needed.items - parts.test.distinct)
    if not parts.is_planned or not lacking or not parts.test.distinct:
        return MoreRows(difference, needed.items, lacking, lacking, None)
    total = _total_for(ceil(needed.items * parts.test.rows / parts.test.distinct), fractions)
    if total is None:
        reason = (
            f"Steelyard's own split never puts {needed.items:,} distinct rows of such data in test: "
            "set the fractions under split, or give a test file"
        )
        return MoreRows(difference, needed.items, lacking, None, reason)
    now = sum(part.rows for part in parts.by_name.values())
    return MoreRows(difference, needed.items, lacking, max(0, total - now), None)


def _total_for(test: int, fractions: SplitConfig | None) -> int | None:
    """The least number of rows whose split has ``test`` test rows."""
    low, high = MIN_EXAMPLES, MOST_ROWS
    if part_sizes(high, fractions)["test"] < test:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        try:
            enough = part_sizes(middle, fractions)["test"] >= test
        except DataError:
            enough = False
        low, high = (low, middle) if enough else (middle, high)
    return high


@lru_cache(maxsize=4096)
def half_width(n: int, accuracy: float = ACCURACY) -> float | None:
    """Half the width of the 95 % interval of a share near ``accuracy`` over ``n`` rows.

    Exact below 40 rows, Wilson from there on: see `proportion`. ``None`` without rows.
    """
    if n == 0:
        return None
    interval = proportion(round(accuracy * n), n)
    assert interval.low is not None and interval.high is not None
    return (interval.high - interval.low) / 2


def as_facts(parts: Parts) -> dict[str, Any]:
    """The sizes as JSON-able data."""
    return {
        name: {"rows": part.rows, "distinct": part.distinct} for name, part in parts.by_name.items()
    }
