"""What ``steelyard cost`` reads: traffic, prices and ways, as a file or as arguments."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag, model_validator

from steelyard.calculator.amounts import Amount, Range, refuse_signs
from steelyard.config.dated import Currency, DatedSection, DayText
from steelyard.config.numbers import TYPED_COUNT, TYPED_NUMBER
from steelyard.config.section import MOST_PER_MILLION, MOST_PRICE, Name, Section
from steelyard.economics.money import DAYS_PER_MONTH, MOST_DAYS
from steelyard.economics.sheet import MOST_REQUESTS
from steelyard.economics.simulate import SCENARIOS

HOSTED = ("hosting_hour", "storage_month", "minimum")
"""What a way and a model's row may have beside tokens, in the order of `HostedTune`."""
PriceAmount = Annotated[Decimal, TYPED_NUMBER, Field(ge=0, le=MOST_PRICE)]
Share = Annotated[Decimal, Field(ge=0, le=1)]
Volume = Annotated[Decimal, TYPED_COUNT, Field(gt=0)]
TokenCount = Annotated[Decimal, TYPED_COUNT, Field(ge=0, le=Decimal(10) ** 7)]
PerMillion = Annotated[Decimal, Field(ge=0, le=MOST_PER_MILLION)]


class CostTraffic(Section):
    """How many requests: a day or a month of 30 days, growing by a share each month, over a horizon."""

    requests_per_day: Annotated[Volume, Field(le=MOST_REQUESTS)] | None = None
    requests_per_month: Annotated[Volume, Field(le=MOST_REQUESTS * DAYS_PER_MONTH)] | None = None
    horizon_days: int = Field(default=365, gt=0, le=MOST_DAYS)
    growth_per_month: Decimal = Decimal(0)
    peak: Annotated[Decimal, Field(ge=1, le=1000)] | None = None
    changes_per_year: Annotated[Decimal, Field(ge=0, le=365)] | None = None

    @model_validator(mode="after")
    def _one_volume(self) -> CostTraffic:
        if (self.requests_per_day is None) == (self.requests_per_month is None):
            raise ValueError("give requests_per_day, or requests_per_month, and not both")
        return self

    @property
    def per_day(self) -> Decimal:
        return self.requests_per_day or (self.requests_per_month or Decimal(0)) / DAYS_PER_MONTH


class ModelPrices(DatedSection):
    """A model's prices: per million tokens, in training, and of a tuned one at a vendor."""

    input: PerMillion | None = None
    cached: PerMillion | None = None
    output: PerMillion | None = None
    batch: Annotated[Decimal, Field(gt=0, le=1)] | None = None
    training: PerMillion | None = None
    hosting_hour: PriceAmount | None = None
    storage_month: PriceAmount | None = None
    minimum: PriceAmount | None = None
    ends: DayText | None = None
    rebuild: Amount | None = None


class PlainPrice(DatedSection):
    """The price of one thing: a label, an hour of a person."""

    amount: PriceAmount


class MachinePrice(DatedSection):
    """An hour of a machine; shared with other work, it costs only the seconds that it is busy."""

    hour: PriceAmount
    shared: bool = False


def _price_tag(value: Any) -> str:
    """Distinguish the forms of a price; tags in angle brackets stay out of error messages."""
    if not isinstance(value, Mapping):
        return "<plain>"
    return "<machine>" if "hour" in value else "<one>" if "amount" in value else "<model>"


PriceEntry = Annotated[
    Annotated[PriceAmount, Tag("<plain>")]
    | Annotated[PlainPrice, Tag("<one>")]
    | Annotated[MachinePrice, Tag("<machine>")]
    | Annotated[ModelPrices, Tag("<model>")],
    Discriminator(_price_tag),
]


class LabelCounts(Section):
    """Labelled examples: those to tune on, and those to test with, which every way needs."""

    train: int = Field(default=0, ge=0, le=10**9)
    test: int = Field(default=0, ge=0, le=10**9)


class TrainedTokens(Section):
    """What is tuned on: tokens of the examples, and how often they are gone through."""

    tokens: Annotated[Decimal, Field(gt=0, le=Decimal(10) ** 13)]
    epochs: Annotated[Decimal, Field(gt=0, le=1000)] = Decimal(1)


