"""What a wrong answer costs, and which arm that makes the choice: the verdict's turning prices.

Nothing is estimated here. The prices are the verdict's; an arm's cost at another price is its cost to
own plus the wrong answers of its expected quality, as the verdict counts them.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from steelyard.report import formats
from steelyard.report.view import DAYS_A_MONTH, View
from steelyard.result.verdict import TurningPrice
from steelyard.words import counted, likely

_BEYOND = 10.0
"""The slider reaches this many times below the first turning price and above the last."""
_USUAL = 1.0
"""… and to as much: what a wrong answer costs people is seldom more."""
_ROUND = (1, 2, 5)
_MOST_DECADES = 8


class Stop(NamedTuple):
    """One stop of the slider: a price of a wrong answer, the arm it makes the choice, and its cost."""

    price: str
    arm: str
    monthly: str
    running: str


class Segment(NamedTuple):
    """A range of prices with one choice; ``width`` is how many steps of the slider lie in it."""

    arm: str
    width: float


class Exchange:
    """The turning prices of a result; false where the verdict has none."""

    def __init__(self, view: View) -> None:
        self._view = view
        priced = [step for step in view.verdict.turning_prices if (step.error_cost or 0) > 0]
        self.steps: list[TurningPrice] = sorted(priced, key=lambda step: step.error_cost or 0.0)

    def __bool__(self) -> bool:
        return bool(self.steps)

    @cached_property
    def _turns(self) -> list[float]:
        return [step.error_cost or 0.0 for step in self.steps]

    @cached_property
    def _arms(self) -> list[str]:
        """The choice of each segment, from the lowest price up."""
        return [self.steps[0].cheaper, *(step.better for step in self.steps)]

    def price(self, value: float | None) -> str:
        return formats.small_money(value, self._view.currency)

    def turn(self, step: TurningPrice) -> str:
        """A turning price with its interval: ``$0.011 [$0.006, $0.03]``."""
        price, low, high = (self.price(v) for v in (step.error_cost, step.low, step.high))
        if step.low is not None and step.high is not None:
            return f"{price} [{low}, {high}]"
        if step.low is None and step.high is None:
            return f"{price} (no interval)"
        return (
            f"{price} ({low} or more, if at all)"
            if step.high is None
            else f"{price} (at most {high})"
        )

    @property
    def sentence(self) -> str:
        """The price of an error at which the choice changes, in one sentence."""
        price = self._view.task.traffic.error_cost
        if price is not None and self.steps:
            return self._at(price)
        if not self._between_arms:
            return self._without
        first, *rest = self._between_arms
        later = "".join(f", {step.better} from {self.turn(step)}" for step in rest)
        lowest = self.steps[0]
        none = "" if lowest is first else f", and below {self.turn(lowest)} no arm does"
        return (
            f"{first.better} pays as soon as a wrong answer costs more than {self.turn(first)}{later}; "
            f"below {self.price(first.error_cost) if rest else 'that'}, {first.cheaper} does{none}."
        )

    @property
    def _between_arms(self) -> list[TurningPrice]:
        """The steps without that from always giving the most common answer, which costs next to nothing."""
        floor = self._view.verdict.details.floor
        return [step for step in self.steps if step.cheaper != floor]

    @property
    def _without(self) -> str:
        view = self._view
        arm, rivals = view.verdict.arm, view.chances
        if arm not in rivals or any(view.cost_to_own(name) is None for name in rivals):
            return ""
        which = self._ahead_of(arm, [name for name in rivals if name != arm])
        if self.steps:  # from always giving the most common answer
            also = f"{arm} is {which}, and it" if len(rivals) > 1 else arm
            return (
                f"{also} pays as soon as a wrong answer costs more than {self.turn(self.steps[0])}."
            )
        return f"Whatever a wrong answer costs, {arm} is {which}." if len(rivals) > 1 else ""

    def _ahead_of(self, arm: str, others: list[str]) -> str:
        """``both the cheapest and the best of the 3 arms in the choice``, or as good as another."""
        view = self._view
        mine, right = view.cost_to_own(arm) or 0.0, self._quality(arm) or 0.0
        is_cheapest = all((view.cost_to_own(name) or 0.0) > mine for name in others)
        is_best = all((self._quality(name) or 0.0) < right for name in others)
        of = f"of the {counted(len(others) + 1, 'arm')} in the choice"
        if is_cheapest and is_best:
            return f"both the cheapest and the best {of}"
        if is_cheapest:
            return f"the cheapest {of}, and as good as any"
        return (
            f"the best {of}, and as cheap as any"
            if is_best
            else f"as cheap and as good as any {of}"
        )

    def _at(self, price: float) -> str:
        place = bisect_right(self._turns, price)
        turns = []
        if place > 0:
            below = self.steps[place - 1]
            is_floor = below.cheaper == self._view.verdict.details.floor
            cheaper = "no arm pays" if is_floor else f"{below.cheaper} does"
            turns.append(f"below {self.turn(below)} {cheaper}")
        if place < len(self.steps):
            above = self.steps[place]
            turns.append(f"above {self.turn(above)} {above.better} does")
        cheapest = f"At {self.price(price)} a wrong answer, {self._arms[place]} costs least"
        return f"{cheapest}; {', '.join(turns)}."

    @cached_property
    def _prices(self) -> list[float]:
        """The slider's stops, ascending: nothing, round sums, the task's own price."""
        least, most = self._turns[0] / _BEYOND, max(self._turns[-1] * _BEYOND, _USUAL)
        low, high = math.floor(math.log10(least)), math.ceil(math.log10(most))
        steps = _ROUND if high - low <= _MOST_DECADES else _ROUND[:1]
        rounded = [float(f"{step}e{decade}") for decade in range(low, high + 1) for step in steps]
        return self._filled([0.0, *(price for price in rounded if least <= price <= most)])

    def _filled(self, prices: list[float]) -> list[float]:
        """With the task's own price, and one in each segment that has none."""
        given = self._view.task.traffic.error_cost
        stops = {*prices, *([] if given is None else [given])}
        bounds = [*self._turns, max(self._turns[-1] * _BEYOND, _USUAL)]
        for low, high in pairwise(bounds):
            if not any(low <= price < high for price in stops):
                stops.add((low + high) / 2)
        return sorted(stops)

    @cached_property
    def stops(self) -> list[Stop]:
        return [self._stop(price) for price in self._prices]

    def _stop(self, price: float) -> Stop:
        name = self._arms[bisect_right(self._turns, price)]
        running, wrong = self._view.running_a_month(name), self._wrong_a_month(name)
        monthly = None if running is None or wrong is None else running + wrong * price
        currency = self._view.currency
        money = (formats.money(amount, currency) for amount in (monthly, running))
        return Stop(self.price(price), name, *money)

    def _wrong_a_month(self, name: str) -> float | None:
        """How many wrong answers an arm is expected to give a month, as the verdict expects them."""
        quality, traffic = self._quality(name), self._view.task.traffic
        if quality is None or traffic.requests_per_day is None:
            return None
        return DAYS_A_MONTH * traffic.mean_per_day * (1 - quality)

    def _quality(self, name: str) -> float | None:
        """What is expected of an arm, or else what was measured."""
        arm = self._view.arm(name)
        measured = None if arm is None else arm.quality.value
        return self._view.verdict.details.expected_quality.get(name, measured)

    @property
    def start(self) -> int:
        """The stop that is picked first: the task's own price, else one where the verdict's arm leads."""
        price = self._view.task.traffic.error_cost
        if price is not None:
            return self._prices.index(price)
        choices = [stop.arm for stop in self.stops]
        places = [i for i, arm in enumerate(choices) if arm == self._view.verdict.arm] or [0]
        return places[len(places) // 2]

    @property
    def segments(self) -> list[Segment]:
        choices = [bisect_right(self._turns, price) for price in self._prices]
        last = len(self._arms) - 1
        return [  # the slider's ends lie on a stop, a turn half-way between two
            Segment(arm, max(0.0, choices.count(place) - (0.5 if place in (0, last) else 0.0)))
            for place, arm in enumerate(self._arms)
        ]


def labels_sentence(view: View) -> str:
    """Whether labels for the test are worth buying, in one sentence; empty where nothing is known."""
    more, currency = view.verdict.more_labels, view.currency
    if not more.n:
        return view.sentence(f"more labels: {more.reason}") if more.reason else ""
    labels = counted(more.n, "more test label")
    tells = "make the choice sure" if view.verdict.arm else "settle it"
    chance = "" if more.chance is None else f"a chance of {likely(more.chance)} to {tells}"
    cost = "" if more.cost is None else f" for {formats.money(more.cost, currency)}"
    if more.value is None:
        brings = f"{labels}{cost} bring {chance or 'more certainty'}"
        return view.sentence(f"{brings}; {more.reason or 'what that is worth is not known'}")
    gain = f"an expected net gain of {formats.money(more.value, currency)}"
    worth = "worth buying" if more.value > 0 else "not worth buying"
    return f"{labels}{cost} are {worth}: {' and '.join(filter(None, (gain, chance)))}."
