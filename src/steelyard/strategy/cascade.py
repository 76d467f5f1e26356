"""Fitting a cascade: two strategies, and the confidence threshold for asking the second."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
from pydantic import Field

from steelyard.config.options import Options
from steelyard.core import Answer, Example, OutputKind, Usage, questions_of
from steelyard.model.base import ModelSpec
from steelyard.model.planned import PlannedModel
from steelyard.output_kinds import KINDS
from steelyard.seeds import fit_generator
from steelyard.stats.selection import cheapest
from steelyard.strategy.base import Arm, ArmFacts, Brief, FitContext, Strategy, TaskFacts
from steelyard.strategy.cascade_arm import CascadeArm, stays
from steelyard.strategy.cascade_parts import (
    CascadePart,
    check_part,
    default_first,
    model_of,
    models_of,
    no_confidence,
)
from steelyard.strategy.forecasting import added, forecast_of
from steelyard.strategy.outlook import Forecast, Sizes
from steelyard.strategy.record import FitRecord
from steelyard.strategy.search import P, Stage, Trial, stratified_subset
from steelyard.strategy.traits import ShotLimits, Traits

_UNTESTED_THRESHOLD = 0.5
_EVERYTHING = 1.01
"""A threshold above every confidence."""
_SHOWN = 21


class CascadeOptions(Options):
    """Both parts; left out, ``first`` is what is sure of itself. ``dev_items`` set the threshold."""

    first: CascadePart | None = None
    then: CascadePart = CascadePart(name="retrieved_few_shot")
    dev_items: int = Field(default=100, ge=1)


class Sweep(NamedTuple):
    """Every threshold that makes a difference on dev, from the and the place of the choice.

    ``coverage`` is the share of dev that the first arm keeps.
    """

    thresholds: list[float]
    coverage: list[float]
    scores: list[float]
    choice: int


class SweepOutcome(NamedTuple):
    """The threshold, and what a result states of it: its rule, both ends, the curve, thinned."""

    threshold: float
    options: Mapping[str, Any]
    search: Mapping[str, Any]


class Cascade(Strategy):
    """Fits both strategies, and sets the threshold on dev."""

    name: ClassVar[str] = "cascade"
    traits: ClassVar[Traits] = Traits(
        family="hybrid",
        about="a cheap arm, and a stronger one where it is unsure",
        spans_models=True,
        looks_up_train=True,
        confidence="any",
        carries="retrieved_shots",
    )
    arm_type: ClassVar[type[Arm]] = CascadeArm
    options_type = CascadeOptions
    config: CascadeOptions

    def reservation(self, task: TaskFacts, model: ModelSpec) -> str | None:
        """The usual first strategies give a confidence for labels only."""
        if not KINDS[task.brief.kind].is_labelled:
            return f"{task.brief.kind} answers come without a probability"
        return None

    def check(self, task: TaskFacts, models: Sequence[PlannedModel]) -> None:
        """Refuse parts that cannot be fitted, models the task lacks, a first that is never sure."""
        for role, part in self._parts(task.brief).items():
            check_part(role, part, task, models)

    def models_asked(
        self, brief: Brief, models: Sequence[PlannedModel]
    ) -> tuple[PlannedModel, ...]:
        return models_of(self._parts(brief), brief, models)

    def shot_limits(self, kind: OutputKind, labels: int) -> ShotLimits | None:
        """Those of the part that may show the most shots."""
        parts = [part.build() for part in self._named_parts]
        limits = [
            bounds for part in parts if (bounds := part.shot_limits(kind, labels)) is not None
        ]
        return max(limits, key=lambda entry: max(entry.counts, default=0), default=None)

    def _parts(self, brief: Brief) -> dict[str, CascadePart]:
        return {"first": self.config.first or default_first(brief), "then": self.config.then}

    @property
    def _named_parts(self) -> list[CascadePart]:
        return [part for part in (self.config.first, self.config.then) if part is not None]

    @property
    def more_models(self) -> tuple[ModelSpec, ...]:
        return tuple(spec for part in self._named_parts for spec in part.build().more_models)

    @property
    def input_files(self) -> tuple[str, ...]:
        return tuple(name for part in self._named_parts for name in part.build().input_files)

    @property
    def encoders(self) -> tuple[ModelSpec, ...]:
        return tuple(spec for part in self._named_parts for spec in part.build().encoders)

    def fit(self, context: FitContext) -> list[Arm]:
        """Return one arm. Raises `ConfigError` where the first arm gives no confidence."""
        parts = self._parts(context.brief)
        stage = self._threshold(list(parts.values()), len(context.dev))
        rng = fit_generator(context.seed, "dev")
        dev = [context.dev[index] for index in stratified_subset(context.dev, stage.items, rng)]
        first, firsts = self._first_arm(context, parts["first"], dev)
        then = _by_dev_score(_fit_part(context, parts["then"], "then"))[0]
        if dev:
            thens = then.answer_all(questions_of(dev), context.progress)
            outcome = _outcome(_sweep(context, dev, firsts, thens), stage)
        else:
            rule = {"threshold_rule": "there were no dev examples to set it on"}
            outcome = SweepOutcome(_UNTESTED_THRESHOLD, rule, {})
        arms = {"first": first, "then": then}
        names = {
            role: {"arm": arm.name, "strategy": arm.strategy, "model": arm.model_name}
            for role, arm in arms.items()
        }
        options = {**names, "threshold": outcome.threshold, **outcome.options}
        fit = FitRecord(_whole_search(arms, outcome.search, len(dev)))
        facts = ArmFacts(self.name, self.name, context.brief, options, fit)
        return [CascadeArm(facts, (first, then), outcome.threshold)]

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
        model = model_of(part, "first", context.models)
        raise no_confidence(part, context.brief, model.spec)

    def forecast(self, brief: Brief, sizes: Sizes) -> Forecast | None:
        """Add up both strategies' forecasts; at most, every answer is passed on.

        Of a part with several arms the most expensive is taken: which one is chosen is not known yet,
        nor what their prompts share.
        """
        if self.config.first is None and not KINDS[brief.kind].is_labelled:
            return None
        forecasts: list[Forecast] = []
        answers: list[Usage] = []
        for part in self._parts(brief).values():
            if not part.needs_model:
                continue
            forecast = part.build().forecast(brief, sizes)
            if forecast is None or not forecast.per_answer:
                return None
            largest = Usage(*map(max, zip(*forecast.per_answer.values(), strict=True)))
            forecasts.append(forecast)
            answers.append(largest._replace(cached_tokens=0))
        threshold = forecast_of([self._threshold(answers, sizes.dev)])
        total = added(*forecasts, replace(threshold, note="every answer is passed on"))
        return replace(total, per_answer={self.name: sum(answers, Usage())})

    def _threshold(self, parts: Sequence[P], dev: int) -> Stage[P]:
        """Both parts answer the same of ``dev`` examples; the threshold is set on their answers."""
        return Stage("threshold", parts, min(dev, self.config.dev_items))


def _whole_search(arms: Mapping[str, Arm], sweep: Mapping[str, Any], dev: int) -> Mapping[str, Any]:
    """Both parts' searches and then the threshold's, as one."""
    searches = {role: arm.fit.search for role, arm in arms.items()}
    before = [
        {**trial, "name": f"{role}: {trial['name']}"}
        for role, search in searches.items()
        for trial in search.get("trace", ())
    ]
    requests = sum(arm.model_name is not None for arm in arms.values()) * dev
    return {
        "dev_score": sweep.get("dev_score"),
        "dev_calls": requests + sum(search.get("dev_calls", 0) for search in searches.values()),
        "tried": sweep.get("tried", {}),
        "trace": [*before, *sweep.get("trace", ())],
    }


def _fit_part(context: FitContext, part: CascadePart, role: str) -> list[Arm]:
    spec = model_of(part, role, context.models).spec
    model = context.model if spec == context.spec else context.build_model(spec)
    folder = context.folder / role
    folder.mkdir(parents=True, exist_ok=True)
    part_context = replace(context, model=model, spec=spec, folder=folder, options=part.options)
    started = time.perf_counter()
    arms = part.build().fit(part_context)
    for arm in arms:
        if arm.model_name is None:  # no request tells what its fit took
            arm.fit = replace(arm.fit, seconds=time.perf_counter() - started)
    return arms


def _by_dev_score(arms: Sequence[Arm]) -> list[Arm]:
    """Best on dev first; between equals in the order of their strategy."""
    return sorted(arms, key=lambda arm: -(arm.fit.dev_score or 0.0))


def _sweep(
    context: FitContext, dev: Sequence[Example], firsts: Sequence[Answer], thens: Sequence[Answer]
) -> Sweep:
    """Score every threshold between two confidences that dev holds, as the arm would answer."""
    sure = np.array([-1.0 if a.confidence is None else a.confidence for a in firsts])
    levels = np.unique(sure[sure >= 0])
    thresholds = [0.0, *((levels[1:] + levels[:-1]) / 2).tolist(), _EVERYTHING]
    scores = [np.array(context.scores(dev, answers)) for answers in (firsts, thens)]
    stands = np.array([stays(first, then) for first, then in zip(firsts, thens, strict=True)])
    totals, items = [], []
    for threshold in thresholds:
        keeps = (sure >= threshold) | stands
        mixed = [f if keep else t for f, t, keep in zip(firsts, thens, keeps, strict=True)]
        items.append(np.where(keeps, *scores))
        totals.append(context.score(dev, mixed, items[-1].tolist()))
    coverage = [float(np.mean(sure >= threshold)) for threshold in thresholds]
    return Sweep(thresholds, coverage, totals, cheapest(totals, items))


def _outcome(sweep: Sweep, stage: Stage[Any]) -> SweepOutcome:
    last = len(sweep.thresholds) - 1
    places = {round(place) for place in np.linspace(0, last, min(last + 1, _SHOWN))}
    curve = [
        {"threshold": t, "coverage": c, "score": s}
        for place, (t, c, s) in enumerate(zip(*sweep[:3], strict=True))
        if place in places | {sweep.choice}
    ]
    ends = {"first alone": 0, "then alone": last, "cascade": sweep.choice}
    scores = {name: sweep.scores[place] for name, place in ends.items()}
    trials = [Trial(name, stage.name, stage.items, 0, score) for name, score in scores.items()]
    options = {
        "coverage": sweep.coverage[sweep.choice],
        "threshold_rule": (
            "the fewest answers passed on with a dev score within one standard error of the best "
            f"({max(sweep.scores):.3f})"
        ),
        "curve": curve,
    }
    search = {
        "dev_score": scores["cascade"],
        "tried": {name: {"score": score, "items": stage.items} for name, score in scores.items()},
        "trace": [asdict(trial) for trial in trials],
    }
    return SweepOutcome(sweep.thresholds[sweep.choice], options, search)
