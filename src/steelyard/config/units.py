"""A number with its unit where a plain number is due: which number to write instead."""

from __future__ import annotations

import re
from decimal import Decimal

from steelyard.config.numbers import count_text, number_text
from steelyard.packaged import packaged
from steelyard.words import shortened

_MEASURED = re.compile(r"([\d.,_]{1,20})\s*([A-Za-z]{1,12})")


def plain_number(text: str, field: str, *, whole: bool = False) -> str | None:
    """What to write instead of ``text`` for a ``field``, as ``write 1500, in milliseconds``.

    The end of the field's name says its unit of time; to others only a multiple (``10k``) can be read.
    ``None`` where ``text`` is no such number, or not a ``whole`` one that is due.
    """
    match = _MEASURED.fullmatch(text.strip())
    units = packaged("config/data/units.yaml")
    unit = units["fields"].get(field.rpartition("_")[2])
    factors = units["seconds" if unit else "multiples"]
    if match is None:
        return None
    word = match[2] if match[2] in factors else match[2].lower()  # M is a million, m may be minutes
    if word not in factors:
        return None
    try:
        number = Decimal(str((count_text if whole else number_text)(match[1])))
    except (ValueError, ArithmeticError):
        return None
    number *= Decimal(factors[word])
    if unit:
        number /= Decimal(factors[unit])
    if whole and number != number.to_integral_value():
        return None
    return f"write {number.normalize():f}" + (f", in {unit}" if unit else "")


def refuse_units(text: object, field: str, *, whole: bool) -> None:
    """Raise `ValueError` that says what to write, for a text that is a number with its unit."""
    hint = plain_number(text, field, whole=whole) if isinstance(text, str) else None
    if hint is not None:
        raise ValueError(f"{shortened(repr(text), 40)} is no plain number: {hint}")
