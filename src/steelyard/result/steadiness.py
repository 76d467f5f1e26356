"""How steady an arm is, and whether its probabilities can be trusted."""

from __future__ import annotations

from steelyard.result.base import Omitted, ResultPart
from steelyard.result.figures import Figure

_CHANCE_FROM = 0.05
"""A p-value from which a spread is not told from chance."""


class OutputCount(ResultPart):
    """One of the answers to a repeated example, and how often it came; ``None``: unusable."""

    output: str | None = None
    times: int = 0


class ChangedExample(ResultPart):
    """An example whose repeats are not all the same."""

    example_id: str = ""
    agreement: float | None = None
    input: str = ""
    outputs: tuple[OutputCount, ...] = ()


class Repeats(ResultPart):
    """The same questions asked ``times`` times; ``scores`` are the metric in each repeat."""

    items: int = 0
    times: int = 0
    agreement: Figure = Figure()
    unchanged: Figure = Figure()
    scores: tuple[float, ...] = ()
    spread: float | None = None
    unanswered: int = 0
    by_example: tuple[ChangedExample, ...] = ()
    note: Omitted[str] = None


class VariantScore(ResultPart):
    """The metric under one change, and the share of items answered as before."""

    name: str = ""
    changed: int | None = None
    score: float | None = None
    difference: float | None = None
    agreement: float | None = None


class WorstVariant(ResultPart):
    """The change that cost most; ``difference`` is to the baseline."""

    name: str = ""
    score: float | None = None
    difference: float | None = None


class UnmeasuredChange(ResultPart):
    """A kind of change that was not tried, and why."""

    kind: str = ""
    reason: str


class Sensitivity(ResultPart):
    """The same questions under changes of one kind; ``baseline`` is the metric without them.

    ``agreement`` is the mean share of items answered as before, over the variants.
    """

    kind: str = ""
    items: int = 0
    baseline: float | None = None
    variants: tuple[VariantScore, ...] = ()
    agreement: float | None = None
    spread: float | None = None
    spread_by_chance: float | None = None
    p_value: float | None = None
    spread_reason: Omitted[str] = None
    worst: WorstVariant | None = None

    @property
    def largest_drop(self) -> float | None:
        """What the worst variant cost, 0 where none cost anything."""
        difference = None if self.worst is None else self.worst.difference
        return None if difference is None else max(0.0, -difference)

    @property
    def may_be_chance(self) -> bool:
        """Whether chance explains the spread: on a few items a point or two is chance."""
        return self.p_value is not None and self.p_value >= _CHANCE_FROM


class Consistency(ResultPart):
    """An arm asked again, and asked in other words that mean the same."""

    temperature: float | None = None
    repeats: Repeats | None = None
    repeats_reason: Omitted[str] = None
    sensitivity: tuple[UnmeasuredChange | Sensitivity, ...] = ()

    @property
    def is_repeated(self) -> bool:
        return self.repeats is not None and self.repeats.agreement.value is not None

    @property
    def measured(self) -> list[Sensitivity]:
        """The changes that were tried."""
        return [change for change in self.sensitivity if isinstance(change, Sensitivity)]


class CalibrationBin(ResultPart):
    """Answers of like confidence: its range, its mean, and the share that was right."""

    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    accuracy: float | None = None
    n: int = 0


class Coverage(ResultPart):
    """Answering only from ``threshold`` up: the share answered, and the accuracy of what is."""

    coverage: float | None = None
    accuracy: float | None = None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    n: int = 0


class PeopleCost(ResultPart):
    """Money where people answer what an arm hands over, at ``prices.label`` an answer.

    ``total`` is over the horizon, with what the arm costs upfront; ``people_…``: people answer everything.
    """

    per_request: float | None = None
    monthly: float | None = None
    total: float | None = None
    people_monthly: float | None = None
    people_total: float | None = None
    currency: str = "USD"
    reason: Omitted[str] = None


class Handover(ResultPart):
    """The least ``share`` to hand to people so that the rest is shown to be ``target`` right.

    ``coverage`` is that rest, 0 with a ``reason`` where nothing can be shown. ``level`` is the confidence of
    ``low``, the lower limit of the rest's accuracy, taken one-sided.
    """

    target: float | None = None
    level: float = 0.975
    share: float | None = None
    coverage: Omitted[float] = None
    accuracy: Omitted[float] = None
    low: Omitted[float] = None
    high: Omitted[float] = None
    threshold: Omitted[float] = None
    n: Omitted[int] = None
    reason: Omitted[str] = None
    cost: PeopleCost | None = None


class Calibration(ResultPart):
    """The answers that have a probability, compared with how often they were right."""

    source: str = ""
    n: int = 0
    without: int = 0
    ece: Figure = Figure()
    ece_expected: float | None = None
    ece_p_value: float | None = None
    brier: float | None = None
    bins: tuple[CalibrationBin, ...] = ()
    coverage: tuple[Coverage, ...] = ()
