"""Numbers as people type them: ``10,000`` and ``10_000`` are ten thousand."""

from __future__ import annotations

import re

from pydantic import BeforeValidator

from steelyard.words import shortened

_GROUPED = re.compile(r"[-+]?\d{1,3}(?:(?:,\d{3})+|(?:_\d{3})+)(?:\.\d+)?")
_PERCENT = re.compile(r"([-+]?\d{1,9}(?:\.\d{1,9})?)\s*%")
_TWO_WAYS = re.compile(r"[-+]?[1-9]\d{0,2}\.\d{3}")


def number_text(value: object) -> object:
    """Take the separators of thousands out of a text; any other value comes back as it is.

    Raises `ValueError` for percentages, and where a comma may stand before decimals, as in ``10,00``.
    """
    if not isinstance(value, str):
        return value
    text = value.strip()
    if _GROUPED.fullmatch(text):
        return re.sub("[,_]", "", text)
    if (share := _PERCENT.fullmatch(text)) is not None:
        raise ValueError(
            f"{shortened(repr(text), 40)}: write it as a share, {float(share[1]) / 100:g}"
        )
    if "," in text and re.fullmatch(r"[-+\d.,_]+", text):
        raise ValueError(
            f"{shortened(repr(text), 40)} can be read in two ways: write decimals with a point, as 0.5, and "
            "thousands as 10000 or 10,000"
        )
    return value


def count_text(value: object) -> object:
    """`number_text` for a count: also refuses ``10.000``, which is ten to some and ten thousand to others."""
    if isinstance(value, str) and _TWO_WAYS.fullmatch(value.strip()):
        text = value.strip()
        raise ValueError(
            f"{text!r} can be read in two ways: write {text.replace('.', '')} or {text.partition('.')[0]}"
            if float(text).is_integer()
            else f"{text!r} can be read in two ways: write {text.replace('.', '')}, or {text}0"
        )
    return number_text(value)


TYPED_NUMBER = BeforeValidator(number_text)
TYPED_COUNT = BeforeValidator(count_text)
