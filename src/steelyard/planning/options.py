"""What the command line and the Python functions may change about a task's run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class RunOptions:
    """The options of one run.

    ``strategies`` are names, or ``("auto",)``, in place of the task's own. ``model`` is text such as
    ``hf:NAME``, or several; ``max_cost`` is one cap over all models, in the currency of their prices,
    and applies to hosted ones only; ``no_cache`` starts with an empty run folder. ``race`` stops arms that
    dev shows cannot win before they are asked the test. ``prices_at`` is the day whose prices hold.
    """

    strategies: Sequence[str] | None = None
    model: str | Sequence[str] | None = None
    seed: int = 0
    skip_bad_rows: bool = False
    no_cache: bool = False
    max_cost: Decimal | None = None
    race: bool = True
    prices_at: date | str | None = None

    def __post_init__(self) -> None:
        if self.strategies is not None:
            object.__setattr__(self, "strategies", tuple(self.strategies))
        if self.model is not None and not isinstance(self.model, str):
            object.__setattr__(self, "model", tuple(self.model))
