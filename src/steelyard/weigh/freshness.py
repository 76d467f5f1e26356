"""Who follows when a fact changes: arms asked before the documents are changed, and after."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from steelyard.core import Answer, Estimate, Usage
from steelyard.economics import cost_of, to_number
from steelyard.model.thoughts import with_plain_reference
from steelyard.planning.facts import ChangedFact, ChangedFacts
from steelyard.planning.plan import Plan
from steelyard.private.redact import hide
from steelyard.result.figures import Figure
from steelyard.result.freshness import ChangedFactResult, FactAnswers, FactCounts, Freshness
from steelyard.score.base import Metric, ModelMetric
from steelyard.score.facts import FactSide, side_of
from steelyard.stats import compare
from steelyard.stats.intervals import proportion
from steelyard.strategy import Arm, traits_of
from steelyard.strategy.freshening import (
    ChangedDocuments,
    FreshArm,
    UnknownDocumentsError,
    fresh_arm,
)
from steelyard.weigh.arms import Costs, MeasuredArm
from steelyard.words import shortened

if TYPE_CHECKING:
    from steelyard.weigh.steps import RunSteps

CEILING = "it is handed the evidence, which is that of before the change"
NOT_ASKED = "an earlier run measured it, and did not ask about these facts"
UNKNOWN = "its documents are kept where they cannot be changed for a trial, such as an object store"
NOT_HELD = "its prompt holds nothing of what changed: people would have to write it in"
BY_HAND = "people rewrite the instruction"
NO_PRICE = "the price of the endpoint that encodes passages is not known"
FIT_AGAIN = "its fit as measured; examples that state the new facts come first and are not counted"
LEARN_AGAIN = (
    "its fit as measured, on the changed documents; examples that state the old facts have to be mended "
    "first, which is not counted"
)
_SAME_ANSWERS = "it was not asked again"
_MOST_SHOWN = 200
"""Facts whose answers a result lists, and the characters of each."""
_MOST_CHARACTERS = 300
_FINISHED = {"asked": str, "block": Freshness}
"""What the step leaves."""


def measure_freshness(
    steps: RunSteps, arm: Arm, *, may_ask: bool = True
) -> tuple[Freshness | None, str | None]:
    """Return whether an arm follows the facts that change, or ``None`` with the reason, if there is one.

    The user's files stay as they are. An arm of which nothing changes is not asked again. What was asked
    about the same facts and documents before is not asked again; without ``may_ask`` nothing is.
    """
    facts = steps.plan.facts
    if facts is None:
        return None, None
    if traits_of(arm.strategy).is_ceiling:
        return None, CEILING
    step = f"freshness:{arm.name}"
    finished = steps.store.step(step, _FINISHED)
    if finished is not None and finished["asked"] == facts.fingerprint:
        return Freshness.model_validate(finished["block"]), None
    if not may_ask:
        return None, NOT_ASKED
    started = time.perf_counter()
    examples = [fact.example for fact in facts.facts]
    try:
        fresh = fresh_arm(arm, ChangedDocuments(facts.before, facts.after, facts.rewrite))
    except UnknownDocumentsError:
        return None, UNKNOWN
    before = after = steps.answer(arm, examples, "freshness")
    if fresh is not None:
        after = steps.answer(fresh.arm, examples, "freshness")
    block = _block(arm, fresh, facts, steps.plan, before, after)
    payload = {"asked": facts.fingerprint, "block": block.to_dict()}
    steps.store.finish_step(step, payload, time.perf_counter() - started)
    return block, None


def _block(
    arm: Arm,
    fresh: FreshArm | None,
    facts: ChangedFacts,
    plan: Plan,
    before: Sequence[Answer],
    after: Sequence[Answer],
) -> Freshness:
    metric = plan.metrics[0]
    sides_before = [side(*pair, metric) for pair in zip(facts.facts, before, strict=True)]
    sides_after = [side(*pair, metric) for pair in zip(facts.facts, after, strict=True)]
    counts = _counts(sides_after)
    index, rewrite = None if fresh is None else fresh.index, _rewrite_of(plan)
    answers = [
        FactAnswers(
            fact=place,
            before=_shown(before[place], rewrite),
            before_side=sides_before[place],
            after=_shown(after[place], rewrite),
            after_side=sides_after[place],
        )
        for place in range(min(len(facts.facts), _MOST_SHOWN))
    ]
    return Freshness(
        n=counts.n,
        before=_counts(sides_before),
        followed=counts.new,
        stale=counts.old,
        neither=counts.neither,
        share=Figure.of(proportion(counts.new, counts.n)),
        gained=_gained(sides_before, sides_after, fresh is not None),
        how=_how(arm, fresh, facts),
        asked_again=fresh is not None,
        seconds=index.seconds if index else 0.0 if fresh and fresh.is_whole else None,
        reason=NO_PRICE if index and not index.is_priced else None,
        passages=index.passages if index else None,
        reindexed=index.added if index else None,
        reencoded=index.encoded if index else None,
        answers=tuple(answers),
    )


def _gained(before: Sequence[FactSide], after: Sequence[FactSide], was_asked_again: bool) -> Figure:
    """The share that state the new fact after the change minus before it, over the same facts.

    Without a second asking the answers are the same ones: nothing was gained, which is certain.
    """
    if not was_asked_again:
        return Figure(value=0.0, n=len(after), method=_SAME_ANSWERS)
    stated = [np.array([one == "new" for one in sides], dtype=float) for sides in (after, before)]
    unused = np.random.default_rng(0)
    gain = compare(stated[0], stated[1], ("after", "before"), "new fact", unused)
    limits = (gain.low, gain.high)
    return Figure.of(Estimate(gain.difference, *limits, gain.level, len(after), gain.method))


def _how(arm: Arm, fresh: FreshArm | None, facts: ChangedFacts) -> str:
    """What makes an arm follow; see `Freshness`."""
    if fresh is not None and fresh.index is not None:
        return "index"
    if fresh is not None and fresh.is_whole:
        return "documents"
    traits = traits_of(arm.strategy)
    if traits.tunes:
        return "tuning"
    asked = {fact.example.input for fact in facts.facts}
    learns = not traits.needs_model or traits.looks_up_train or asked & arm.shown_inputs()
    return "fit" if learns else "prompt"


def _counts(sides: Sequence[FactSide]) -> FactCounts:
    counts = Counter(sides)
    return FactCounts(old=counts["old"], new=counts["new"], neither=counts["neither"])


def side(fact: ChangedFact, answer: Answer, metric: Metric) -> FactSide:
    """Say which fact an answer states; a failed answer states neither.

    Where the task's metric says right or wrong, and right for one of the two alone, that holds; else
    the words of the answer do.
    """
    if answer.output is None or answer.failure:
        return "neither"
    if metric.binary and not isinstance(metric, ModelMetric):
        old, new = (_is_right(fact, texts, answer.output, metric) for texts in fact.texts)
        if old != new:
            return "old" if old else "new"
    return side_of(answer.output, fact.texts)


def _is_right(fact: ChangedFact, texts: Sequence[str], output: str, metric: Metric) -> bool:
    example = replace(fact.example, output=texts[0], accepted=tuple(texts[1:]))
    grades = metric.best_grades([with_plain_reference(example)], [output])
    return grades[0].score >= 1


def _shown(answer: Answer, rewrite: Callable[[str], str]) -> str | None:
    return None if answer.output is None else rewrite(shortened(answer.output, _MOST_CHARACTERS))


def _rewrite_of(plan: Plan) -> Callable[[str], str]:
    """Marks in place of private values, where some model of the run is not to see them."""
    return hide if any(model.spec.redact for model in plan.all_models) else str


def priced_freshness(measured: MeasuredArm, costs: Costs, plan: Plan) -> Freshness | None:
    """Return an arm's freshness with what following costs; what is not known is ``None`` with a reason."""
    block = measured.blocks.freshness
    if block is None or block.reason is not None:
        return block
    if block.how == "index":
        assert block.seconds is not None
        money = cost_of(Usage(machine_seconds=block.seconds), plan.machine_price)
        return block.updated(cost=to_number(money.amount), reason=money.reason)
    if block.how == "documents":
        return block.updated(cost=0.0)
    if block.how == "prompt":
        return block.updated(reason=BY_HAND if block.asked_again else NOT_HELD)
    money = costs.fitting
    learns_documents = traits_of(measured.arm.strategy).learns_documents
    what = LEARN_AGAIN if learns_documents else FIT_AGAIN
    return block.updated(
        seconds=measured.fit_seconds,
        cost=to_number(money.amount),
        reason="; ".join(filter(None, [what, money.reason])),
    )


def changed_fact_results(plan: Plan) -> tuple[ChangedFactResult, ...]:
    """What a result states of the facts that change, in the order of their file."""
    if plan.facts is None:
        return ()
    rewrite = _rewrite_of(plan)
    return tuple(
        ChangedFactResult(
            document=fact.change.document,
            question=rewrite(shortened(fact.change.question, _MOST_CHARACTERS)),
            old=rewrite(shortened(fact.old_answer, _MOST_CHARACTERS)),
            new=rewrite(shortened(fact.change.answer, _MOST_CHARACTERS)),
            trained=fact.is_trained,
        )
        for fact in plan.facts.facts
    )
