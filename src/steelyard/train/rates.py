"""Which learning rates are tried, and on how much of train: a published formula, and halving."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from steelyard.packaged import packaged

RateOrigin = Literal["given", "formula", "trials"]
"""Whose a learning rate is: the user's, the published formula's, or that of trials around it."""
FACTOR = 2.0
"""From one rate of the grid to the next."""
TRIAL_DEV = 40
"""Dev examples at most that a trial is measured on; an epoch is on all of them."""
MOST_TRIALS = 8
"""Trials at most, with one for the edge of the grid, where the rates are those around the formula's."""
_FIRST, _LAST = (6, 50), (12, 100)
"""Steps at least and at most of a trial that drops rates, and of one that decides. A dozen steps favour
high rates too much to overrule the formula."""


class Rung(NamedTuple):
    """A step of successive halving: ``rates`` are each tried on ``examples`` of train.

    ``spare`` more trials fit into the budget, should the best rate be the last of its grid.
    """

    rates: int
    examples: int
    spare: int = 0


class TrialCost(NamedTuple):
    """Forward-pass tokens of training on one example, and of one look at a trial's part of dev."""

    example: float
    dev: float


def formula_rate(hidden_size: int, model_type: str, multiplier: float) -> float:
    """Return ``multiplier`` times the rate of full tuning for a network, by ``train/data/rates.yaml``.

    It has two digits. For LoRA its authors state a regret below 0.5 % against sweeps, for Llama and Qwen
    models; it is the same for every rank. ``model_type`` is that of the network's configuration
    (``llama``, ``qwen2``).
    """
    rule: dict[str, Any] = packaged("train/data/rates.yaml")
    powers = rule["powers"]
    family = next((name for name in powers if name in model_type), rule["default"])
    scale = (rule["width"] / hidden_size) ** powers[family]
    return float(f"{rule['base'] * multiplier * scale:.1e}")


def lora_multiplier(steps: int) -> float:
    """How many times the rate of full tuning LoRA's is in a run of ``steps``, by the same rule.

    Between a short run and a long one it falls with the logarithm of the steps, which is ours.
    """
    rule: dict[str, Any] = packaged("train/data/rates.yaml")["lora_multiplier"]
    short, long = rule["short"], rule["long"]
    way = math.log(max(1, steps) / short["steps"]) / math.log(long["steps"] / short["steps"])
    return float(short["times"] + min(1.0, max(0.0, way)) * (long["times"] - short["times"]))


def grid(centre: float, count: int) -> tuple[float, ...]:
    """Return ``count`` rates around ``centre``, the lowest first; ``count`` is odd."""
    return tuple(centre * FACTOR**power for power in range(-(count // 2), count // 2 + 1))


def beyond(rate: float, tried: Sequence[float]) -> float | None:
    """Return the next rate of the grid where ``rate`` is the last one tried, else ``None``."""
    if rate == max(tried):
        return rate * FACTOR
    return rate / FACTOR if rate == min(tried) else None


def rungs(allowed: float, cost: TrialCost, batch_size: int, train: int) -> tuple[Rung, ...]:
    """Return how rates around the formula's are tried within ``allowed`` forward-pass tokens.

    Successive halving (Jamieson & Talwalkar 2016), cut to two rungs: five rates, of which the better two
    meet more of train; with less to spend three rates once; and where a trial would be of a few steps,
    none, so that the formula's rate is taken. None passes over the ``train`` examples twice. Each trial takes
    the loss on dev, and answers it.
    """
    once = train // batch_size
    for plan in (((5, 0, _FIRST), (2, 1, _LAST)), ((3, 1, _LAST),)):
        trials = [rates + spare for rates, spare, _ in plan]
        looks = 2 * sum(trials)
        least = sum(
            n * bounds[0] * batch_size for n, (_, _, bounds) in zip(trials, plan, strict=True)
        )
        times = (allowed - looks * cost.dev) / (least * cost.example)
        if times >= 1 and once >= plan[-1][-1][0]:
            return tuple(
                Rung(rates, int(min(bounds[0] * times, bounds[1], once)) * batch_size, spare)
                for rates, spare, bounds in plan
            )
    return ()
