"""The instruction with the same few solved examples before every input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from steelyard.core import Example
from steelyard.strategy.classical import generator
from steelyard.strategy.formats import Shot
from steelyard.strategy.nearest_neighbour import train_shots
from steelyard.strategy.options import parse_options
from steelyard.strategy.prompt_search import (
    Desk,
    Found,
    PromptStrategy,
    SearchOptions,
    by_rank,
    format_names,
    format_spread,
)
from steelyard.strategy.prompting import Prompt, PromptArm, count_tokens
from steelyard.strategy.search import Candidate

_LONGEST_SHARE = 8
"""A shot may take at most one part in so many of the prompt's budget."""


@dataclass(frozen=True)
class FewShotOptions(SearchOptions):
    """The search over formats and shots.

    ``k`` is shots per label, or in all where outputs are not labels; ``sets`` is how many draws
    (examples and order) are tried of each ``k``. A prompt has at most ``max_prompt_tokens``.
    """

    k: tuple[int, ...] = (1, 2, 4, 8)
    sets: int = 2
    max_prompt_tokens: int = 1500


class FewShotArm(PromptArm):
    """A prompt with fixed shots."""

    strategy: ClassVar[str] = "few_shot"


class FewShot(PromptStrategy):
    """Chooses the format with the fewest shots, then the number, choice and order of shots."""

    name: ClassVar[str] = "few_shot"
    arm_type: ClassVar[type[PromptArm]] = FewShotArm

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.config: FewShotOptions = parse_options(self.name, FewShotOptions, options)

    def describe(self, prompt: Prompt) -> Mapping[str, Any]:
        """Say what ``k`` the shots amount to."""
        labels = {shot.output for shot in prompt.recipe.shots} if prompt.recipe.choices else {""}
        return {"k": len(prompt.recipe.shots) / max(1, len(labels))}

    def search(self, desk: Desk) -> Found:
        """Screen formats, then compare shot sets in the best one."""
        sets = self._shot_sets(desk)
        smallest = next(iter(sets.values()))
        formats = [desk.recipe(name, smallest) for name in format_names(self.config)]
        screened = [Candidate(each.format, Prompt(each), each.length) for each in formats]
        free = min(self.config.free_candidates, len(sets))
        desk.expect(len(sets), free, screens=len(screened))
        first = desk.screen(screened)
        best = first.best.value.recipe.format
        recipes = {name: desk.recipe(best, shots) for name, shots in sets.items()}
        candidates = [
            Candidate(name, Prompt(recipe), recipe.length) for name, recipe in recipes.items()
        ]
        choice = desk.choose(candidates)
        spread = format_spread(screened, first)
        trace = (*first.trace, *choice.trace)
        return Found(by_rank(candidates, choice), choice.score, spread, trace)

    def _shot_sets(self, desk: Desk) -> dict[str, tuple[Shot, ...]]:
        """Return the shot sets that fit the budget, by name; at least one, cut to fit."""
        context, budget = desk.context, self.config.max_prompt_tokens
        labels = context.brief.labels if context.brief.kind == "label" else ()
        pool = short_shots(desk, context.train, budget // _LONGEST_SHARE)
        sizes = [k * max(1, len(labels)) for k in sorted(self.config.k)]
        sets: dict[str, tuple[Shot, ...]] = {}
        for draw in range(max(1, self.config.sets)):
            rng = generator(context.seed, f"few_shot/{draw}")
            sequence = balanced_sequence(pool, labels, rng)
            fitting = _fitting(desk, sequence, budget)
            fits = [size for size in sizes if 0 < size <= fitting] or [max(1, fitting)]
            for size in fits:
                shots = tuple(sequence[:size])
                if shots not in sets.values():
                    sets[f"{size} shots, draw {draw + 1}"] = shots
        return dict(sorted(sets.items(), key=lambda item: len(item[1])))


def short_shots(desk: Desk, train: Sequence[Example], limit: int) -> list[Shot]:
    """Return train as shots of at most ``limit`` tokens; if there is none, the shortest one."""
    shots = train_shots(train)
    tokens = [_tokens(desk, shot) for shot in shots]
    short = [shot for shot, count in zip(shots, tokens, strict=True) if count <= limit]
    return short or [shots[int(np.argmin(tokens))]]


def balanced_sequence(
    shots: Sequence[Shot], labels: Sequence[str], rng: np.random.Generator
) -> list[Shot]:
    """Order ``shots`` at random so that every prefix holds the labels as evenly as it can.

    Each round gives one shot of every label that has some left, in a new order. Without ``labels``
    it is a plain shuffle. A longer prefix extends a shorter one.
    """
    shuffled = [shots[index] for index in rng.permutation(len(shots))]
    if not labels:
        return shuffled
    queues = [[shot for shot in shuffled if shot.output == label] for label in labels]
    rounds = range(max((len(queue) for queue in queues), default=0))
    return [
        queues[place][turn]
        for turn in rounds
        for place in rng.permutation(len(queues))
        if turn < len(queues[place])
    ]


def _fitting(desk: Desk, sequence: Sequence[Shot], budget: int) -> int:
    """How many shots from the front of ``sequence`` fit into ``budget`` tokens."""
    spent = count_tokens(desk.context.model, desk.recipe(format_names(desk.options)[0]).instruction)
    for place, shot in enumerate(sequence):
        spent += _tokens(desk, shot)
        if spent > budget:
            return place
    return len(sequence)


def _tokens(desk: Desk, shot: Shot) -> int:
    """Tokens of a shot inside a chat; 8 are allowed for the turns' marks."""
    return count_tokens(desk.context.model, shot.input + "\n" + shot.output) + 8
