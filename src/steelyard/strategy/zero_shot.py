"""The instruction alone."""

from __future__ import annotations

from typing import ClassVar

from pydantic import NonNegativeInt

from steelyard.strategy.base import Brief, Forecast, Sizes
from steelyard.strategy.forecasting import Searched, chat_tokens, own_tokens, searching
from steelyard.strategy.prompt import Prompt
from steelyard.strategy.prompt_search import (
    DevEvaluator,
    PromptStrategy,
    SearchOptions,
    SearchResult,
    by_rank,
    format_names,
    format_spread,
)
from steelyard.strategy.search import SearchCandidate
from steelyard.strategy.traits import Traits


class ZeroShotOptions(SearchOptions):
    """The search over formats."""

    free_candidates: NonNegativeInt = 3


class ZeroShot(PromptStrategy):
    """Tries the task's instruction in several formats."""

    name: ClassVar[str] = "zero_shot"
    traits: ClassVar[Traits] = Traits(
        family="prompt", about="instruction only", no_gap="nothing was fitted on train"
    )
    options_type = ZeroShotOptions
    config: ZeroShotOptions

    def search(self, evaluator: DevEvaluator) -> SearchResult:
        """Compare the formats."""
        recipes = [evaluator.recipe(name) for name in format_names(self.config)]
        candidates = [
            SearchCandidate(recipe.format, Prompt(recipe), recipe.length) for recipe in recipes
        ]
        evaluator.expect(len(candidates), min(self.config.free_candidates, len(candidates)))
        choice = evaluator.choose(candidates)
        spread = format_spread(candidates, choice)
        return SearchResult(by_rank(candidates, choice), choice.score, spread, choice.trace)

    def forecast(self, brief: Brief, sizes: Sizes) -> Forecast | None:
        """Say what the search over formats asks at most."""
        prompts = [chat_tokens(sizes)] * len(format_names(self.config))
        return searching(
            self.name, brief, sizes, self.config, Searched((), prompts, own_tokens(sizes))
        )
