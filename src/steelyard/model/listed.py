"""A model as a run lists it: how to build it, what it is called, what it costs."""

from __future__ import annotations

from dataclasses import dataclass, field

from steelyard.core import Price
from steelyard.model.accounts import asked_as
from steelyard.model.base import ModelSpec
from steelyard.model.prices import LOCAL_PROVIDERS


@dataclass(frozen=True)
class PlannedModel:
    """One of the task's models: how to build it, what its arms are called by, what it costs."""

    tag: str
    spec: ModelSpec
    price: Price = field(default_factory=Price)

    @property
    def names(self) -> tuple[str, ...]:
        """What it may be called: first as in accounts, as its spec names it, or by its tag."""
        spec = self.spec
        return (asked_as(spec), spec.name, f"{spec.provider}:{spec.name}", self.tag)

    @property
    def paid_by_tokens(self) -> bool:
        """Whether answers are paid one by one, rather than by the hour."""
        hosted = self.spec.provider not in LOCAL_PROVIDERS
        return self.price.machine_hour is None and (hosted or self.price.input is not None)
