"""How good the verdict's advice is: simulated worlds whose truth is known.

Each world is a task with arms of known quality and cost, a test drawn from it, a volume, a horizon, perhaps
constraints, a margin and a price of a wrong answer. Rules see the test and the costs; what they choose is
judged by the truth. The product is asked with the price of an error, without it, and with a wrong one;
beside it stand the highest mean, the field's rules of thumb, and the rule of a peer (fine-tune where it gains
three points with p < .05).

python benchmarks/worlds.py [--worlds 2000] [--arms six|thirteen|twins] [--seed 0]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy.stats import binomtest
from simulated import (
    FLOOR,
    SEVEN_MORE,
    SIX,
    SIZES,
    World,
    case_of,
    draw_scores,
    draw_weak_worlds,
    draw_worlds,
)

from steelyard.verdict import Limits, decide
from steelyard.verdict.race import FEWEST_ITEMS, Racer, losers

SOME = 900
"""So many of the worlds are enough for the tables beside the main one."""
LEAST_MONEY = 1.0
"""Currency units added to both costs of a ratio, so that a ratio of cents does not count."""

Rule = Callable[[World], str | None]


def product(factor: float | None) -> Rule:
    """The product's choice, told ``factor`` times the price of an error; ``None``: not told."""

    def choose(world: World) -> str | None:
        return decide(case_of(world, factor and factor * world.error_cost)).arm

    return choose


def highest_mean(world: World) -> str | None:
    return world.names[1 + int(world.scores[1:].mean(axis=1).argmax())]


def rules_of_thumb(world: World) -> str | None:
    """Fine-tune from 500 examples and 10,000 requests a day; else show examples, from 20 on."""
    if world.train >= 500 and world.requests_per_day >= 10_000:
        return "lora"
    return "few_shot" if world.train >= 20 else "zero_shot"


def peer(world: World) -> str | None:
    """Tune where it gains three points on the plain prompt and McNemar's test says p < .05."""
    tuned, plain = (world.scores[world.names.index(name)] for name in ("lora", "zero_shot"))
    wins, losses = int((tuned > plain).sum()), int((tuned < plain).sum())
    is_shown = wins + losses > 0 and binomtest(wins, wins + losses).pvalue < 0.05
    return "lora" if tuned.mean() - plain.mean() >= 0.03 and is_shown else "zero_shot"


RULES: dict[str, Rule] = {
    "product, price told": product(1.0),
    "product, no price": product(None),
    "highest mean": highest_mean,
    "rules of thumb": rules_of_thumb,
    "peer's rule": peer,
}
MISPRICED: dict[str, Rule] = {
    f"product, price {word}": product(factor)
    for word, factor in (("x3", 3.0), ("/3", 1 / 3), ("x10", 10.0), ("/10", 0.1))
}
COLUMNS = (
    "decided within_1pt in_margin regret_pts over_5pts times_cost excess_total tunes_in_vain below_min"
).split()


def judged(worlds: Sequence[World], choices: Sequence[str | None]) -> list[float]:
    """The figures of a rule's choices, by the truth; see the printed legend."""
    rows = [
        _outcome(world, world.names.index(choice))
        for world, choice in zip(worlds, choices, strict=True)
        if choice is not None
    ]
    table = np.array(rows, dtype=np.float64) if rows else np.full((1, 8), np.nan)
    figures = table.mean(axis=0)
    figures[4], figures[5] = np.exp(figures[4]), np.exp(figures[5]) - 1
    return [len(rows) / len(worlds), *(float(figure) for figure in figures)]


def _outcome(world: World, choice: int) -> tuple[float, ...]:
    keeps, owned, totals = world.feasible, world.owned, world.totals
    best = world.quality[keeps].max()
    loss = max(0.0, float(best - world.quality[choice]))
    near = keeps & (world.quality >= best - world.limits.margin)
    cost = (owned[choice] + LEAST_MONEY) / (owned[near].min() + LEAST_MONEY)
    least = world.limits.min_quality
    untuned = keeps & np.array([not name.startswith("lora") for name in world.names])
    least_untuned = totals[untuned].min() if untuned.any() else np.inf
    in_vain = world.names[choice].startswith("lora") and totals[choice] > 1.05 * least_untuned
    return (
        loss <= 0.01,
        loss <= world.limits.margin,
        100 * loss,
        loss > 0.05,
        float(np.log(cost)),
        float(np.log(totals[choice] / totals[keeps].min())),
        in_vain,
        least is not None and bool(world.quality[choice] < least),
    )


def show(title: str, rows: dict[str, list[float]]) -> None:
    print(f"\n{title}")
    print(f"{'':24}" + "".join(f"{column:>14}" for column in COLUMNS))
    for name, figures in rows.items():
        cells = [
            f"{value:14.2f}" if column in ("regret_pts", "times_cost") else f"{value:14.1%}"
            for column, value in zip(COLUMNS, figures, strict=True)
        ]
        print(f"{name:24}" + "".join(cells))


def _show_confidence(worlds: Sequence[World], weak: Sequence[World]) -> None:
    """How often the choice is right, by the word that the verdict says of it."""
    rows = {
        "price told": [_sureness(world, is_priced=True) for world in worlds],
        "no price": [_sureness(world, is_priced=False) for world in worlds],
    }
    of_weak = [_sureness(world, is_priced=True) for world in weak]
    rows["weak arms, one is the choice"] = [row for row in of_weak if row and row.arm != FLOOR]
    rows["weak arms, none pays"] = [row for row in of_weak if row and row.arm == FLOOR]
    print(
        f"\nright, by the confidence stated: choices, chance stated, right ({len(weak)} weak worlds)"
    )
    for name, row in rows.items():
        cells = []
        for word in ("high", "moderate", "low"):
            of_word = [one for one in row if one is not None and one.confidence == word]
            chance = np.mean([one.chance for one in of_word]) if of_word else np.nan
            right = np.mean([one.is_right for one in of_word]) if of_word else np.nan
            cells.append(f"{word} {len(of_word):4} {chance:6.2f} {right:6.2f}")
        print(f"  {name:30}" + "   ".join(cells))


