"""Tokens of a pass over what a run's tunings learn: counted in a fit, expected by mean lengths before it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from steelyard.core import Example
from steelyard.data.pairs import pairs_of, second
from steelyard.data.rows import has_references
from steelyard.data.tokens import estimate
from steelyard.retrieve.base import Passage
from steelyard.strategy.base import Brief, FitContext
from steelyard.strategy.forecasting import answer_limit, estimated_tokens
from steelyard.strategy.optimise.budget import MARKS, chat_pass_tokens, pass_tokens
from steelyard.strategy.outlook import PairTokens, PassTokens, Sizes
from steelyard.strategy.prompt import count_tokens, output_limit
from steelyard.train.base import ChatSample


@dataclass(frozen=True)
class CountedPass(PassTokens):
    """In the tokens of the model that is fitted; examples of more than ``most`` are left out."""

    context: FitContext
    most: int | None = None

    def within(self, most: int) -> CountedPass:
        return replace(self, most=most)

    @property
    def train_examples(self) -> int:
        return len(self.context.train)

    def train(self, instruction: str) -> float:
        return pass_tokens(self.context.model, instruction, self.context.train, self.most)

    def dev(self, instruction: str) -> float:
        return pass_tokens(self.context.model, instruction, self.context.dev, self.most)

    def pairs(self, instruction: str) -> PairTokens:
        train, dev = pairs_of(self.context.train), pairs_of(self.context.dev)
        parts = [second(one) for one in train], [second(one) for one in dev], [*train, *dev]
        model, most = self.context.model, self.most
        return PairTokens(*(pass_tokens(model, instruction, part, most) for part in parts))

    def answered(self, instruction: str, file: str) -> float:
        context = self.context
        inputs: Sequence[Example] = context.train
        if file in context.unlabelled:
            inputs = context.unlabelled[file].examples
        plain = [replace(one, output="") for one in inputs]
        return pass_tokens(context.model, instruction, plain) + len(plain) * self._answer()

    def _answer(self) -> float:
        model, train = self.context.model, self.context.train
        if not has_references(train):
            return output_limit(self.context.brief, train, model)
        return sum(count_tokens(model, one.output) for one in train) / max(1, len(train))

    def passages(self, most: int) -> Sequence[Passage]:
        grounds = self.context.grounds
        return () if grounds is None else grounds.passages(most)

    def chats(self, samples: Sequence[ChatSample]) -> float:
        return chat_pass_tokens(self.context.model, samples, self.most)


@dataclass(frozen=True)
class ExpectedPass(PassTokens):
    """By the mean lengths of a task, of which no more than ``most`` tokens count."""

    brief: Brief
    sizes: Sizes
    most: float = math.inf

    def within(self, most: int) -> ExpectedPass:
        return replace(self, most=most)

    @property
    def train_examples(self) -> int:
        return self.sizes.train

    def train(self, instruction: str) -> float:
        return self.sizes.train * min(self.most, self._example(instruction, self.sizes))

    def dev(self, instruction: str) -> float:
        return self.sizes.dev * min(self.most, self._example(instruction, self.sizes))

    def pairs(self, instruction: str) -> PairTokens:
        pairs = self.sizes.pairs
        worse = self._example(instruction, replace(self.sizes, output_tokens=pairs.tokens))
        better = self._example(instruction, self.sizes)
        return PairTokens(
            pairs.train * worse, pairs.dev * worse, (pairs.train + pairs.dev) * better
        )

    def answered(self, instruction: str, file: str) -> float:
        sizes = self.sizes.learning_from(file)
        if not sizes.output_tokens:
            sizes = replace(sizes, output_tokens=answer_limit(self.brief, sizes))
        return sizes.train * self._example(instruction, sizes)

    def _example(self, instruction: str, sizes: Sizes) -> float:
        return sizes.input_tokens + sizes.output_tokens + estimated_tokens(instruction) + MARKS

    def passages(self, most: int) -> Sequence[Passage]:
        grounds = self.sizes.run.grounds
        return () if grounds is None else grounds.passages(most)

    def chats(self, samples: Sequence[ChatSample]) -> float:
        texts = [
            text
            for sample in samples
            for text in (*(message.content for message in sample.messages), sample.output)
        ]
        return sum(estimate(texts)) + MARKS * len(samples)
