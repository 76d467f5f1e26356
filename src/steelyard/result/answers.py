"""The test answers that a result shows: confusions, labels, slices, failures, samples."""

from __future__ import annotations

from pydantic import Field

from steelyard.result.base import Omitted, ResultPart


class ConfusionTable(ResultPart):
    """Counts of answers; rows are references, columns answers, failed answers apart."""

    labels: tuple[str, ...] = ()
    counts: tuple[tuple[int, ...], ...] = ()
    failed: tuple[int, ...] = ()


class GroupScore(ResultPart):
    """The mean score over a group's ``n`` test examples; ``missed`` of them were not wholly right."""

    n: int = 0
    score: float | None = None
    missed: int | None = None
    reason: Omitted[str] = None


class LabelScore(GroupScore):
    """The examples of one label.

    Where outputs are sets, ``score`` is F1 of the label, ``missed`` who lack it or have it in excess.
    """

    label: str = ""

    @property
    def name(self) -> str:
        return self.label


class SliceScore(GroupScore):
    """The examples of one slice."""

    slice: str = ""

    @property
    def name(self) -> str:
        return self.slice


class FailedAnswer(ResultPart):
    """A test example without a usable answer."""

    example_id: str = ""
    source: str = ""
    input: str = ""
    reason: str = ""


class SampleAnswer(ResultPart):
    """An arm's answer to a sample; ``missed`` names the parts that it has not right.

    ``reasoning`` is what its model thought before it, taken off the ``text``.
    """

    output: str | None = None
    text: str = ""
    reasoning: Omitted[str] = None
    score: float | None = None
    reason: str | None = None
    missed: Omitted[tuple[str, ...]] = None

    @property
    def mark(self) -> str:
        """One word for how good it is."""
        if self.output is None:
            return "failed"
        return "wrong" if self.score == 0 else "right" if self.score == 1 else "partly"


class SampleResult(ResultPart):
    """A test example with every arm's answer."""

    example_id: str = ""
    input: str = ""
    reference: str = ""
    slice: str | None = None
    answers: dict[str, SampleAnswer] = Field(default_factory=dict)
