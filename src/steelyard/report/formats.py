"""Figures as people read them; ``NONE`` where there is no figure, and a reason goes with it.

Units change here (seconds to milliseconds, one request to a thousand); nothing is computed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from steelyard.result.figures import Figure
from steelyard.words import CURRENCY_SIGNS
from steelyard.words import percent as percent_in_words

NONE = "–"
THIN = "\u202f"  # narrow no-break space
_LEAST_MONEY = Decimal("0.001")


def plain(figure: str) -> str:
    """A figure for a terminal: thin spaces, which some draw wide, closed up; none is a hyphen."""
    return figure.replace(THIN, "").replace("< ", "<").replace(NONE, "-")


def count(value: float | None) -> str:
    """A whole number with thousands set apart: ``10,000``."""
    return NONE if value is None else f"{value:,.0f}"


def percent(share: float | None, digits: int = 1) -> str:
    """A share, as every metric is one, as a percentage: ``81.1 %``."""
    return NONE if share is None else f"{100 * share:.{digits}f}{THIN}%"


def chance(share: float | None) -> str:
    """A chance that is never told as certain: ``84 %``, ``> 99.9 %``."""
    return (
        NONE
        if share is None
        else percent_in_words(share).replace("under", "<").replace("over", ">")
    )


def percent_tick(share: float) -> str:
    """A share on an axis, as exact as its place there: ``60 %``, ``62.5 %``."""
    return f"{round(100 * share, 2):g}{THIN}%"


def points(difference: float | None) -> str:
    """A difference of two shares in percentage points, signed: ``+10.0``."""
    if difference is None:
        return NONE
    text = f"{100 * difference:+.1f}"
    return text[1:] if not text.strip("+-0.") else text.replace("-", "\u2212")


def interval(figure: Figure) -> str:
    """A figure's interval, of shares, in percent without its unit: ``74.8 to 86.1``."""
    low, high = figure.low, figure.high
    if low is None or high is None:
        return NONE
    return f"{100 * low:.1f} to {100 * high:.1f}".replace("-", "\u2212")


def p_value(p: float | None) -> str:
    """A p-value: three digits after the point, and ``< 0.001`` below."""
    if p is None:
        return NONE
    if p < 0.001:
        return "< 0.001"
    return f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def seconds(time: float | None) -> str:
    """A time in the unit that fits: ``0.5 ms``, ``2.6 s``, ``3 min 51 s``, ``2 h 05 min``."""
    if time is None:
        return NONE
    if time < 0.9995:
        milli = time * 1000
        if milli < 0.1:
            return f"< 0.1{THIN}ms"
        return f"{milli:.0f}{THIN}ms" if milli >= 9.95 else f"{milli:.1f}{THIN}ms"
    if time < 59.95:
        return f"{time:.1f}{THIN}s"
    whole = round(time)
    if whole < 3600:
        return f"{whole // 60}{THIN}min {whole % 60:02d}{THIN}s"
    return f"{whole // 3600}{THIN}h {whole % 3600 // 60:02d}{THIN}min"


_UNITS = ((1440, "minutes"), (24, "hours"), (1, "days"))
_MOST_DIGITS = 3


class Spans:
    """Times given in days, all in the unit that fits the longest, and apart where they differ.

    Times that are ``None`` have no say; ``unit`` is minutes, hours or days.
    """

    def __init__(self, times: Iterable[float | None], unit: str | None = None) -> None:
        known = [time for time in times if time is not None]
        longest = max(known, default=0.0)
        fitting = (name for per_day, name in _UNITS if longest * per_day < 120)
        self.unit = unit or next(fitting, "days")
        self._per_day = next(per_day for per_day, name in _UNITS if name == self.unit)
        spans = {time * self._per_day for time in known}
        few = [
            digits
            for digits in range(_MOST_DIGITS)
            if len({f"{s:.{digits}f}" for s in spans}) == len(spans)
        ]
        self._digits = min(few, default=_MOST_DIGITS)

    def number(self, time: float | None) -> str:
        """``140``, ``1.5``, ``29.68``."""
        if time is None:
            return NONE
        span = time * self._per_day
        if self._digits > 1 or (self._digits and span >= 9.95):
            return f"{span:,.{self._digits}f}"
        return f"{span:,.0f}" if span >= 9.95 else f"{span:.1f}".removesuffix(".0")

    def text(self, time: float | None) -> str:
        """With its unit; ``from the first request`` where it is at once."""
        if time is None:
            return NONE
        if time == 0:
            return "from the first request"
        if time * self._per_day < 1 and self._digits < 2:
            return f"under one {self.unit[:-1]}"
        number = self.number(time)
        return f"{number} {self.unit if number != '1' else self.unit[:-1]}"


def days(number: float | None) -> str:
    """A span given in days, in the unit that fits: minutes, hours or days."""
    return Spans((number,)).text(number)


def money(amount: Decimal | float | None, currency: str = "USD") -> str:
    """Money: cents from one unit up, two significant digits below; tiny sums read ``< $0.001``."""
    if amount is None:
        return NONE
    figure = Decimal(str(amount))
    if 0 < abs(figure) < _LEAST_MONEY:
        return f"< {CURRENCY_SIGNS.get(currency, currency + THIN)}{_LEAST_MONEY}"
    sign = "\u2212" if figure < 0 else ""
    return f"{sign}{CURRENCY_SIGNS.get(currency, currency + THIN)}{_digits(abs(figure))}"


def money_tick(value: float, currency: str = "USD") -> str:
    """A round sum on an axis: ``$0.01``, ``$1``, ``$2,500``."""
    sign = CURRENCY_SIGNS.get(currency, currency + THIN)
    if value >= 1000 or value == int(value):
        return f"{sign}{value:,.0f}"
    return f"{sign}{value:.2f}" if value >= 0.01 else f"{sign}{Decimal(f'{value:.3g}'):f}"


def small_money(amount: Decimal | float | None, currency: str = "USD") -> str:
    """A price that may be far below a cent, to two significant digits: ``$0.011``, ``$0.00005``."""
    exact = None if amount is None else Decimal(str(amount))
    if exact is None or abs(exact) >= 1 or exact == 0:
        return money(exact, currency)
    figure = Decimal(f"{abs(exact):.2g}").normalize()
    digits = f"{figure:.2f}" if figure == round(figure, 2) else f"{figure:f}"
    sign = "\u2212" if exact < 0 else ""
    return f"{sign}{CURRENCY_SIGNS.get(currency, currency + THIN)}{digits}"


def per_thousand(amount: float | None, currency: str = "USD") -> str:
    """A price per request, shown per thousand requests."""
    return NONE if amount is None else money(Decimal(str(amount)) * 1000, currency)


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


def tokens(mean: float | None) -> str:
    """A mean number of tokens: ``148``, ``3.2``."""
    if mean is None:
        return NONE
    return f"{mean:,.0f}" if mean >= 20 or mean == int(mean) else f"{mean:.1f}"


def clip(text: str, most: int) -> str:
    """Return at most ``most`` characters, with an ellipsis and the count of what is left out."""
    if len(text) <= most:
        return text
    return f"{text[:most].rstrip()}… ({len(text) - most:,} more characters)"
