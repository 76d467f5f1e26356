"""Sheets made up for the tests of this room."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from steelyard.core import Price
from steelyard.economics import (
    RETRAINING,
    CostSheet,
    EndOfLife,
    HostedTune,
    MachineUse,
    Money,
    Recurring,
    TokenUse,
    Traffic,
    cost_over_time,
)


def usd(amount: float | str | Decimal) -> Money:
    return Money(Decimal(str(amount)))


def linear(name: str, upfront: float | Decimal, each: float | Decimal, **more: Any) -> CostSheet:
    """An amount upfront and one for each request."""
    return CostSheet(name, upfront={"training": usd(upfront)}, extras={"all": usd(each)}, **more)


def use(
    tokens: float, price: float = 30, output: float = 0, output_price: float = 60, **more: Any
) -> TokenUse:
    """A request's tokens at prices per million."""
    prices = Price(input=Decimal(str(price)), output=Decimal(str(output_price)))
    return TokenUse(prices, Decimal(str(tokens)), Decimal(str(output)), **more)


@st.composite
def sheets(draw: st.DrawFn, name: str = "a") -> CostSheet:
    money = st.decimals(0, 1000, places=2).map(Money)
    machine = st.builds(
        MachineUse,
        money,
        st.decimals("0.01", 20, places=2),
        st.none() | st.decimals("0.01", 100, places=2),
        st.booleans(),
    )
    token_use = st.builds(
        use,
        st.integers(0, 5000),
        st.decimals(0, 100, places=2),
        st.integers(0, 2000),
        st.decimals(0, 100, places=2),
    )
    return CostSheet(
        name,
        upfront=draw(st.dictionaries(st.sampled_from(["labels", "training"]), money)),
        tokens=tuple(draw(st.lists(token_use, max_size=2))),
        extras=draw(st.dictionaries(st.just("judge"), money)),
        machine=draw(st.none() | machine),
        hosted=draw(st.none() | st.builds(HostedTune, *[st.none() | money] * 3)),
        recurring=tuple(
            draw(
                st.lists(
                    st.builds(
                        Recurring,
                        st.sampled_from(["again", RETRAINING]),
                        st.decimals(5, 400, places=1),
                        money,
                        st.sampled_from([Decimal(1), Decimal(4), Decimal("0.5")]),
                        st.booleans(),
                    ),
                    max_size=2,
                )
            )
        ),
        end=draw(st.none() | st.builds(EndOfLife, st.integers(1, 700), money)),
        handover_share=draw(st.decimals(0, 1, places=2)),
        handover_price=draw(money),
        error_cost=draw(money),
        quality=draw(st.decimals(0, 1, places=2)),
    )


traffics = st.builds(
    Traffic,
    st.decimals(1, 10**7, places=1),
    st.integers(1, 500),
    st.decimals("-0.2", "0.2", places=2),
    st.decimals(1, 9, places=1),
)


def scaled(sheet: CostSheet, factor: int) -> CostSheet:
    """The sheet with every price times a factor."""
    hosted, machine = sheet.hosted, sheet.machine
    return replace(
        sheet,
        upfront={kind: money * factor for kind, money in sheet.upfront.items()},
        tokens=tuple(
            replace(
                use,
                price=replace(
                    use.price,
                    input=(use.price.input or 0) * factor,
                    output=(use.price.output or 0) * factor,
                ),
            )
            for use in sheet.tokens
        ),
        extras={part: money * factor for part, money in sheet.extras.items()},
        machine=machine and replace(machine, hour=machine.hour * factor),
        hosted=hosted
        and HostedTune(
            *(
                money and money * factor
                for money in (hosted.hosting_hour, hosted.storage_month, hosted.minimum_month)
            )
        ),
        recurring=tuple(again._replace(cost=again.cost * factor) for again in sheet.recurring),
        end=sheet.end and sheet.end._replace(rebuild=sheet.end.rebuild * factor),
        handover_price=sheet.handover_price and sheet.handover_price * factor,
        error_cost=sheet.error_cost and sheet.error_cost * factor,
    )


def total(sheet: CostSheet, traffic: Traffic) -> Decimal:
    amount = cost_over_time(sheet, traffic).total.amount
    assert amount is not None
    return amount
