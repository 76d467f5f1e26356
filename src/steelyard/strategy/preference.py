"""Tuning on pairs of a better and a worse answer with DPO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from steelyard.core import Example, Usage
from steelyard.data.pairs import is_pair, pairs_of
from steelyard.model.base import ModelSpec
from steelyard.strategy.base import Brief, FitContext, TaskFacts
from steelyard.strategy.lessons import Lessons, chat_samples, short_instruction
from steelyard.strategy.lora import Lora
from steelyard.strategy.optimise.budget import chat_pass_tokens, tuning_budget
from steelyard.strategy.outlook import Forecast, PassTokens, Sizes
from steelyard.strategy.prompt import Prompt
from steelyard.strategy.traits import Traits
from steelyard.strategy.tuned import TunedOptions, TunedStrategy
from steelyard.train.base import BACKWARD, ChatSample, Tuned, Tuner
from steelyard.train.config import PreferenceOptions
from steelyard.train.preference import PreferenceTuner, references_in
from steelyard.words import counted

MIN_PAIRS = 10
"""OpenAI takes no fewer examples for tuning, on preferences too (its documentation, read 2026-11)."""


class PreferenceStrategyOptions(PreferenceOptions, TunedOptions):
    """Options of training, and of the prompt of the tuned model."""


class Preference(TunedStrategy):
    """Tunes the task's model to give outputs rather than rejected answers; rate and epoch as LoRA's are.

    Examples without a rejected answer are learnt by the loss of their output alone.
    """

    name: ClassVar[str] = "preference"
    traits: ClassVar[Traits] = replace(
        Lora.traits, about="fine-tuned on pairs of answers (DPO), short instruction"
    )
    options_type = PreferenceStrategyOptions
    tuner: ClassVar[Tuner[Any]] = PreferenceTuner()

    def refusal(self, task: TaskFacts, model: ModelSpec | None = None) -> str | None:
        count = len(pairs_of(task.train))
        if count >= MIN_PAIRS:
            return super().refusal(task, model)
        return (
            f"it needs at least {MIN_PAIRS} train examples with a rejected answer that is not the output, "
            f"and {count:,} of {len(task.train):,} have one"
        )

    def reservation(self, task: TaskFacts, model: ModelSpec) -> str | None:
        return "it learns what not to answer, too: name it in strategies to weigh it"

    def chats(self, prompt: Prompt, examples: Sequence[Example]) -> list[ChatSample]:
        """Every example under ``prompt``, with the rejected answer of those that are pairs."""
        samples = zip(chat_samples(prompt, examples), examples, strict=True)
        return [
            sample._replace(rejected=one.rejected) if is_pair(one) else sample
            for sample, one in samples
        ]

    def lessons(self, context: FitContext, prompt: Prompt) -> Lessons:
        train, dev = (len(pairs_of(part)) for part in (context.train, context.dev))
        notes = []
        if train < len(context.train):
            notes.append(
                f"{train:,} of {counted(len(context.train), 'train example')} are pairs; of the others the "
                "output alone is learnt"
            )
        if not dev:
            notes.append("no dev example is a pair, so that there are no rewards on dev")
        return super().lessons(context, prompt)._replace(notes=tuple(notes))

    def tuning_tokens(self, brief: Brief, once: PassTokens) -> int:
        """A pair counts as two examples, and once more as its references, which only go forward."""
        instruction = short_instruction(brief, self.config.instruction)
        once = once.within(self.config.max_tokens)
        pairs = once.pairs(instruction)
        budget = tuning_budget(
            once.train(instruction) + pairs.train_rejected,
            once.dev(instruction) + pairs.dev_rejected,
            self.tuner.passes(self.config),
        )
        return budget + round(pairs.references)

    def tuning_forecast(self, brief: Brief, sizes: Sizes, answer: Usage) -> Forecast:
        """Counts pairs as `tuning_tokens` does."""
        forecast, pairs = super().tuning_forecast(brief, sizes, answer), sizes.pairs
        worse = replace(sizes, train=pairs.train, output_tokens=pairs.tokens)
        more = super().tuning_forecast(brief, worse, answer).usage.trained_tokens
        rows = 2 * answer.input_tokens + sizes.output_tokens + pairs.tokens + 2
        references = (pairs.train + pairs.dev) * rows / BACKWARD
        return replace(
            forecast, usage=forecast.usage + Usage(trained_tokens=more + round(references))
        )

    def _budget(
        self, context: FitContext, parts: Sequence[Sequence[ChatSample]], tuned: Tuned
    ) -> Mapping[str, Any]:
        """The references of pairs went forward once."""
        block = dict(super()._budget(context, parts, tuned))
        pairs = [sample for part in parts for sample in part if sample.rejected is not None]
        allowed = chat_pass_tokens(context.model, pairs, self.config.max_tokens)
        used = references_in(context.folder).tokens
        return block | {"allowed": block["allowed"] + allowed, "used": block["used"] + used}
