"""Small changes to a design: another block, format or order; a shot swapped, dropped or added."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import zip_longest

import numpy as np

from steelyard.strategy.formats import Shot
from steelyard.strategy.optimise.design import Design, PromptFactory
from steelyard.strategy.optimise.shot_sets import DIVERSITIES
from steelyard.strategy.prompt import RETRIEVED_ORDERS
from steelyard.strategy.shots import ORDERS, ordered

Move = Callable[[PromptFactory, Design, Sequence[Shot], np.random.Generator], list[Design]]


def moves(
    factory: PromptFactory,
    design: Design,
    spare: Sequence[Shot],
    count: int,
    rng: np.random.Generator,
) -> list[Design]:
    """Return up to ``count`` neighbours of ``design``, the kinds of move in turn, drawn by ``rng``.

    ``spare`` are shots worth trying, the best first; they replace or join the design's own.
    """
    kinds = [move(factory, design, spare, rng) for move in _MOVES]
    kinds = [[variant for variant in kind if factory.fits(variant)] for kind in kinds if kind]
    shuffled = [[kind[place] for place in rng.permutation(len(kind))] for kind in kinds if kind]
    near = [variant for turn in zip_longest(*shuffled) for variant in turn if variant is not None]
    unique = {variant.key: variant for variant in near if variant.key != design.key}
    return list(unique.values())[:count]


def _words(
    factory: PromptFactory, design: Design, spare: Sequence[Shot], rng: np.random.Generator
) -> list[Design]:
    if design.wording is None:
        return []
    changed = []
    for wording in factory.wordings.neighbours(design.wording):
        text = factory.wordings.text(wording) or ""
        changed.append(
            replace(design, instruction=text, wording_name=wording.name, wording=wording)
        )
    return changed


def _formats(
    factory: PromptFactory, design: Design, spare: Sequence[Shot], rng: np.random.Generator
) -> list[Design]:
    return [replace(design, format=name) for name in factory.formats if name != design.format]


def _orders(
    factory: PromptFactory, design: Design, spare: Sequence[Shot], rng: np.random.Generator
) -> list[Design]:
    if len(design.shots) < 2:
        return []
    name = _plain(design.shots_name)
    designs = [
        design.with_shots(ordered(design.shots, order), f"{name}, {order}")
        for order in ORDERS
        if order != "drawn"
    ]
    for _ in range(2):
        drawn = [design.shots[place] for place in rng.permutation(len(design.shots))]
        designs.append(design.with_shots(drawn, f"{name}, shuffled"))
    return designs


def _swaps(
    factory: PromptFactory, design: Design, spare: Sequence[Shot], rng: np.random.Generator
) -> list[Design]:
    """Swap a shot for a spare one, of the same label where there are labels."""
    fresh = [shot for shot in spare if shot not in design.shots]
    designs = []
    for place in rng.permutation(len(design.shots))[:4]:
        old = design.shots[place]
        fitting = [s for s in fresh if not factory.labels or s.output == old.output]
        if fitting:
            new = fitting[int(rng.integers(min(3, len(fitting))))]
            shots = (*design.shots[:place], new, *design.shots[place + 1 :])
            designs.append(design.with_shots(shots, f"{_plain(design.shots_name)}, swapped"))
    return designs


def _counts(
    factory: PromptFactory, design: Design, spare: Sequence[Shot], rng: np.random.Generator
) -> list[Design]:
    """Drop a shot, or add a spare one at the end or at the front."""
    size = len(design.shots)
    designs = []
    for place in rng.permutation(size)[:2]:
        shots = (*design.shots[:place], *design.shots[place + 1 :])
        designs.append(
            design.with_shots(shots, f"{size - 1} shots, one dropped" if shots else "no shots")
        )
    fresh = [shot for shot in spare if shot not in design.shots][:4]
    for new in [] if design.retrieved else fresh:
        designs.append(design.with_shots((*design.shots, new), f"{size + 1} shots, one added"))
    return designs


def _retrieval(
    factory: PromptFactory, design: Design, spare: Sequence[Shot], rng: np.random.Generator
) -> list[Design]:
    if not design.retrieved:
        return []
    k, way = design.retrieved, design.retrieval
    sizes = [size for size in (k - 1, k + 1, k + 2) if 0 < size <= len(factory.pool)]
    designs = [design.with_retrieved(size, way) for size in sizes]
    other = RETRIEVED_ORDERS[RETRIEVED_ORDERS.index(way.order) - 1]
    designs.append(design.with_retrieved(k, replace(way, order=other)))
    diversities = [*DIVERSITIES, 0.5]
    designs += [
        design.with_retrieved(k, replace(way, diversity=d))
        for d in diversities
        if d != way.diversity
    ]
    return designs


def _plain(name: str) -> str:
    """The name of a set without what was done to it."""
    return name.partition(",")[0]


_MOVES: tuple[Move, ...] = (_words, _swaps, _formats, _orders, _counts, _retrieval)
