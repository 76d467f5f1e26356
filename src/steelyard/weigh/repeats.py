"""The same questions asked again: how often an arm gives the same answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from steelyard.core import Answer, Example, Record, clusters_of
from steelyard.result.figures import Figure
from steelyard.result.steadiness import ChangedExample, OutputCount, Repeats
from steelyard.score import Metric
from steelyard.seeds import generator
from steelyard.stats.agreement import UNANSWERED, Codes, agreement, pair_agreement, unchanged
from steelyard.stats.resample import Floats
from steelyard.strategy import Arm
from steelyard.strategy.base import Brief
from steelyard.strategy.reading import canonical
from steelyard.words import shortened

_SHOWN = 200
"""So many characters of an input or an output are shown; the whole is in ``run.db``."""
OnAsked = Callable[[int], None]
"""Told how many answers have come."""


@dataclass(frozen=True)
class RepeatSample:
    """The test examples that are asked again, with the arm's ordinary records of them."""

    arm: Arm
    examples: Sequence[Example]
    records: Sequence[Record]
    metric: Metric
    seed: int
    on_asked: OnAsked = lambda count: None

    @property
    def answers(self) -> list[Answer]:
        return [record.answer for record in self.records]

    @property
    def clusters(self) -> list[Hashable] | None:
        return clusters_of(self.examples)

    def generator(self, name: str) -> np.random.Generator:
        """The generator of one step; every arm has the same one."""
        return generator(self.seed, f"consistency:{name}")

    def scores(self, answers: Sequence[Answer]) -> Floats:
        """Each answer's score; an answer that is the ordinary one is not graded again."""
        outputs = [answer.output for answer in answers]
        scores = np.array([record.score for record in self.records], dtype=np.float64)
        ordinary = [record.answer.output for record in self.records]
        fresh = [place for place, output in enumerate(outputs) if output != ordinary[place]]
        examples = [self.examples[place] for place in fresh]
        grades = self.metric.best_grades(examples, [outputs[place] for place in fresh])
        for place, grade in zip(fresh, grades, strict=True):
            scores[place] = grade.score
        return scores

    def figure(self, scores: Floats, answers: Sequence[Answer]) -> float:
        return self.metric.over(self.examples, answers, scores.tolist()) or 0.0

    def codes(self, *several: Sequence[Answer]) -> Codes:
        """Number the answers, shape (items, runs): equal numbers are the same answer to the caller.

        Answers that could not be used are alike; a request that was not answered is `UNANSWERED`.
        """
        codes: dict[str | None, int] = {}

        def code(answer: Answer) -> int:
            if answer.completion.failure is not None and answer.output is None:
                return UNANSWERED
            text = None if answer.output is None else meaning(self.arm.brief, answer.output)
            return codes.setdefault(text, len(codes))

        runs = [[code(answer) for answer in answers] for answers in several]
        return np.array(runs, dtype=np.int64).reshape(len(several), len(self.examples)).T


def meaning(brief: Brief, output: str) -> str:
    """One text for all outputs that mean the same; non-JSON output, unchanged."""
    try:
        return canonical(brief, output)
    except (ValueError, RecursionError):
        return output


def ask_again(sample: RepeatSample, turn: int) -> list[Answer]:
    """Ask every example again, in two calls of a new order.

    Batches and the shared prefix are then others, and no item keeps its place: that shows what
    rounding can change on a local model.
    """
    order = sample.generator(f"repeat {turn}").permutation(len(sample.examples))
    answers: dict[int, Answer] = {}
    for half in (order[::2], order[1::2]):
        questions = [sample.examples[place].question for place in half]
        repeated = sample.arm.answer_all(questions, nonce=f"repeat-{turn}")
        answers.update(zip(half.tolist(), repeated, strict=True))
        sample.on_asked(len(half))
    return [answers[place] for place in range(len(sample.examples))]


def measure_repeats(sample: RepeatSample, times: int) -> Repeats:
    """Ask the sample again; the ordinary answers are the first of ``times`` repeats."""
    runs = [sample.answers, *(ask_again(sample, turn) for turn in range(2, times + 1))]
    codes = sample.codes(*runs)
    figures = [sample.figure(sample.scores(answers), answers) for answers in runs]
    rng, clusters = sample.generator("repeats"), sample.clusters
    return Repeats(
        items=len(sample.examples),
        times=times,
        agreement=Figure.of(agreement(codes, rng, clusters=clusters)),
        unchanged=Figure.of(unchanged(codes, rng, clusters=clusters)),
        scores=tuple(figures),
        spread=max(figures) - min(figures),
        unanswered=int(np.sum(codes == UNANSWERED)),
        by_example=_by_example(sample, codes, runs),
    )


def _by_example(
    sample: RepeatSample, codes: Codes, runs: Sequence[Sequence[Answer]]
) -> tuple[ChangedExample, ...]:
    """The examples whose repeats are not all the same, the least alike first, with their answers."""
    alike = pair_agreement(codes)
    changed = [int(place) for place in np.argsort(alike, kind="stable") if alike[place] < 1]
    return tuple(
        ChangedExample(
            example_id=sample.examples[place].id,
            agreement=float(alike[place]),
            input=shortened(sample.examples[place].input, _SHOWN),
            outputs=_counted(codes[place].tolist(), [answers[place].output for answers in runs]),
        )
        for place in changed
    )


def _counted(codes: Sequence[int], outputs: Sequence[str | None]) -> tuple[OutputCount, ...]:
    """Each answer that an example got, once, with how often: the most common first."""
    first = {code: outputs[codes.index(code)] for code in codes if code != UNANSWERED}
    counts = Counter(codes)
    return tuple(
        OutputCount(
            output=None if output is None else shortened(output, _SHOWN), times=counts[code]
        )
        for code, output in sorted(first.items(), key=lambda pair: -counts[pair[0]])
    )