TrainingChoice = Annotated[
    Annotated[Amount, Tag("<amount>")] | Annotated[TrainedTokens, Tag("<tokens>")],
    Discriminator(lambda value: "<tokens>" if isinstance(value, Mapping) else "<amount>"),
]


class WayConfig(Section):
    """One way of doing the task. What is left out is not counted, and the answer says so.

    The standard errors (``…_sd``) of what was measured enter the scenarios only.
    """

    model: Name | None = None
    input_tokens: TokenCount | None = None
    output_tokens: TokenCount | None = None
    cached_share: Share | None = None
    batch_share: Share | None = None
    multiplier: Annotated[Decimal, Field(gt=0, le=1000)] | None = None
    output_multiplier: Annotated[Decimal, Field(gt=0, le=1000)] | None = None
    judge: PriceAmount | None = None
    embedding: PriceAmount | None = None
    retrieval: PriceAmount | None = None
    machine_seconds: Annotated[Decimal, Field(ge=Decimal("1e-6"), le=86_400)] | None = None
    requests_per_second: Annotated[Decimal, Field(ge=Decimal("1e-5"), le=10**6)] | None = None
    labels: LabelCounts | None = None
    hours: Annotated[Decimal, Field(ge=0, le=10**6)] | None = None
    search: Amount | None = None
    training: TrainingChoice | None = None
    evaluation: Amount | None = None
    hosting_hour: PriceAmount | None = None
    storage_month: PriceAmount | None = None
    minimum: PriceAmount | None = None
    retrain_days: Annotated[Decimal, Field(ge=1, le=MOST_DAYS)] | None = None
    retraining: Amount | None = None
    change: Amount | None = None
    ends: DayText | None = None
    rebuild: Amount | None = None
    handover_share: Share | None = None
    handover_price: PriceAmount | None = None
    quality: Share | None = None
    input_tokens_sd: TokenCount | None = None
    output_tokens_sd: TokenCount | None = None
    quality_sd: Share | None = None

    @property
    def is_tuned(self) -> bool:
        """Whether anything of it is said that only a tuned model has."""
        signs = (self.training, self.multiplier, self.retrain_days, self.retraining)
        return any(sign is not None for sign in signs)


class UncertainConfig(Section):
    """What may come: standard deviations of yearly changes of prices, as logarithms (0.2: about 20 %).

    ``retraining`` is that of the interval between retrainings.
    """

    token_prices: Annotated[float, Field(ge=0, le=3)] = 0.0
    machine_prices: Annotated[float, Field(ge=0, le=3)] = 0.0
    retraining: Annotated[float, Field(ge=0, le=3)] = 0.0
    scenarios: int = Field(default=SCENARIOS, ge=100, le=SCENARIOS)
    seed: int = Field(default=0, ge=0, lt=2**32)


class CostConfig(Section):
    """The whole of it; with ``uncertain`` the answer holds chances."""

    name: Name | None = None
    about: Name | None = None
    currency: Currency = "USD"
    traffic: CostTraffic
    prices: dict[Name, PriceEntry] = Field(default_factory=dict)
    error_cost: PriceAmount | None = None
    uncertain: UncertainConfig | None = None
    ways: dict[Name, WayConfig] = Field(min_length=1, max_length=12)

    @model_validator(mode="after")
    def _ends_of_models(self) -> CostConfig:
        """A model's end of life is that of every way on it that says nothing else."""
        for name, way in self.ways.items():
            row = self.prices.get(way.model or "")
            if isinstance(row, ModelPrices) and row.ends is not None and way.ends is None:
                rebuild = row.rebuild if way.rebuild is None else way.rebuild
                self.ways[name] = way.model_copy(update={"ends": row.ends, "rebuild": rebuild})
        return self

    @model_validator(mode="after")
    def _one_currency(self) -> CostConfig:
        for name, way in self.ways.items():
            for key in WayConfig.model_fields:
                if isinstance(amount := getattr(way, key), Range):
                    refuse_signs(amount, f"ways.{name}.{key}", self.currency)
        return self

    def counts_base_price(self, way: WayConfig) -> bool:
        """Whether a tuned way's tokens are at its base's price: a row of its own has its multiplier in it."""
        bases = {other.model for other in self.ways.values() if not other.is_tuned}
        return way.model in bases or way.model not in self.prices
