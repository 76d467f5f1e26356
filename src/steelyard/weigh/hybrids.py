"""Whether the gains of a prompt and of tuned weights add: each hybrid held against its parts alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from steelyard.core import Example, clusters_of
from steelyard.planning.plan import Plan
from steelyard.result.figures import Figure, Quality
from steelyard.result.hybrids import GainsOutcome, HybridGains, HybridState, StateName
from steelyard.score import Metric, compare_records
from steelyard.score.measure import item_scores
from steelyard.seeds import generator
from steelyard.stats.factorial import Factorial, interaction
from steelyard.strategy import StrategySpec, build_strategy, traits_of
from steelyard.strategy.prompting import PromptArm
from steelyard.train.config import LoraOptions
from steelyard.weigh.arms import MeasuredArm
from steelyard.words import listed, points

_States = Mapping[StateName, MeasuredArm]
_MAY_DIFFER = ("max_tokens",)
"""Options of training that a longer prompt needs otherwise."""


@dataclass(frozen=True)
class Weighed:
    """What states are compared by: the task's metrics, its test, its margin; ``specs`` are what ran."""

    metrics: Sequence[Metric]
    examples: Sequence[Example]
    margin: float
    seed: int
    specs: Sequence[StrategySpec] = ()

    @classmethod
    def of(cls, plan: Plan) -> Self:
        margin = plan.task.constraints.margin
        return cls(plan.metrics, plan.split.test, margin, plan.seed, plan.specs)

    @property
    def metric(self) -> Metric:
        """The first metric that is a mean over examples; where none is, the first."""
        means = (metric for metric in self.metrics if metric.decomposable)
        return next(means, self.metrics[0])


def hybrid_gains(arms: Sequence[MeasuredArm], weighed: Weighed) -> tuple[HybridGains, ...]:
    """Say of each arm of a hybrid whether its gains add, or why that cannot be told."""
    states = [one for one in arms if isinstance(one.arm, PromptArm) and _is_asked_once(one.arm)]
    hybrids = [one for one in states if traits_of(one.arm.strategy).joins is not None]
    return tuple(_gains(both, states, weighed) for both in hybrids)


def _is_asked_once(arm: PromptArm) -> bool:
    """Whether an arm may be a state: tuned arms do not ask again for what they cannot use."""
    return arm.prompt.recipe.repairs == 0


def _gains(both: MeasuredArm, arms: Sequence[MeasuredArm], weighed: Weighed) -> HybridGains:
    names, metric = _strategies(both), weighed.metric
    states = {state: arm for state, name in names.items() if (arm := _arm(name, both, arms))}
    gains = HybridGains(
        arm=both.arm.name,
        strategy=both.arm.strategy,
        model=both.arm.model_name,
        decoding=_prompted(both).prompt.recipe.decoding,
        metric=metric.name,
        states=tuple(_state(state, name, states, weighed) for state, name in names.items()),
        margin=weighed.margin,
    )
    if not metric.decomposable:
        reason = (
            f"cannot tell: {metric.name} is no mean over examples, so that gains cannot be set off example "
            "by example; list a metric after it that is one, such as accuracy"
        )
        return gains.updated(sentence=reason, interaction=Figure(reason=reason))
    if missing := [name for state, name in names.items() if state not in states]:
        reason = _lacking(missing, gains, weighed)
        return gains.updated(sentence=reason, interaction=Figure(reason=reason))
    return _contrasted(gains, states, weighed)


def _strategies(both: MeasuredArm) -> dict[StateName, str]:
    joins = traits_of(both.arm.strategy).joins
    assert joins is not None
    return {
        "neither": joins.neither,
        "prompt": joins.prompt,
        "weights": joins.weights,
        "both": both.arm.strategy,
    }


def _prompted(measured: MeasuredArm) -> PromptArm:
    assert isinstance(measured.arm, PromptArm)
    return measured.arm


def _arm(name: str, both: MeasuredArm, arms: Sequence[MeasuredArm]) -> MeasuredArm | None:
    """The arm of a strategy on the hybrid's model, which decodes as it does; of several its own prompt's."""
    if name == both.arm.strategy:
        return both
    hybrid = _prompted(both)
    alike = [
        one
        for one in arms
        if one.arm.strategy == name
        and _prompted(one).spec.base.unpaced == hybrid.spec.base.unpaced
        and _prompted(one).prompt.recipe.decoding == hybrid.prompt.recipe.decoding
    ]
    return max(alike, key=lambda one: _asks_alike(_prompted(one), hybrid), default=None)


def _asks_alike(one: PromptArm, other: PromptArm) -> bool:
    """Whether two arms put an input to their models in the same words, the limit on answers left out."""
    a, b = one.prompt, other.prompt
    recipes = [replace(prompt.recipe, max_output_tokens=1) for prompt in (a, b)]
    passages = [None if prompt.grounding is None else prompt.grounding.options for prompt in (a, b)]
    searched = [(arm.options.get("finder"), arm.options.get("retrieval")) for arm in (one, other)]
    return recipes[0] == recipes[1] and passages[0] == passages[1] and searched[0] == searched[1]


def _state(state: StateName, name: str, states: _States, weighed: Weighed) -> HybridState:
    if state not in states:
        return HybridState(
            state=state, strategy=name, gain=Figure(reason="no arm of it was measured")
        )
    measured, metric = states[state], weighed.metric
    figures = (measured.quality, *measured.more_qualities)
    quality = next((one for one in figures if one.metric == metric.name), Quality())
    gain = Figure(reason="the other states are held against this one")
    if state != "neither":
        gain = _gain(measured, states.get("neither"), weighed)
    return HybridState(
        state=state, strategy=name, arm=measured.arm.name, quality=quality, gain=gain
    )


