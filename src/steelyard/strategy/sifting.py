"""What a teacher answered, and which of its answers a student learns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from steelyard.core import Answer, Example
from steelyard.errors import FitError
from steelyard.score.base import ModelMetric
from steelyard.strategy.base import Brief, FitContext
from steelyard.words import counted

FEWEST = 10
"""With fewer answers to learn there is nothing to tune on."""
_RIGHT = 1.0
_GOOD = 0.75
"""The least score that is learnt, of metrics that say right or wrong, and of others."""


@dataclass(frozen=True)
class Sifted:
    """The teacher's answers to ``inputs``, and those that pass, as examples with the answer for output.

    ``answered`` are usable, ``failed`` and ``cut`` are not; an answer is learnt that the task's first metric
    gives at least ``least``, or any usable one where that is 0. ``score`` is the metric over the ``scored``
    ones that it can score, failed ones among them, and ``None`` where there are none. ``prompt_tokens``
    are the mean of the teacher's prompts.
    """

    inputs: int
    answered: int
    learnt: tuple[Example, ...]
    failed: int
    cut: int
    least: float
    scored: int
    score: float | None
    prompt_tokens: float

    @property
    def counts(self) -> str:
        parts = [
            f"the teacher answered {counted(self.inputs, 'input')}",
            f"{self.failed:,} of its answers failed",
            f"{self.cut:,} were cut",
            f"{self.answered - len(self.learnt):,} did not pass",
        ]
        return f"{', '.join(parts)}, and {len(self.learnt):,} are kept"

    def note(self, metric: str) -> str:
        """The counts, by which rule, and what the teacher scored."""
        rule = "every usable answer passes"
        if self.least:
            rule = f"{metric} of at least {self.least:g} passes"
        if self.score is None:
            return f"{self.counts} ({rule})"
        return f"{self.counts} ({rule}); {metric} {self.score:.3f} over {self.scored:,} of them"


def sift(
    context: FitContext,
    inputs: Sequence[Example],
    answers: Sequence[Answer],
    least: float,
) -> Sifted:
    """Say what came of each input; what is failed or cut is never learnt.

    With a ``least`` score of 0 a model that judges is not asked. Where it is more, inputs that cannot be
    scored must have been refused before.
    """
    metric, brief = context.metric, context.brief
    grades: dict[int, float] = {}
    score = None
    if least or not isinstance(metric, ModelMetric):
        places = [
            place
            for place, one in enumerate(inputs)
            if one.output.strip() or not metric.needs_reference
        ]
        some = [inputs[place] for place in places], [answers[place] for place in places]
        scores = context.scores(*some)
        score = context.score(*some, scores) if places else None
        grades = dict(zip(places, scores, strict=True))
    cut = {place for place, one in enumerate(answers) if _is_cut(brief, one)}
    failed = {place for place, one in enumerate(answers) if _is_failed(one)} - cut
    usable = [place for place in range(len(inputs)) if place not in cut | failed]
    passed = [place for place in usable if not least or grades[place] >= least]
    tokens = [one.completion.input_tokens for one in answers]
    return Sifted(
        len(inputs),
        len(usable),
        tuple(
            replace(inputs[place], output=answers[place].output or "", accepted=(), rejected=None)
            for place in passed
        ),
        len(failed),
        len(cut),
        least,
        len(grades),
        score,
        sum(tokens) / len(tokens) if tokens else 0.0,
    )


def least_score(context: FitContext) -> float:
    """The score from which an answer counts as right: 1 where the metric says right or wrong."""
    return _RIGHT if context.metric.binary else _GOOD


def usable_answers(
    context: FitContext, examples: Sequence[Example], answers: Sequence[Answer]
) -> Mapping[str, str]:
    """The answers that are neither failed nor cut, by the ids of ``examples``; `FitError` without any."""
    usable = {
        example.id: answer.output or ""
        for example, answer in zip(examples, answers, strict=True)
        if not _is_failed(answer) and not _is_cut(context.brief, answer)
    }
    if examples and not usable:
        raise FitError(
            "strategy distilled: every answer of the teacher on dev failed: name another teacher"
        )
    return usable


def _is_failed(answer: Answer) -> bool:
    return answer.failure is not None or not (answer.output or "").strip()


def _is_cut(brief: Brief, answer: Answer) -> bool:
    """Whether a part of a text stands for all of it: who learns that, stops in the middle."""
    return answer.completion.is_cut and not brief.is_exact
