"""Fitting a cascade: two strategies, and the confidence below which the second is asked."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from steelyard.core import Answer, Example, questions_of
from steelyard.errors import ConfigError
from steelyard.model.accounts import FIT_SECONDS
from steelyard.model.base import ModelSpec
from steelyard.strategy.base import Arm, Brief, FitContext, Forecast, Sizes, Strategy
from steelyard.strategy.cascade_arm import CascadeArm, stays
from steelyard.strategy.cascade_parts import (
    CascadePart,
    check_part,
    default_first,
    no_confidence,
    read_part,
    spec_of,
    tags_of,
)
from steelyard.strategy.classical import generator
from steelyard.strategy.forecasting import added, asking
from steelyard.strategy.frugal import cheapest, item_scores
from steelyard.strategy.options import parse_options
from steelyard.strategy.search import Trial, stratified_subset

_UNTESTED_THRESHOLD = 0.5
_EVERYTHING = 1.01
"""A threshold above every confidence."""
_SHOWN = 21


@dataclass(frozen=True)
class CascadeOptions:
    """``dev_items`` set the threshold. ``first`` and ``then`` are read apart; see `CascadePart`."""

    dev_items: int = 100

    def __post_init__(self) -> None:
        """Refuse a threshold that is set on nothing."""
        if self.dev_items < 1:
            raise ConfigError("strategy cascade: option dev_items must be at least 1, got 0")


class Sweep(NamedTuple):
    """Every threshold that makes a difference on dev, from the cheapest, and the chosen one's place.

    ``coverage`` is the share of dev that the first arm keeps.
    """

    thresholds: list[float]
    coverage: list[float]
    scores: list[float]
    chosen: int


class Cascade(Strategy):
    """Fits both strategies, and sets the threshold on dev."""

    name: ClassVar[str] = "cascade"
    spans_models: ClassVar[bool] = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        own = {name: value for name, value in options.items() if name not in ("first", "then")}
        self.config = parse_options(self.name, CascadeOptions, own, ("first", "then"))
        first, then = options.get("first"), options.get("then")
        self._first = None if first is None else read_part("first", first)
        self._then = read_part("then", "retrieved_few_shot" if then is None else then)

    def check(
        self,
        brief: Brief,
        train: Sequence[Example],
        specs: tuple[ModelSpec, ...],
        tags: tuple[str, ...],
    ) -> None:
        """Refuse parts that cannot be fitted, models the task lacks, a first that is never sure."""
        for role, part in self._parts(brief).items():
            check_part(role, part, (brief, train), specs, tags)

    def tags_asked(
        self, brief: Brief, specs: tuple[ModelSpec, ...], tags: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Say which models its parts ask, by tag."""
        return tags_of(self._parts(brief), brief, specs, tags)

    def _parts(self, brief: Brief) -> dict[str, CascadePart]:
        return {"first": self._first or default_first(brief), "then": self._then}

    @property
    def more_models(self) -> tuple[ModelSpec, ...]:
        """Those of its parts."""
        parts = [part for part in (self._first, self._then) if part is not None]
        return tuple(spec for part in parts for spec in part.build().more_models)

    def fit(self, context: FitContext) -> list[Arm]:
        """Return one arm. Raises `ConfigError` where the first arm gives no confidence."""
        parts = self._parts(context.brief)
        rng = generator(context.seed, "dev")
        picked = stratified_subset(context.dev, self.config.dev_items, rng)
        dev = [context.dev[index] for index in picked]
        first, unsure = self._first_arm(context, parts["first"], dev)
        then = _by_dev_score(_fit_part(context, parts["then"], "then"))[0]
        arm = CascadeArm(self.name, context.brief, {}, (first, then), _UNTESTED_THRESHOLD)
        told: Mapping[str, Any] = {"threshold_rule": "there was no dev example to set it on"}
        if dev:
            sweep = _sweep(
                context, dev, unsure, then.answer_all(questions_of(dev), context.progress)
            )
            arm.threshold = sweep.thresholds[sweep.chosen]
            told = _told(sweep, len(dev))
        arm.options = self._describe(arm, told, len(dev))
        return [arm]

    def _first_arm(
        self, context: FitContext, part: CascadePart, dev: Sequence[Example]
    ) -> tuple[Arm, list[Answer]]:
        """Return the best arm with confidences, and its answers to dev."""
        arms = _by_dev_score(_fit_part(context, part, "first"))
        probe = questions_of(dev or context.train[:1])
        for arm in arms:
            answers = arm.answer_all(probe, context.progress)
            if any(answer.confidence is not None for answer in answers):
                return arm, answers
        raise no_confidence(part)

    def _describe(self, arm: CascadeArm, told: Mapping[str, Any], dev: int) -> dict[str, Any]:
        parts = {"first": arm.first, "then": arm.then}
        searches = {role: part.options.get("search", {}) for role, part in parts.items()}
        before = [
            {**trial, "name": f"{role}: {trial['name']}"}
            for role, search in searches.items()
            for trial in search.get("trace", ())
        ]
        asked = sum(part.model_name is not None for part in parts.values()) * dev
        own = told.get("search", {})
        return {
            **{
                role: {"arm": part.name, "strategy": part.strategy, "model": part.model_name}
                for role, part in parts.items()
            },
            "threshold": arm.threshold,
            **{name: value for name, value in told.items() if name != "search"},
            "search": {
                "dev_score": own.get("dev_score"),
                "dev_calls": asked + sum(each.get("dev_calls", 0) for each in searches.values()),
                "tried": own.get("tried", {}),
                "trace": [*before, *own.get("trace", ())],
            },
        }

    def forecast(self, brief: Brief, sizes: Sizes) -> Forecast | None:
        """Add up both strategies' forecasts; at most, every answer is passed on.

        Of a part with several arms the dearest is taken: which one is chosen is not known before.
        """
        if self._first is None and brief.kind != "label":
            return None
        dev = min(sizes.dev, self.config.dev_items)
        found: list[Forecast] = []
        answer = (0.0, 0.0, 0.0)
        for part in self._parts(brief).values():
            if not part.needs_model:
                continue
            own = part.build().forecast(brief, sizes)
            if own is None or not own.per_answer:
                return None
            asked, given, written = map(max, zip(*own.per_answer.values(), strict=True))
            found += [own, asking(round(dev * asked), given / asked, written / asked)]
            answer = (answer[0] + asked, answer[1] + given, answer[2] + written)
        total = added(*found)
        note = "; ".join(filter(None, [total.note, "every answer is taken to be passed on"]))
        return replace(total, per_answer={self.name: answer}, note=note)


