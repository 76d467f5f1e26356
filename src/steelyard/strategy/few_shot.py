"""The instruction with the same few solved examples before every input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import NonNegativeInt

from steelyard.config.options import Several, one_of
from steelyard.core import Example, OutputKind, Usage
from steelyard.label_sets import labels_of
from steelyard.output_kinds import KINDS
from steelyard.seeds import fit_generator
from steelyard.strategy.base import Brief
from steelyard.strategy.forecasting import SHOT_MARKS, chat_tokens, shot_tokens, shots_that_fit
from steelyard.strategy.formats import Shot
from steelyard.strategy.nearest_neighbour import train_shots
from steelyard.strategy.outlook import Sizes
from steelyard.strategy.prompt import Prompt, count_tokens
from steelyard.strategy.prompt_search import (
    DevEvaluator,
    SearchOptions,
    SearchSpace,
    format_names,
)
from steelyard.strategy.prompt_strategy import PromptStrategy
from steelyard.strategy.search import SearchCandidate
from steelyard.strategy.shots import CHOICES, ORDERS, ordered, shot_sequence
from steelyard.strategy.traits import ShotLimits, Traits

LONGEST_SHARE = 8
"""A shot may take at most one part in so many of the prompt's budget."""


class FewShotOptions(SearchOptions):
    """The search over formats and shots.

    ``k`` is shots per label, or in all where outputs are not labels; ``sets`` is how many sets are
    tried of each ``k``, chosen by ``choose`` and put in ``order`` in turn. A prompt has at most
    ``max_prompt_tokens``.
    """

    k: Several[NonNegativeInt] = (1, 2, 4, 8)
    sets: NonNegativeInt = 3
    choose: Several[Annotated[str, one_of("choice of shots", lambda: CHOICES)]] = CHOICES
    order: Several[Annotated[str, one_of("order of shots", lambda: ORDERS)]] = (
        "drawn",
        "long_first",
        "short_first",
    )
    max_prompt_tokens: NonNegativeInt = 1500

    def set_by_turn(self, turn: int) -> tuple[str, str]:
        """Return choice and order of the set ``turn``; later turns pair them otherwise."""
        choices, orders = self.choose, self.order
        shift = turn // len(choices)
        return choices[turn % len(choices)], orders[(turn + shift) % len(orders)]


class FewShot(PromptStrategy):
    """Chooses the format with the fewest shots, then the number, choice and order of shots."""

    name: ClassVar[str] = "few_shot"
    traits: ClassVar[Traits] = Traits(
        family="few_shot",
        about="instruction and fixed examples",
        needs_references=True,
        carries="fixed_shots",
        can_be_voted_over=True,
    )
    options_type = FewShotOptions
    config: FewShotOptions

    def shot_limits(self, kind: OutputKind, labels: int) -> ShotLimits:
        """``k`` counts by label."""
        groups = max(1, labels) if KINDS[kind].is_labelled else 1
        counts = tuple(k * groups for k in self.config.k)
        return ShotLimits(counts, self.config.max_prompt_tokens)

    def describe(self, prompt: Prompt) -> Mapping[str, Any]:
        shots, kind = prompt.recipe.shots, prompt.recipe.kind
        labels = {label for shot in shots for label in labels_of(shot.output, kind)}
        return {"k": len(shots) / max(1, len(labels))}

    def space(self, evaluator: DevEvaluator) -> SearchSpace[SearchCandidate[Prompt]]:
        """Formats are screened with the smallest shot set; the sets are compared in the best one."""
        sets, formats = self._shot_sets(evaluator), format_names(self.config)
        smallest = next(iter(sets.values()))
        return evaluator.space(
            [evaluator.candidate(name, formats[0], shots) for name, shots in sets.items()],
            screened=[evaluator.candidate(name, name, smallest) for name in formats],
        )

    def expected_space(self, brief: Brief, sizes: Sizes) -> SearchSpace[Usage]:
        """The same with shots of mean length."""
        config, labels = self.config, max(1, sizes.labels)
        counts = [min(k * max(1, labels), sizes.train) for k in config.k if k]
        fitting = {shots_that_fit(sizes, count, config.max_prompt_tokens) for count in counts}
        prompts = [chat_tokens(sizes, k * shot_tokens(sizes)) for k in sorted(fitting or {1})]
        screened = prompts[:1] * len(format_names(config))
        return self.sized(brief, sizes, prompts * max(1, config.sets), screened)

    def _shot_sets(self, evaluator: DevEvaluator) -> dict[str, tuple[Shot, ...]]:
        """Return the shot sets that fit the budget, by name; at least one, cut to fit."""
        context, budget = evaluator.context, self.config.max_prompt_tokens
        labels = context.brief.labels
        pool = short_shots(evaluator, context.train, budget // LONGEST_SHARE)
        sizes = [k * max(1, len(labels)) for k in sorted(self.config.k)]
        sets: dict[str, tuple[Shot, ...]] = {}
        for turn in range(max(1, self.config.sets)):
            rng = fit_generator(context.seed, f"few_shot/{turn}")
            choice, order = self.config.set_by_turn(turn)
            sequence = shot_sequence(pool, labels, choice, rng)
            fitting = fitting_shots(evaluator, sequence, budget)
            fits = [size for size in sizes if 0 < size <= fitting] or [max(1, fitting)]
            for size in fits:
                shots = ordered(sequence[:size], order)
                if shots not in sets.values():
                    sets[f"{size} shots, set {turn + 1} ({choice}, {order})"] = shots
        return dict(sorted(sets.items(), key=lambda item: len(item[1])))


def short_shots(evaluator: DevEvaluator, train: Sequence[Example], limit: int) -> list[Shot]:
    """Return train as shots of at most ``limit`` tokens; if there is none, the shortest one."""
    shots = train_shots(train)
    tokens = [shot_length(evaluator, shot) for shot in shots]
    short = [shot for shot, count in zip(shots, tokens, strict=True) if count <= limit]
    return short or [shots[int(np.argmin(tokens))]]


def fitting_shots(evaluator: DevEvaluator, sequence: Sequence[Shot], budget: int) -> int:
    """How many shots from the front of ``sequence`` fit into ``budget`` tokens."""
    spent = count_tokens(
        evaluator.context.model, evaluator.recipe(format_names(evaluator.options)[0]).instruction
    )
    for place, shot in enumerate(sequence):
        spent += shot_length(evaluator, shot)
        if spent > budget:
            return place
    return len(sequence)


def shot_length(evaluator: DevEvaluator, shot: Shot) -> int:
    """Tokens of a shot inside a chat, with an allowance for the turns' marks."""
    return count_tokens(evaluator.context.model, shot.input + "\n" + shot.output) + SHOT_MARKS
