"""How often ``run --fail-if-worse-than`` fails: runs that are alike, and runs that lost quality.

    PYTHONPATH=. python benchmarks/gates.py [--pairs 1000]

Runs are drawn as records and go through the product's own comparison and gate. Examples differ in how
hard they are, so that the answers of both runs to one example go together.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from steelyard.changes import FinishedRun, match_runs
from steelyard.changes.records import RunComparison
from steelyard.gates.rules import not_worse
from tests.made_runs import made_run

Pair = tuple[FinishedRun, FinishedRun]
Rng = np.random.Generator
SKILL, SPREAD = 1.5, 1.5
"""On the logit scale: an arm that is right in about 75 %."""


def chances(skill: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-skill))


def binary(rng: Rng, n: int, arms: int = 1, loss: float = 0.0) -> Pair:
    """Answers that are right or wrong; the best measured arm of each run is deployed."""
    right = chances(SKILL + SPREAD * rng.normal(size=n))

    def run(name: str, less: float) -> FinishedRun:
        rows = rng.random((arms, n)) < right - less
        return made_run(
            name, {f"arm{at}": row.astype(float).tolist() for at, row in enumerate(rows)}
        )

    return run("before", 0.0), run("now", loss)


def clustered(rng: Rng, clusters: int, size: int) -> Pair:
    """Examples of a cluster are right or wrong together, in part."""
    names, shared = np.repeat(np.arange(clusters), size).tolist(), rng.normal(size=clusters)

    def run(name: str) -> FinishedRun:
        skill = SKILL + np.repeat(shared + rng.normal(size=clusters), size)
        right = (rng.random(clusters * size) < chances(skill)).astype(float)
        return made_run(name, {"arm": right.tolist()}, clusters=names)

    return run("before"), run("now")


def graded(rng: Rng, n: int) -> Pair:
    """Scores between 0 and 1."""
    ease = 0.1 * rng.normal(size=n)

    def run(name: str) -> FinishedRun:
        scores = np.clip(0.7 * rng.beta(2, 1, size=n) + ease + 0.2, 0, 1).round(2)
        return made_run(name, {"arm": scores.tolist()})

    return run("before"), run("now")


def fails(pair: Pair) -> bool:
    runs = match_runs(*pair)
    comparison = RunComparison(deployed=runs.deployed_change(), common=len(runs.common))
    return not_worse(comparison).status == "failed"


def worlds(rng: Rng) -> Sequence[tuple[str, Callable[[], Pair]]]:
    alike = [(f"alike, {n} examples", partial(binary, rng, n)) for n in (30, 60, 120, 240)]
    lost = [
        (f"10 points lost, {n} examples", partial(binary, rng, n, 1, 0.1))
        for n in (60, 120, 240, 500)
    ]
    return [
        *alike,
        ("alike, 120 examples, the best of six arms", partial(binary, rng, 120, 6)),
        ("alike, 60 graded examples", partial(graded, rng, 60)),
        ("alike, 40 clusters of 5", partial(clustered, rng, 40, 5)),
        *lost,
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=1000)
    pairs = parser.parse_args().pairs
    for name, draw in worlds(np.random.default_rng(1)):
        failed = sum(fails(draw()) for _ in range(pairs))
        print(f"{name}: {failed} of {pairs:,} fail ({100 * failed / pairs:.1f} %)", flush=True)


if __name__ == "__main__":
    main()
