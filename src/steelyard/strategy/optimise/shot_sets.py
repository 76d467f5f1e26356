"""Sets of shots to try: drawn, diverse, typical, retrieved, and bootstrapped from the model's answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from steelyard.seeds import fit_generator
from steelyard.strategy.formats import Shot
from steelyard.strategy.optimise.board import AnswerBoard
from steelyard.strategy.optimise.design import Design, PromptFactory
from steelyard.strategy.prompt import Retrieval
from steelyard.strategy.shots import CHOICES, by_label, in_rounds, shot_sequence

BOOTSTRAPS = ("wrong", "border", "right")
"""What the best prompt so far got wrong, hardest first; was least sure of; got right, surest first."""
DIVERSITIES = (0.0, 0.3)


@dataclass(frozen=True)
class ProbedShot:
    """One probed train example: the shot, what its answer was worth, and how sure the model was.

    ``margin`` is the probability of the reference less that of the best other label, in [-1, 1];
    without probabilities it is the answer's worth.
    """

    shot: Shot
    worth: float
    margin: float


def sequences(factory: PromptFactory, seed: int) -> dict[str, list[Shot]]:
    """Return a sequence of shots for each way of choosing that asks the model nothing."""
    return {
        choice: shot_sequence(
            factory.pool, factory.labels, choice, fit_generator(seed, f"optimise/{choice}")
        )
        for choice in CHOICES
    }


def bootstrapped(
    factory: PromptFactory, probes: Sequence[ProbedShot], seed: int, fallback: Sequence[Shot]
) -> dict[str, list[Shot]]:
    """Return a sequence for each of `BOOTSTRAPS` that ``probes`` gives shots for.

    In the spirit of bootstrapped demonstrations (Khattab et al. 2024, DSPy), with references as
    outputs. Labels that were not probed come from ``fallback``, so that every prefix is balanced.
    """
    best = max((t.worth for t in probes), default=0.0)
    ranked = {
        "wrong": sorted((t for t in probes if t.worth < 1), key=lambda t: (t.worth, t.margin)),
        "border": sorted(probes, key=lambda t: abs(t.margin)),
        "right": sorted((t for t in probes if t.worth == best > 0), key=lambda t: -t.margin),
    }
    if len({t.margin for t in probes}) < 3:  # nothing says how sure the model was
        del ranked["border"]
    shot_sets = {}
    for name, worked in ranked.items():
        if worked:
            first = [item.shot for item in worked]
            shots = list(dict.fromkeys([*first, *fallback]))
            rng = fit_generator(seed, f"optimise/{name}")
            order = in_rounds(by_label(shots, factory.labels), rng)
            shot_sets[name] = [shots[place] for place in order]
    return shot_sets


def probed(board: AnswerBoard, design: Design, items: Sequence[int]) -> list[ProbedShot]:
    """Read how ``design`` did on train examples, which it was asked about before."""
    worth = board.worth(design, items)
    return [
        _tried(board, design, item, float(value)) for item, value in zip(items, worth, strict=True)
    ]


def sized(
    factory: PromptFactory, sequence: Sequence[Shot], counts: Sequence[int]
) -> list[list[Shot]]:
    """Return the beginnings of ``sequence`` that fit the prompt, ``counts`` times the labels long."""
    most = factory.fitting(sequence)
    sizes = [count * max(1, len(factory.labels)) for count in counts]
    fitting = [size for size in sizes if size <= min(most, len(sequence))] or [most]
    return [list(sequence[:size]) for size in dict.fromkeys(fitting) if size]


def shot_designs(
    factory: PromptFactory,
    base: Design,
    ways: dict[str, list[Shot]],
    counts: Sequence[int],
    neighbours: Sequence[int],
) -> list[Design]:
    """Return ``base`` with each way's shots in each size, and with retrieved shots."""
    sets = [
        [
            base.with_retrieved(k, Retrieval(diversity))
            for k in sorted(neighbours)
            if 0 < k <= len(factory.pool) and (k > 1 or not diversity)
        ]
        for diversity in DIVERSITIES
    ]
    sets += [
        [
            base.with_shots(shots, f"{len(shots)} {name}")
            for shots in sized(factory, sequence, counts)
        ]
        for name, sequence in ways.items()
    ]
    # one of each way first: where the budget is short, no way is left out altogether
    designs = [design for turn in zip_longest(*sets) for design in turn if design is not None]
    return [design for design in designs if factory.fits(design)]


def _tried(board: AnswerBoard, design: Design, item: int, worth: float) -> ProbedShot:
    example = board.examples[item]
    probabilities = board.answer(design, item).completion.probabilities or {}
    others = [share for label, share in probabilities.items() if label != example.output]
    margin = (
        probabilities[example.output] - max(others)
        if others and example.output in probabilities
        else worth
    )
    return ProbedShot(Shot(example.input, example.output), worth, float(np.round(margin, 9)))
