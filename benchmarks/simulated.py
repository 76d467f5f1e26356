"""Simulated tasks whose truth is known, for `worlds.py`: arms of known quality and cost, and a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np
from scipy.special import expit, logit, ndtri

from steelyard.stats import proportion
from steelyard.verdict import Candidate, Case, Limits

SIX = {  # arm: (strategy, family whose items are hard alike)
    "zero_shot": ("zero_shot", "prompt"),
    "few_shot": ("few_shot", "prompt"),
    "retrieved_few_shot": ("retrieved_few_shot", "prompt"),
    "tfidf_linear": ("tfidf_linear", "classical"),
    "lora": ("lora", "tuned"),
    "cascade": ("cascade", "hybrid"),
}
SEVEN_MORE = {
    "optimized_prompt": ("optimized_prompt", "prompt"),
    "chain_of_thought": ("chain_of_thought", "prompt"),
    "self_consistency": ("self_consistency", "prompt"),
    "nearest_neighbour": ("nearest_neighbour", "classical"),
    "tfidf_linear-b": ("tfidf_linear", "classical"),
    "lora-b": ("lora", "tuned"),
    "lora-c": ("lora", "tuned"),
}
TWINS = ("zero_shot", "few_shot", "retrieved_few_shot", "lora")
SIZES = (30, 60, 120, 240, 500)
FLOOR = "majority"


@dataclass(frozen=True)
class World:
    """A task whose truth is known; arrays are in the order of ``names``, the floor first."""

    names: tuple[str, ...]
    quality: np.ndarray
    scores: np.ndarray
    upfront: np.ndarray
    per_request: np.ndarray
    latency: np.ndarray
    requests_per_day: int
    horizon_days: int
    limits: Limits
    error_cost: float
    train: int
    is_near_tie: bool

    @property
    def requests(self) -> int:
        return self.requests_per_day * self.horizon_days

    @property
    def owned(self) -> np.ndarray:
        return self.upfront + self.requests * self.per_request

    @property
    def totals(self) -> np.ndarray:
        """Cost over the horizon, wrong answers included."""
        return self.owned + self.requests * self.error_cost * (1 - self.quality)

    @property
    def feasible(self) -> np.ndarray:
        limits, keeps = self.limits, np.array([name != FLOOR for name in self.names])
        if limits.min_quality is not None:
            keeps &= self.quality >= limits.min_quality
        if limits.max_latency_p95_ms is not None:
            keeps &= self.latency * 1000 <= limits.max_latency_p95_ms
        if limits.max_monthly_cost is not None:
            keeps &= self.per_request * self.requests_per_day * 30 <= float(limits.max_monthly_cost)
        return keeps


def draw(rng: np.random.Generator, arms: dict[str, tuple[str, str]]) -> World:
    """Draw one world."""
    train = int(_between(rng, 50, 5000))
    logits = _logits(rng, train, arms)
    is_near_tie = bool(rng.random() < 0.4)
    if is_near_tie:
        logits = {
            name: max(logits.values()) + (value - max(logits.values())) * 0.2
            for name, value in logits.items()
        }
    floor = float(rng.uniform(0.05, 0.5))
    quality = np.array([floor, *(float(expit(value)) for value in logits.values())])
    families = ["floor", *(family for _, family in arms.values())]
    scores = draw_scores(rng, quality, families, int(rng.choice(SIZES)))
    upfront, per_request, latency = _costs(rng, arms)
    per_day, days = int(_between(rng, 10, 1e6)), int(rng.integers(30, 731))
    return World(
        names=(FLOOR, *arms),
        quality=quality,
        scores=scores,
        upfront=upfront,
        per_request=per_request,
        latency=latency,
        requests_per_day=per_day,
        horizon_days=days,
        limits=_limits(rng, quality[1:], latency[1:], per_request[1:] * per_day * 30),
        error_cost=_between(rng, 0.001, 1),
        train=train,
        is_near_tie=is_near_tie,
    )


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """A number that is uniform in its logarithm."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _logits(
    rng: np.random.Generator, train: int, arms: dict[str, tuple[str, str]]
) -> dict[str, float]:
    """Qualities on the logit scale: what is trained gains with the logarithm of its examples."""
    data = 0.5 * float(np.log10(train / 300))
    few = float(logit(rng.uniform(0.5, 0.95)))
    zero = few - abs(float(rng.normal(0, 0.5)))
    retrieved = few + float(rng.normal(0.15, 0.25))
    classical = few - 0.4 + data + float(rng.normal(0, 0.8))
    tuned = max(few, retrieved) + 0.15 + data + float(rng.normal(0, 0.5))
    logits = {
        "zero_shot": zero,
        "few_shot": few,
        "retrieved_few_shot": retrieved,
        "tfidf_linear": classical,
        "lora": tuned,
        "cascade": max(few, retrieved, classical, tuned) + float(rng.normal(-0.1, 0.1)),
        "optimized_prompt": few + float(rng.normal(0.1, 0.15)),
        "chain_of_thought": few + float(rng.normal(-0.1, 0.3)),
        "self_consistency": few + float(rng.normal(0.05, 0.1)),
        "nearest_neighbour": classical + float(rng.normal(-0.3, 0.3)),
        "tfidf_linear-b": classical + float(rng.normal(0, 0.2)),
        "lora-b": tuned + float(rng.normal(0, 0.2)),
        "lora-c": tuned + float(rng.normal(-0.1, 0.2)),
    }
    return {name: logits[name] for name in arms}


