"""How steady an arm is: asked again, and asked in other words that mean the same."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from steelyard.core import Record
from steelyard.model.phase import during
from steelyard.planning.probes import Asked, consistency_requests
from steelyard.result.read import with_agreement
from steelyard.result.steadiness import Consistency, UnmeasuredChange
from steelyard.seeds import generator
from steelyard.strategy import Arm, traits_of
from steelyard.strategy.search import stratified_subset
from steelyard.task.sections import ConsistencyConfig
from steelyard.weigh.repeats import RepeatSample, measure_repeats
from steelyard.weigh.sensitivity import KINDS, measure_sensitivity
from steelyard.words import percent, points

if TYPE_CHECKING:
    from steelyard.weigh.steps import RunSteps

ALIKE = "it always gives the same answer"
NOT_ASKED = "turned off: the task says consistency: false"
CEILING = "a ceiling is no choice, and knows the evidence of the very inputs of the test, not of changed ones"
NO_TEST = "there is no test example to ask again"
STEADY = 0.9
"""Repeats that agree less than this give a warning."""
LEVEL = 0.05
_CHANGES = {
    "format": "a different prompt format",
    "instruction": "different wording around the instruction",
    "order": "a different order of the shots",
    "typos": "typos in the input",
    "case": "different letter case in the input",
}
_NOTES = {
    True: "at temperature 0 a local model repeats itself, except for rounding in different batches",
    False: "at temperature 0 any change comes from the endpoint",
}

_FINE = "float32"
_FINISHED = {"asked": dict[str, object], "block": Consistency}
"""What the step leaves."""


def measure_consistency(
    steps: RunSteps, arm: Arm, records: Sequence[Record], config: Asked
) -> tuple[Consistency | None, str | None]:
    """Return an arm's consistency, or ``None`` with the reason.

    ``records`` are the arm's over the whole test split. Nothing is chosen by it: the test examples
    are asked again for the report only. What was measured with the same ``config``
    before is not asked again.
    """
    test = steps.plan.split.test
    if not config or not test:
        return None, NO_TEST if config else NOT_ASKED
    if traits_of(arm.strategy).is_ceiling:
        return None, CEILING
    step, settings = f"consistency:{arm.name}", config.model_dump(mode="json")
    finished = steps.store.step(step, _FINISHED)
    if finished is not None and finished["asked"] == settings:
        return Consistency.model_validate(with_agreement(finished["block"])), None
    places = stratified_subset(test, config.items, generator(steps.plan.seed, "consistency"))
    total = consistency_requests(config, len(test), prompted=arm.model_name is not None)
    answered = 0
    with during(step), steps.display.job(f"{arm.name}: consistency") as progress:

        def on_asked(count: int) -> None:
            nonlocal answered
            answered += count
            progress(answered, max(total, answered))

        sample = RepeatSample(
            arm,
            [test[place] for place in places],
            [records[place] for place in places],
            steps.metrics[0],
            steps.plan.seed,
            on_asked,
        )
        consistency, seconds = _measure(steps, sample, config)
    payload = {"asked": settings, "block": consistency.to_dict(), "seconds": seconds}
    steps.store.finish_step(step, payload, sum(seconds.values()))
    return consistency, None


def _measure(
    steps: RunSteps, sample: RepeatSample, config: ConsistencyConfig
) -> tuple[Consistency, dict[str, float]]:
    """Return the consistency, and the seconds that each of its parts took."""
    clock = {"": time.perf_counter()}
    repeated = _repeated(steps, sample, config)
    clock["repeats"] = time.perf_counter()
    changes = []
    for kind in KINDS:
        changes.append(measure_sensitivity(sample, kind, config.variants))
        clock[kind] = time.perf_counter()
    ends = list(clock.values())
    spans = [end - start for start, end in pairwise(ends)]
    consistency = repeated.updated(sensitivity=tuple(changes))
    return consistency, dict(zip(list(clock)[1:], spans, strict=True))


def _repeated(steps: RunSteps, sample: RepeatSample, config: ConsistencyConfig) -> Consistency:
    arm = sample.arm
    if arm.model_name is None:
        return Consistency(repeats_reason=ALIKE)
    repeats = measure_repeats(sample, config.repeats)
    if not arm.is_sampled:
        repeats = repeats.updated(note=_note(steps, arm))
    return Consistency(temperature=arm.temperature, repeats=repeats)


def _note(steps: RunSteps, arm: Arm) -> str:
    """Where a change comes from that the arm does not ask for, with the precision that it is computed in."""
    note = _NOTES[steps.is_local(arm)]
    facts = [steps.build_model(spec).facts.get("precision") for spec in arm.specs]
    coarse = sorted({str(precision) for precision in facts if precision not in (None, _FINE)})
    return f"{note}, which {' and '.join(coarse)} makes likelier than {_FINE}" if coarse else note


def consistency_warnings(name: str, consistency: Consistency | None) -> list[str]:
    """Say what to know of an arm's steadiness before trusting it; nothing where nothing stands out.

    A loss is reported where its kind's p-value stays below `LEVEL` over all kinds (Bonferroni).
    """
    if consistency is None:
        return []
    warnings = []
    repeats = consistency.repeats
    agreement = None if repeats is None else repeats.agreement.value
    if repeats is not None and agreement is not None and agreement < STEADY:
        warnings.append(
            f"consistency: asked again at temperature {consistency.temperature:g}, {name} gives the same "
            f"answer {percent(agreement)} of the time ({repeats.items} examples)"
        )
    for change in consistency.sensitivity:
        if isinstance(change, UnmeasuredChange):
            continue
        worst, p_value = change.worst, change.p_value
        if worst is None or p_value is None or p_value > LEVEL / len(KINDS):
            continue
        if worst.difference is not None and worst.difference < 0:
            warnings.append(
                f"consistency: {_CHANGES[change.kind]} ({worst.name}) costs {name} "
                f"{points(-worst.difference)} on {change.items} examples (p = {p_value:.2g})"
            )
    return warnings
