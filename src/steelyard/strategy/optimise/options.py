"""The options of ``optimized_prompt``."""

from __future__ import annotations

from typing import Any

from pydantic import Field, NonNegativeInt

from steelyard.config.options import Several
from steelyard.strategy.optimise.budget import HOSTED_CALLS
from steelyard.strategy.optimise.reflecting import AUTO
from steelyard.strategy.optimise.search import SearchRules
from steelyard.strategy.prompt_search import SearchOptions

_WORTH_HOLDING_BACK = 20
"""With at least this many dev examples, some are held back."""


class OptimizedPromptOptions(SearchOptions):
    """The search and its bounds.

    ``budget`` is in forward-pass tokens (0: what this run's fine-tuning may take, the most expensive of
    several; without one, by its defaults) and ``max_calls`` in questions (0: 1,500 for a hosted model, any
    number for a local one). ``candidates`` instructions × formats are screened, ``screen`` dev items
    first; ``k`` is shots per label, or in all; ``neighbours`` are numbers of retrieved shots. The
    share ``held_back`` of dev chooses among ``finalists`` and is not searched on. ``formats``: empty
    for all. ``reflect`` is a model that rewrites instructions (``auto``: the task's last model, where
    that is a hosted one; ``none``).
    """

    screen: int = Field(default=SearchRules.first, ge=1)
    finalists: int = Field(default=4, ge=1)
    dev_items: NonNegativeInt = 120
    budget: NonNegativeInt = 0
    max_calls: NonNegativeInt = 0
    candidates: int = Field(default=SearchRules.candidates, ge=1)
    k: Several[NonNegativeInt] = SearchRules.counts
    neighbours: Several[NonNegativeInt] = SearchRules.neighbours
    held_back: float = Field(default=0.3, ge=0, lt=1)
    max_prompt_tokens: NonNegativeInt = SearchRules.max_prompt_tokens
    reflect: Any = AUTO

    @property
    def rules(self) -> SearchRules:
        return SearchRules(
            max_prompt_tokens=self.max_prompt_tokens,
            first=self.screen,
            candidates=self.candidates,
            counts=self.k,
            neighbours=self.neighbours,
        )

    def parts_of(self, dev: int) -> tuple[int, int]:
        """How many of ``dev`` examples are searched on, and how many are held back."""
        held_back = round(self.held_back * dev) if dev >= _WORTH_HOLDING_BACK else 0
        return dev - held_back, held_back

    def most_calls(self, local: bool) -> int | None:
        """Questions at most; ``None`` for any number."""
        return self.max_calls or (None if local else HOSTED_CALLS)
