"""The same questions asked otherwise: what changes that mean the same do to an arm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from steelyard.core import Answer, Example, questions_of
from steelyard.result.steadiness import (
    Sensitivity,
    UnmeasuredChange,
    VariantScore,
    WorstVariant,
)
from steelyard.stats.agreement import pair_agreement, spread
from steelyard.stats.resample import Floats
from steelyard.strategy.base import Brief
from steelyard.strategy.variation import CASES, PROMPT_KINDS, TYPO_EVERY, in_case, mistyped
from steelyard.strategy.variation.inputs import words_of
from steelyard.weigh.repeats import RepeatSample

KINDS = (*PROMPT_KINDS, "typos", "case")
_NO_CHANGE = {
    "format": "its prompt has no other format",
    "instruction": "its prompt has no other wording",
    "order": "its prompt shows fewer than two examples",
    "typos": "its inputs have no word that a typo may change",
    "case": "its inputs have no letter case",
}
_NO_PROMPT = "it has no prompt"


class Variant(NamedTuple):
    """What was answered under one change; ``changed`` counts the items that it changed."""

    name: str
    answers: list[Answer]
    changed: int


def measure_sensitivity(
    sample: RepeatSample, kind: str, most: int
) -> Sensitivity | UnmeasuredChange:
    """Ask the sample under up to ``most`` changes of one kind; ``reason`` where there is none."""
    if kind in PROMPT_KINDS and sample.arm.model_name is None:
        return UnmeasuredChange(kind=kind, reason=_NO_PROMPT)
    ask = _ask_prompts if kind in PROMPT_KINDS else _ask_inputs
    variants = list(ask(sample, kind, most))
    if not variants:
        return UnmeasuredChange(kind=kind, reason=_NO_CHANGE[kind])
    return _figures(sample, kind, variants)


def _ask_prompts(sample: RepeatSample, kind: str, most: int) -> Iterator[Variant]:
    for name, arm in sample.arm.variations(kind, sample.generator(kind))[:most]:
        # Asked again: a cached answer would hide what merely asking again changes.
        answers = arm.answer_all(questions_of(sample.examples), nonce=kind)
        sample.on_asked(len(answers))
        yield Variant(name, answers, len(answers))


def _ask_inputs(sample: RepeatSample, kind: str, most: int) -> Iterator[Variant]:
    """Ask about changed inputs; an input that a change leaves alone keeps its ordinary answer.

    All changes go out in one call: a local model then answers them in full batches.
    """
    changes = changed_inputs(sample, kind, most)
    fresh = [
        (name, place)
        for name, examples in changes.items()
        for place, example in enumerate(examples)
        if example.input != sample.examples[place].input
    ]
    questions = [changes[name][place].question for name, place in fresh]
    fresh_answers = dict(zip(fresh, sample.arm.answer_all(questions, nonce=kind), strict=True))
    sample.on_asked(len(questions))
    for name in changes:
        answers = [
            fresh_answers.get((name, place), old) for place, old in enumerate(sample.answers)
        ]
        changed = sum(name == change for change, _ in fresh)
        if changed:
            yield Variant(name, answers, changed)


def changed_inputs(sample: RepeatSample, kind: str, most: int) -> Mapping[str, list[Example]]:
    """The sample's examples with typos, or in other case, by the name of the change.

    What an answer may have to repeat stays: typos spare the labels and the words of the reference,
    other case the words of a reference that is no label. All arms meet the same inputs.
    """
    brief, examples = sample.arm.brief, sample.examples
    if kind == "case":
        return {
            case: [_with(e, in_case(e.input, case, _spared(brief, e, case=True))) for e in examples]
            for case in CASES[:most]
        }
    return {
        f"one per {every} characters": [
            _with(
                e,
                mistyped(
                    e.input,
                    every,
                    sample.generator(f"typos {every} {e.id}"),
                    _spared(brief, e, case=False),
                ),
            )
            for e in examples
        ]
        for every in TYPO_EVERY[:most]
    }


def _spared(brief: Brief, example: Example, *, case: bool) -> frozenset[str]:
    if brief.labels:
        return frozenset() if case else words_of(*brief.labels)
    return words_of(example.output)


def _with(example: Example, text: str) -> Example:
    return replace(example, input=text)


def _figures(sample: RepeatSample, kind: str, variants: Sequence[Variant]) -> Sensitivity:
    answered = [sample.answers, *(variant.answers for variant in variants)]
    scores = [sample.scores(answers) for answers in answered]
    figures = [sample.figure(*pair) for pair in zip(scores, answered, strict=True)]
    scored = tuple(
        VariantScore(
            name=variant.name,
            changed=variant.changed,
            score=figure,
            difference=figure - figures[0],
            agreement=_alike(sample, variant.answers),
        )
        for variant, figure in zip(variants, figures[1:], strict=True)
    )
    worst = scored[int(np.argmin(figures[1:]))]
    agreements = [variant.agreement for variant in scored if variant.agreement is not None]
    return Sensitivity(
        kind=kind,
        items=len(sample.examples),
        baseline=figures[0],
        variants=scored,
        agreement=sum(agreements) / len(agreements) if agreements else None,
        spread=max(figures) - min(figures),
        worst=WorstVariant(name=worst.name, score=worst.score, difference=worst.difference),
        **_by_chance(sample, scores),
    )


def _alike(sample: RepeatSample, answers: Sequence[Answer]) -> float | None:
    """The share of items answered as before, among those answered both times."""
    shares = pair_agreement(sample.codes(sample.answers, answers))
    shares = shares[~np.isnan(shares)]
    return float(shares.mean()) if len(shares) else None


def _by_chance(sample: RepeatSample, scores: Sequence[Floats]) -> dict[str, Any]:
    if not sample.metric.decomposable:
        reason = f"not defined for {sample.metric.name}, which is not a mean of item scores"
        return {"spread_reason": reason}
    by_chance = spread(np.column_stack(scores), sample.generator("spread"), sample.clusters)
    return {"spread_by_chance": by_chance.by_chance, "p_value": by_chance.p_value}
