r"""Numbers as people and models write them, read from text.

Thousands in groups (``1,234.5``, ``1.234.567``, ``1'234``, ``1,00,000``, with thin or fixed spaces), a
comma before other than three digits as a decimal comma (``3,50``), ``1.2e5``, ``1.2 × 10^5``, ``10^6``,
fractions (``3/4``, ``1 1/2``, ``½``, ``\frac{3}{4}``), a sign before a currency (``-$5``), and percent.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, InvalidOperation, localcontext
from typing import NamedTuple


class Value(NamedTuple):
    """A number as it is written: ``50 %`` is 50 and a percentage."""

    number: Decimal
    is_percent: bool = False


_SPACE = "\u00a0\u2009\u202f"  # fixed and thin: a plain space parts numbers
_SCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_HALVES = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
_GROUPED = (
    r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d])"
    r"|\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d+)?"
    r"|\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?"
    r"|\d{1,3}(?:\.\d{3})+,\d+"
    rf"|\d{{1,3}}(?:[{_SPACE}'’]\d{{3}})+(?:[.,]\d+)?"
)
_DIGITS = rf"(?:{_GROUPED}|\d+(?:\.\d+)?(?![\d,])|\d+,\d+(?![\d,])|\d+(?:\.\d+)?|\.\d+)"
_POWER = (
    r"(?:[eE][-+]?\d{1,4}(?!\w)"
    r"|\s?[×x*·]\s?10\s?(?:\^|\*\*)?\s?\{?(?P<power>[-+−]?[\d⁰¹²³⁴-⁹⁻]{1,4})\}?)"
)
_NUMBER = re.compile(
    rf"(?<![\w.])(?P<sign>[-+−](?=[$€£¥₹]?\s?[\d.{_HALVES}]))?[$€£¥₹]?\s?"
    rf"(?:(?:(?P<whole>\d+)[ {_SPACE}\-]?)?(?P<half>[{_HALVES}])"
    rf"|(?:(?P<base>\d+)[ {_SPACE}])?(?<!/)(?P<top>\d+)/(?P<bottom>\d+)(?![\d/]|\.\d)"
    rf"|(?P<digits>{_DIGITS})(?:(?P<exponent>{_POWER})|(?:\^|\*\*)\{{?(?P<raised>\d{{1,3}})\}}?)?)"
    r"(?P<percent>\s?(?:%|％|\\%|percent\b|per cent\b))?"
)
_LATEX = re.compile(r"\\[dt]?frac\s?\{\s*(-?[\d.]+)\s*\}\s*\{\s*([\d.]+)\s*\}")
_LATEX_SPACE = re.compile(r"\{,\}|\\[,;!: ](?=\d{3})")
_HASHES = re.compile(r"^[^\S\n]*####[^\S\n]+(?P<value>[^\n]*)$", re.MULTILINE)
_HEADING = re.compile(r"[.):]\s+\S|[):]")
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_MOST_UNIT_WORDS = 3
_MOST_DIGITS = 60
_MOST_BOXES = 20
_MOST_READ = 4_000  # characters from the end, where the result stands


def final_value(text: str) -> Value | None:
    r"""The number that a text comes to, or ``None``.

    The last one inside the last ``\boxed{}`` that has one; else that of the first line ``#### n``, as
    in GSM8K's solutions (Cobbe et al., 2021), at most a unit behind it, so that a heading of the
    fourth level is none; else the last number of all.
    """
    for inside in reversed(_boxes(text)):
        if (value := _last(inside)) is not None:
            return value
    for line in _HASHES.finditer(text):
        if (value := answer_line(line["value"])) is not None:
            return value
    return _last(text[-_MOST_READ:])


def _last(text: str) -> Value | None:
    values = [_value(match) for match in _NUMBER.finditer(_readable(text))]
    return next((value for value in reversed(values) if value is not None), None)


def _readable(text: str) -> str:
    text = _LATEX_SPACE.sub(lambda match: "," if match[0] == "{,}" else "", text)
    return _LATEX.sub(r" \1/\2 ", text.replace("\\$", "$"))


def answer_line(rest: str) -> Value | None:
    """The number on a line after ``####``, at most a unit behind it; ``None`` for a heading."""
    match = _NUMBER.match(_readable(rest).strip(" *"))
    if match is None:
        return None
    unit = match.string[match.end() :]
    if _HEADING.match(unit) or len(unit.split()) > _MOST_UNIT_WORDS:
        return None
    return _value(match)


def _boxes(text: str) -> list[str]:
    r"""What stands in each ``\boxed{}``, braces counted."""
    boxes = []
    for box in list(_BOXED.finditer(text))[-_MOST_BOXES:]:
        depth = 1
        for place in range(box.end(), min(len(text), box.end() + _MOST_READ)):
            depth += {"{": 1, "}": -1}.get(text[place], 0)
            if not depth:
                boxes.append(text[box.end() : place])
                break
    return boxes


def _value(match: re.Match[str]) -> Value | None:
    try:
        with localcontext() as context:
            context.prec = _MOST_DIGITS
            number = _number(match)
    except (InvalidOperation, ZeroDivisionError):
        return None
    if not number.is_finite():
        return None
    negative = (match["sign"] or "+") in "-−"
    return Value(-number if negative else number, match["percent"] is not None)


def _number(match: re.Match[str]) -> Decimal:
    if match["half"]:
        part = Decimal(str(round(unicodedata.numeric(match["half"]), 12)))
        return Decimal(match["whole"] or 0) + part
    if match["top"]:
        return Decimal(match["base"] or 0) + Decimal(match["top"]) / Decimal(match["bottom"])
    number = _decimal(match["digits"])
    exponent = match["exponent"]
    if match["raised"]:
        return number ** int(match["raised"])
    if not exponent:
        return number
    if match["power"]:
        return number.scaleb(int(match["power"].replace("−", "-").translate(_SCRIPTS)))
    return number.scaleb(int(exponent[1:]))


def _decimal(digits: str) -> Decimal:
    """Digits with their points and commas as a number."""
    digits = re.sub(rf"[{_SPACE}'’]", "", digits)
    point, comma = digits.rfind("."), digits.rfind(",")
    if comma > point:
        groups = digits.split(",")
        is_grouped = point < 0 and len(groups[-1]) == 3 and len(groups[0]) <= 3
        digits = digits.replace(".", "").replace(",", "" if is_grouped else ".")
    elif digits.count(".") > 1:
        digits = digits.replace(".", "")
    return Decimal(digits.replace(",", ""))
