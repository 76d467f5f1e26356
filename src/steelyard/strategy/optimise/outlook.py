"""What the search will ask at most, before anything is asked."""

from __future__ import annotations

from dataclasses import replace

from steelyard.strategy.base import Brief, Forecast, Sizes
from steelyard.strategy.forecasting import (
    answer_limit,
    asking,
    chat_tokens,
    own_tokens,
    shot_tokens,
)
from steelyard.strategy.optimise.hunt import Rules
from steelyard.strategy.optimise.race import ETA, Heat, rounds
from steelyard.strategy.optimise.shot_sets import BOOTSTRAPS, DIVERSITIES
from steelyard.strategy.shots import CHOICES


def race_questions(designs: int, items: int, rules: Rules) -> int:
    """Questions of a race of so many designs over so many items, if none is known to be behind."""
    asked = before = 0
    for seen in rounds(Heat(tuple(range(items)), rules.first, rules.keep, "")):
        asked += designs * (len(seen) - before)
        before, designs = len(seen), min(designs, max(rules.keep, -(-designs // ETA)))
    return asked


def most_questions(rules: Rules, items: tuple[int, int], finalists: int, free: int) -> int:
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


def outlook(
    name: str, brief: Brief, sizes: Sizes, rules: Rules, questions: int, allowed: int
) -> Forecast:
    """Return the forecast of a search of so many questions and forward-pass tokens at most.

    The prompt of the arm is taken to hold two shots for each label, or four.
    """
    limit = answer_limit(brief, sizes)
    wanted = 2 * max(1, sizes.labels) if brief.kind == "label" else 4
    prompt = min(
        chat_tokens(sizes, min(wanted, sizes.train) * shot_tokens(sizes)),
        max(rules.max_prompt_tokens, chat_tokens(sizes)),
    )
    short = sizes.input_tokens + 1
    asked = min(questions, int(allowed / short))
    found = asking(asked, min(prompt, allowed / max(1, asked)), min(limit, short))
    names = [name, f"{name}_free"] if brief.constrainable else [name]
    note = f"{name} searches with {allowed:,} forward-pass tokens at most"
    return replace(
        found,
        per_answer=dict.fromkeys(names, (1.0, prompt, limit)),
        note=note,
        shared_per_request=max(0.0, prompt - own_tokens(sizes)),
    )
