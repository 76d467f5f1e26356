"""Fitting a cascade: two strategies, and the confidence below which the second is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from steelyard.core import Answer, Example
from steelyard.errors import ConfigError, closest
from steelyard.model.base import ModelSpec
from steelyard.strategy.base import Arm, Brief, FitContext, Forecast, Sizes, Strategy
from steelyard.strategy.cascade_arm import CascadeArm
from steelyard.strategy.catalogue import STRATEGIES, StrategySpec, build_strategy
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
    """``dev_items`` set the threshold. ``first`` and ``then`` are read apart; see `Part`."""

    dev_items: int = 100


@dataclass(frozen=True)
class Part:
    """A strategy in a cascade: its name, or ``{name, options, model}``.

    ``model`` is one of the task's models, by its tag or name; left out, the first one asks the task's
    first model and ``then`` its last.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    model: str = ""


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
        self._first = _part("first", options.get("first"))
        self._then = _part("then", options.get("then", "retrieved_few_shot"))
        assert self._then is not None

    def fit(self, context: FitContext) -> list[Arm]:
        """Return one arm. Raises `ConfigError` where the first arm gives no confidence."""
        parts = (self._first or _default_first(context.brief), self._then)
        assert parts[1] is not None
        rng = generator(context.seed, "dev")
        picked = stratified_subset(context.dev, self.config.dev_items, rng)
        dev = [context.dev[index] for index in picked]
        first, unsure = self._first_arm(context, parts[0], dev)
        then = _by_dev_score(_fit_part(context, parts[1], "then"))[0]
        arm = CascadeArm(self.name, context.brief, {}, (first, then), _UNTESTED_THRESHOLD)
        told: Mapping[str, Any] = {"threshold_rule": "there was no dev example to set it on"}
        if dev:
            sweep = _sweep(context, dev, unsure, then.answer_all(dev, context.progress))
            arm.threshold = sweep.thresholds[sweep.chosen]
            told = _told(sweep, len(dev))
        arm.options = self._describe(arm, told, len(dev))
        return [arm]

    def _first_arm(
        self, context: FitContext, part: Part, dev: Sequence[Example]
    ) -> tuple[Arm, list[Answer]]:
        """Return the best arm with confidences, and its answers to dev."""
        arms = _by_dev_score(_fit_part(context, part, "first"))
        probe = dev or context.train[:1]
        for arm in arms:
            answers = arm.answer_all(probe, context.progress)
            if any(answer.confidence is not None for answer in answers):
                return arm, answers
        raise ConfigError(
            f"strategy cascade: first: {part.name} gives no confidence on this task; choose one that "
            "does (tfidf_linear or zero_shot for labels, self_consistency for its votes), or leave "
            "cascade out of strategies"
        )

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
        """Add up both strategies' forecasts; half of the answers are taken to be passed on."""
        first = self._first or (_default_first(brief) if brief.kind == "label" else None)
        if first is None or self._then is None:
            return None
        dev = min(sizes.dev, self.config.dev_items)
        found: list[Forecast] = []
        answer = (0.0, 0.0, 0.0)
        for part, share in ((first, 1.0), (self._then, 0.5)):
            if not STRATEGIES.get(part.name).needs_model:
                continue
            own = build_strategy(StrategySpec(part.name, part.options)).forecast(brief, sizes)
            if own is None or not own.per_answer:
                return None
            needs = next(iter(own.per_answer.values()))
            found += [own, asking(dev, needs[1], needs[2])]
            answer = tuple(a + share * b for a, b in zip(answer, needs, strict=True))  # type: ignore[assignment]
        note = "half of the answers are taken to be passed on"
        return replace(added(*found), per_answer={self.name: answer}, note=note)


def _part(role: str, value: Any) -> Part | None:
    """Read ``first`` or ``then``. Raises `ConfigError` for anything but a strategy that is known."""
    if value is None:
        return None
    known = ("name", "options", "model")
    fields: Any = {"name": value} if isinstance(value, str) else value
    options = fields.get("options") or {} if isinstance(fields, Mapping) else None
    if not isinstance(options, Mapping) or not isinstance(fields.get("name"), str):
        raise ConfigError(
            f"strategy cascade: option {role} must be a strategy's name or "
            f"{{name, options, model}}, got {value!r}"
        )
    for name in fields:
        if name not in known:
            raise ConfigError(
                f"strategy cascade: option {role} has an unknown key {name!r}"
                f"{closest(str(name), known)}; known: {', '.join(known)}"
            )
    part = Part(fields["name"], options, str(fields.get("model") or ""))
    build_strategy(StrategySpec(part.name, part.options))
    return part


def _default_first(brief: Brief) -> Part:
    if brief.kind == "label":
        return Part("tfidf_linear" if len(brief.labels) > 1 else "zero_shot")
    raise ConfigError(
        f"strategy cascade: answers of kind {brief.kind} have no probabilities of their own; name "
        "first: self_consistency, whose votes are a confidence, or leave cascade out of strategies"
    )


def _fit_part(context: FitContext, part: Part, role: str) -> list[Arm]:
    spec = _spec_of(context, part, role)
    model = context.model if spec == context.spec else context.build_model(spec)
    folder = context.folder / role
    folder.mkdir(parents=True, exist_ok=True)
    own = replace(context, model=model, spec=spec, folder=folder, options=part.options)
    return build_strategy(StrategySpec(part.name, part.options)).fit(own)


def _spec_of(context: FitContext, part: Part, role: str) -> ModelSpec:
    """Return the model a part names, else the first of the task's or, for ``then``, the last."""
    specs = context.specs or (context.spec,)
    if not part.model:
        return specs[-1] if role == "then" else specs[0]
    named = {spec.name: spec for spec in reversed(specs)}
    named |= {f"{spec.provider}:{spec.name}": spec for spec in reversed(specs)}
    named |= dict(zip(context.tags, specs, strict=False))
    if part.model not in named:
        raise ConfigError(
            f"strategy cascade: option {role} names the model {part.model!r}"
            f"{closest(part.model, named)}; the task has {', '.join(named)}"
        )
    return named[part.model]


def _by_dev_score(arms: Sequence[Arm]) -> list[Arm]:
    """Best on dev first; between equals in the order of their strategy."""
    return sorted(arms, key=lambda arm: -(arm.options.get("search", {}).get("dev_score") or 0.0))


def _sweep(
    context: FitContext, dev: Sequence[Example], firsts: Sequence[Answer], thens: Sequence[Answer]
) -> Sweep:
    """Score every threshold between two confidences that dev holds."""
    sure = np.array([-1.0 if a.confidence is None else a.confidence for a in firsts])
    levels = np.unique(sure[sure >= 0])
    thresholds = [0.0, *((levels[1:] + levels[:-1]) / 2).tolist(), _EVERYTHING]
    own = [item_scores(context, dev, answers) for answers in (firsts, thens)]
    kept = [sure >= threshold for threshold in thresholds]
    mixed = [
        [first if keep else then for first, then, keep in zip(firsts, thens, keeps, strict=True)]
        for keeps in kept
    ]
    totals = [context.score(dev, answers) for answers in mixed]
    items = [np.where(keeps, *own) for keeps in kept]
    coverage = [float(np.mean(keeps)) for keeps in kept]
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
