"""What a metric is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from steelyard.config.options import Options
from steelyard.config.section import Section
from steelyard.core import Answer, Example, OutputKind
from steelyard.errors import ConfigError
from steelyard.model.base import Model, ModelSpec
from steelyard.output_kinds import KINDS
from steelyard.task import Task
from steelyard.words import counted


@dataclass(frozen=True)
class Grade:
    """What one answer is worth, in [0, 1], and the scores of its parts (rules, fields) by name.

    A part that does not apply to the example is left out.
    """

    score: float
    parts: Mapping[str, float] = field(default_factory=dict)


class Metric(ABC):
    """Scores answers, in [0, 1], more is better. A failed answer scores 0.

    A metric of output and reference alone gives `score_answer`; an `ExampleMetric`, and one with
    parts, gives `grade`; one that is faster on many answers at once, `grade_all`.

    ``title`` is what people read. ``kinds`` are the kinds of output that it is for. ``options_type``
    states its options. ``decomposable``: the metric over many items is the mean of their scores.
    ``binary``: an item scores 0 or 1 and nothing between. ``section`` is the section of task.yaml that
    it alone reads; ``parts_about`` says what the figure of a part is. ``reads_accepted``: other accepted
    answers of an example stand in for its reference. ``needs_reference``: an example without one cannot
    be scored.

    Of texts, for strategies that let a model reason or vote. ``compares_final_answers``: a text is one
    answer, which another text can equal. ``reads_reasoned_references``: it finds that answer in a
    reference that reasons first. ``compares_numbers``: the answer is the number that a text comes to.
    """

    name: str
    title: str
    kinds: ClassVar[tuple[OutputKind, ...]] = tuple(KINDS)
    options_type: ClassVar[type[Section]] = Options
    decomposable: ClassVar[bool] = True
    binary: bool = False
    needs_reference: bool = True
    reads_accepted: ClassVar[bool] = True
    section: ClassVar[str | None] = None
    parts_about: ClassVar[str] = "The mean of each part, over the test examples it applies to."
    compares_final_answers: ClassVar[bool] = False
    reads_reasoned_references: ClassVar[bool] = False
    compares_numbers: ClassVar[bool] = False

    def __init__(
        self, options: Section | None = None, task: Task | None = None, name: str | None = None
    ) -> None:
        """Build the metric for ``task``, or for no task in particular, by its ``options``.

        ``name`` is what its scores are kept under. Raises `ConfigError` for what the task lacks.
        """
        self.config = options or self.options_type()
        self.name = name or self.name_with(self.config)

    @classmethod
    def name_with(cls, options: Any) -> str:
        return cls.name

    @classmethod
    def title_of(cls, name: str) -> str:
        """What people call the metric that is called ``name``; the name itself where it is the user's."""
        return str(getattr(cls, "title", name)) if name == getattr(cls, "name", "") else name

    @property
    def fingerprint(self) -> str:
        """What decides the scores beyond name and options: a judge's settings, the user's own code."""
        return ""

    def check(self, examples: Sequence[Example]) -> None:
        """Look over the examples before anything is spent. Raises for what cannot be scored."""
        return

    @abstractmethod
    def score_answer(self, output: str, reference: str) -> float:
        """Score one answer that did not fail."""

    def unreadable(self, output: str) -> str | None:
        """Say why this metric cannot read an answer, which then failed; ``None`` where it can."""
        return None

    def score(self, output: str | None, reference: str) -> float:
        """Score one answer; ``None`` is a failed one and scores 0."""
        return 0.0 if output is None else self.score_answer(output, reference)

    def grade(self, example: Example, output: str | None) -> Grade:
        """Grade one answer to ``example``; ``None`` is a failed one and scores 0."""
        return Grade(self.score(output, example.output))

    def grade_all(self, examples: Sequence[Example], outputs: Sequence[str | None]) -> list[Grade]:
        """Grade each answer; same length and order."""
        return [self.grade(*pair) for pair in zip(examples, outputs, strict=True)]

    def best_grades(
        self, examples: Sequence[Example], outputs: Sequence[str | None]
    ) -> list[Grade]:
        """Grade each answer by its reference, or by the other accepted answer that it meets better."""
        grades = self.grade_all(examples, outputs)
        others = [
            (place, replace(example, output=accepted))
            for place, example in enumerate(examples)
            for accepted in (example.accepted if self.reads_accepted else ())
            if outputs[place] is not None
        ]
        if others:
            again = [outputs[place] for place, _ in others]
            graded = self.grade_all([example for _, example in others], again)
            for (place, _), grade in zip(others, graded, strict=True):
                grades[place] = max(grades[place], grade, key=lambda one: one.score)
        return grades

    def over(
        self,
        examples: Sequence[Example],
        answers: Sequence[Answer],
        scores: Sequence[float] | None = None,
    ) -> float | None:
        """The metric over answered examples, ``None`` where there are none.

        ``scores`` are the answers' own, where they are known.
        """
        if scores is None:
            grades = self.best_grades(examples, [answer.output for answer in answers])
            scores = [grade.score for grade in grades]
        return float(np.mean(scores)) if len(scores) else None


