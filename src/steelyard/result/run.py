"""``result.json`` as a whole, schema version 2."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pydantic import Field

from steelyard.core import Comparison
from steelyard.economics import Traffic
from steelyard.result.answers import (
    ConfusionTable,
    FailedAnswer,
    LabelScore,
    SampleResult,
    SliceScore,
)
from steelyard.result.arm import ArmResult
from steelyard.result.audit import AuditResult, SkippedRow
from steelyard.result.base import Omitted, OpenPart, ResultPart
from steelyard.result.differences import Differences
from steelyard.result.documents import DocumentsResult
from steelyard.result.economics import Economics
from steelyard.result.freshness import ChangedFactResult
from steelyard.result.hybrids import HybridGains
from steelyard.result.slices import SliceTable
from steelyard.result.verdict import (
    ConstraintPrice,
    Crossover,
    JudgeResult,
    VerdictResult,
    Winner,
)
from steelyard.words import chance as chance_in_words

SCHEMA_VERSION = 2
FEWEST_OF_GROUP = 10
"""A slice or label with fewer test examples is not said to be the weakest."""


class WeighedModel(ResultPart):
    """One of the task's models, and the tag that its arms are called by."""

    name: str = ""
    provider: str = ""
    tag: str = ""


class TrafficResult(ResultPart):
    """The volume that money is counted at; ``assumed`` where the task names none."""

    requests_per_day: int | None = None
    horizon_days: int | None = None
    error_cost: Omitted[float] = None
    growth_per_month: Omitted[float] = None
    peak: Omitted[float] = None
    retrain_days: Omitted[int] = None
    assumed: bool = False

    @property
    def mean_per_day(self) -> float:
        """Requests a day in the mean over the horizon, growth included."""
        return float(self._volume.requests) / (self.horizon_days or 1)

    def requests_until(self, day: float) -> float:
        """Requests from the start to a day, growth included."""
        return float(self._volume.requests_until(Decimal(str(day))))

    @property
    def _volume(self) -> Traffic:
        growth = Decimal(str(self.growth_per_month or 0))
        return Traffic(Decimal(self.requests_per_day or 1), self.horizon_days or 1, growth)


class ConstraintsResult(ResultPart):
    """What an arm must keep."""

    min_quality: Omitted[float] = None
    max_latency_p95_ms: Omitted[float] = None
    max_monthly_cost: Omitted[Decimal] = None
    min_accuracy_at_coverage: Omitted[float] = None
    margin: float = 0.02


class TaskResult(ResultPart):
    """The task that was weighed. ``model`` and ``provider`` are those of the first model."""

    name: str = ""
    fingerprint: str = ""
    instruction: str = ""
    kind: str = ""
    labels: tuple[str, ...] = ()
    metric: str = "accuracy"
    metrics: tuple[str, ...] = ()
    metric_titles: dict[str, str] = Field(default_factory=dict)
    parts_about: dict[str, str] = Field(default_factory=dict)
    model: str | None = None
    provider: str | None = None
    models: tuple[WeighedModel, ...] = ()
    traffic: TrafficResult = TrafficResult()
    constraints: ConstraintsResult = ConstraintsResult()

    def title_of(self, metric: str) -> str:
        """What people call a metric; its name where the file does not say."""
        return self.metric_titles.get(metric, metric)


class SplitFacts(OpenPart):
    """Examples in each part, how often test was opened, and how the split was made.

    ``test_clusters`` counts the independent ones among the test examples, where they are fewer: the groups
    and sets of near or exact repeats. ``design_effect`` is how many test examples count as one independent
    example, by the arms' paired differences.
    """

    train: int | None = None
    dev: int | None = None
    test: int | None = None
    test_clusters: Omitted[int] = None
    design_effect: Omitted[float] = None
    test_opened: int | None = None
    method: str = ""


class PriceResult(ResultPart):
    """A price that was used: money per million tokens, per hour of a machine, or for ``each`` of a thing.

    ``date`` is the day on which it was read, of the book of prices that of its newest change; ``age_days``
    are from then to the run, and ``is_stale`` marks what is older than 180 days. A machine that is not
    ``shared`` is paid for every hour by arms that ask a model on it.
    """

    name: str = ""
    currency: str = "USD"
    input: Decimal | None = None
    cached: Decimal | None = None
    output: Decimal | None = None
    training: Decimal | None = None
    machine_hour: Decimal | None = None
    each: Omitted[Decimal] = None
    shared: Omitted[bool] = None
    source: str = ""
    date: str = ""
    age_days: Omitted[int] = None
    is_stale: Omitted[bool] = None


