"""Money over time: what may come of each arm's cost over the horizon, and where another would be cheapest."""

from __future__ import annotations

from pydantic import Field

from steelyard.result.base import ResultPart


class MoneyBand(ResultPart):
    """A cost so far at the end of each month: the 5th, 50th and 95th percentile of the scenarios."""

    low: tuple[float, ...] = ()
    median: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


class MachineCost(ResultPart):
    """A month of the machine that an arm answers on: by its busy seconds, and on all the time.

    ``replicas`` is how many machines the busiest moment needs at the throughput measured in batches.
    """

    hour: float | None = None
    busy_month: float | None = None
    on_month: float | None = None
    replicas: int | None = None


class ArmEconomics(ResultPart):
    """An arm's money over time. ``total`` is that over the horizon as measured, without wrong answers.

    ``upfront`` is by kind: labels, search, training, evaluation. ``cheapest`` is the chance that no other
    arm costs less in all over the horizon, wrong answers included where they have a price.
    """

    arm: str = ""
    upfront: dict[str, float | None] = Field(default_factory=dict)
    total: float | None = None
    cheapest: float | None = None
    band: MoneyBand | None = None
    machine: MachineCost | None = None


class CostPart(ResultPart):
    """A part of an arm's cost; ``amount`` is ``None`` with the ``reason`` where it is not known.

    One that is not ``counted`` is in no sum: the task gives no price for it.
    """

    part: str = ""
    amount: float | None = None
    reason: str | None = None
    counted: bool = True


class CostLine(ResultPart):
    """A cost so far from day to day, as the corners of a line; a step has two corners on its day.

    ``low`` and ``high`` are the 5th and 95th percentile of the scenarios, wrong answers in none of it.
    """

    days: tuple[float, ...] = ()
    cost: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


class ArmSums(ResultPart):
    """What an arm costs over the horizon, part by part, without wrong answers.

    ``upfront`` and ``running`` hold the parts that apply to the arm; those that are counted add up to
    ``total``, which is ``None`` with a ``reason`` where one of them is not known. ``ends_on`` is the day on
    which the vendor ends its model, and from which the rebuild is paid where that is within the horizon.
    """

    arm: str = ""
    upfront: tuple[CostPart, ...] = ()
    running: tuple[CostPart, ...] = ()
    total: float | None = None
    reason: str | None = None
    ends_on: str | None = None
    line: CostLine = CostLine()


class PaidBack(ResultPart):
    """Whether an arm has cost no more than another by the end of the horizon, and on which day: 90 %."""

    arm: str = ""
    against: str = ""
    chance: float | None = None
    days_low: float | None = None
    days: float | None = None
    days_high: float | None = None


class CostSwing(ResultPart):
    """What one input does to the saving of an arm over another, at its 10th and its 90th percentile."""

    input: str = ""
    low: float = 0.0
    high: float = 0.0


class CheapestMap(ResultPart):
    """The arms that cost least in all, by requests a day and months: ``cheapest[volume][months]``."""

    volumes: tuple[float, ...] = ()
    months: tuple[int, ...] = ()
    cheapest: tuple[tuple[tuple[str, ...], ...], ...] = ()


class Economics(ResultPart):
    """Money over time, by scenarios of measured tokens, quality and prices; empty with the ``reason``.

    ``tornado`` is about the saving of the first of ``paid_back``. ``assumptions`` say what was drawn and
    what is not counted, ``sums`` have every arm's cost part by part. Amounts are in ``currency``.
    """

    currency: str = "USD"
    horizon_days: int | None = None
    requests_per_day: int | None = None
    scenarios: int = 0
    with_errors: bool = False
    arms: tuple[ArmEconomics, ...] = ()
    sums: tuple[ArmSums, ...] = ()
    paid_back: tuple[PaidBack, ...] = ()
    tornado: tuple[CostSwing, ...] = ()
    map: CheapestMap = CheapestMap()
    assumptions: tuple[str, ...] = ()
    reason: str | None = None
