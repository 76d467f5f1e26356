"""A task's model as a run plans it: how to build it, what it is called, what it costs."""

from __future__ import annotations

from dataclasses import dataclass, field

from steelyard.core import Price
from steelyard.model.base import ModelSpec, provider_of


@dataclass(frozen=True)
class PlannedModel:
    """One of the task's models: how to build it, its tag in arm names, and its price."""

    tag: str
    spec: ModelSpec
    price: Price = field(default_factory=Price)
    is_encoder: bool = False
    """Whether it is asked for vectors of texts, not for answers."""

    @property
    def names(self) -> tuple[str, ...]:
        """What it may be called: first as in accounts, as its spec names it, or by its tag."""
        spec = self.spec
        return (spec.account, spec.name, f"{spec.provider}:{spec.name}", self.tag)

    @property
    def price_names(self) -> tuple[str, ...]:
        """What it may be called among prices: a tuned one goes by ``ft:BASE``, too."""
        tuned = () if self.spec.tuned_from is None else (self.spec.tuned_key,)
        return (*self.names, *tuned)

    @property
    def paid_by_tokens(self) -> bool:
        hosted = not provider_of(self.spec).is_local
        return self.price.machine_hour is None and (hosted or self.price.input is not None)