def _fit_part(context: FitContext, part: CascadePart, role: str) -> list[Arm]:
    spec = spec_of(part, role, context.specs or (context.spec,), context.tags)
    model = context.model if spec == context.spec else context.build_model(spec)
    folder = context.folder / role
    folder.mkdir(parents=True, exist_ok=True)
    own = replace(context, model=model, spec=spec, folder=folder, options=part.options)
    started = time.perf_counter()
    arms = part.build().fit(own)
    for arm in arms:
        if arm.model_name is None:  # no request tells what its fit took
            arm.options[FIT_SECONDS] = time.perf_counter() - started
    return arms


def _by_dev_score(arms: Sequence[Arm]) -> list[Arm]:
    """Best on dev first; between equals in the order of their strategy."""
    return sorted(arms, key=lambda arm: -(arm.options.get("search", {}).get("dev_score") or 0.0))


def _sweep(
    context: FitContext, dev: Sequence[Example], firsts: Sequence[Answer], thens: Sequence[Answer]
) -> Sweep:
    """Score every threshold between two confidences that dev holds, as the arm would answer."""
    sure = np.array([-1.0 if a.confidence is None else a.confidence for a in firsts])
    levels = np.unique(sure[sure >= 0])
    thresholds = [0.0, *((levels[1:] + levels[:-1]) / 2).tolist(), _EVERYTHING]
    own = [item_scores(context, dev, answers) for answers in (firsts, thens)]
    stands = np.array([stays(first, then) for first, then in zip(firsts, thens, strict=True)])
    totals, items = [], []
    for threshold in thresholds:
        keeps = (sure >= threshold) | stands
        mixed = [f if keep else t for f, t, keep in zip(firsts, thens, keeps, strict=True)]
        items.append(np.where(keeps, *own))
        totals.append(context.score(dev, mixed, items[-1].tolist()))
    coverage = [float(np.mean(sure >= threshold)) for threshold in thresholds]
    return Sweep(thresholds, coverage, totals, cheapest(totals, items))


def _told(sweep: Sweep, dev: int) -> dict[str, Any]:
    """What the result says of a sweep: the choice, its rule, both ends, and the curve, thinned."""
    last = len(sweep.thresholds) - 1
    places = {round(place) for place in np.linspace(0, last, min(last + 1, _SHOWN))}
    curve = [
        {"threshold": t, "coverage": c, "score": s}
        for place, (t, c, s) in enumerate(zip(*sweep[:3], strict=True))
        if place in places | {sweep.chosen}
    ]
    named = {"first alone": 0, "then alone": last, "cascade": sweep.chosen}
    items = {name: sweep.scores[place] for name, place in named.items()}
    trials = [Trial(name, "threshold", dev, 0, score) for name, score in items.items()]
    return {
        "coverage": sweep.coverage[sweep.chosen],
        "threshold_rule": (
            "the least passed on whose dev score is within one standard error of the best, "
            f"{max(sweep.scores):.3f}"
        ),
        "curve": curve,
        "search": {
            "dev_score": items["cascade"],
            "tried": {name: {"score": score, "items": dev} for name, score in items.items()},
            "trace": [asdict(trial) for trial in trials],
        },
    }
