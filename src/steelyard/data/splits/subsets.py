"""Nested training subsets, for learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, takewhile
from typing import Literal

import numpy as np

from steelyard.core import Example, OutputKind
from steelyard.errors import ConfigError

FIRST = 25
Subsets = Sequence[int] | Literal["auto"]


def subset_sizes(sizes: Subsets, train: int) -> tuple[int, ...]:
    """Sizes in rising order, all below ``train``; ``auto`` doubles from 25. Raises `ConfigError`."""
    if sizes == "auto":
        doublings = takewhile(lambda size: size < train, (FIRST * 2**step for step in count()))
        return tuple(doublings)
    for size in sizes:
        if not 1 <= int(size) < train:
            raise ConfigError(
                f"a training subset of {size} is not possible: train has {train} rows, so give "
                f"sizes from 1 to {train - 1}, or auto"
            )
    return tuple(sorted({int(size) for size in sizes}))


def nested_order(train: Sequence[Example], kind: OutputKind, seed: int) -> list[int]:
    """Indices of ``train`` in an order of which every beginning is a fair subset.

    One example of each label comes first, the frequent labels before the rare ones; after that each
    beginning holds the labels in the proportions of the whole (Webster's method: the j-th of n
    examples of a label stands at (j + 1/2) / n). Within a label the seed decides.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    strata: dict[str, list[int]] = {}
    for index, example in enumerate(train):
        strata.setdefault(example.output if kind == "label" else "", []).append(index)
    keyed: list[tuple[float, float, int]] = []
    for label in sorted(strata):
        members = [strata[label][place] for place in rng.permutation(len(strata[label]))]
        for rank, index in enumerate(members):
            place = (rank + 0.5) / len(members)
            keyed.append((place if rank else -1.0, place, index))
    return [index for *_, index in sorted(keyed)]
