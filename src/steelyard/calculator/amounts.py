"""Amounts as people write them: ``500``, ``4 x 100 + 5 x 1.1``, ``200-500``."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from math import prod
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, InstanceOf

from steelyard.config.numbers import number_text
from steelyard.words import CURRENCY_SIGNS, shortened

MOST = Decimal(10) ** 12
_SIGNS = frozenset(CURRENCY_SIGNS.values())
_LONGEST = 200  # characters
_TIMES = re.compile(r"\s*[x*×]\s*")
_PLUS = re.compile(r"\s*\+\s*")
_TO = re.compile(r"\s*(?:-|–|\bto\b)\s*")
_NUMBER = re.compile(r"[$€£]?(?:\d[\d,_]*(?:\.\d+)?|\.\d+)")


class Range(NamedTuple):
    """From the least to the most, both the same where it is sure."""

    low: Decimal
    high: Decimal

    @property
    def middle(self) -> Decimal:
        return (self.low + self.high) / 2

    @property
    def is_sure(self) -> bool:
        return self.low == self.high


class _Amount(Range):
    """A range as a type of its own, so that pydantic takes no list for one; ``signs`` are its currencies'."""

    signs: frozenset[str] = frozenset()


def parse_amount(value: object) -> Range:
    """Read an amount: a number, sums and products of numbers, or a range of two of these.

    Raises `ValueError` with what was expected.
    """
    if isinstance(value, _Amount):
        return value
    if isinstance(value, Range):
        return _Amount(*value)
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        raise ValueError("an amount is needed: 350, 200-500 or 4 x 100 + 5 x 1.1")
    ends = _TO.split(str(value).strip()) if isinstance(value, str) else [str(value)]
    try:
        if len(ends) > 2 or len(str(value)) > _LONGEST:
            raise InvalidOperation
        numbers = [_sum(end) for end in ends]
    except InvalidOperation:
        raise ValueError(
            f"{shortened(repr(value), 60)} is not an amount: write 350, 200-500 or 4 x 100 + 5 x 1.1, "
            "without a minus"
        ) from None
    low, high = numbers[0], numbers[-1]
    if not 0 <= low <= high <= MOST:
        raise ValueError(
            f"{shortened(repr(value), 60)} is out of range: give 0 or more, at most {MOST:,}, the lower "
            "end first"
        )
    amount = _Amount(low, high)
    amount.signs = frozenset(str(value)) & _SIGNS
    return amount


def refuse_signs(amount: Range | None, key: str, currency: str) -> None:
    """Raise `ValueError` where an amount was written with the sign of another currency."""
    signs = amount.signs if isinstance(amount, _Amount) else frozenset()
    others = signs - {CURRENCY_SIGNS.get(currency)}
    if others:
        raise ValueError(
            f"{key} has {' and '.join(sorted(others))}, and this sum is in {currency}: write all in one "
            "currency, and its code as currency"
        )


def _sum(text: str) -> Decimal:
    return sum((_product(term) for term in _PLUS.split(text)), Decimal(0))


def _product(text: str) -> Decimal:
    return prod((_number(factor) for factor in _TIMES.split(text)), start=Decimal(1))


def _number(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        number = Decimal(text)  # what Python writes of a float: 1e-05
        if not number.is_finite():
            raise InvalidOperation
        return number
    return Decimal(str(number_text(text.lstrip("$€£"))))


Amount = Annotated[InstanceOf[_Amount], BeforeValidator(parse_amount)]
"""A field that takes what `parse_amount` does."""