def _gain(measured: MeasuredArm, neither: MeasuredArm | None, weighed: Weighed) -> Figure:
    if neither is None:
        return Figure(reason="nothing to hold it against was measured")
    rng = generator(weighed.seed, f"hybrids:{measured.arm.name}")
    clusters = clusters_of(weighed.examples)
    paired = compare_records(
        weighed.metric, measured.records, neither.records, rng, clusters=clusters
    )
    return Figure(
        value=paired.difference,
        low=paired.low,
        high=paired.high,
        level=paired.level,
        n=len(measured.records),
        method=paired.method,
    )


def _lacking(missing: Sequence[str], gains: HybridGains, weighed: Weighed) -> str:
    """What to add to the run; where that ran, that it left no arm to hold the hybrid against."""
    ran = {spec.name for spec in weighed.specs}
    if absent := [name for name in missing if name not in ran]:
        return f"cannot tell: add {listed(absent)} to strategies"
    return f"cannot tell: {listed(missing)} left no tested arm on this model with {gains.decoding} answers"


def _contrasted(gains: HybridGains, states: _States, weighed: Weighed) -> HybridGains:
    rng = generator(weighed.seed, f"hybrids:interaction:{gains.arm}")
    order: tuple[StateName, ...] = ("neither", "prompt", "weights", "both")
    scores = [item_scores(weighed.metric, states[state].records) for state in order]
    estimate = interaction(Factorial(*scores), rng, clusters=clusters_of(weighed.examples))
    figure = Figure.of(estimate)
    outcome = _outcome(figure, weighed.margin)
    gains = gains.updated(interaction=figure, outcome=outcome)
    return gains.updated(sentence=_sentence(gains), notes=_notes(gains, states, weighed))


def _outcome(figure: Figure, margin: float) -> GainsOutcome:
    low, high = figure.low, figure.high
    if low is None or high is None:
        return "unknown"
    if -margin <= low and high <= margin:
        return "add"
    return "less" if high < 0 else "more" if low > 0 else "unknown"


def _sentence(gains: HybridGains) -> str:
    figure = gains.interaction
    value, low, high = figure.value or 0.0, figure.low or 0.0, figure.high or 0.0
    gained = [state.gain for state in gains.states if state.gain.value is not None]
    shows_some = any((one.low or 0.0) > 0 or (one.high or 0.0) < 0 for one in gained)
    side = f"{points(abs(value))} {'less' if value < 0 else 'more'} than"
    if not round(1000 * value):
        side = "as much as"
    how = (
        f"both together gain {side} the sum of the two gains "
        f"({figure.level:.0%} interval of the difference {100 * low:+.1f} to {100 * high:+.1f})"
    )
    within = points(gains.margin)
    if gains.outcome == "add":
        none = "no gain is shown, and what there is adds" if not shows_some else "the gains add"
        return f"{none} to within {within}: {how}"
    if gains.outcome == "unknown":
        return f"the data cannot tell whether the gains add; as far as they go, {how}"
    alone = [
        state.gain.value or 0.0 for state in gains.states if state.state in ("prompt", "weights")
    ]
    is_overlap = gains.outcome == "less" and min(alone) > 0
    return f"the gains overlap: {how}" if is_overlap else how


def _notes(gains: HybridGains, states: _States, weighed: Weighed) -> tuple[str, ...]:
    both, prompt = _prompted(states["both"]), _prompted(states["prompt"])
    notes = []
    if not _asks_alike(prompt, both):
        cites = prompt.prompt.grounding is not None and prompt.prompt.grounding.options.cites
        notes.append(
            f"{prompt.name} asks another prompt than the one that {both.name} was tuned under, which may be "
            f"part of the difference: give both the same options{', cites: false too' if cites else ''}"
        )
    neither, weights_alone = _prompted(states["neither"]), _prompted(states["weights"])
    if not _asks_alike(neither, weights_alone):
        notes.append(
            f"{weights_alone.name} is asked another prompt than {neither.name}, so that the gain of the "
            "weights holds what the prompt makes, too: its option instruction: full gives both the same words"
        )
    if names := _trained_otherwise(gains.strategy, states["weights"].arm.strategy, weighed.specs):
        weights = states["weights"].arm.name
        notes.append(
            f"{weights} and {both.name} were trained with different options: {listed(names)}"
        )
    quality = {state.state: state.quality.value or 0.0 for state in gains.states}
    if quality["prompt"] + quality["weights"] - quality["neither"] > 1:
        notes.append("the sum of the two gains would pass 100 %, so that they cannot add in full")
    return tuple(notes)


def _trained_otherwise(hybrid: str, weights: str, specs: Sequence[StrategySpec]) -> list[str]:
    """The options of training that two strategies of the run do not share, where each ran once."""
    several = [[spec for spec in specs if spec.name == name] for name in (hybrid, weights)]
    if [len(some) for some in several] != [1, 1]:
        return []
    one, other = (build_strategy(some[0]).config for some in several)
    return [
        name
        for name in LoraOptions.model_fields
        if name not in _MAY_DIFFER and getattr(one, name, None) != getattr(other, name, None)
    ]
