"""``--max-cost``: stop before the hosted tokens of a run cost more than the user allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from steelyard.core import Price, Request
from steelyard.errors import SteelyardError
from steelyard.run.store import Usage

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Budget:
    """A cap in money on what a run asks of a hosted model, at that model's token price."""

    cap: Decimal
    price: Price

    def money(self, input_tokens: int, cached_tokens: int, output_tokens: int) -> Decimal:
        """Return what these tokens cost; cached tokens are part of the input tokens."""
        given = self.price.input or Decimal(0)
        cached = self.price.cached if self.price.cached is not None else given
        produced = self.price.output or Decimal(0)
        fresh = input_tokens - cached_tokens
        return (fresh * given + cached_tokens * cached + output_tokens * produced) / _MILLION

    def check(
        self,
        spent: Usage,
        requests: Sequence[Request],
        count_tokens: Callable[[str], int | None],
    ) -> None:
        """Raise when ``requests`` might carry the run past the cap; nothing has been sent then."""
        so_far = self.money(spent.input_tokens, spent.cached_tokens, spent.output_tokens)
        bound = sum((self._bound(request, count_tokens) for request in requests), Decimal(0))
        if so_far + bound > self.cap:
            currency = self.price.currency
            raise SteelyardError(
                f"stopped at {so_far:.4f} {currency} of --max-cost {self.cap}: the next "
                f"{len(requests)} requests may cost up to {bound:.4f} {currency}; "
                "everything measured is kept: raise --max-cost and run again to go on"
            )

    def _bound(self, request: Request, count_tokens: Callable[[str], int | None]) -> Decimal:
        """Return the most one request may cost.

        Where the tokenizer is not known, two bytes of text are counted as one token: English needs
        about four and no common script fewer than two.
        """
        given = 0
        for message in request.messages:
            counted = count_tokens(message.content)
            size = len(message.content.encode()) // 2 + 1 if counted is None else counted
            given += size + 8  # the chat template's own tokens around a turn
        return self.money(given, 0, request.max_output_tokens)
