"""What the figures add up to: break-even, the verdict, the promoted arm, the judge."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field

from steelyard.core import Comparison, Recommendation
from steelyard.result.base import Omitted, OpenPart, ResultPart
from steelyard.result.figures import Figure, LabelsNeeded


class CostCrossing(ResultPart):
    """From this day and request on, counted from the start, the arm ``cheaper`` has cost less."""

    day: float = 0.0
    requests: int = 0
    cheaper: str = ""


class BreakEvenWith(ResultPart):
    """When an arm breaks even with another; ``None`` with a reason: at once, or never.

    ``low`` and ``high`` are the 5th and the 95th percentile of the scenarios, ``None`` where beyond the
    horizon; ``never`` is the share of scenarios in which the arm costs more at its end, ``None`` where no
    scenario was drawn. ``first`` costs less on the first day, and ``crossings`` are all within the horizon.
    """

    against: str | None = None
    requests: int | None = None
    requests_low: int | None = None
    requests_high: int | None = None
    days: float | None = None
    days_low: float | None = None
    days_high: float | None = None
    never: float | None = None
    first: str | None = None
    crossings: tuple[CostCrossing, ...] = ()
    reason: str | None = None

    @property
    def is_tie(self) -> bool:
        """Whether both cost the same as measured; false in an older result, which does not say."""
        return self.requests == 0 and self.first is None and self.never is not None


class PairBreakEven(BreakEvenWith):
    """The break-even of any two arms: that of ``arm``, which pays for itself if one of them does."""

    arm: str = ""


class CrossoverArm(BreakEvenWith):
    """An arm's break-even with the cheapest prompt-only arm that is no worse.

    Where there is none, ``nearest`` is that with the best prompt-only arm.
    """

    arm: str | None = None
    labels: LabelsNeeded = LabelsNeeded()
    nearest: BreakEvenWith | None = None

    @property
    def is_with_lower_quality(self) -> bool:
        """Whether every prompt-only arm is worse, so that there is only the nearest one."""
        return self.against is None and self.nearest is not None

    @property
    def even(self) -> BreakEvenWith:
        """The break-even to show, the nearest arm's where no prompt-only arm is as good."""
        return self.nearest if self.is_with_lower_quality and self.nearest else self


class Crossover(CrossoverArm):
    """Every arm's break-even; the block's own fields are the recommended arm's.

    ``pairs`` has any two arms once. Intervals are those of so many ``scenarios`` of measured tokens and
    assumed prices; wrong answers are in none of it.
    """

    arms: tuple[CrossoverArm, ...] = ()
    pairs: tuple[PairBreakEven, ...] = ()
    scenarios: int = 0


class DroppedArm(ResultPart):
    """An arm that breaks a constraint."""

    arm: str = ""
    reason: str = ""

    @property
    def sentence(self) -> str:
        """What a verdict's reasons say of it."""
        return f"{self.arm} is ruled out: {self.reason}"


class TurningPrice(ResultPart):
    """The price of a wrong answer from which ``to`` is the choice, and ``from`` is it below.

    ``low`` and ``high`` are its interval; ``None`` where the data set no such bound.
    """

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    cheaper: str = Field(default="", validation_alias="from", serialization_alias="from")
    better: str = Field(default="", validation_alias="to", serialization_alias="to")
    error_cost: float | None = None
    low: float | None = None
    high: float | None = None


class MoreLabels(ResultPart):
    """Whether labels for the test are worth buying: ``n`` of them, and what they bring.

    ``chance`` is how likely they tell which choice is right, ``value`` the expected net gain over the
    horizon, ``cost`` their price; ``None`` where the task gives no price. ``reason`` says what is ``None``.
    """

    n: int | None = None
    chance: float | None = None
    value: float | None = None
    cost: float | None = None
    reason: str | None = None