class Sureness(NamedTuple):
    """A choice, what is said of it, and whether it is right."""

    arm: str
    confidence: str
    chance: float
    is_right: bool


def _sureness(world: World, *, is_priced: bool) -> Sureness | None:
    verdict = decide(case_of(world, world.error_cost if is_priced else None))
    if verdict.arm is None or verdict.details.chance is None:
        return None
    place, limits = world.names.index(verdict.arm), world.limits
    least = 0.0 if limits.min_quality is None else limits.min_quality
    options = world.feasible | ((world.quality >= least) & (np.arange(len(world.names)) == 0))
    if is_priced:
        is_right = bool(world.totals[place] <= 1.05 * world.totals[options].min())
    else:
        is_right = bool(world.quality[place] >= world.quality[world.feasible].max() - limits.margin)
    reaches = verdict.details.minimum.get(verdict.arm, 1.0)
    keeps = bool(world.quality[place] >= least)
    chance = min(verdict.details.chance, reaches)
    return Sureness(verdict.arm, verdict.confidence, chance, is_right and keeps)


def _show_race(worlds: Sequence[World], arms: dict[str, tuple[str, str]]) -> None:
    """How many arms stop on a dev split of half the test, and how often the choice stays."""
    rng, stopped, same = np.random.default_rng(1), 0, 0
    for world in worlds:
        families = ["floor", *(arms[name.removesuffix("-free")][1] for name in world.names[1:])]
        n = max(FEWEST_ITEMS, world.scores.shape[1] // 2)
        dev = draw_scores(rng, world.quality, families, n)
        case = case_of(replace(world, limits=replace(world.limits, max_latency_p95_ms=None)))
        racers = [
            Racer(arm.name, arm.strategy, dev[place], arm.upfront, arm.per_request)
            for place, arm in enumerate(case.candidates)
        ]
        lost = {one.arm.name for one in losers(racers, None, rng)}
        kept = tuple(arm for arm in case.candidates if arm.name not in lost)
        stopped += len(lost)
        same += decide(case).arm == decide(replace(case, candidates=kept, memo={})).arm
    share = stopped / sum(len(world.names) - 1 for world in worlds)
    print(
        f"\nthe race: {share:.1%} of arms stop, the choice stays in {same / len(worlds):.1%} of worlds"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worlds", type=int, default=2000)
    parser.add_argument("--arms", choices=("six", "thirteen", "twins"), default="six")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    arms = SIX | SEVEN_MORE if options.arms == "thirteen" else SIX
    worlds = draw_worlds(options.worlds, options.seed, arms, twins=options.arms == "twins")
    choices = {name: [rule(world) for world in worlds] for name, rule in RULES.items()}
    rows = {name: judged(worlds, picks) for name, picks in choices.items()}
    show(f"{len(worlds)} worlds, {options.arms} arms and the floor, seed {options.seed}", rows)
    some = worlds[:SOME]
    rows = {name: judged(some, [rule(world) for world in some]) for name, rule in MISPRICED.items()}
    show(f"a wrong price of an error, {len(some)} of these worlds", rows)
    for name in ("product, price told", "product, no price"):
        by_size = {
            f"n = {n}": _part(worlds, choices[name], lambda w, n=n: w.scores.shape[1] == n)
            for n in SIZES
        }
        ties = {
            word: _part(worlds, choices[name], lambda w, tie=tie: w.is_near_tie == tie)
            for word, tie in (("near ties", True), ("no near ties", False))
        }
        show(name, by_size | ties)
    _show_honesty(some)
    _show_confidence(some, draw_weak_worlds(SOME, options.seed))
    _show_race(some, arms)


def _part(
    worlds: Sequence[World], choices: Sequence[str | None], belongs: Callable[[World], bool]
) -> list[float]:
    both = [pair for pair in zip(worlds, choices, strict=True) if belongs(pair[0])]
    return judged([world for world, _ in both], [choice for _, choice in both])


def _show_honesty(worlds: Sequence[World]) -> None:
    """How often the choice lies within the margin, by the chance that the verdict states."""
    print("\nwithin the margin, by the chance stated (no price)")
    rows = []
    for world in worlds:
        verdict = decide(case_of(replace(world, limits=Limits(margin=world.limits.margin))))
        if verdict.arm is not None and verdict.details.chance is not None:
            quality = world.quality[world.names.index(verdict.arm)]
            is_near = quality >= world.quality[1:].max() - world.limits.margin
            rows.append((verdict.details.chance, is_near))
    table = np.array(rows, dtype=np.float64)
    for low, high in ((0, 0.5), (0.5, 0.6), (0.6, 0.75), (0.75, 0.9), (0.9, 0.95), (0.95, 1.01)):
        part = table[(table[:, 0] >= low) & (table[:, 0] < high)]
        if len(part):
            print(
                f"  {low:4.2f} to {min(high, 1):4.2f}: {len(part):5} choices, {part[:, 1].mean():.2f}"
            )


if __name__ == "__main__":
    main()
