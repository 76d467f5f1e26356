"""One input put to an arm by a person: the answer, and the passages that stand behind it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from steelyard.core import Answer, Message, Question
from steelyard.errors import ArmError
from steelyard.model.thoughts import cut_reason
from steelyard.retrieve.base import Passage

if TYPE_CHECKING:
    from steelyard.strategy.grounding import Citations

log = logging.getLogger("steelyard")


class PassageSource(NamedTuple):
    """A passage that an answer was given from: where it stands, and whether the answer cites it.

    ``number`` is that in the prompt, from 1; ``start`` and ``end`` are characters of the document, ``page``
    counts from 1 where there are pages.
    """

    number: int
    document: str
    heading: str
    page: int | None
    start: int | None
    end: int | None
    cited: bool


class Sources(NamedTuple):
    """The passages of a prompt. ``cites``: answers are asked to cite; ``made_up`` numbers name no passage."""

    passages: tuple[PassageSource, ...] = ()
    cites: bool = False
    made_up: int = 0

    @property
    def cited(self) -> tuple[PassageSource, ...]:
        return tuple(source for source in self.passages if source.cited)


class SourcedAnswer(NamedTuple):
    """An arm's answer to one input, and its sources: none of an arm that reads no documents."""

    output: str
    sources: Sources


class Askable(Protocol):
    """What `ask` needs of an arm."""

    name: str

    @property
    def model_name(self) -> str | None: ...

    @property
    def notes(self) -> tuple[str, ...]: ...

    def answer_all(self, questions: Sequence[Question]) -> list[Answer]: ...

    def sources(self, question: Question, answer: Answer) -> Sources: ...


def ask(arm: Askable, text: str, context: tuple[Message, ...] = ()) -> SourcedAnswer:
    """Answer one input. Raises `ArmError` with the reason when the model gives no usable answer."""
    question = Question(text, context)
    answer = arm.answer_all([question])[0]
    if answer.output is None:
        raise ArmError(f"{arm.name} gave no usable answer: {answer.failure}")
    if answer.completion.is_cut:
        log.warning("the answer is not whole: %s", cut_reason(answer.completion))
    for note in arm.notes:
        log.warning("model %s: %s", arm.model_name, note)
    return SourcedAnswer(answer.output, arm.sources(question, answer))


def sources_of(passages: Sequence[Passage], citations: Citations, *, cites: bool) -> Sources:
    """The passages of a prompt in their order, and which of them ``citations`` name."""
    return Sources(
        tuple(
            _source(place, passage, place in citations.places)
            for place, passage in enumerate(passages)
        ),
        cites,
        citations.outside,
    )


def _source(place: int, passage: Passage, cited: bool) -> PassageSource:
    span = passage.span
    return PassageSource(
        number=place + 1,
        document="" if span is None else span.document,
        heading=dict(passage.metadata).get("heading", ""),
        page=None if span is None else span.page,
        start=None if span is None else span.start,
        end=None if span is None else span.end,
        cited=cited,
    )
