"""Figures in words: how reasons, flips and warnings cite them."""

from __future__ import annotations

from decimal import Decimal

from steelyard.core import Comparison, Estimate
from steelyard.result.verdict import MoreLabels
from steelyard.verdict.base import LEVEL_COST, LEVEL_SHARE, Candidate
from steelyard.words import CURRENCY_SIGNS, counted
from steelyard.words import chance as chance_in_words


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


def money(amount: Decimal | float | None, currency: str) -> str:
    """``$1,234.56``; below a cent two significant digits; ``an unknown amount`` when not known."""
    if amount is None:
        return "an unknown amount"
    amount = to_decimal(amount) if isinstance(amount, float) else amount
    digits = f"{abs(amount):,.2f}"
    if 0 < abs(amount) < Decimal("0.01"):
        digits = format(Decimal(f"{abs(amount):.2g}"), "f")
    sign = "-" if amount < 0 else ""
    return f"{sign}{_in_currency(digits, currency)}"


def error_price(amount: Decimal | float | None, currency: str) -> str:
    """The price of a wrong answer: as `money`, with two significant digits below one unit."""
    if amount is None or not 0 < amount < 1:
        return money(amount, currency)
    digits = format(Decimal(f"{amount:.2g}"), "f")
    return _in_currency(digits, currency)


def _in_currency(digits: str, currency: str) -> str:
    before = CURRENCY_SIGNS.get(currency)
    return f"{digits} {currency}" if before is None else f"{before}{digits}"


def count(number: Decimal | int) -> str:
    """A number of requests: whole with thousands, or two significant digits below ten."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def factor(number: Decimal | float) -> str:
    """How many times: two significant digits below ten, whole with thousands from there."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def to_decimal(number: float) -> Decimal:
    """Money that was computed, to six significant digits."""
    return Decimal(f"{number:.6g}")


def level(currency: str) -> str:
    """``1 USD or 5%``, within which costs count as equal: in some currencies no amount does, only a share."""
    least = LEVEL_COST.get(currency)
    amount = "" if least is None else f"{least} {currency} or "
    return f"{amount}{LEVEL_SHARE:.0%}"


def test_items(n: int) -> str:
    """``8 test items are``."""
    return counted(n, "test item is", "test items are")


def labels(more: MoreLabels) -> str:
    """``about 200 more test labels would tell (chance 0.83)``, or why no number is named."""
    if more.n is None:
        return more.reason or "more labels would not tell"
    chance = "" if more.chance is None else f" (chance {chance_in_words(more.chance)})"
    return f"about {more.n:,} more test labels would tell{chance}"
