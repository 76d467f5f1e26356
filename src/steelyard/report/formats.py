"""Figures as people read them; ``NONE`` where there is no figure, and a reason goes beside it.

Units change here (seconds to milliseconds, one request to a thousand); nothing is computed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

NONE = "–"
THIN = "\u202f"  # narrow no-break space
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£"}
_LEAST_MONEY = Decimal("0.001")
_SHARES = frozenset(
    "accuracy exact_match normalised_match token_f1 macro_f1 rouge_l chrf embedding_similarity numeric "
    "json_match field_f1 rules rules_all rules_loose rules_all_loose judge".split()
)


def number(value: Any) -> float | None:
    """Return ``value`` as a finite float, or ``None``."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    try:
        figure = float(value)
    except (ValueError, OverflowError):
        return None
    return figure if math.isfinite(figure) else None


def amount(value: Any) -> Decimal | None:
    """Return money as a `Decimal`: it comes as text, a number, or ``{"amount": …}``."""
    if isinstance(value, Mapping):
        value = value.get("amount")
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    try:
        money = Decimal(str(value))
    except InvalidOperation:
        return None
    return money if money.is_finite() else None


def count(value: Any) -> str:
    """A whole number with thousands set apart: ``10,000``."""
    figure = number(value)
    return NONE if figure is None else f"{figure:,.0f}"


def percent(value: Any, digits: int = 1) -> str:
    """A share as a percentage: ``81.1 %``."""
    figure = number(value)
    return NONE if figure is None else f"{100 * figure:.{digits}f}{THIN}%"


def is_share(metric: str) -> bool:
    """Whether a metric lies between 0 and 1 and reads as a percentage."""
    return metric in _SHARES or ":" in metric or metric.endswith(("_f1", "_accuracy", "_rate"))


def score(value: Any, metric: str = "accuracy") -> str:
    """A metric's value: a percentage where the metric is a share, else three digits."""
    figure = number(value)
    if figure is None:
        return NONE
    return percent(figure) if is_share(metric) else f"{figure:.3g}"


def points(value: Any, metric: str = "accuracy") -> str:
    """A difference of two shares in percentage points, signed: ``+10.0``."""
    figure = number(value)
    if figure is None:
        return NONE
    text = f"{100 * figure:+.1f}" if is_share(metric) else f"{figure:+.3g}"
    return text[1:] if not text.strip("+-0.") else text.replace("-", "\u2212")


def interval(low: Any, high: Any, metric: str = "accuracy") -> str:
    """An interval without its unit: ``74.8 to 86.1``."""
    below, above = number(low), number(high)
    if below is None or above is None:
        return NONE
    if is_share(metric):
        return f"{100 * below:.1f} to {100 * above:.1f}"
    return f"{below:.3g} to {above:.3g}"


def p_value(value: Any) -> str:
    """A p-value: three digits after the point, and ``< 0.001`` below."""
    figure = number(value)
    if figure is None:
        return NONE
    if figure < 0.001:
        return "< 0.001"
    return f"{figure:.3f}" if figure < 0.1 else f"{figure:.2f}"


def seconds(value: Any) -> str:
    """A time in the unit that fits: ``0.5 ms``, ``2.6 s``, ``3 min 51 s``, ``2 h 05 min``."""
    figure = number(value)
    if figure is None:
        return NONE
    if figure < 0.9995:
        milli = figure * 1000
        if milli < 0.1:
            return f"< 0.1{THIN}ms"
        return f"{milli:.0f}{THIN}ms" if milli >= 9.95 else f"{milli:.1f}{THIN}ms"
    if figure < 59.95:
        return f"{figure:.1f}{THIN}s"
    whole = round(figure)
    if whole < 3600:
        return f"{whole // 60}{THIN}min {whole % 60:02d}{THIN}s"
    return f"{whole // 3600}{THIN}h {whole % 3600 // 60:02d}{THIN}min"


def days(value: Any) -> str:
    """A span given in days, in the unit that fits: minutes, hours or days."""
    figure = number(value)
    if figure is None:
        return NONE
    if figure == 0:
        return "from the first request"
    for per_day, unit in ((1440, "minutes"), (24, "hours"), (1, "days")):
        span = figure * per_day
        if span < 120 or unit == "days":
            if span < 1:
                return f"under one {unit[:-1]}"
            text = f"{span:,.0f}" if span >= 9.95 else f"{span:.1f}".removesuffix(".0")
            return f"{text} {unit if text != '1' else unit[:-1]}"
    raise AssertionError("unreachable: days is the last unit")


def money(value: Any, currency: str = "USD") -> str:
    """Money: cents from one unit up, two significant digits below; tiny sums read ``< $0.001``."""
    figure = amount(value)
    if figure is None:
        return NONE
    if 0 < abs(figure) < _LEAST_MONEY:
        return f"< {_SIGNS.get(currency, currency + THIN)}{_LEAST_MONEY}"
    sign = "\u2212" if figure < 0 else ""
    return f"{sign}{_SIGNS.get(currency, currency + THIN)}{_digits(abs(figure))}"


def money_tick(value: float, currency: str = "USD") -> str:
    """A round sum on an axis: ``$0.01``, ``$1``, ``$2,500``."""
    sign = _SIGNS.get(currency, currency + THIN)
    if value >= 1000 or value == int(value):
        return f"{sign}{value:,.0f}"
    return f"{sign}{value:.2f}" if value >= 0.01 else f"{sign}{Decimal(f'{value:.3g}'):f}"


def per_thousand(value: Any, currency: str = "USD") -> str:
    """A price per request, shown per thousand requests."""
    figure = amount(value)
    return NONE if figure is None else money(figure * 1000, currency)


def _digits(figure: Decimal) -> str:
    if figure == 0:
        return "0"
    if figure >= 1000:
        return f"{figure:,.0f}"
    if figure >= Decimal("0.995"):
        return f"{figure:,.2f}"
    places = min(12, 1 - figure.adjusted())
    return f"{figure:.{max(2, places)}f}"


def option(value: Any) -> str:
    """One option's value on one line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {option(inner)}" for key, inner in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(option(inner) for inner in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return NONE if value is None else str(value)


def tokens(value: Any) -> str:
    """A mean number of tokens: ``148``, ``3.2``."""
    figure = number(value)
    if figure is None:
        return NONE
    return f"{figure:,.0f}" if figure >= 20 or figure == int(figure) else f"{figure:.1f}"


def clip(text: Any, most: int) -> str:
    """Return at most ``most`` characters, with an ellipsis and the count of what is left out."""
    words = str(text)
    if len(words) <= most:
        return words
    return f"{words[:most].rstrip()}… ({len(words) - most:,} more characters)"
