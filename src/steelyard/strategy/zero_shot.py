"""The instruction alone."""

from __future__ import annotations

from typing import ClassVar

from pydantic import NonNegativeInt

from steelyard.core import Usage
from steelyard.strategy.base import Brief
from steelyard.strategy.forecasting import chat_tokens
from steelyard.strategy.outlook import Sizes
from steelyard.strategy.prompt import Prompt
from steelyard.strategy.prompt_search import (
    DevEvaluator,
    SearchOptions,
    SearchSpace,
    format_names,
)
from steelyard.strategy.prompt_strategy import PromptStrategy
from steelyard.strategy.search import SearchCandidate
from steelyard.strategy.traits import Traits


class ZeroShotOptions(SearchOptions):
    """The search over formats."""

    free_candidates: NonNegativeInt = 3


class ZeroShot(PromptStrategy):
    """Tries the task's instruction in several formats."""

    name: ClassVar[str] = "zero_shot"
    traits: ClassVar[Traits] = Traits(
        family="prompt",
        about="instruction only",
        no_gap="nothing was fitted on train",
        learns=False,
        may_stop=False,
        can_be_voted_over=True,
    )
    options_type = ZeroShotOptions
    config: ZeroShotOptions

    def space(self, evaluator: DevEvaluator) -> SearchSpace[SearchCandidate[Prompt]]:
        """The instruction in each format."""
        return evaluator.space(
            [evaluator.candidate(name, name) for name in format_names(self.config)]
        )

    def expected_space(self, brief: Brief, sizes: Sizes) -> SearchSpace[Usage]:
        """As many prompts as formats, all of one length."""
        return self.sized(brief, sizes, [chat_tokens(sizes)] * len(format_names(self.config)))
