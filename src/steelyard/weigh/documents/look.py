"""What an arm with documents had before it: the passages of each test question, and which it cites."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from steelyard.core import Example, OutputKind, Record, questions_of
from steelyard.model.hosted.served import PromptCounts
from steelyard.result.documents import AnswerBin
from steelyard.retrieve.base import Passage
from steelyard.retrieve.grounds import Grounds
from steelyard.strategy import Arm
from steelyard.strategy.cascade_arm import ROLES, CascadeArm
from steelyard.strategy.grounding import Citations, Grounding
from steelyard.strategy.prompting import PromptArm
from steelyard.weigh.documents.evidence import DEPTH, EvidencePlaces

_OVER_CONTEXT = "the model's context is"
"""What the failure of a prompt says that is longer than the context of a model on this machine."""


@dataclass(frozen=True)
class PromptPassages:
    """The passages of one question: the best of all in ``ranking``, those of the prompt ``in_prompt``.

    ``is_dropped``: the model did not get the prompt whole.
    """

    ranking: tuple[Passage, ...]
    in_prompt: tuple[Passage, ...]
    citations: Citations
    is_dropped: bool = False

    @property
    def cited(self) -> tuple[Passage, ...]:
        return tuple(self.in_prompt[place] for place in self.citations.places)


@dataclass(frozen=True)
class ArmPassages:
    """The passages of every test question of an arm, in the order of test.

    ``not_ranked`` says why nothing was searched; ``None`` where something was. ``kind`` is that of the
    task's outputs.
    """

    grounding: Grounding
    places: EvidencePlaces
    questions: tuple[PromptPassages, ...]
    not_ranked: str | None = None
    kind: OutputKind = "text"

    @property
    def cites(self) -> bool:
        return self.grounding.options.cites

    def lost_at(self, place: int, example: Example) -> AnswerBin | None:
        """Where the evidence of the question at ``place`` was lost; ``None``: all of it was in the prompt."""
        question = self.questions[place]
        return self.places.stage(
            example,
            question.ranking,
            question.in_prompt,
            is_ranked=self.not_ranked is None,
            is_dropped=question.is_dropped,
        )


class ReadingStage(NamedTuple):
    """An arm that answers from documents itself, and its ``path`` among stages as `Completion.stage` has it.

    The path is empty of an arm without stages. ``is_counted_apart``: no other stage asks its model, so
    that the tokens of its prompts are known.
    """

    path: str
    arm: PromptArm
    grounding: Grounding
    is_counted_apart: bool = True

    def answered(self, records: Sequence[Record]) -> list[int]:
        """The places of the records whose answers it gave."""
        return [at for at, record in enumerate(records) if self.path == _stage(record)]

    def prompt_tokens(self, record: Record) -> int:
        """The tokens that its model counted; 0 where they are not known."""
        completion = record.answer.completion
        if not self.path:
            return completion.input_tokens
        usage = completion.spent.get(self.arm.account) if self.is_counted_apart else None
        return 0 if usage is None else int(usage.input_tokens)


def reading_stages(arm: Arm) -> list[ReadingStage]:
    """The parts of an arm that answer from documents; the arm itself, where it does."""
    if isinstance(arm, PromptArm):
        grounding = arm.prompt.grounding
        return [] if grounding is None else [ReadingStage("", arm, grounding)]
    paths = dict(_stages(arm))
    accounts = [part.account for part in paths.values()]
    return [
        stage._replace(path=path, is_counted_apart=accounts.count(part.account) == 1)
        for path, part in paths.items()
        for stage in reading_stages(part)
    ]


def are_stages_known(records: Sequence[Record]) -> bool:
    """Whether it is recorded which stage gave each answer."""
    return all(map(_stage, records))


def _stages(arm: Arm) -> Iterator[tuple[str, Arm]]:
    """The parts of a staged arm that have no stages themselves, by their paths."""
    if not isinstance(arm, CascadeArm):
        return
    for role, part in zip(ROLES, arm.parts, strict=True):
        if isinstance(part, CascadeArm):
            yield from ((f"{role}/{path}", within) for path, within in _stages(part))
        else:
            yield role, part


def _stage(record: Record) -> str:
    return record.answer.completion.stage


def look_up(
    stage: ReadingStage, grounds: Grounds, examples: Sequence[Example], records: Sequence[Record]
) -> ArmPassages:
    """Find the passages of each example again; ``records`` are the stage's, in the same order.

    Finding is the same each time, so that these are the passages that the prompts held.
    """
    grounding = stage.grounding
    finder, k = grounding.finder, grounding.options.k
    not_ranked: str | None = getattr(finder, "not_ranked", None)
    depth = k if not_ranked else max(DEPTH, k)
    inputs = [question.input for question in questions_of(examples)]
    rankings = [
        tuple(hit.passage for hit in hits)
        for hits in (finder.find(inputs, depth) if inputs else ())
    ]
    questions = tuple(
        _of_question(stage, example, ranking, record)
        for example, ranking, record in zip(examples, rankings, records, strict=True)
    )
    places = EvidencePlaces(grounds, _all_passages(grounding, grounds))
    return ArmPassages(grounding, places, questions, not_ranked, stage.arm.brief.kind)


def _all_passages(grounding: Grounding, grounds: Grounds) -> Sequence[Passage]:
    """Every passage that could be found."""
    passages: Sequence[Passage] | None = getattr(grounding.finder, "passages", None)
    if passages is not None:
        return passages
    options = grounding.options
    if not options.most:
        return grounds.whole
    return grounds.passages(options.most, min(options.overlap, options.most - 1))


def _of_question(
    stage: ReadingStage, example: Example, ranking: tuple[Passage, ...], record: Record
) -> PromptPassages:
    grounding = stage.grounding
    in_prompt = ranking[: grounding.options.k]
    counts = PromptCounts()
    if tokens := stage.prompt_tokens(record):
        counts.add(grounding.input(in_prompt, example.input), tokens)
    return PromptPassages(
        ranking=ranking,
        in_prompt=in_prompt,
        citations=grounding.citations(record.answer.completion.text, len(in_prompt)),
        is_dropped=counts.is_too_low or _OVER_CONTEXT in (record.reason or ""),
    )