class CorpusMetric(Metric):
    """A metric that is not a mean of item scores; its interval comes from resampling answers.

    It compares with references alone: other accepted answers do not count.
    """

    reads_accepted: ClassVar[bool] = False
    decomposable: ClassVar[bool] = False  # its item scores only serve to show items

    @abstractmethod
    def encode(
        self, outputs: Sequence[str | None], references: Sequence[str]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return outputs and references as arrays of equal length, fit for :meth:`figure`."""

    @abstractmethod
    def figure(self, outputs: NDArray[Any], references: NDArray[Any]) -> float:
        """The metric over encoded outputs and references."""

    def weighted(
        self, outputs: NDArray[Any], references: NDArray[Any], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The metric for each row of ``weights``, whole numbers of shape (rows, items).

        An item of weight 2 counts as two items, one of weight 0 as none. Many rows are asked at once: a
        metric that is a function of sums over items should work them out as a matrix product.
        """
        items = np.arange(len(outputs))
        drawn = (np.repeat(items, row.astype(np.int64)) for row in weights)
        return np.array([self.figure(outputs[index], references[index]) for index in drawn])

    def over(
        self,
        examples: Sequence[Example],
        answers: Sequence[Answer],
        scores: Sequence[float] | None = None,
    ) -> float | None:
        """The metric over answered examples, ``None`` where there are none."""
        outputs = [answer.output for answer in answers]
        references = [example.output for example in examples]
        return self.figure(*self.encode(outputs, references)) if references else None


class ReferenceMetric(Metric):
    """A metric that compares texts with reference outputs, and so needs them."""

    kinds: ClassVar[tuple[OutputKind, ...]] = ("text",)

    def check(self, examples: Sequence[Example]) -> None:
        lacking = [example for example in examples if not example.output.strip()]
        if not lacking:
            return
        rows = counted(len(lacking), "example")
        raise ConfigError(
            f"metric {self.name} needs reference outputs, but {rows} of "
            f"{len(examples):,} lack one (the first: {lacking[0].source or lacking[0].id}); add outputs, "
            "or set metric: rules"
        )


class ExampleMetric(Metric):
    """A metric that reads the whole example: it gives `grade`.

    A reference alone is graded as that of an example without input.
    """

    @abstractmethod
    def grade(self, example: Example, output: str | None) -> Grade:
        """Grade one answer to ``example``; ``None`` is a failed one and scores 0."""

    def score_answer(self, output: str, reference: str) -> float:
        return self.grade(Example("", "", reference), output).score


class PartsMetric(Metric):
    """A metric whose grades have parts that are also taken together.

    ``pooled_part`` names the figure over all parts of all items, without the ``summary_parts``, which
    sum up one item's.
    """

    pooled_part: ClassVar[str]
    summary_parts: ClassVar[tuple[str, ...]]
    unknown_reason: ClassVar[str] = "it could not be told of any reply"

    def part_names(self, examples: Sequence[Example]) -> list[str]:
        """The parts that figures name, though no reply's grade may have them."""
        return []


class ModelMetric(ExampleMetric):
    """A metric that asks a model; many answers are graded in one call, not as they come.

    The model is shown the reference alone.
    """

    reads_accepted: ClassVar[bool] = False

    @abstractmethod
    def connect(self, build_model: Callable[[ModelSpec], Model]) -> None:
        """Take the run's models, before the first grade; their cost goes to the judge's account."""
