"""LoRA on the documents' own text and on the train questions, answering without passages."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, zip_longest
from typing import Any, ClassVar

from pydantic import Field

from steelyard.core import Message, Usage
from steelyard.model.base import ModelSpec
from steelyard.packaged import packaged
from steelyard.retrieve.base import Passage
from steelyard.retrieve.documents.passages import HEADING
from steelyard.strategy.base import Brief, FitContext, TaskFacts
from steelyard.strategy.forecasting import estimated_tokens
from steelyard.strategy.lessons import Lessons, chat_samples
from steelyard.strategy.lora import LoraStrategyOptions
from steelyard.strategy.outlook import Forecast, PassTokens, Sizes
from steelyard.strategy.prompt import Prompt
from steelyard.strategy.rag import documents_refusal
from steelyard.strategy.traits import Traits
from steelyard.strategy.tuned import TunedStrategy
from steelyard.train.base import ChatSample, Tuner
from steelyard.train.lora import LoraTuner
from steelyard.words import counted

_ROUNDING = 1e-9
"""So that a share that is met exactly asks for no further repeat."""


class LoraDocumentsOptions(LoraStrategyOptions):
    """How the documents are cut and how often the train questions are repeated beside them.

    Passages have at most ``passage_tokens``; the questions are repeated, all as often, until they are at
    least ``question_share`` of what is learnt, counted in samples.
    """

    passage_tokens: int = Field(default=240, ge=16)
    question_share: float = Field(default=0.5, ge=0, lt=1)

    def repeats(self, passages: int, questions: int) -> int:
        """How often each question is learnt in a pass; once at least."""
        fewest = self.question_share / (1 - self.question_share) * passages
        return max(1, math.ceil(fewest / max(1, questions) - _ROUNDING))


class LoraDocuments(TunedStrategy):
    """Learns every passage of the documents and every train example; it answers closed book."""

    name: ClassVar[str] = "lora_documents"
    traits: ClassVar[Traits] = Traits(
        family="fine_tune",
        about="fine-tuned on the documents' text and questions, no passages",
        needs_references=True,
        tunes=True,
        carries="upload",
        learns_documents=True,
    )
    options_type = LoraDocumentsOptions
    tuner: ClassVar[Tuner[Any]] = LoraTuner()
    config: LoraDocumentsOptions

    def refusal(self, task: TaskFacts, model: ModelSpec | None = None) -> str | None:
        return documents_refusal(task) or super().refusal(task, model)

    def reservation(self, task: TaskFacts, model: ModelSpec) -> str | None:
        """It takes much longer than `lora`, to measure what documents are usually looked up for."""
        return "it learns whole documents by heart: name it in strategies to weigh it"

    def lessons(self, context: FitContext, prompt: Prompt) -> Lessons:
        """Passages and questions, and how many there are of both."""
        passages = self._passages(context.task)
        repeats = self.config.repeats(len(passages), len(context.train))
        counts = {"passages": len(passages), "questions": len(context.train), "repeats": repeats}
        note = (
            f"a pass learns {counted(len(passages), 'passage')} of the documents, and "
            f"{counted(len(context.train), 'train example')} {counted(repeats, 'time')}; rate and epoch are "
            "chosen by the questions of dev, not by how well passages are recited"
        )
        return Lessons(
            self.samples(context.task, prompt),
            (note,),
            {"documents": counts},
            counts,
            what="sample",
        )

    def samples(self, task: TaskFacts, prompt: Prompt) -> list[ChatSample]:
        """Passages and repeated questions in turn."""
        passages = list(recitals(self._passages(task)))
        questions = chat_samples(prompt, task.train)
        questions *= self.config.repeats(len(passages), len(task.train))
        pairs = chain.from_iterable(zip_longest(passages, questions))
        return [sample for sample in pairs if sample is not None]

    def _passages(self, task: TaskFacts) -> Sequence[Passage]:
        """The documents cut without overlap, so that nothing is learnt twice."""
        return () if task.grounds is None else task.grounds.passages(self.config.passage_tokens)

    def learnt_tokens(self, once: PassTokens, instruction: str) -> float:
        """Every passage, and the train examples as often as they are repeated beside them."""
        passages = list(recitals(once.passages(self.config.passage_tokens)))
        repeats = self.config.repeats(len(passages), once.train_examples)
        return once.chats(passages) + repeats * once.train(instruction)

    def forecast(self, brief: Brief, sizes: Sizes) -> Forecast | None:
        """That of tuning on repeated questions, and every passage at its full length in each pass."""
        grounds = sizes.run.grounds
        passages = 0 if grounds is None else len(grounds.passages(self.config.passage_tokens))
        repeats = self.config.repeats(passages, sizes.train)
        forecast = super().forecast(brief, replace(sizes, train=sizes.train * repeats))
        assert forecast is not None
        longest = max(estimated_tokens(text) for text in _words().values())
        tokens = min(self.config.passage_tokens + 2 * longest, self.config.max_tokens)
        trained = passages * tokens * self.tuner.passes(self.config).train
        return replace(
            forecast,
            usage=forecast.usage + Usage(trained_tokens=round(trained)),
            note=f"{counted(passages, 'passage')}, each of {self.config.passage_tokens} tokens",
        )


def recitals(passages: Sequence[Passage]) -> Iterator[ChatSample]:
    """Yield each passage as a chat that asks for it by document, number (from 1) and headings."""
    words, numbers = _words(), Counter[str]()
    for passage in passages:
        document = "" if passage.span is None else passage.span.document
        numbers[document] += 1
        heading = dict(passage.metadata).get(HEADING, "")
        form = words["passage_under_heading" if heading else "passage"]
        request = form.format(number=numbers[document], document=document, heading=heading)
        yield ChatSample((Message("user", request),), passage.text)


def _words() -> Mapping[str, str]:
    words: Mapping[str, str] = packaged("strategy/data/document_lessons.json")
    return words
