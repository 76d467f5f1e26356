"""How much of an arm's answers stands in the passages that it cites, or was shown."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from steelyard.core import Estimate, Example, Record
from steelyard.json_text import json_value
from steelyard.output_kinds import KINDS
from steelyard.result.documents import Groundedness
from steelyard.result.figures import Figure
from steelyard.retrieve.base import Passage
from steelyard.stats import mean
from steelyard.weigh.documents.look import ArmPassages
from steelyard.weigh.documents.support import Support, support

CITED = "the passages that answers cite"
IN_PROMPT = "all passages in the prompt: the arm is not asked to cite"
_NOBODY_CITES = "no answer cites a passage"
_NO_CITATIONS = "the arm is not asked to cite"
_NO_ROOM = "not applicable: a label or JSON has no room for a citation"
_IN_A_LIST = "not applicable: a label is one of the task's, and need not stand in a passage"


class SupportedAnswer(NamedTuple):
    """An answer by its place in test, the passages it is looked up in, and how much of it they hold."""

    place: int
    output: str
    passages: tuple[str, ...]
    support: Support


def supported_answers(
    look: ArmPassages, records: Sequence[Record], refused: Sequence[bool]
) -> list[SupportedAnswer]:
    """Look every answer up that is neither a refusal nor failed; of an arm that cites, those that cite.

    Of JSON its values, without names of fields. Labels are not looked up.
    """
    answers: list[SupportedAnswer] = []
    if KINDS[look.kind].is_labelled:
        return answers
    for place in _answered(records, refused):
        if look.cites and not look.questions[place].citations.places:
            continue
        output, passages = records[place].answer.output or "", _texts(look, place)
        content = _values(output) if look.kind == "json" else output
        answers.append(SupportedAnswer(place, output, passages, support(content, passages)))
    return answers


def measure_groundedness(
    look: ArmPassages,
    examples: Sequence[Example],
    records: Sequence[Record],
    refused: Sequence[bool],
    clusters: Sequence[Hashable] | None,
    rng: np.random.Generator,
) -> Groundedness:
    """Look every answer up that is neither a refusal nor failed.

    Of an arm that cites, answers without a citation are counted, and have no share.
    """
    answered = _answered(records, refused)
    answers = supported_answers(look, records, refused)
    basis, shares = [one.place for one in answers], [one.support for one in answers]

    def figure(values: Sequence[float | None], of: Sequence[int], reason: str) -> Figure:
        pairs = [
            (place, value) for place, value in zip(of, values, strict=True) if value is not None
        ]
        if not pairs:
            return Figure.of(Estimate(None, reason=reason))
        groups = None if clusters is None else [clusters[place] for place, _ in pairs]
        return Figure.of(mean([value for _, value in pairs], rng, clusters=groups))

    nothing = _IN_A_LIST if KINDS[look.kind].is_labelled else ""
    if look.cites and not basis:
        nothing = nothing or _NOBODY_CITES
    numbers = figure([one.numbers for one in shares], basis, nothing or "no answer holds a number")
    names = figure([one.names for one in shares], basis, nothing or "no answer holds a name")
    tokens = figure([one.tokens for one in shares], basis, nothing or "no answer holds a word")
    rights, of = _citations(look, examples)
    groups = _groups(of, clusters)
    citations_right = (
        mean(rights, rng, clusters=groups)
        if rights
        else Estimate(None, reason=_why_no_citations(look, examples))
    )
    grounded = Groundedness(
        basis=CITED if look.cites else IN_PROMPT,
        answers=len(basis),
        numbers=numbers,
        names=names,
        tokens=tokens,
        citations_right=Figure.of(citations_right),
    )
    if not look.cites:
        return grounded
    return grounded.updated(
        citations=sum(len(question.citations.places) for question in look.questions),
        made_up=sum(question.citations.outside for question in look.questions),
        uncited=len(answered) - len(basis),
    )


def holds_evidence(look: ArmPassages, example: Example, passage: Passage) -> bool:
    """Whether a passage holds a piece of an example's evidence."""
    return any(passage in piece for piece in look.places.held_by(example))


def _answered(records: Sequence[Record], refused: Sequence[bool]) -> list[int]:
    """The places of the answers that are neither failed nor empty nor refusals."""
    return [
        place
        for place, record in enumerate(records)
        if record.outcome == "scored"
        and (record.answer.output or "").strip()
        and not refused[place]
    ]


def _values(output: str) -> str:
    """The texts and numbers of a JSON answer, a line for each."""
    lines: list[str] = []
    waiting = [json_value(output)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict | list):
            inside = value.values() if isinstance(value, dict) else value
            waiting += reversed(list(inside))
        elif value is not None and not isinstance(value, bool):
            is_whole = isinstance(value, float) and value.is_integer()
            lines.append(str(int(value) if is_whole else value))
    return "\n".join(lines)


def _texts(look: ArmPassages, place: int) -> tuple[str, ...]:
    question = look.questions[place]
    return tuple(one.text for one in (question.cited if look.cites else question.in_prompt))


def _citations(look: ArmPassages, examples: Sequence[Example]) -> tuple[list[float], list[int]]:
    """Of each citation under an example with evidence, whether it holds some; and the example's place."""
    pairs = [
        (float(holds_evidence(look, example, passage)), place)
        for place, (example, question) in enumerate(zip(examples, look.questions, strict=True))
        if any(look.places.held_by(example))
        for passage in question.cited
    ]
    return [right for right, _ in pairs], [place for _, place in pairs]


def _groups(places: Sequence[int], clusters: Sequence[Hashable] | None) -> list[Hashable] | None:
    """The clusters of citations: those of one answer depend on each other."""
    if clusters is None and len(set(places)) == len(places):
        return None
    return [
        ("answer", place) if clusters is None or clusters[place] is None else clusters[place]
        for place in places
    ]


def _why_no_citations(look: ArmPassages, examples: Sequence[Example]) -> str:
    if not look.cites:
        return _NO_CITATIONS if KINDS[look.kind].can_cite else _NO_ROOM
    if not any(question.citations.places for question in look.questions):
        return _NOBODY_CITES
    if not any(example.evidence for example in examples if example.answerable):
        return "no test example names its evidence"
    return "no citation stands under a question whose evidence a passage holds"
