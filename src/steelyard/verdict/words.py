"""Figures in words: how reasons, flips and warnings cite them."""

from __future__ import annotations

from decimal import Decimal

from steelyard.core import Comparison, Estimate
from steelyard.verdict.base import Candidate
from steelyard.words import counted

FEWEST_ITEMS = 20
"""Below this many test items no number of items is worked out from what they show.

The number goes with one over the square of the difference seen. Twenty items on which two arms differ
in 30 % of cases leave that difference open by 1.96 sqrt(0.3 / 20) = 24 points either way, about as much
as any difference worth telling; with fewer, whatever number comes out says nothing.
"""


def estimate(figure: Estimate) -> str:
    """``0.81 [0.75, 0.86]``."""
    if figure.value is None:
        return f"not measured ({figure.reason})"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.2f} (no interval: {figure.reason})"
    return f"{figure.value:.2f} [{figure.low:.2f}, {figure.high:.2f}]"


def quality(candidate: Candidate) -> str:
    """``tfidf_linear 0.81 [0.75, 0.86]``."""
    return f"{candidate.name} {estimate(candidate.quality)}"


def p_value(comparison: Comparison) -> str:
    """``p = 0.02, Holm-corrected``."""
    p = comparison.p_adjusted if comparison.p_adjusted is not None else comparison.p_value
    text = "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
    return f"{text}, Holm-corrected" if comparison.p_adjusted is not None else text


def milliseconds(amount: float) -> str:
    """``1,234 ms``; three significant digits below a hundred, so that ``0.42 ms`` is not 0."""
    return f"{amount:,.0f} ms" if amount >= 100 else f"{amount:.3g} ms"


def money(amount: Decimal | None, currency: str) -> str:
    """``$1,234.56``; below a cent two significant digits; ``an unknown amount`` when not known."""
    if amount is None:
        return "an unknown amount"
    digits = f"{abs(amount):,.2f}"
    if 0 < abs(amount) < Decimal("0.01"):
        digits = format(Decimal(f"{abs(amount):.2g}"), "f")
    sign = "-" if amount < 0 else ""
    return f"{sign}${digits}" if currency == "USD" else f"{sign}{digits} {currency}"


def count(number: Decimal | int) -> str:
    """A number of requests: whole with thousands, or two significant digits below ten."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def factor(number: Decimal | float) -> str:
    """How many times: two significant digits below ten, whole with thousands from there."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def more_items(items: int | None, n: int, what: str = "settle it") -> str:
    """How many more test items than ``n`` would do ``what``; ``items`` is ``None`` for too many."""
    if n < FEWEST_ITEMS:
        return f"{counted(n, 'test item is', 'test items are')} too few to estimate how many would {what}"
    more = further_items(items, n)
    if more is None:
        return f"no practical number of test items would {what}"
    return f"about {more:,} more test items would {what}"


def further_items(items: int | None, n: int) -> int | None:
    """How many of ``items`` are still to come; ``None`` where there is no such estimate."""
    return None if items is None or n < FEWEST_ITEMS else max(1, items - n)