def draw_scores(
    rng: np.random.Generator, quality: np.ndarray, families: Sequence[str], n: int
) -> np.ndarray:
    """Right and wrong answers: how hard an item is is shared by all arms, and by arms of a family."""
    shared, by_family = float(rng.uniform(0.25, 0.6)), float(rng.uniform(0.1, 0.3))
    hard = rng.normal(size=n)
    hard_for = {family: rng.normal(size=n) for family in dict.fromkeys(families)}
    rows = []
    for family, value in zip(families, quality, strict=True):
        weights = (0.0, 0.0) if family == "floor" else (shared, by_family)
        latent = np.sqrt(weights[0]) * hard + np.sqrt(weights[1]) * hard_for[family]
        latent = latent + np.sqrt(1 - sum(weights)) * rng.normal(size=n)
        rows.append(latent + ndtri(value) > 0)
    return np.array(rows, dtype=np.float64)


def _costs(
    rng: np.random.Generator, arms: dict[str, tuple[str, str]]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Upfront, per request and seconds, the floor first, which costs nothing."""
    request, seconds = _between(rng, 2e-5, 1.5e-2), _between(rng, 0.1, 2)
    times = {"zero_shot": 1.0, "chain_of_thought": 4.0, "self_consistency": 4.0}
    upfront, each, latency = [0.0], [0.0], [0.001]
    for name, (_, family) in arms.items():
        if family == "classical":
            money, speed = (0.001, _between(rng, 5e-7, 2e-6)), 0.002
        elif family == "tuned":
            money, speed = (_between(rng, 2, 800), request * _between(rng, 0.3, 2)), 0.6
        elif family == "hybrid":
            money, speed = (0.0, request * float(rng.uniform(0.3, 1.2))), 1.2
        else:
            dearer = times.get(name, float(rng.uniform(1.2, 4)))
            money, speed = (20.0 * (name == "optimized_prompt"), request * dearer), dearer
        upfront.append(money[0])
        each.append(money[1])
        latency.append(seconds * speed * float(rng.uniform(0.8, 1.25)))
    return np.array(upfront), np.array(each), np.array(latency)


def _limits(
    rng: np.random.Generator, quality: np.ndarray, latency: np.ndarray, monthly: np.ndarray
) -> Limits:
    """Constraints in some worlds, each kept by one arm at least; a margin in all."""
    least = float(quality.max() - rng.uniform(0, 0.1)) if rng.random() < 0.3 else None
    most = float(np.quantile(monthly, rng.uniform(0.3, 1))) if rng.random() < 0.2 else None
    slowest = float(np.quantile(latency, rng.uniform(0.3, 1))) if rng.random() < 0.2 else None
    return Limits(
        min_quality=least,
        max_monthly_cost=None if most is None else Decimal(f"{most:.9f}"),
        max_latency_p95_ms=None if slowest is None else slowest * 1000,
        margin=float(rng.choice([0.01, 0.02, 0.05])),
    )


def case_of(world: World, error_cost: float | None = None) -> Case:
    """What the product is asked of a world."""
    strategies = {FLOOR: FLOOR} | {n: s for n, (s, _) in (SIX | SEVEN_MORE).items()}
    n = world.scores.shape[1]
    candidates = tuple(
        Candidate(
            name=name,
            strategy=strategies[name.removesuffix("-free")],
            quality=proportion(int(world.scores[place].sum()), n),
            scores=world.scores[place],
            upfront=Decimal(f"{world.upfront[place]:.9f}"),
            per_request=Decimal(f"{world.per_request[place]:.12f}"),
            monthly=Decimal(f"{world.per_request[place] * world.requests_per_day * 30:.9f}"),
            latency_p95_seconds=float(world.latency[place]),
        )
        for place, name in enumerate(world.names)
    )
    return Case(
        candidates,
        requests_per_day=world.requests_per_day,
        horizon_days=world.horizon_days,
        limits=world.limits,
        error_cost=None if error_cost is None else Decimal(f"{error_cost:.9f}"),
    )


def with_twins(rng: np.random.Generator, world: World) -> World:
    """Give each prompt and tuned arm a twin of equal quality that mostly answers alike, as in free text."""
    places = [place for place, name in enumerate(world.names) if name in TWINS]
    answers = [_nearly(rng, world.scores[place], world.quality[place]) for place in places]
    every = [*range(len(world.names)), *places]
    dearer = np.array([1.0] * len(world.names) + [float(rng.uniform(0.9, 1.3)) for _ in places])
    return replace(
        world,
        names=(*world.names, *(f"{world.names[place]}-free" for place in places)),
        quality=world.quality[every],
        scores=np.array([*world.scores, *answers]),
        upfront=world.upfront[every],
        per_request=world.per_request[every] * dearer,
        latency=world.latency[every],
    )


def _nearly(rng: np.random.Generator, scores: np.ndarray, quality: float) -> np.ndarray:
    """The same scores but for one to eight percent of the items, which are drawn anew."""
    anew = rng.random(len(scores)) < rng.uniform(0.01, 0.08)
    return np.where(anew, rng.random(len(scores)) < quality, scores).astype(np.float64)


def draw_weak_worlds(count: int, seed: int) -> list[World]:
    """Worlds of one to four arms that are hardly better than always giving the commonest answer, or worse.

    A wrong answer costs 2 cents; requests cost next to nothing in half of the worlds, and up to half a cent
    in the others.
    """
    rng, worlds = np.random.default_rng(seed), []
    for _ in range(count):
        names = (FLOOR, *list(SIX)[: int(rng.integers(1, 5))])
        k, floor = len(names), float(rng.uniform(0.25, 0.6))
        above = rng.normal(rng.choice([0.0, 0.1]), 0.08, size=k - 1)
        quality = np.array([floor, *np.clip(floor + above, 0.02, 0.98)])
        request = 0.00001 if rng.random() < 0.5 else rng.uniform(0.0005, 0.005, size=k)
        scores = rng.random((k, int(rng.choice(SIZES)))) < quality[:, None]
        worlds.append(
            World(
                names=names,
                quality=quality,
                scores=scores.astype(np.float64),
                upfront=np.zeros(k),
                per_request=np.where(np.arange(k) > 0, request, 0.0),
                latency=np.full(k, 0.1),
                requests_per_day=1000,
                horizon_days=365,
                limits=Limits(),
                error_cost=0.02,
                train=200,
                is_near_tie=False,
            )
        )
    return worlds


def draw_worlds(
    count: int, seed: int, arms: dict[str, tuple[str, str]], *, twins: bool = False
) -> list[World]:
    """Worlds in which at least one arm keeps the constraints."""
    rng, worlds = np.random.default_rng(seed), []
    while len(worlds) < count:
        world = draw(rng, arms)
        world = with_twins(rng, world) if twins else world
        if world.feasible.any():
            worlds.append(world)
    return worlds
