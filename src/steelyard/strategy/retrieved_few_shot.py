"""The instruction with the train examples nearest to each input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Annotated, Any, ClassVar

from pydantic import Field, NonNegativeInt

from steelyard.config.options import Several, one_of
from steelyard.core import OutputKind
from steelyard.retrieve.base import Passage
from steelyard.retrieve.tfidf import FeatureName, TfidfIndex
from steelyard.strategy.base import Brief, Forecast, Sizes
from steelyard.strategy.few_shot import short_shots
from steelyard.strategy.forecasting import Searched, chat_tokens, searching, shot_tokens
from steelyard.strategy.prompt import RETRIEVED_ORDERS, Prompt, Retrieval
from steelyard.strategy.prompt_search import (
    DevEvaluator,
    FormatName,
    PromptStrategy,
    SearchOptions,
    SearchResult,
    by_rank,
    format_names,
    format_spread,
)
from steelyard.strategy.search import SearchCandidate
from steelyard.strategy.traits import RETRIEVES_ITSELF, ShotLimits, Traits

_SCREENING_K = 2


class RetrievedFewShotOptions(SearchOptions):
    """The search over formats and over ``k``, the number of neighbours, found by ``features``.

    Every ``k`` is tried with the first ``diversity`` (see `TfidfIndex`) and ``order``, the largest with
    the others too. At most ``per_label`` shots have the same output (0: any number). Retrieved shots
    share no prefix, so fewer formats and dev items are tried than elsewhere.
    """

    formats: Several[FormatName] = ("system_user", "labelled_turns", "labelled_list")
    screen: NonNegativeInt = 24
    dev_items: NonNegativeInt = 60
    k: Several[NonNegativeInt] = (1, 2, 4, 8)
    features: FeatureName = "word+char"
    diversity: Several[Annotated[float, Field(ge=0, le=1)]] = (0.0, 0.3)
    order: Several[Annotated[str, one_of("order of retrieved shots", lambda: RETRIEVED_ORDERS)]] = (
        RETRIEVED_ORDERS
    )
    per_label: NonNegativeInt = 0
    max_prompt_tokens: NonNegativeInt = 1500

    def ways(self, k: int, largest: int) -> list[Retrieval]:
        """Return the ways to show ``k`` neighbours that are tried."""
        first = Retrieval(self.diversity[0], self.per_label, self.order[0])
        if k < largest or k < 2:
            return [first]
        varied = [replace(first, diversity=share) for share in self.diversity[1:]]
        return [first, *varied, *(replace(first, order=order) for order in self.order[1:])]


class RetrievedFewShot(PromptStrategy):
    """Chooses the format with few neighbours, then the number of neighbours."""

    name: ClassVar[str] = "retrieved_few_shot"
    traits: ClassVar[Traits] = Traits(
        family="few_shot",
        about="instruction and the nearest examples",
        needs_references=True,
        no_gap=RETRIEVES_ITSELF,
        looks_up_train=True,
        carries="retrieved_shots",
    )
    options_type = RetrievedFewShotOptions
    config: RetrievedFewShotOptions

    def shot_limits(self, kind: OutputKind, labels: int) -> ShotLimits:
        return ShotLimits(self.config.k, self.config.max_prompt_tokens)

    def describe(self, prompt: Prompt) -> Mapping[str, Any]:
        options = {"k": prompt.recipe.retrieved, "features": self.config.features}
        index = prompt.index
        if not isinstance(index, TfidfIndex):
            return options
        return {**options, **asdict(Retrieval(index.diversity, index.per_output, prompt.order))}

    def search(self, evaluator: DevEvaluator) -> SearchResult:
        """Screen formats, then compare numbers of neighbours, and ways to show them, in the best."""
        largest = max(1, *self.config.k)
        limit = self.config.max_prompt_tokens // largest
        pool = short_shots(evaluator, evaluator.context.train, limit)
        index = TfidfIndex.fit([Passage(*shot) for shot in pool], self.config.features)
        mean_length = sum(len(shot.input) + len(shot.output) for shot in pool) // len(pool)

        def candidate(
            name: str, format_name: str, k: int, way: Retrieval
        ) -> SearchCandidate[Prompt]:
            recipe = evaluator.recipe(format_name, retrieved=k)
            size = recipe.length + k * mean_length
            return SearchCandidate(name, way.prompt(recipe, index), size)

        sizes = sorted({k for k in self.config.k if 0 < k <= len(pool)}) or [1]
        few = min(_SCREENING_K, sizes[-1])
        usual = self.config.ways(1, largest)[0]
        screened = [candidate(name, name, few, usual) for name in format_names(self.config)]
        ways = [(k, way) for k in sizes for way in self.config.ways(k, sizes[-1])]
        evaluator.expect(
            len(ways), min(self.config.free_candidates, len(ways)), screens=len(screened)
        )
        first = evaluator.screen(screened)
        best = first.best.value.recipe.format
        candidates = [candidate(_name(k, way, usual), best, k, way) for k, way in ways]
        choice = evaluator.choose(candidates)
        spread = format_spread(screened, first)
        trace = (*first.trace, *choice.trace)
        return SearchResult(by_rank(candidates, choice), choice.score, spread, trace)

    def forecast(self, brief: Brief, sizes: Sizes) -> Forecast | None:
        """Say what the search asks at most, by neighbours of mean length."""
        sizes_tried = sorted({min(k, sizes.train) for k in self.config.k if k}) or [1]
        counts = [k for k in sizes_tried for _ in self.config.ways(k, sizes_tried[-1])]
        few = min(_SCREENING_K, sizes_tried[-1])
        prompts = [chat_tokens(sizes, k * shot_tokens(sizes)) for k in (few, *counts)]
        own = max(prompts) - sizes.instruction_tokens
        searched = Searched(prompts[:1] * len(format_names(self.config)), prompts[1:], own)
        return searching(self.name, brief, sizes, self.config, searched)


def _name(k: int, way: Retrieval, usual: Retrieval) -> str:
    unusual = [f"diversity {way.diversity:g}"] if way.diversity != usual.diversity else []
    unusual += [way.order] if way.order != usual.order else []
    return ", ".join([f"k={k}", *unusual])
