"""What the search will ask at most, before anything is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, Protocol

from steelyard.core import Usage
from steelyard.model.base import ModelSpec
from steelyard.strategy.base import Brief, Forecast, OtherModelUse, Sizes
from steelyard.strategy.forecasting import (
    PromptLengths,
    added,
    answer_limit,
    asking,
    chat_tokens,
    own_tokens,
    repairing,
    shot_tokens,
)
from steelyard.strategy.optimise.race import ETA, RaceSettings, rounds
from steelyard.strategy.optimise.reflection import MINIBATCH, REFLECTED_TOKENS
from steelyard.strategy.optimise.search import SearchRules
from steelyard.strategy.optimise.shot_sets import BOOTSTRAPS, DIVERSITIES
from steelyard.strategy.shots import CHOICES

_WORDING_TOKENS = 300
"""What a wording may add to the task's own instruction."""
_REFLECTION_TOKENS = 400
"""What a question to a reflecting model says around the instruction and the records."""
_RECORD_TOKENS = 48
"""What it says around an input, its answer and the reference."""


class OutlookBounds(Protocol):
    """What of the search's options its forecast reads; see `OptimizedPromptOptions`."""

    @property
    def rules(self) -> SearchRules:
        """How far each round goes."""
        ...

    @property
    def dev_items(self) -> int:
        """Dev items at most."""
        ...

    @property
    def repairs(self) -> int:
        """How often an answer is asked again."""
        ...


class Spend(NamedTuple):
    """Questions and forward-pass tokens that a search may take at most."""

    questions: int
    allowed: int


def race_questions(designs: int, items: int, rules: SearchRules) -> int:
    """Questions of a race of so many designs over so many items, if none is known to be behind."""
    questions = before = 0
    for items_met in rounds(RaceSettings(tuple(range(items)), rules.first, rules.keep, "")):
        questions += designs * (len(items_met) - before)
        before, designs = len(items_met), min(designs, max(rules.keep, -(-designs // ETA)))
    return questions


def most_questions(rules: SearchRules, items: tuple[int, int], finalists: int, free: int) -> int:
    """Questions of the whole search at most, money apart; ``items`` are dev's two parts."""
    searched, held = items
    sets = (len(CHOICES) + len(BOOTSTRAPS)) * len(rules.counts) + len(rules.neighbours) * len(
        DIVERSITIES
    )
    second = 2 * len(rules.counts) + len(DIVERSITIES)
    return (
        searched
        + race_questions(rules.candidates, searched, rules)
        + rules.probes
        + race_questions(rules.keep + sets + second, searched, rules)
        + rules.climbs * race_questions(rules.moves, searched, rules)
        + finalists * held
        + free * (searched + held)
    )


def outlook(name: str, brief: Brief, sizes: Sizes, bounds: OutlookBounds, spend: Spend) -> Forecast:
    """Return the forecast of a search within ``spend``, and of the repairs of JSON after it.

    On a model of this machine the budget bounds what is computed, and prompts share the rest.
    """
    limit, prompt, own = (
        answer_limit(brief, sizes),
        _longest(brief, sizes, bounds),
        own_tokens(sizes),
    )
    questions = min(spend.questions, _affordable(sizes, spend.allowed))
    read = round(questions * prompt)
    computed = min(read, spend.allowed)
    forecast = Forecast(
        questions,
        read if sizes.run.local else computed,
        round(min(questions * limit, spend.allowed)),
        shared_tokens=read - computed if sizes.run.local else 0,
    )
    names = [name, f"{name}_free"] if brief.constrainable else [name]
    per_answer = dict.fromkeys(names, (1.0, prompt, limit))
    if brief.kind == "json" and bounds.repairs:
        lengths, dev = PromptLengths(prompt, limit, own), min(sizes.dev, bounds.dev_items)
        repairs = repairing(name, dev, bounds.repairs, lengths)
        per_answer |= repairs.per_answer
        # the free prompt is not asked before where the budget was spent
        forecast = added(forecast, asking(dev, prompt, limit, own), repairs)
    return replace(
        forecast,
        per_answer=per_answer,
        note=f"{name} searches with {spend.allowed:,} forward-pass tokens at most",
        shared_per_request=max(0.0, prompt - own),
    )


def reflecting(
    spec: ModelSpec, brief: Brief, sizes: Sizes, bounds: OutlookBounds, spend: Spend
) -> tuple[OtherModelUse, int]:
    """Return what a reflecting model is asked at most, and the questions that try its instructions.

    Each reflection follows a few train examples answered under the parent and goes before as many
    under the child; all of these are within the share of the budget that reflection may spend.
    """
    rules = bounds.rules
    calls = int(rules.reflect_share * min(spend.questions, _affordable(sizes, spend.allowed)))
    examples = max(4, sizes.labels)
    batch = max(1, min(MINIBATCH, min(sizes.train, rules.probes) - examples))
    requests = -(-calls // (2 * batch))
    record = sizes.input_tokens + answer_limit(brief, sizes) + _RECORD_TOKENS
    record += max(sizes.longest_output_tokens, sizes.output_tokens)
    instruction = max(sizes.instruction_tokens, min(REFLECTED_TOKENS, rules.max_prompt_tokens))
    question = _REFLECTION_TOKENS + sizes.instruction_tokens + instruction + MINIBATCH * record
    usage = Usage(requests, round(requests * question), output_tokens=requests * REFLECTED_TOKENS)
    return OtherModelUse(spec, usage), calls


def _affordable(sizes: Sizes, allowed: int) -> int:
    """Questions of inputs alone that a budget pays."""
    return int(allowed / (sizes.input_tokens + 1))


def _longest(brief: Brief, sizes: Sizes, bounds: OutlookBounds) -> float:
    """Tokens of the longest prompt: the most shots, and one more with every round of moves."""
    rules = bounds.rules
    most = rules.most_shots(max(1, sizes.labels) if brief.kind == "label" else 1)
    shots = min(most, sizes.train) * shot_tokens(sizes)
    widest = max(rules.max_prompt_tokens + own_tokens(sizes), chat_tokens(sizes))
    return min(chat_tokens(sizes, shots, instruction=_WORDING_TOKENS), widest)
