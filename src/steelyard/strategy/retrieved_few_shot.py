"""The instruction with the train examples nearest to each input, the most similar last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from steelyard.strategy.few_shot import short_shots
from steelyard.strategy.options import check_known, parse_options
from steelyard.strategy.prompt_search import (
    Desk,
    Found,
    PromptStrategy,
    SearchOptions,
    by_rank,
    format_names,
    format_spread,
)
from steelyard.strategy.prompting import Prompt, PromptArm
from steelyard.strategy.search import Candidate
from steelyard.strategy.tfidf import FEATURES, ShotIndex

_SCREENING_K = 2


@dataclass(frozen=True)
class RetrievedFewShotOptions(SearchOptions):
    """The search over formats and ``k``, the neighbours shown, found by TF-IDF over ``features``.

    Retrieved shots share no prefix, so fewer formats and dev items are asked than elsewhere.
    """

    formats: tuple[str, ...] = ("system_user", "labelled_turns", "labelled_list")
    screen: int = 24
    dev_items: int = 60
    k: tuple[int, ...] = (1, 2, 4, 8)
    features: str = "word+char"
    max_prompt_tokens: int = 1500

    def __post_init__(self) -> None:
        """Refuse unknown formats and features."""
        super().__post_init__()
        check_known("features", [self.features], FEATURES)


class RetrievedFewShotArm(PromptArm):
    """A prompt with shots looked up for each input."""

    strategy: ClassVar[str] = "retrieved_few_shot"


class RetrievedFewShot(PromptStrategy):
    """Chooses the format with few neighbours, then the number of neighbours."""

    name: ClassVar[str] = "retrieved_few_shot"
    arm_type: ClassVar[type[PromptArm]] = RetrievedFewShotArm

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.config: RetrievedFewShotOptions = parse_options(
            self.name, RetrievedFewShotOptions, options
        )

    def describe(self, prompt: Prompt) -> Mapping[str, Any]:
        """Name ``k`` and the features."""
        return {"k": prompt.recipe.retrieved, "features": self.config.features}

    def search(self, desk: Desk) -> Found:
        """Screen formats, then compare numbers of neighbours in the best one."""
        largest = max(1, *self.config.k)
        limit = self.config.max_prompt_tokens // largest
        pool = short_shots(desk, desk.context.train, limit)
        index = ShotIndex.fit(pool, self.config.features)
        mean_length = sum(len(shot.input) + len(shot.output) for shot in pool) // len(pool)

        def candidate(name: str, format_name: str, k: int) -> Candidate[Prompt]:
            recipe = desk.recipe(format_name, retrieved=k)
            return Candidate(name, Prompt(recipe, index), recipe.length + k * mean_length)

        sizes = sorted({k for k in self.config.k if 0 < k <= len(pool)}) or [1]
        few = min(_SCREENING_K, sizes[-1])
        names = format_names(self.config)
        screened = [candidate(name, name, few) for name in names]
        desk.expect(len(sizes), min(self.config.free_candidates, len(sizes)), screens=len(screened))
        first = desk.screen(screened)
        best = first.best.value.recipe.format
        candidates = [candidate(f"k={k}", best, k) for k in sizes]
        choice = desk.choose(candidates)
        spread = format_spread(screened, first)
        trace = (*first.trace, *choice.trace)
        return Found(by_rank(candidates, choice), choice.score, spread, trace)
