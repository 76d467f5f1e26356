"""Whether a judge finds answers supported by their passages, and whether it agrees with the look-up."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from steelyard.core import Example, Record
from steelyard.result.documents import JudgedGroundedness
from steelyard.result.figures import Figure
from steelyard.retrieve.fixed import WholeDocuments
from steelyard.score.judge import Judge
from steelyard.score.judge.support import CitedAnswer, judge_support
from steelyard.stats import mean
from steelyard.stats.kappa import cohen_kappa
from steelyard.weigh.documents.grounding import SupportedAnswer, supported_answers
from steelyard.weigh.documents.look import ArmPassages
from steelyard.weigh.documents.support import Support
from steelyard.weigh.judging import FAILED_SHARE

ALL_DOCUMENTS = "all documents stand in its prompt, which is more than the judge is asked to read"
ALL_FAILED = "the judge failed on every answer"
NOTHING = "no answer stands beside passages to judge it by"


class _Verdicts(NamedTuple):
    """An answer that was judged: its place, whether the judge finds it supported, and the look-up."""

    place: int
    judge: bool
    lookup: bool | None


def measure_judged(
    judge: Judge,
    look: ArmPassages,
    examples: Sequence[Example],
    answered: tuple[Sequence[Record], Sequence[bool]],
    clusters: Sequence[Hashable] | None,
    rng: np.random.Generator,
) -> JudgedGroundedness:
    """Ask the judge of every answer that `measure_groundedness` looks up, with the same passages.

    ``answered`` are the records and which of them refuse. An answer that the judge fails on is counted and is
    in no figure. Raises `SteelyardError` where the judge cannot be asked.
    """
    if isinstance(look.grounding.finder, WholeDocuments):
        return _unasked(ALL_DOCUMENTS)
    answers = supported_answers(look, *answered)
    if not answers:
        return _unasked(NOTHING)
    questions = [CitedAnswer(examples[one.place], one.output, one.passages) for one in answers]
    verdicts = judge_support(judge.model, judge.options, questions)
    judged = [
        _Verdicts(one.place, verdict, is_all_held(one.support))
        for one, verdict in zip(answers, verdicts, strict=True)
        if verdict is not None
    ]
    failed = len(answers) - len(judged)
    shares = _share([one.judge for one in judged], judged, clusters, rng)
    block = JudgedGroundedness(
        share=shares, judged=len(judged), failed=failed, notes=_notes(judge, failed, answers)
    )
    return _with_agreement(block, [one for one in judged if one.lookup is not None], clusters, rng)


def is_all_held(support: Support) -> bool | None:
    """Whether passages hold all numbers, names and words of an answer; ``None`` where it has none."""
    shares = [share for share in support if share is not None]
    return min(shares) == 1 if shares else None


def _with_agreement(
    block: JudgedGroundedness,
    pairs: Sequence[_Verdicts],
    clusters: Sequence[Hashable] | None,
    rng: np.random.Generator,
) -> JudgedGroundedness:
    by_judge, by_lookup = [one.judge for one in pairs], [one.lookup for one in pairs]
    table = list(zip(by_judge, by_lookup, strict=True))
    alike = [first == second for first, second in table]
    return block.updated(
        alike=_share(alike, pairs, clusters, rng),
        kappa=Figure.of(cohen_kappa(by_judge, by_lookup, (True, False))),
        both=table.count((True, True)),
        judge_only=table.count((True, False)),
        lookup_only=table.count((False, True)),
        neither=table.count((False, False)),
    )


def _share(
    values: Sequence[bool],
    of: Sequence[_Verdicts],
    clusters: Sequence[Hashable] | None,
    rng: np.random.Generator,
) -> Figure:
    if not of:
        return Figure(reason=ALL_FAILED)
    groups = None if clusters is None else [clusters[one.place] for one in of]
    return Figure.of(mean([float(value) for value in values], rng, clusters=groups))


def _unasked(reason: str) -> JudgedGroundedness:
    nothing = Figure(reason=reason)
    return JudgedGroundedness(share=nothing, alike=nothing, kappa=nothing, reason=reason)


def _notes(judge: Judge, failed: int, answers: Sequence[SupportedAnswer]) -> tuple[str, ...]:
    notes = list(judge.notes)
    if failed >= FAILED_SHARE * len(answers):
        notes.append(
            f"the judge failed on {failed} of {len(answers)} answers, which are in no figure: its share "
            "is of those it could judge"
        )
    return tuple(notes)
