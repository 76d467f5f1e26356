"""What an arm with documents had before it: the passages of each test question, and which it cites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from steelyard.core import Example, OutputKind, Record, questions_of
from steelyard.model.hosted.served import PromptCounts
from steelyard.retrieve.base import Passage
from steelyard.retrieve.grounds import Grounds
from steelyard.strategy import Arm
from steelyard.strategy.cascade_arm import CascadeArm
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


def grounding_of(arm: Arm) -> Grounding | None:
    """The grounding of an arm that answers from documents; ``None`` of any other."""
    return arm.prompt.grounding if isinstance(arm, PromptArm) else None


def reads_in_parts(arm: Arm) -> bool:
    """Whether a part of an arm answers from documents: which part gave an answer is not recorded."""
    return isinstance(arm, CascadeArm) and any(
        grounding_of(part) is not None or reads_in_parts(part) for part in arm.parts
    )


def look_up(
    arm: Arm, grounds: Grounds, examples: Sequence[Example], records: Sequence[Record]
) -> ArmPassages | None:
    """Find the passages of each example again; ``records`` are the arm's, in the same order.

    Finding is the same each time, so that these are the passages that the prompts held. ``None`` of an arm
    that does not answer from documents itself.
    """
    grounding = grounding_of(arm)
    if grounding is None:
        return None
    finder, k = grounding.finder, grounding.options.k
    not_ranked: str | None = getattr(finder, "not_ranked", None)
    depth = k if not_ranked else max(DEPTH, k)
    inputs = [question.input for question in questions_of(examples)]
    rankings = [
        tuple(hit.passage for hit in hits)
        for hits in (finder.find(inputs, depth) if inputs else ())
    ]
    questions = tuple(
        _of_question(grounding, example, ranking, record)
        for example, ranking, record in zip(examples, rankings, records, strict=True)
    )
    places = EvidencePlaces(grounds, _all_passages(grounding, grounds))
    return ArmPassages(grounding, places, questions, not_ranked, arm.brief.kind)


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
    grounding: Grounding, example: Example, ranking: tuple[Passage, ...], record: Record
) -> PromptPassages:
    in_prompt = ranking[: grounding.options.k]
    completion = record.answer.completion
    counts = PromptCounts()
    if completion.input_tokens:
        counts.add(grounding.input(in_prompt, example.input), completion.input_tokens)
    return PromptPassages(
        ranking=ranking,
        in_prompt=in_prompt,
        citations=grounding.citations(completion.text, len(in_prompt)),
        is_dropped=counts.is_too_low or _OVER_CONTEXT in (record.reason or ""),
    )
