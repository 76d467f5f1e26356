"""Whether the gains of a prompt and of tuned weights add: each hybrid held against its parts alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from steelyard.core import clusters_of
from steelyard.result.figures import Figure, Quality
from steelyard.result.hybrids import GainsOutcome, HybridGains, HybridState, StateName
from steelyard.score import compare_records
from steelyard.score.measure import item_scores
from steelyard.seeds import generator
from steelyard.stats.factorial import Factorial, interaction
from steelyard.strategy import traits_of
from steelyard.strategy.prompting import PromptArm
from steelyard.weigh.arms import MeasuredArm
from steelyard.weigh.hybrid_states import (
    AllStateArms,
    Weighed,
    ask_alike,
    choices_of,
    prompted,
    strategies_of,
)
from steelyard.words import listed, points

_States = Mapping[StateName, MeasuredArm]
_UNFIT: Mapping[StateName, str] = {
    "prompt": "asks the prompt that {} was tuned under",
    "weights": "was trained with the options of {}",
}


def hybrid_gains(arms: Sequence[MeasuredArm], weighed: Weighed) -> tuple[HybridGains, ...]:
    """Say of each arm of a hybrid whether its gains add, or why that cannot be told."""
    states = [one for one in arms if isinstance(one.arm, PromptArm) and _is_asked_once(one.arm)]
    hybrids = [one for one in states if traits_of(one.arm.strategy).joins is not None]
    return tuple(_gains(both, states, weighed) for both in hybrids)


def _is_asked_once(arm: PromptArm) -> bool:
    """Whether an arm may be a state: tuned arms do not ask again for what they cannot use."""
    return arm.prompt.recipe.repairs == 0


def _gains(both: MeasuredArm, arms: Sequence[MeasuredArm], weighed: Weighed) -> HybridGains:
    names, metric = strategies_of(both), weighed.metric
    choices = choices_of(names, both, arms, weighed)
    states = {
        state: one.arms[0]
        for state, one in choices.items()
        if one.arms and (state == "neither" or not one.is_open)
    }
    gains = HybridGains(
        arm=both.arm.name,
        strategy=both.arm.strategy,
        model=both.arm.model_name,
        decoding=prompted(both).prompt.recipe.decoding,
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
    if missing := [state for state in names if state not in states]:
        reason = _lacking(missing, choices, gains, weighed)
        return gains.updated(sentence=reason, interaction=Figure(reason=reason))
    gains = _contrasted(gains, states, weighed)
    return gains.updated(notes=(*_first_of_several(choices), *gains.notes))


def _first_of_several(choices: AllStateArms) -> list[str]:
    return [
        f"{one.names} could each be held against the hybrid: {one.arms[0].arm.name}, the first, is"
        for one in choices.values()
        if len(one.arms) > 1
    ]


def _state(state: StateName, name: str, states: _States, weighed: Weighed) -> HybridState:
    if state not in states:
        return HybridState(
            state=state, strategy=name, gain=Figure(reason="no arm of it that fits was measured")
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


def _lacking(
    missing: Sequence[StateName], choices: AllStateArms, gains: HybridGains, weighed: Weighed
) -> str:
    """What to add to the run or to change; where all ran, that it left no arm to hold the hybrid against."""
    names = {state.state: state.strategy for state in gains.states}
    ran = {job.strategy.name for job in weighed.jobs}
    if absent := [names[state] for state in missing if names[state] not in ran]:
        return f"cannot tell: add {listed(absent)} to strategies"
    several = [state for state in missing if choices[state].is_open]
    unfit = [
        f"none of {choices[state].names} {_UNFIT[state].format(gains.arm)}" for state in several
    ]
    if unfit:
        return f"cannot tell: {'; '.join(unfit)}; give one of them the same options"
    left = listed([names[state] for state in missing])
    return f"cannot tell: {left} left no tested arm on this model with {gains.decoding} answers"


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
    both, prompt = prompted(states["both"]), prompted(states["prompt"])
    notes = []
    if not ask_alike(states["prompt"], states["both"]):
        cites = prompt.prompt.grounding is not None and prompt.prompt.grounding.options.cites
        notes.append(
            f"{prompt.name} asks another prompt than the one that {both.name} was tuned under, which may be "
            f"part of the difference: give both the same options{', cites: false too' if cites else ''}"
        )
    neither, weights = states["neither"], states["weights"]
    if not ask_alike(neither, weights):
        notes.append(
            f"{weights.arm.name} is asked another prompt than {neither.arm.name}, so that the gain of the "
            "weights includes what the prompt adds; instruction: full would give both the same words"
        )
    one, other = weighed.training(states["both"]), weighed.training(weights)
    if names := [name for name in one if one[name] != other[name]]:
        notes.append(
            f"{weights.arm.name} and {both.name} were trained with different options: {listed(names)}"
        )
    quality = {state.state: state.quality.value or 0.0 for state in gains.states}
    if quality["prompt"] + quality["weights"] - quality["neither"] > 1:
        notes.append("the sum of the two gains would pass 100 %, so that they cannot add in full")
    return tuple(notes)
