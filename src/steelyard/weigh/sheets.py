"""A measured arm as a sheet of costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal

from steelyard.core import Price
from steelyard.economics import (
    CostSheet,
    EndOfLife,
    HostedTune,
    MachineUse,
    Money,
    Recurring,
    TokenUse,
)
from steelyard.economics.sheet import AGAIN, RETRAINING
from steelyard.model.planned import PlannedModel
from steelyard.planning.plan import Plan
from steelyard.strategy import traits_of
from steelyard.task import Task
from steelyard.task.prices import PriceConfig, deployment
from steelyard.weigh.arms import MeasuredArm, RequestMoney

_TOKEN_PRICE = Decimal(1_000_000)  # so that a "token" of a sheet costs what its price says


def upfront_of(
    measured: MeasuredArm, plan: Plan, search: Money, training: Money, request: Money
) -> dict[str, Money]:
    """What is paid before the first request, by kind: labels and hours where the task prices them.

    Every arm needs the labels of test, and of dev, on which it is chosen; those of train only an arm that
    learns from them. ``request`` is the money of a request as measured: the test asks so many.
    """
    split, task = plan.split, plan.task
    traits = traits_of(measured.arm.strategy)
    costs = {"search": search, "training": training, "evaluation": request * len(split.test)}
    if task.label_price is not None:
        labels = len(split.test) + len(split.dev) + (len(split.train) if traits.learns else 0)
        costs["labels"] = Money(task.label_price * labels, request.currency)
    hours = task.hours.get(measured.arm.strategy, task.hours.get(traits.family))
    if hours is not None and task.hour_price is not None:
        costs["hours"] = Money(task.hour_price * hours, request.currency)
    return costs


def sheet_of(
    measured: MeasuredArm,
    upfront: Mapping[str, Money],
    request: RequestMoney,
    models: Sequence[PlannedModel],
    task: Task,
) -> CostSheet:
    """What an arm costs, as data, with the amounts that are not known.

    A machine that is not shared is on for every hour, with as many replicas as the busiest moment needs at
    the throughput measured in batches: for language models, which need one of their own.
    """
    by_token, by_time = request.tokens.amount, request.machine.amount
    currency = request.tokens.currency
    machine = tokens = None
    if by_time != 0 and request.seconds:
        busy = Decimal(str(request.seconds))
        needs_one = any(model.price.machine_hour is not None for model in models)
        hour = request.machine * (3600 / busy)
        machine = MachineUse(hour, busy, 1 / busy, task.shares_machine or not needs_one)
    if by_token != 0:
        million = None if by_token is None else by_token * _TOKEN_PRICE
        price = Price(
            currency, input=million, output=Decimal(0), source=request.tokens.reason or ""
        )
        tokens = TokenUse(price, Decimal(1))
    again = sum((upfront[kind] for kind in AGAIN), Money(Decimal(0), currency))
    deployments = [deployment(task.prices, model.price_names) for model in models]
    often = task.traffic.retrain_days
    tuned = often is not None and traits_of(measured.arm.strategy).tunes
    return CostSheet(
        measured.arm.name,
        currency,
        upfront=upfront,
        tokens=() if tokens is None else (tokens,),
        machine=machine,
        hosted=_hosted(deployments, currency),
        recurring=(Recurring(RETRAINING, Decimal(often), again),) if often and tuned else (),
        end=_end(deployments, again, datetime.now(UTC).date()),
    )


def _hosted(deployments: Sequence[PriceConfig], currency: str) -> HostedTune | None:
    """What the deployments of an arm's models cost together, beside tokens."""

    def together(key: str) -> Money | None:
        amounts = [amount for one in deployments if (amount := getattr(one, key)) is not None]
        return Money(sum(amounts, Decimal(0)), currency) if amounts else None

    keys = ("hosting_hour", "storage_month", "minimum")
    costs = [together(key) for key in keys]
    return HostedTune(*costs) if any(cost is not None for cost in costs) else None


def _end(deployments: Sequence[PriceConfig], again: Money, today: date) -> EndOfLife | None:
    """The first end of an arm's models: moving on costs what the task says, or the set-up once more."""
    ending = [one for one in deployments if one.ends is not None]
    first = min(ending, key=lambda one: one.ends or date.max, default=None)
    if first is None or first.ends is None:
        return None
    rebuild = again if first.rebuild is None else Money(first.rebuild, again.currency)
    return EndOfLife(max(1, (first.ends - today).days), rebuild)
