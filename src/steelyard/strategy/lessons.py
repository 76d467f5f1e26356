"""What a tuned model learns from: examples as the chats that its arm will send, with the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

from steelyard.core import Example, questions_of
from steelyard.data.likeness.rows import normalise
from steelyard.packaged import packaged
from steelyard.retrieve.base import Hit, Retriever
from steelyard.strategy.base import Brief
from steelyard.strategy.prompt import Prompt, full_instruction
from steelyard.strategy.record import FitRecord
from steelyard.train.base import ChatSample

_SPARE = 8
"""Hits asked for in addition: the example itself, and rows that repeat it."""


class Lessons(NamedTuple):
    """What is learnt, what a reader must know of it, and what was found on the way to it.

    ``options`` are what arms state of it among theirs. ``dev`` holds answers to dev examples by id, on which
    the loss is taken where dev has no references. ``fit`` is that of another arm which the samples come from:
    its seconds and what it had encoded are the student's, too. ``what`` one of them is, in words.
    """

    samples: Sequence[ChatSample]
    notes: tuple[str, ...] = ()
    search: Mapping[str, Any] = {}
    options: Mapping[str, Any] = {}
    dev: Mapping[str, str] | None = None
    fit: FitRecord = FitRecord()
    what: str = "train example"

    def checked(self, dev: Sequence[Example]) -> list[Example]:
        """Return ``dev`` as the loss is taken on it; examples without an answer are left out."""
        if self.dev is None:
            return list(dev)
        return [replace(one, output=self.dev[one.id]) for one in dev if one.id in self.dev]


def chat_samples(prompt: Prompt, examples: Sequence[Example]) -> list[ChatSample]:
    """Return each example as the chat that an arm under ``prompt`` will send, and the answer.

    Its shots are those of others, looked up or the same for all: nothing is shown its own answer.
    """
    questions = questions_of(examples)
    if prompt.grounding is not None:
        questions = prompt.grounding.asked(questions)
    if prompt.index is not None:
        prompt = replace(prompt, index=_OfOthers(prompt.index))
    samples = []
    rows = zip(questions, prompt.requests(questions), examples, strict=True)
    for question, request, example in rows:
        shots = zip(prompt.recipe.shots, prompt.shown_inputs(), strict=True)
        others = tuple(shot for shot, text in shots if not _is_alike(text, example.input))
        if len(others) < len(prompt.recipe.shots):
            unshown = replace(prompt, recipe=replace(prompt.recipe, shots=others))
            [request] = unshown.requests([question])
        samples.append(ChatSample(request.messages, example.output))
    return samples


def _is_alike(text: str, other: str) -> bool:
    """Whether two inputs are the same but for case, spaces and the like."""
    return normalise(text) == normalise(other)


def shown_others(prompt: Prompt) -> Prompt:
    """Return ``prompt`` as it is where an example is asked about that its index holds: without that one."""
    return prompt if prompt.index is None else replace(prompt, index=_OfOthers(prompt.index))


class _OfOthers(Retriever):
    """An index of solved examples that gives none that is the text itself, or like it; it is never saved."""

    name: ClassVar[str] = "of others"

    def __init__(self, index: Retriever) -> None:
        self._index = index

    def find(self, texts: Sequence[str], k: int) -> list[list[Hit]]:
        return [
            [hit for hit in hits if not _is_alike(hit.passage.text, text)][:k]
            for text, hits in zip(texts, self._index.find(texts, k + _SPARE), strict=True)
        ]

    def save(self, folder: Path) -> None:
        raise NotImplementedError

    @classmethod
    def load(cls, folder: Path) -> Self:
        raise NotImplementedError


def short_instruction(brief: Brief, choice: str) -> str:
    """Return the instruction of a tuned model's prompt: ``short``, ``full``, or a text of its own."""
    if choice == "full":
        return full_instruction(brief)
    if choice != "short":
        return choice
    short: Mapping[str, str] = packaged("strategy/data/short_instructions.json")
    return short[brief.kind]
