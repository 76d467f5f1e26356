"""Disjoint sets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Forest:
    """Disjoint sets with path halving (Tarjan and van Leeuwen, 1984)."""

    def __init__(self, size: int) -> None:
        self._parents = list(range(size))
        self._sizes = [1] * size

    def find(self, index: int) -> int:
        """Return the lowest member of the set that holds ``index``."""
        while self._parents[index] != index:
            self._parents[index] = self._parents[self._parents[index]]
            index = self._parents[index]
        return index

    def roots(self) -> NDArray[np.int64]:
        """The lowest member of the set of each index, all at once."""
        parents = np.array(self._parents, dtype=np.int64)
        while (parents[parents] != parents).any():
            parents = parents[parents]
        return parents

    def join(self, a: int, b: int, most: int | None = None) -> None:
        """Join two sets unless the joint one would hold more than ``most``."""
        a, b = sorted((self.find(a), self.find(b)))
        if a == b or (most is not None and self._sizes[a] + self._sizes[b] > most):
            return
        self._parents[b] = a
        self._sizes[a] += self._sizes[b]
