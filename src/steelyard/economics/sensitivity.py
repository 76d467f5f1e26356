"""At which volume or price the cheaper of two arms changes."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

UNKNOWN = "a cost is unknown"


@dataclass(frozen=True)
class Flip:
    """The value at which two arms cost the same, or ``None`` with the reason.

    ``above`` is the index (0 for the first arm, 1 for the second) of the arm cheaper above it.
    """

    at: Decimal | None
    above: int | None = None
    reason: str | None = None


def volume_flip(
    first: tuple[Decimal | None, Decimal | None],
    second: tuple[Decimal | None, Decimal | None],
    horizon_days: int,
) -> Flip:
    """Requests a day at which two arms, ``(upfront, per_request)``, cost the same in total."""
    (upfront_a, each_a), (upfront_b, each_b) = first, second
    if upfront_a is None or each_a is None or upfront_b is None or each_b is None:
        return Flip(None, reason=UNKNOWN)
    extra, saving = upfront_a - upfront_b, each_b - each_a
    if horizon_days <= 0:
        return Flip(None, reason="the horizon is empty")
    if extra * saving <= 0:
        return Flip(None, reason="one arm costs no more than the other at every volume")
    return Flip(extra / (saving * horizon_days), 0 if saving > 0 else 1)


def price_factor_flip(
    first: tuple[Decimal | None, Decimal | None],
    second: tuple[Decimal | None, Decimal | None],
    requests: int,
) -> Flip:
    """Factor on the first arm's price per request that makes both cost the same."""
    (upfront_a, each_a), (upfront_b, each_b) = first, second
    if upfront_a is None or each_a is None or upfront_b is None or each_b is None:
        return Flip(None, reason=UNKNOWN)
    if requests <= 0 or each_a <= 0:
        return Flip(None, reason="the first arm's requests cost nothing")
    room = upfront_b + each_b * requests - upfront_a
    if room <= 0:
        return Flip(None, reason="the first arm costs more upfront than the second in total")
    return Flip(room / (each_a * requests), 1)
