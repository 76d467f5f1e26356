"""The section ``prices`` of ``task.yaml``: models, the machine, a label, an hour of a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, model_validator

from steelyard.config.dated import DatedSection, DayText
from steelyard.config.section import MoneyAmount, TokenPrice, UnitPrice
from steelyard.core import Price
from steelyard.errors import closest
from steelyard.model.prices import HOUR, LABEL, MACHINE, YOURS, PriceRows

_AMOUNTS = {LABEL: "0.30, for one example", HOUR: "90, for an hour of a person"}
_OF_TIME = ("hosting_hour", "storage_month", "minimum", "ends", "rebuild")


class PriceConfig(DatedSection):
    """Money per million tokens, or ``per_hour`` for the machine that runs local models.

    ``training`` is what a million tokens of hosted fine-tuning cost, ``batch`` the share of the token
    price that a request in a batch costs. A deployment may cost by the hour (``hosting_hour``) and the month
    (``storage_month``), or at least so much a month (``minimum``), tokens included. ``ends`` is the day on
    which the vendor ends the model, ``rebuild`` what moving to another one costs.
    """

    input: TokenPrice | None = None
    cached: TokenPrice | None = None
    output: TokenPrice | None = None
    batch: Annotated[Decimal, Field(gt=0, le=1)] | None = None
    training: TokenPrice | None = None
    hosting_hour: UnitPrice | None = None
    storage_month: UnitPrice | None = None
    minimum: UnitPrice | None = None
    ends: DayText | None = None
    rebuild: MoneyAmount | None = None
    per_hour: UnitPrice | None = None
    shared: bool | None = None
    """Whether a machine does other work, too, and is paid by its busy seconds; else it is always on."""

    @model_validator(mode="before")
    @classmethod
    def _short_name(cls, value: Any) -> Any:
        """``hour`` is ``per_hour``, as in the calculator."""
        if isinstance(value, Mapping) and "hour" in value and "per_hour" not in value:
            return {("per_hour" if key == "hour" else key): item for key, item in value.items()}
        return value

    @model_validator(mode="after")
    def _check_kind(self) -> PriceConfig:
        by_token = (self.input, self.cached, self.output, self.batch, self.training)
        of_model = (*by_token, *(getattr(self, key) for key in _OF_TIME))
        is_machine = self.per_hour is not None or self.shared is not None
        if not is_machine and all(price is None for price in of_model):
            raise ValueError("no price given: set input and output per million tokens, or per_hour")
        if is_machine and any(price is not None for price in of_model):
            raise ValueError(
                "give what a model costs, or per_hour and shared for the machine, not both"
            )
        if self.rebuild is not None and self.ends is None:
            raise ValueError("rebuild is for the day the vendor ends the model: give ends, too")
        return self


class DatedAmount(DatedSection):
    """The price of one thing, a label or an hour of a person, that says when and where it was read."""

    amount: UnitPrice


def _price_tag(value: Any) -> str:
    """Distinguish the forms of a price; tags in angle brackets stay out of error messages."""
    if isinstance(value, DatedAmount) or (isinstance(value, Mapping) and "amount" in value):
        return "<one>"
    return "<section>" if isinstance(value, Mapping | PriceConfig) else "<amount>"


PriceChoice = Annotated[
    Annotated[PriceConfig, Tag("<section>")]
    | Annotated[DatedAmount, Tag("<one>")]
    | Annotated[UnitPrice, Tag("<amount>")],
    Discriminator(_price_tag),
]
PriceChoices = Mapping[str, PriceConfig | DatedAmount | Decimal]


def check_price_forms(prices: PriceChoices) -> None:
    """Raise `ValueError` for a price in the form of another kind: a label's and an hour's are amounts."""
    for name, price in prices.items():
        amount = isinstance(price, Decimal | DatedAmount)
        of_machine = isinstance(price, PriceConfig) and (
            price.per_hour is not None or price.shared is not None
        )
        if (name in _AMOUNTS, name == MACHINE) == (amount, of_machine):
            continue
        forms = {**_AMOUNTS, MACHINE: "{per_hour: …}"}
        form = forms.get(name, "{input: …, cached: …, output: …}")
        near = closest(name, set(_AMOUNTS) if amount else {MACHINE} - {name})
        raise ValueError(f"write the price of {name} as {form}{near}")


def check_dates_and_currencies(prices: PriceChoices, currency: str) -> None:
    """Raise `ValueError` for a price that is still to come, or in another currency than the task's."""
    for name, price in prices.items():
        if isinstance(price, Decimal):
            continue
        if (problem := price.date_problem()) is not None:
            raise ValueError(f"prices.{name}: {problem}")
        if price.currency is not None and price.currency != currency:
            raise ValueError(
                f"prices.{name} is in {price.currency}, and this task in {currency}: write all prices in one "
                f"currency, with currency: {price.currency} at the top of the task if it is that one"
            )


def model_prices(prices: PriceChoices, currency: str) -> PriceRows:
    """The prices of models and of the machine, by name; what is not given is not there."""
    listed = {
        name: price.model_dump(exclude_none=True, exclude={"shared", *_OF_TIME})
        for name, price in prices.items()
        if isinstance(price, PriceConfig)
    }
    about = set(DatedSection.model_fields)
    return PriceRows(
        {name: amounts for name, amounts in listed.items() if amounts.keys() - about}, currency
    )


def amount_of(prices: PriceChoices, name: str) -> Decimal | None:
    """The price of a label or an hour; ``None`` where the task does not say."""
    price = prices.get(name)
    if isinstance(price, DatedAmount):
        return price.amount
    return price if isinstance(price, Decimal) else None


def about_amounts(prices: PriceChoices, currency: str) -> Iterator[tuple[str, Decimal, Price]]:
    """The prices of a label and of an hour, where they are given: name, amount, and where it is from."""
    for name in (LABEL, HOUR):
        amount, price = amount_of(prices, name), prices.get(name)
        if amount is None:
            continue
        about = price if isinstance(price, DatedAmount) else None
        day = "" if about is None else str(about.date or "")
        yield name, amount, Price(currency, source=(about and about.source) or YOURS, date=day)


def is_machine_shared(prices: PriceChoices) -> bool:
    """Whether the machine of local models is paid by its busy seconds; else by every hour."""
    machine = prices.get(MACHINE)
    return isinstance(machine, PriceConfig) and machine.shared is True


def deployment(prices: PriceChoices, names: Iterable[str]) -> PriceConfig:
    """What the first of ``names`` with a price costs beside its tokens; nothing where none has."""
    listed = (prices.get(name) for name in names)
    return next(
        (price for price in listed if isinstance(price, PriceConfig)), PriceConfig.model_construct()
    )