class LeftOutStrategy(ResultPart):
    """A strategy that was not run, why, and on which model (``None``: on any)."""

    strategy: str = ""
    reason: str = ""
    model: str | None = None


class UnmeasuredArm(ResultPart):
    """What ended because a model failed; ``arm`` is ``None`` before there is one."""

    strategy: str = ""
    arm: str | None = None
    model: str | None = None
    model_tag: str | None = None
    phase: str = ""
    reason: str = ""

    @property
    def title(self) -> str:
        """The arm, or where there is none its strategy and model."""
        return self.arm or " on ".join(filter(None, (self.strategy, self.model_tag)))

    @property
    def end(self) -> str:
        """How it ended, in words."""
        return f"ended early: {self.reason}"


class StoppedArm(ResultPart):
    """An arm that stopped on dev: ``rival`` costs no more, and was better there with this ``chance``.

    ``quality`` and ``rival_quality`` are the metric on ``n`` dev examples, where arms were chosen: they
    are no measurement.
    """

    arm: str = ""
    strategy: str = ""
    model: str | None = None
    quality: float | None = None
    rival: str = ""
    rival_quality: float | None = None
    chance: float | None = None
    n: int = 0

    @property
    def sentence(self) -> str:
        """What people are told of it."""
        return f"{self.arm} {self.end}"

    @property
    def end(self) -> str:
        """How it ended, in words."""
        mine, other = self.quality or 0.0, self.rival_quality or 0.0
        return (
            f"stopped before the test, with {mine:.2f} on {self.n} dev examples against {other:.2f} of "
            f"{self.rival}, which costs no more (chance {chance_in_words(self.chance or 0)})"
        )


class Result(ResultPart):
    """Every figure of a run. The fields are a contract; `docs/result-json.md` explains them."""

    schema_version: int = SCHEMA_VERSION
    created: str = ""
    task: TaskResult = TaskResult()
    seed: int = 0
    versions: dict[str, str] = Field(default_factory=dict)
    machine: dict[str, Any] = Field(default_factory=dict)
    split: SplitFacts = SplitFacts()
    audit: AuditResult = AuditResult()
    arms: tuple[ArmResult, ...] = ()
    reference: str | None = None
    comparisons: tuple[Comparison, ...] = ()
    crossover: Crossover = Crossover()
    verdict: VerdictResult = VerdictResult()
    economics: Economics = Economics()
    winner: Winner = Winner()
    left_out: tuple[LeftOutStrategy, ...] = ()
    constraint: tuple[ConstraintPrice, ...] = ()
    hybrids: tuple[HybridGains, ...] = ()
    judge: JudgeResult | None = None
    changed_facts: tuple[ChangedFactResult, ...] = ()
    ended: tuple[UnmeasuredArm, ...] = ()
    stopped: tuple[StoppedArm, ...] = ()
    skipped_rows: tuple[SkippedRow, ...] = ()
    prices: tuple[PriceResult, ...] = ()
    prices_at: Omitted[str] = None
    """The day whose prices hold, where that was not the day of the run."""
    confusion: dict[str, ConfusionTable] = Field(default_factory=dict)
    per_label: dict[str, tuple[LabelScore, ...]] = Field(default_factory=dict)
    per_slice: dict[str, tuple[SliceScore, ...]] = Field(default_factory=dict)
    slices: SliceTable = SliceTable()
    differences: Differences = Differences()
    documents: Omitted[DocumentsResult] = None
    failures: dict[str, tuple[FailedAnswer, ...]] = Field(default_factory=dict)
    samples: tuple[SampleResult, ...] = ()
    missed: dict[str, int] = Field(
        default_factory=dict, description="Test examples that an arm did not get wholly right."
    )

    def weakest_group(self, arm: str) -> SliceScore | LabelScore | None:
        """The slice or label on which an arm is weakest, of those with enough examples."""
        groups: tuple[SliceScore | LabelScore, ...] = (
            *self.per_slice.get(arm, ()),
            *self.per_label.get(arm, ()),
        )
        large = [
            group for group in groups if group.score is not None and group.n >= FEWEST_OF_GROUP
        ]
        return min(large, key=lambda group: group.score or 0.0, default=None)

    @property
    def is_level(self) -> bool:
        """Whether several arms all have the same figure, so that none leads."""
        return len({arm.quality.value for arm in self.arms}) <= 1 < len(self.arms)
