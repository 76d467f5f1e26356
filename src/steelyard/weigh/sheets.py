"""A measured arm as a sheet of costs."""

from __future__ import annotations

from decimal import Decimal

from steelyard.core import Price
from steelyard.economics import CostSheet, MachineUse, Money, Recurring, TokenUse
from steelyard.economics.sheet import RETRAINING
from steelyard.strategy import traits_of
from steelyard.task import Task
from steelyard.weigh.arms import Costs, MeasuredArm

_TOKEN_PRICE = Decimal(1_000_000)  # so that a "token" of a sheet costs what its price says


def sheet_of(measured: MeasuredArm, costs: Costs, task: Task) -> CostSheet | None:
    """What an arm costs, as data; ``None`` where its cost is not known.

    A machine that is not shared is on for every hour, with as many replicas as the busiest moment needs at
    the throughput measured in batches: for language models, which need one of their own.
    """
    each, seconds = costs.per_request.amount, measured.machine_seconds
    if each is None or costs.upfront.amount is None:
        return None
    currency = costs.per_request.currency
    machine = tokens = None
    if costs.on_machine and seconds and each:
        busy = Decimal(str(seconds))
        hour = Money(each * 3600 / busy, currency)
        is_shared = task.shares_machine or measured.model is None
        machine = MachineUse(hour, busy, 1 / busy, is_shared)
    elif each:
        price = Price(currency, input=each * _TOKEN_PRICE, output=Decimal(0))
        tokens = TokenUse(price, Decimal(1))
    often = task.traffic.retrain_days
    tuned = often is not None and traits_of(measured.arm.strategy).tunes
    return CostSheet(
        measured.arm.name,
        currency,
        upfront={"search": costs.search, "training": costs.training},
        tokens=() if tokens is None else (tokens,),
        machine=machine,
        recurring=(Recurring(RETRAINING, Decimal(often), costs.training),)
        if often and tuned
        else (),
    )
