"""The instruction with all documents, whole, before every input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import NonNegativeInt, PositiveInt

from steelyard.config.options import Several
from steelyard.core import Usage
from steelyard.model.base import ModelSpec, provider_of
from steelyard.model.price_book import context_window
from steelyard.model.tokenizer import local_tokenizer
from steelyard.retrieve.fixed import WholeDocuments
from steelyard.retrieve.grounds import Grounds
from steelyard.strategy.base import Brief, TaskFacts
from steelyard.strategy.forecasting import chat_tokens, estimated_tokens
from steelyard.strategy.grounding import MOST_PASSAGES, Grounding, GroundingOptions
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
from steelyard.strategy.rag import described, documents_refusal, grounds_of
from steelyard.strategy.search import SearchCandidate
from steelyard.strategy.traits import Traits

_SHARE = 0.75
"""Of the context, for the documents: instruction, input and answer need the rest."""


class LongContextOptions(SearchOptions):
    """The search over formats.

    ``context_tokens`` is the model's context where nothing else says it; where something does, the smaller
    of the two counts.
    """

    formats: Several[FormatName] = ("system_user", "user_turn")
    screen: NonNegativeInt = 16
    dev_items: NonNegativeInt = 40
    delimits: bool = True
    context_tokens: PositiveInt | None = None


class LongContext(PromptStrategy):
    """Shows the model every document, where they fit into its context."""

    name: ClassVar[str] = "long_context"
    traits: ClassVar[Traits] = Traits(
        family="retrieval",
        about="instruction and all documents, whole",
        learns=False,
        no_gap="nothing was fitted on train",
        carries="documents",
    )
    options_type = LongContextOptions
    config: LongContextOptions

    def refusal(self, task: TaskFacts, model: ModelSpec | None = None) -> str | None:
        refusal = documents_refusal(task) or super().refusal(task, model)
        if refusal is not None or task.grounds is None or model is None:
            return refusal
        tokens, window, how = _tokens(task.grounds, model)
        limits = [limit for limit in (window, self.config.context_tokens) if limit is not None]
        if len(task.grounds.whole) > MOST_PASSAGES:
            return f"there are more than {MOST_PASSAGES:,} documents"
        if not limits:
            return (
                f"the context of {model.name} is not known ({how}): set context_tokens, an option of "
                f"{self.name}, to the tokens it reads"
            )
        if tokens > _SHARE * min(limits):
            return (
                f"the documents take {tokens:,.0f} tokens, more than {_SHARE:.0%} of the {min(limits):,} "
                f"that {model.name} reads"
            )
        return None

    def describe(self, prompt: Prompt) -> Mapping[str, Any]:
        return {} if prompt.grounding is None else described(prompt.grounding)

    def space(self, evaluator: DevEvaluator) -> SearchSpace[SearchCandidate[Prompt]]:
        """All documents in each format."""
        whole = grounds_of(evaluator.context).whole
        options = GroundingOptions(len(whole), False, self.config.delimits)
        grounding = Grounding(WholeDocuments(whole), options)
        prompts = [
            (name, Prompt(evaluator.recipe(name), grounding=grounding))
            for name in format_names(self.config)
        ]
        return evaluator.space(
            [SearchCandidate(name, prompt, prompt.recipe.length) for name, prompt in prompts]
        )

    def expected_space(self, brief: Brief, sizes: Sizes) -> SearchSpace[Usage]:
        """As many prompts as formats; all but the input is the same for every item."""
        grounds = sizes.run.grounds
        texts = () if grounds is None else (one.text for one in grounds.corpus.documents)
        prompt = chat_tokens(sizes, sum(map(estimated_tokens, texts)))
        return self.sized(brief, sizes, [prompt] * len(format_names(self.config)))


def _tokens(grounds: Grounds, model: ModelSpec) -> tuple[float, int | None, str]:
    """The tokens of all documents, the model's context, and why that is not known."""
    texts = [document.text for document in grounds.corpus.documents]
    tokenizer = local_tokenizer(model)
    if not isinstance(tokenizer, str):
        return sum(tokenizer.count(texts)), tokenizer.window, "its configuration names none"
    estimate = sum(map(estimated_tokens, texts))
    if provider_of(model).is_local:
        return estimate, None, tokenizer
    return estimate, *context_window(model.provider, model.name, base_url=model.base_url)
