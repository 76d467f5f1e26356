"""The instruction with the train examples nearest to each input."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Annotated, Any, ClassVar

from pydantic import Field, NonNegativeInt

from steelyard.config.options import Several, one_of
from steelyard.core import OutputKind, Usage
from steelyard.retrieve.base import Passage
from steelyard.retrieve.tfidf import FeatureName, TfidfIndex
from steelyard.strategy.base import Brief
from steelyard.strategy.few_shot import short_shots
from steelyard.strategy.forecasting import chat_tokens, shot_tokens
from steelyard.strategy.outlook import Sizes
from steelyard.strategy.prompt import RETRIEVED_ORDERS, Prompt, Retrieval
from steelyard.strategy.prompt_search import (
    DevEvaluator,
    FormatName,
    SearchOptions,
    SearchSpace,
    format_names,
)
from steelyard.strategy.prompt_strategy import PromptStrategy
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

    def ways_to_try(self, train: int) -> tuple[int, list[tuple[int, Retrieval]]]:
        """Return how many of ``train`` examples formats are screened with, and what is then compared."""
        counts = sorted({k for k in self.k if 0 < k <= train}) or [1]
        ways = [(k, way) for k in counts for way in self._ways(k, counts[-1])]
        return min(_SCREENING_K, counts[-1]), ways

    def _ways(self, k: int, largest: int) -> list[Retrieval]:
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

    def space(self, evaluator: DevEvaluator) -> SearchSpace[SearchCandidate[Prompt]]:
        """Formats are screened with few neighbours; in the best one more of them are compared."""
        config, formats = self.config, format_names(self.config)
        limit = config.max_prompt_tokens // max(1, *config.k)
        pool = short_shots(evaluator, evaluator.context.train, limit)
        index = TfidfIndex.fit([Passage(*shot) for shot in pool], self.config.features)
        mean_length = sum(len(shot.input) + len(shot.output) for shot in pool) // len(pool)

        def candidate(
            name: str, format_name: str, k: int, way: Retrieval
        ) -> SearchCandidate[Prompt]:
            recipe = evaluator.recipe(format_name, retrieved=k)
            size = recipe.length + k * mean_length
            return SearchCandidate(name, way.prompt(recipe, index), size)

        few, ways = config.ways_to_try(len(pool))
        usual = ways[0][1]
        return evaluator.space(
            [candidate(_name(k, way, usual), formats[0], k, way) for k, way in ways],
            screened=[candidate(name, name, few, usual) for name in formats],
        )

    def expected_space(self, brief: Brief, sizes: Sizes) -> SearchSpace[Usage]:
        """The same with neighbours of mean length; only the instruction is shared by all inputs."""
        few, ways = self.config.ways_to_try(sizes.train)
        prompts = [chat_tokens(sizes, k * shot_tokens(sizes)) for k in (few, *(k for k, _ in ways))]
        screened = prompts[:1] * len(format_names(self.config))
        return self.sized(brief, sizes, prompts[1:], screened, sizes.instruction_tokens)


def _name(k: int, way: Retrieval, usual: Retrieval) -> str:
    unusual = [f"diversity {way.diversity:g}"] if way.diversity != usual.diversity else []
    unusual += [way.order] if way.order != usual.order else []
    return ", ".join([f"k={k}", *unusual])
