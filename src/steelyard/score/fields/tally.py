"""Fields that two JSON documents share, and those that only one of them has."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from steelyard.score.fields.types import Likeness, join
from steelyard.score.fields.values import same

_ABSENT: tuple[Any, ...] = (None, [], {})
_MOST_ALIGNED = 200
"""Lists longer than this are aligned by place: the assignment takes cubic time."""


@dataclass(frozen=True)
class Tally:
    """Counts of fields by path: said in the answer, wanted by the reference, and right in both.

    A field that is null, an empty list or left out is not there: saying nothing where nothing is
    wanted neither helps nor harms, as in slot filling (Makhoul et al. 1999).
    """

    said: Counter[str] = field(default_factory=Counter)
    wanted: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.said + other.said, self.wanted + other.wanted, self.right + other.right)

    @property
    def f1(self) -> float:
        """Twice the right fields over the fields of both; 1 where neither document has any."""
        total = self.said.total() + self.wanted.total()
        return 2 * self.right.total() / total if total else 1.0

    def by_path(self) -> dict[str, float]:
        """F1 of each field that at least one of the documents has."""
        return {
            path: 2 * self.right[path] / (self.said[path] + self.wanted[path])
            for path in sorted({*self.said, *self.wanted})
        }


def tally(said: Any, wanted: Any, likeness: Likeness, path: str = "") -> Tally:
    """Count the fields of an answer against those of the reference.

    Items of a list are paired so that as many fields as possible are right (an assignment problem;
    Kuhn 1955), so that order does not matter and yet a quantity belongs to its product.
    """
    if _is_absent(said) and _is_absent(wanted):
        return Tally()
    if isinstance(said, dict) and isinstance(wanted, dict):
        found = Tally()
        for name in dict.fromkeys([*wanted, *said]):
            found += tally(said.get(name), wanted.get(name), likeness, join(path, name))
        return found
    if isinstance(said, list) and isinstance(wanted, list):
        return _lists(said, wanted, likeness, path)
    if isinstance(said, dict | list) or isinstance(wanted, dict | list):
        return Tally(leaves(said, path), leaves(wanted, path))
    one = Counter([path])
    right = one if same(said, wanted, path, likeness) else Counter[str]()
    return Tally(
        Counter() if _is_absent(said) else one, Counter() if _is_absent(wanted) else one, right
    )


def leaves(value: Any, path: str) -> Counter[str]:
    """The fields of a document alone, by path."""
    if _is_absent(value):
        return Counter()
    if isinstance(value, dict):
        inner = [leaves(each, join(path, name)) for name, each in value.items()]
    elif isinstance(value, list):
        inner = [leaves(each, f"{path}[]") for each in value]
    else:
        return Counter([path])
    return sum(inner, Counter())


def _lists(said: list[Any], wanted: list[Any], likeness: Likeness, path: str) -> Tally:
    inner = f"{path}[]"
    longest = max(len(said), len(wanted))
    if path in likeness.ordered or longest > _MOST_ALIGNED:
        pairs = [(place, place) for place in range(min(len(said), len(wanted)))]
    else:
        pairs = _aligned(said, wanted, likeness, inner)
    found = Tally()
    for left, right in pairs:
        found += tally(said[left], wanted[right], likeness, inner)
    spare = set(range(len(said))) - {left for left, _ in pairs}
    missed = set(range(len(wanted))) - {right for _, right in pairs}
    for place in spare:
        found += Tally(said=leaves(said[place], inner))
    for place in missed:
        found += Tally(wanted=leaves(wanted[place], inner))
    return found


def _aligned(
    said: list[Any], wanted: list[Any], likeness: Likeness, inner: str
) -> list[tuple[int, int]]:
    """Pair items so that most fields are right; between equals, items at the same place."""
    from scipy.optimize import linear_sum_assignment

    right = np.array(
        [[tally(a, b, likeness, inner).right.total() for b in wanted] for a in said],
        dtype=np.float64,
    )
    if not right.size:
        return []
    places = np.abs(np.subtract.outer(np.arange(len(said)), np.arange(len(wanted))))
    rows, columns = linear_sum_assignment(right - places / (4.0 * places.size), maximize=True)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))


def _is_absent(value: Any) -> bool:
    return any(value is none or (none is not None and value == none) for none in _ABSENT)
