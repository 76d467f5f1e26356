"""The passages that hold each answer, handed over: what perfect retrieval would give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import NonNegativeInt, PositiveInt

from steelyard.config.options import Several
from steelyard.core import Usage
from steelyard.model.base import ModelSpec
from steelyard.retrieve.base import Passage
from steelyard.retrieve.fixed import GoldPassages
from steelyard.strategy.base import Brief, TaskFacts
from steelyard.strategy.forecasting import chat_tokens, shot_tokens
from steelyard.strategy.grounding import Grounding, GroundingOptions
from steelyard.strategy.outlook import Sizes
from steelyard.strategy.prompt import Prompt
from steelyard.strategy.prompt_search import (
    DevEvaluator,
    FormatName,
    SearchOptions,
    SearchSpace,
    format_names,
)
from steelyard.strategy.prompt_strategy import PromptStrategy
from steelyard.strategy.rag import (
    described,
    documents_refusal,
    grounded_shots,
    grounds_of,
    passages_for,
)
from steelyard.strategy.search import SearchCandidate
from steelyard.strategy.traits import Traits

NO_EVIDENCE = "no example names its evidence in the documents"


class RagOracleOptions(SearchOptions):
    """The search over formats and shots; at most ``k`` passages of ``passage_tokens`` hold the evidence."""

    formats: Several[FormatName] = ("system_user", "user_turn", "labelled_turns")
    screen: NonNegativeInt = 24
    dev_items: NonNegativeInt = 60
    passage_tokens: PositiveInt = 120
    k: PositiveInt = 5
    shots: Several[NonNegativeInt] = (2, 0, 4)
    delimits: bool = True


class RagOracle(PromptStrategy):
    """Knows the passages that answer each example, by its evidence: a ceiling, never recommended."""

    name: ClassVar[str] = "rag_oracle"
    traits: ClassVar[Traits] = Traits(
        family="retrieval",
        about="instruction and the very passages that hold the answer",
        learns=False,
        no_gap="it is shown the evidence of every example, train and test",
        is_ceiling=True,
        may_stop=False,
        carries="documents",
    )
    options_type = RagOracleOptions
    config: RagOracleOptions

    def refusal(self, task: TaskFacts, model: ModelSpec | None = None) -> str | None:
        refusal = documents_refusal(task) or super().refusal(task, model)
        if refusal is None and not any(example.evidence for example in task.train):
            return NO_EVIDENCE
        return refusal

    def describe(self, prompt: Prompt) -> Mapping[str, Any]:
        return {} if prompt.grounding is None else described(prompt.grounding)

    def space(self, evaluator: DevEvaluator) -> SearchSpace[SearchCandidate[Prompt]]:
        """The evidence's passages in each format; numbers of shots are compared in the best one."""
        config, context = self.config, evaluator.context
        grounds = grounds_of(context)
        passages = grounds.passages(config.passage_tokens)
        by_input: dict[str, tuple[Passage, ...]] = {}
        for example in (*context.train, *context.dev, *context.asked):
            more = passages_for(grounds, passages, example) if example.evidence else ()
            by_input[example.input] = tuple(
                dict.fromkeys((*by_input.get(example.input, ()), *more))
            )
        options = GroundingOptions(config.k, False, config.delimits, config.passage_tokens)
        grounding = Grounding(GoldPassages(by_input), options)

        def candidate(name: str, format_name: str, count: int) -> SearchCandidate[Prompt]:
            shots = grounded_shots(grounding, grounds, passages, context.train, count)
            prompt = Prompt(evaluator.recipe(format_name, shots), grounding=grounding)
            return SearchCandidate(name, prompt, prompt.recipe.length)

        formats = format_names(config)
        return evaluator.space(
            [candidate(f"{count} shots", formats[0], count) for count in sorted(config.shots)],
            screened=[candidate(name, name, config.shots[0]) for name in formats],
        )

    def expected_space(self, brief: Brief, sizes: Sizes) -> SearchSpace[Usage]:
        """The same with two passages for each input, and one for each shot."""
        config = self.config

        def prompt(shots: int) -> float:
            passages = (2 + shots) * config.passage_tokens
            return chat_tokens(sizes, passages + shots * shot_tokens(sizes))

        screened = [prompt(config.shots[0])] * len(format_names(config))
        prompts = [prompt(count) for count in sorted(config.shots)]
        return self.sized(brief, sizes, prompts, screened, sizes.instruction_tokens)
