"""Money as the calculator writes it: to the cent, and below a cent to three digits."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, localcontext

from steelyard.calculator.amounts import Range
from steelyard.words import CURRENCY_SIGNS

_CENT = Decimal("0.01")
_DIGITS = 60
_FEW = 10


def money(amount: Decimal, currency: str) -> str:
    """``$4,050.00``; ``$0.0135`` for what has no whole cent."""
    sign = "-" if amount < 0 else ""
    size = abs(amount)
    if size and size < 1 and size != round(size, 2):
        digits = f"{Decimal(f'{size:.3g}'):f}"
    else:
        with localcontext(prec=_DIGITS):
            digits = f"{size.quantize(_CENT, ROUND_HALF_UP):,}"
    return f"{sign}{CURRENCY_SIGNS.get(currency, currency + ' ')}{digits}"


def money_range(amounts: Range, currency: str) -> str:
    """One amount, or two with ``to`` between them."""
    low, high = money(amounts.low, currency), money(amounts.high, currency)
    return low if low == high else f"{low} to {high}"


def count(number: Decimal | float) -> str:
    """``10,000``; ``0.1`` and ``2.5`` for what is no whole number and few."""
    return f"{number:,.0f}" if number >= _FEW or number == int(number) else f"{number:.3g}"


def count_range(numbers: Range) -> str:
    """One count, or two with ``to`` between them."""
    low, high = count(numbers.low), count(numbers.high)
    return low if low == high else f"{low} to {high}"


def number_range(numbers: Range, digits: int) -> str:
    """Likewise for numbers that are no money."""
    low, high = f"{numbers.low:,.{digits}f}", f"{numbers.high:,.{digits}f}"
    return low if low == high else f"{low} to {high}"