class VerdictDetails(OpenPart):
    """What the verdict's words were made from.

    ``tests`` compare the ``best`` arm with the others; the ``floor`` always gives the most common answer.
    ``chance`` is that of the choice to be right by the ``rule``, ``chances`` those of each arm to lie within
    the margin of the best, ``minimum`` those to reach ``min_quality``. ``expected_quality`` is what the
    posterior expects on new inputs, ``expected_cost`` the cost over the horizon with wrong answers. Where
    nothing is recommended, ``leading`` is ahead so far, and ``more_items`` more test items would settle it.
    """

    alpha: float | None = None
    rule: str = ""
    confidence_rule: str = ""
    cost_rule: str = ""
    cost_to_own: dict[str, float | None] = Field(default_factory=dict)
    dropped: tuple[DroppedArm, ...] = ()
    tests: tuple[Comparison, ...] = ()
    best: str | None = None
    floor: str | None = None
    chance: float | None = None
    chances: dict[str, float] = Field(default_factory=dict)
    minimum: dict[str, float] = Field(default_factory=dict)
    expected_quality: dict[str, float] = Field(default_factory=dict)
    expected_cost: dict[str, float | None] = Field(default_factory=dict)
    leading: Omitted[str] = None
    more_items: int | None = None


class VerdictResult(ResultPart):
    """Which arm to use, why, how sure, and what would change it."""

    recommendation: Recommendation = "undecided"
    arm: str | None = None
    confidence: str = ""
    reasons: tuple[str, ...] = ()
    flips: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    turning_prices: tuple[TurningPrice, ...] = ()
    more_labels: MoreLabels = MoreLabels()
    details: VerdictDetails = VerdictDetails()

    @property
    def first_arm(self) -> str | None:
        """The arm that readers look at first: the recommended one, or else the one that leads."""
        return self.arm or self.details.leading

    @property
    def reasons_to_choose(self) -> list[str]:
        """The reasons, without those that only say which arm is ruled out."""
        ruled_out = {dropped.sentence for dropped in self.details.dropped}
        return [reason for reason in self.reasons if reason not in ruled_out]


class Winner(ResultPart):
    """The arm in ``winner/`` and how it answered when loaded again, or why there is none."""

    arm: str | None = None
    promoted: bool = False
    n: Omitted[int] = None
    different: Omitted[int] = None
    difference: Omitted[float] = None
    p_value: Omitted[float] = None
    reason: Omitted[str] = None


class Pair(ResultPart):
    """A figure of a constrained arm and of its free twin."""

    constrained: float | None = None
    free: float | None = None


class ConstraintPrice(ResultPart):
    """What constrained decoding gives and costs: differences are constrained minus free."""

    strategy: str = ""
    model: str | None = None
    constrained: str = ""
    free: str = ""
    metric: str = ""
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    p_value: float | None = None
    p_adjusted: float | None = None
    validity: Pair = Pair()
    failed: Pair = Pair()
    seconds: Pair = Pair()
    machine_seconds: Pair = Pair()
    output_tokens: Pair = Pair()


class JudgeTokens(ResultPart):
    """The judge's tokens in the whole run."""

    input: float = 0
    cached: float = 0
    output: float = 0


class JudgeAgreement(ResultPart):
    """Cohen's kappa of the judge and the user's ratings; ``raw`` is the share of equal ratings."""

    kappa: float | None = None
    low: float | None = None
    high: float | None = None
    level: Omitted[float] = None
    n: int = 0
    method: Omitted[str] = None
    weights: Omitted[str] = None
    rated: Omitted[int] = None
    failed: Omitted[int] = None
    flipped: Omitted[int] = None
    raw: Figure | None = None
    table: Omitted[dict[str, Any]] = None
    disagreements: Omitted[tuple[dict[str, Any], ...]] = None
    reason: Omitted[str] = None


class JudgeResult(ResultPart):
    """The judge of the replies: what it is, was asked and cost, and how it judged."""

    model: str | None = None
    provider: str | None = None
    mode: str = ""
    scale: Any = None
    votes: int | None = None
    temperature: float | None = None
    reasoning: Any = None
    is_own: bool = False
    requests: int = 0
    tokens: JudgeTokens = JudgeTokens()
    machine_seconds: float | None = None
    cost: float | None = None
    currency: str = "USD"
    cost_reason: Omitted[str] = None
    judged: int = 0
    ties: int = 0
    order_flips: int = 0
    flipped_share: float | None = Field(
        default=None, description="The share of judged replies whose winner changed with the order."
    )
    failed: int = 0
    agreement: JudgeAgreement = JudgeAgreement()
    notes: tuple[str, ...] = ()
