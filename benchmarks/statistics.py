"""Whether the statistics keep their word: coverage, size, power, clusters, families, latency, repeated looks.

    python benchmarks/statistics.py [--quick]

Prints the tables of docs/statistics.md, in eight minutes on one core. Enumerated figures are exact; simulated
ones have the standard error of so many repetitions (0.7 points at 5 % and 1,000). ``--quick`` makes 150 of
them, in a minute. Where scipy has the same method, the largest difference from it is printed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from steelyard.stats import (
    compare,
    detectable_difference,
    holm,
    mean,
    pair_tests,
    proportion,
    quantile_limits,
    shaffer,
)
from steelyard.stats.binary import mcnemar
from steelyard.stats.power import mcnemar_power
from steelyard.stats.resample import design_effect, sign_flip
from steelyard.stats.sequential import evidence

Rng = np.random.Generator
Floats = NDArray[np.float64]
ALPHA = 0.05


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table in Markdown."""
    print(f"\n### {title}\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        cells = (f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row)
        print(f"| {' | '.join(cells)} |", flush=True)


def shares(_: int) -> None:
    """Exact coverage of the interval of a share, summed over all outcomes."""
    from scipy.stats import binom, binomtest

    grid, rows = np.linspace(0.02, 0.98, 97), []
    apart = 0.0
    for n in (10, 20, 50, 100, 200, 1000):
        found = [proportion(k, n) for k in range(n + 1)]
        low, high = (np.array([getattr(each, side) for each in found]) for side in ("low", "high"))
        covered = [binom.pmf(np.arange(n + 1), n, p)[(low <= p) & (p <= high)].sum() for p in grid]
        method = "exact" if n < 40 else "wilson"
        for k in range(0, n + 1, max(1, n // 20)):
            limits = binomtest(k, n).proportion_ci(method=method)
            apart = max(apart, abs(limits.low - low[k]), abs(limits.high - high[k]))
        at = [float(covered[int(np.argmin(abs(grid - p)))]) for p in (0.1, 0.5, 0.8, 0.95)]
        rows.append((n, *at, float(min(covered)), float(np.mean(covered))))
    head = ("items", "p = .1", ".5", ".8", ".95", "least on .02-.98", "mean")
    table("Coverage of 95 % intervals of a share", head, rows)
    print(f"\nLargest difference from scipy's binomtest: {apart:.1g}")


SCORES: dict[str, Callable[[Rng, int], Floats]] = {
    "like ROUGE: beta(2.2, 4.5)": lambda rng, n: rng.beta(2.2, 4.5, n),
    "like field F1: 15 % zero, 45 % perfect": lambda rng, n: np.select(
        [(u := rng.random(n)) < 0.15, u < 0.60], [0.0, 1.0], rng.beta(4, 2, n)
    ),
    "nearly perfect: 93 % ones": lambda rng, n: np.where(rng.random(n) < 0.93, 1.0, rng.random(n)),
}


def graded(repeats: int) -> None:
    """Coverage of the interval of a mean of graded scores, beside scipy's BCa on the same data."""
    from scipy.stats import bootstrap

    rng, rows, sizes = np.random.default_rng(1), [], (20, 50, 120, 500)
    for name, draw in SCORES.items():
        true = float(draw(np.random.default_rng(99), 2_000_000).mean())
        cells = []
        for n in sizes:
            hits = 0
            for _ in range(repeats):
                found = mean(draw(rng, n), rng)
                hits += (found.low or 0) <= true <= (found.high or 1)
            cells.append(hits / repeats)
        rows.append((name, *cells))
    table("Coverage of a mean of graded scores", ("score", *map(str, sizes)), rows)
    scores = SCORES["like ROUGE: beta(2.2, 4.5)"](rng, 60)
    theirs = bootstrap((scores,), np.mean, n_resamples=20_000, rng=rng).confidence_interval
    ours = mean(scores, rng)
    apart = max(abs((ours.low or 0) - theirs.low), abs((ours.high or 0) - theirs.high))
    print(f"\nDifference from scipy's bootstrap on 60 scores: {apart:.4f}")


def pairs_of_counts(repeats: int) -> None:
    """Size and power of the test of right-or-wrong pairs, by enumeration; the exact test beside it."""
    from scipy.stats import binom

    def exact(n: int, difference: float, psi: float) -> float:
        total, wins = 0.0, (psi + difference) / (2 * psi)
        for differing in range(1, n + 1):
            least = binom.isf(ALPHA / 2, differing, 0.5) + 1
            tails = binom.sf(least - 1, differing, wins) + binom.cdf(
                differing - least, differing, wins
            )
            total += binom.pmf(differing, n, psi) * tails
        return float(total)

    sizes, rows = (30, 60, 120, 240, 500), []
    for what, psi, difference in (
        ("size, arms differ on 10 %", 0.1, 0.0),
        ("size, 30 %", 0.3, 0.0),
        ("power, 10 %, 5 points apart", 0.1, 0.05),
        ("power, 30 %, 10 points apart", 0.3, 0.10),
    ):
        cells = [
            f"{mcnemar_power(n, difference, psi, ALPHA):.3f} / {exact(n, difference, psi):.3f}"
            for n in sizes
        ]
        rows.append((what, *cells))
    table("Right-or-wrong pairs: ours / exact McNemar", ("", *map(str, sizes)), rows)
    every, rows = [*range(5, 61), *range(70, 301, 10), 500, 1000], []
    for psi in (0.1, 0.3, 0.5, 0.8, 0.9, 0.95, 1.0):
        worst = max((mcnemar_power(n, 0.0, psi, ALPHA), n) for n in every)
        rows.append((f"{psi:.0%}", float(worst[0]), worst[1]))
    table("Largest size over 5 to 1,000 items", ("arms differ on", "size", "at n"), rows)
    rng, odd = np.random.default_rng(2), 0
    for _ in range(repeats * 4):
        n, psi = int(rng.integers(10, 400)), float(rng.uniform(0.05, 0.9))
        lean = float(rng.uniform(-0.6, 0.6))
        shares_ = [psi * (1 + lean) / 2, psi * (1 - lean) / 2, 1 - psi]
        codes = rng.choice([1.0, -1.0, 0.0], size=n, p=shares_)
        found = compare((codes > 0) * 1.0, (codes < 0) * 1.0, ("a", "b"), "m", rng)
        odd += (found.p_value <= ALPHA) != (found.low > 0 or found.high < 0)
    print(f"\nTest and interval disagree in {odd} of {repeats * 4:,} random tables")


def graded_pairs(repeats: int) -> None:
    """Graded pairs: size of the test, coverage of the interval, and where skewness is said."""
    from scipy.stats import permutation_test

    def symmetric(rng: Rng, n: int) -> Floats:
        first, second = (SCORES["like field F1: 15 % zero, 45 % perfect"](rng, n) for _ in "ab")
        return first - second

    def skewed(rng: Rng, n: int) -> Floats:
        return np.where(rng.random(n) < 0.1, 0.9, -0.1) + rng.normal(0, 0.01, n)

    rng, rows, sizes = np.random.default_rng(3), [], (10, 20, 30, 60, 120, 240)
    for name, draw in (("like field F1", symmetric), ("often -0.1, rarely +0.9", skewed)):
        counts = np.zeros((3, len(sizes)))
        for place, n in enumerate(sizes):
            for _ in range(repeats):
                found = compare(draw(rng, n), np.zeros(n), ("a", "b"), "m", rng)
                counts[0, place] += found.p_value <= ALPHA
                counts[1, place] += found.low <= 0 <= found.high
                counts[2, place] += "symmetry" in found.method
        labels = ("false positives", "covered", "symmetry said to be assumed")
        rows += [
            (f"{name}: {label}", *(counts[k] / repeats).tolist()) for k, label in enumerate(labels)
        ]
    table("Graded pairs of equal arms", ("", *map(str, sizes)), rows)
    sums = symmetric(rng, 60)
    theirs = permutation_test(
        (sums,), np.sum, permutation_type="samples", n_resamples=9999, rng=rng
    )
    print(f"\nSign-flip p on 60 differences: {sign_flip(sums, rng):.4f}; scipy {theirs.pvalue:.4f}")


def in_clusters(
    rng: Rng, sizes: Sequence[int], icc: float, p: float = 0.8
) -> tuple[Floats, list[int]]:
    """Right or wrong with probability ``p`` on average, by beta-distributed clusters; ICC 1 repeats rows."""
    codes = np.repeat(np.arange(len(sizes)), sizes)
    chances = np.full(len(sizes), p)
    if icc == 1:
        chances = (rng.random(len(sizes)) < p).astype(float)
    elif icc > 0:
        chances = rng.beta(p * (1 / icc - 1), (1 - p) * (1 / icc - 1), len(sizes))
    return (rng.random(len(codes)) < chances[codes]).astype(float), codes.tolist()


def clusters(repeats: int) -> None:
    """Intervals and tests with clusters, and with clusters ignored."""
    designs = [
        (f"{many} of {size}, ICC {icc:g}", [size] * many, icc)
        for many, size, icc in (
            (50, 10, 0.0),
            (50, 10, 0.1),
            (50, 10, 0.3),
            (50, 10, 0.6),
            (20, 10, 0.3),
            (10, 10, 0.3),
            (167, 3, 1.0),
            (50, 10, 1.0),
        )
    ]
    designs += [("20 of 1, 2, 5 or 40, ICC 0.3", [1, 2, 5, 40] * 5, 0.3)]
    rng, rows = np.random.default_rng(4), []
    for name, sizes, icc in designs:
        hits, wrong, covered = np.zeros(2), np.zeros(2), np.zeros(2)
        for _ in range(repeats):
            (a, codes), (b, _) = in_clusters(rng, sizes, icc), in_clusters(rng, sizes, icc)
            for place, known in enumerate((codes, None)):
                found = mean(a, rng, clusters=known)
                hits[place] += (found.low or 0) <= 0.8 <= (found.high or 1)
                pair = compare(a, b, ("a", "b"), "m", rng, clusters=known)
                wrong[place] += pair.p_value <= ALPHA
                covered[place] += pair.low <= 0 <= pair.high
        row = [f"{x / repeats:.3f} / {y / repeats:.3f}" for x, y in (hits, wrong, covered)]
        rows.append((name, *row))
    head = (
        "clusters (ICC 1: rows that repeat)",
        "interval covers",
        "false positives",
        "paired interval",
    )
    table("Clusters: known / ignored", head, rows)


def equal_arms(rng: Rng, arms: int, n: int, kind: str) -> Floats:
    latent = rng.normal(size=n) * 0.7 + rng.normal(size=(arms, n)) * 0.7
    return (latent < 0.84).astype(float) if kind == "0/1" else np.clip(0.75 + 0.3 * latent, 0, 1)


def families(repeats: int) -> None:
    """Any false claim among equal arms: all pairs, and what Holm against the best made of them."""
    rng, rows = np.random.default_rng(5), []
    for arms, kind, n in (
        (6, "0/1", 120),
        (6, "0/1", 500),
        (13, "0/1", 120),
        (13, "0/1", 500),
        (6, "graded", 60),
        (6, "graded", 240),
        (13, "graded", 60),
        (13, "graded", 240),
    ):
        names, any_pair, any_best, few, ahead = [f"a{i}" for i in range(arms)], 0, 0, 0, 0.0
        started, tested = time.perf_counter(), repeats
        for _ in range(tested):
            scores = equal_arms(rng, arms, n, kind)
            p = {test.names: test.p_value for test in pair_tests(names, scores, "m", rng)}
            means = scores.mean(axis=1)
            best, ahead = names[int(means.argmax())], ahead + float(means.max() - means.mean())
            adjusted = dict(zip(p, shaffer(list(p.values()), arms), strict=True))
            any_pair += min(adjusted.values()) <= ALPHA
            any_best += min(adjusted[pair] for pair in p if best in pair) <= ALPHA
            few += min(holm([p[pair] for pair in p if best in pair])) <= ALPHA
        seconds = (time.perf_counter() - started) / tested
        cells = [count / tested for count in (any_pair, any_best, few)]
        optimism = f"{100 * ahead / tested:+.1f}"
        rows.append((f"{arms} arms, {kind}, {n} items", *cells, optimism, f"{1000 * seconds:.0f}"))
    head = ("", "any pair", "any against the best", "Holm against the best alone")
    table("Equal arms: any false claim", (*head, "the best seems better by, points", "ms"), rows)


def detectable(repeats: int) -> None:
    """Power at the difference that is printed, with groups of ten."""
    rng, rows, size, psi = np.random.default_rng(6), [], 10, 0.3
    for n in (120, 240, 500):
        many = n // size
        for icc in (0.0, 0.1, 0.3):
            plan = detectable_difference(n, clusters=many)
            effect = 1 + (size - 1) * icc
            figures = {
                "independent": plan.difference,
                "by the design effect": detectable_difference(n, design_effect=effect).difference,
                "one item per cluster": plan.if_dependent,
            }
            cells, effects = [], []
            for difference in figures.values():
                if difference is None:
                    cells.append("none")
                    continue
                shares_ = [(psi + difference) / 2, (psi - difference) / 2, 1 - psi]
                hits = 0
                for _ in range(repeats):
                    codes = np.repeat(np.arange(many), size)
                    shared = rng.choice([1.0, -1.0, 0.0], size=many, p=shares_)[codes]
                    own = rng.choice([1.0, -1.0, 0.0], size=n, p=shares_)
                    x = np.where(rng.random(n) < np.sqrt(icc), shared, own)
                    a, b, known = (x > 0) * 1.0, (x < 0) * 1.0, codes.tolist()
                    hits += compare(a, b, ("a", "b"), "m", rng, clusters=known).p_value <= ALPHA
                    effects.append(design_effect((a - b)[None, :], known))
                cells.append(f"{100 * difference:.1f}: {hits / repeats:.2f}")
            rows.append((n, f"{icc:g}", f"{effect:.1f}, {np.median(effects):.1f}", *cells))
    head = ("items", "ICC", "design effect, its median estimate", *(f"{name}" for name in figures))
    table("Detectable difference in points, and its power, in groups of 10", head, rows)


def latency(repeats: int) -> None:
    """The 95th percentile of 20 requests: how often the point, or the interval, wrongly breaks a limit."""
    rng, rows = np.random.default_rng(7), []
    for spread in (0.2, 0.5, 1.0):
        true = float(np.exp(spread * 1.6448536))
        for n in (20, 40, 100):
            draws = rng.lognormal(0, spread, (repeats * 5, n))
            limits = [quantile_limits(row.tolist(), 0.95) for row in draws]
            point = float(np.mean(np.percentile(draws, 95, axis=1) > true))
            low = float(np.mean([each.low is not None and each.low > true for each in limits]))
            high = float(np.mean([each.high is not None and each.high < true for each in limits]))
            known = float(np.mean([each.high is not None for each in limits]))
            rows.append((f"sigma {spread:g}, {n} requests", point, low, high, known))
    head = ("lognormal times", "point above the true p95", "lower limit above it", "upper below it")
    table("p95 latency", (*head, "has an upper limit"), rows)


def looks(repeats: int) -> None:
    """Equal arms looked at every 60 items; and the power of the evidence at 10 points."""
    rng, rows, many = np.random.default_rng(8), [], (1, 3, 5, 10, 20)
    for what, shares_ in (("equal arms", (0.15, 0.15, 0.7)), ("10 points apart", (0.2, 0.1, 0.7))):
        hits = np.zeros((2, len(many)))
        for _ in range(repeats * 2):
            codes = rng.choice([1, -1, 0], size=60 * many[-1], p=shares_)
            largest, shown, claimed = 0.0, False, False
            for look in range(1, many[-1] + 1):
                seen = codes[: 60 * look]
                wins, losses = int((seen > 0).sum()), int((seen < 0).sum())
                found = evidence(wins, losses, largest)
                largest = max(largest, found.log_e_value)
                shown |= found.p_value <= ALPHA
                claimed |= mcnemar(wins, losses) <= ALPHA
                if look in many:
                    hits[:, many.index(look)] += (shown, claimed)
        share = hits / (repeats * 2)
        rows.append((f"{what}: e-process", *share[0].tolist()))
        rows.append((f"{what}: the test at each look", *share[1].tolist()))
    table("Claimed after so many looks, one every 60 items", ("", *map(str, many)), rows)


def thirteen() -> None:
    """How long all pairs of thirteen arms take."""
    rng, names = np.random.default_rng(9), [f"a{i}" for i in range(13)]
    for kind in ("0/1", "graded"):
        scores = equal_arms(rng, 13, 500, kind)
        started = time.perf_counter()
        tests = pair_tests(names, scores, "m", rng)
        for test in tests:
            test.at(0.99)
        assert len(tests) == len(list(combinations(names, 2)))
        print(f"13 arms, 500 items, {kind}: {time.perf_counter() - started:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="150 repetitions for 1,000")
    repeats, started = 150 if parser.parse_args().quick else 1000, time.perf_counter()
    for part in (
        shares,
        graded,
        pairs_of_counts,
        graded_pairs,
        clusters,
        families,
        detectable,
        latency,
        looks,
    ):
        part(repeats)
    print()
    thirteen()
    print(f"{repeats} repetitions, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
