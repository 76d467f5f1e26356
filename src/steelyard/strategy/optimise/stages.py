"""The stages of the search and its forecast: what it asks at most, before anything is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from steelyard.core import Usage
from steelyard.output_kinds import KINDS
from steelyard.strategy.base import Brief
from steelyard.strategy.forecasting import (
    answer_limit,
    chat_tokens,
    forecast_of,
    input_tokens,
    one_answer,
    repair_size,
    repaired_answer,
    shot_tokens,
)
from steelyard.strategy.optimise.options import OptimizedPromptOptions
from steelyard.strategy.optimise.race import ETA, RaceSettings, rounds
from steelyard.strategy.optimise.reflection import MINIBATCH, REFLECTED_TOKENS
from steelyard.strategy.optimise.search import SearchRules
from steelyard.strategy.optimise.shot_sets import BOOTSTRAPS, DIVERSITIES
from steelyard.strategy.outlook import Forecast, Sizes
from steelyard.strategy.prompt import free_name
from steelyard.strategy.search import P, Stage
from steelyard.strategy.shots import CHOICES

_WORDING_TOKENS = 300
"""What a wording may add to the task's own instruction."""
_REFLECTION_TOKENS = 400
"""What a question to a reflecting model says around the instruction and the records."""
_RECORD_TOKENS = 48
"""What it says around an input, its answer and the reference."""


class SearchCost(NamedTuple):
    """Questions and forward-pass tokens that a search may take at most."""

    questions: int
    allowed: int


def race_stages(
    designs: int, items: int, rules: SearchRules, name: str, prompt: P
) -> list[Stage[P]]:
    """Return the rounds of a race of so many designs, if none falls behind; see `race`."""
    stages, before = [], 0
    for met in rounds(RaceSettings(tuple(range(items)), rules.first, rules.keep, name)):
        stages.append(Stage(name, [prompt] * designs, len(met) - before))
        before, designs = len(met), min(designs, max(rules.keep, -(-designs // ETA)))
    return stages


def most_stages(
    options: OptimizedPromptOptions, dev: int, constrainable: bool, prompt: P
) -> list[Stage[P]]:
    """Return the stages of the whole search, budget apart, all asking ``prompt``.

    The search does not run these: which designs it builds, how many go on and when it stops is decided
    by their answers and by what is left of the budget. It takes the same rounds with the same rules, in
    which no design falls behind here and every climb is taken, so that it never asks more.
    """
    rules, (searched, held_back) = options.rules, options.parts_of(dev)
    sets = len(CHOICES) + len(BOOTSTRAPS)
    shots = sets * len(rules.counts) + len(rules.neighbours) * len(DIVERSITIES)
    shots += rules.keep + 2 * len(rules.counts) + len(DIVERSITIES)  # under the second best too
    free = max(1, options.free_candidates) if constrainable else 0
    return [
        Stage("plain", [prompt], searched),
        *race_stages(rules.candidates, searched, rules, "screen", prompt),
        Stage("probe", [prompt], rules.probes),
        *race_stages(shots, searched, rules, "shots", prompt),
        *race_stages(rules.moves, searched, rules, "moves", prompt) * rules.climbs,
        Stage("held_back", [prompt] * options.finalists, held_back),
        Stage("free", [prompt] * free, searched + held_back),
    ]


def search_forecast(
    name: str, brief: Brief, sizes: Sizes, options: OptimizedPromptOptions, cost: SearchCost
) -> Forecast:
    """Return the forecast of a search within ``cost``, and of the repairs of JSON after it.

    On a model of this machine the budget bounds what is computed, and prompts share the rest.
    """
    prompt = _longest(brief, sizes, options.rules)
    longest = one_answer(sizes, prompt, answer_limit(brief, sizes))
    questions = min(cost.questions, _affordable(sizes, cost.allowed))
    read = round(questions * longest.input_tokens)
    computed = min(read, cost.allowed)
    written = round(min(questions * longest.output_tokens, cost.allowed))
    search = (
        Usage(questions, read, read - computed, written)
        if sizes.run.local
        else Usage(questions, computed, output_tokens=written)
    )
    names = [name, free_name(name)] if brief.constrainable else [name]
    per_answer = dict.fromkeys(names, longest)
    repairs: list[Stage[Usage]] = []
    if brief.kind == "json" and options.repairs:
        dev = min(sizes.dev, options.dev_items)
        per_answer[f"{name}_repair"] = repaired_answer(longest, options.repairs)
        # the free prompt is not asked before where the budget was spent
        repairs = [Stage("free", [longest], dev)]
        repairs += [Stage("repair", [repair_size(longest)], dev, options.repairs)]
    after = forecast_of(repairs, per_answer)
    note = f"its search may use up to {cost.allowed:,} forward-pass tokens"
    return replace(after, usage=search + after.usage, note=note)


def reflection_forecast(
    brief: Brief, sizes: Sizes, rules: SearchRules, cost: SearchCost
) -> tuple[Usage, int]:
    """Return what a reflecting model is asked at most, and the questions that try its instructions.

    Each reflection follows a few train examples answered under the parent and goes before as many
    under the child; all of these are within the share of the budget that reflection may spend.
    """
    calls = int(rules.reflect_share * min(cost.questions, _affordable(sizes, cost.allowed)))
    examples = max(4, sizes.labels)
    batch = max(1, min(MINIBATCH, min(sizes.train, rules.probes) - examples))
    requests = -(-calls // (2 * batch))
    record = sizes.input_tokens + answer_limit(brief, sizes) + _RECORD_TOKENS
    record += max(sizes.longest_output_tokens, sizes.output_tokens)
    instruction = max(sizes.instruction_tokens, min(REFLECTED_TOKENS, rules.max_prompt_tokens))
    question = _REFLECTION_TOKENS + sizes.instruction_tokens + instruction + MINIBATCH * record
    usage = Usage(requests, round(requests * question), output_tokens=requests * REFLECTED_TOKENS)
    return usage, calls


def _affordable(sizes: Sizes, allowed: int) -> int:
    """Questions of inputs alone that a budget pays."""
    return int(allowed / (sizes.input_tokens + 1))


def _longest(brief: Brief, sizes: Sizes, rules: SearchRules) -> float:
    """Tokens of the longest prompt: the most shots, and one more with every round of moves."""
    most = rules.most_shots(max(1, sizes.labels) if KINDS[brief.kind].is_labelled else 1)
    shots = min(most, sizes.train) * shot_tokens(sizes)
    widest = max(rules.max_prompt_tokens + input_tokens(sizes), chat_tokens(sizes))
    return min(chat_tokens(sizes, shots, instruction=_WORDING_TOKENS), widest)
