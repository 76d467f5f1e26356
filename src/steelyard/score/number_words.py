"""The words that stand around numbers and say what these are, compiled from ``data/numbers.yaml``."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from steelyard.folding import folded
from steelyard.packaged import packaged

NEAR = 48
"""So many characters before and after a number are looked at."""
CASED = "A-Za-zÀ-ÖØ-öø-ɏΑ-ΟΡ-Ωα-ορ-ωЀ-ӿḀ-ỿµΩ"
"""Letters of scripts that put a space between a word and a number."""

_CLAUSE_ENDS = r",;:=.!?\n，。；：！？、"
_EMPHASIS = r"(?:[*_`$]|</?[a-z]{1,6}>){0,3}"


class WordsByNumbers(NamedTuple):
    """Patterns; those of `ScaleWords` and `BoundWords` besides."""

    code: re.Pattern[str]
    wrap: re.Pattern[str]
    money: re.Pattern[str]
    currency: re.Pattern[str]
    name: re.Pattern[str]
    call: re.Pattern[str]
    unit: re.Pattern[str]
    between: re.Pattern[str]
    connected: re.Pattern[str]
    part: re.Pattern[str]
    scaled_before: re.Pattern[str]


@cache
def words_by_numbers() -> WordsByNumbers:
    """Compile the words that make a number a price, a name, an argument, a quantity or a part."""
    words = _words()
    codes, signs = words["currency_codes"], f"[{words['currency_signs']}]"
    parts, months = "|".join(words["parts_of_quantities"]), "|".join(words["months"])
    return WordsByNumbers(
        code=re.compile(rf"(?:{codes})(?=\d)"),
        wrap=re.compile(
            rf"(?:\b(?:{codes})\s?|\b[A-Z]{{1,2}}\$\s?|{signs}\s?|[(\[{{\"'“‘«*_`|])+$"
        ),
        money=re.compile(rf"{codes}|{signs}"),
        currency=re.compile(rf"\s?(?:{signs}(?!\s*$|[\s.,]*\n)|[€£¥₹]|(?:{codes})\b)"),
        name=re.compile(
            rf"(?:(?:^|[^\w])(?:{'|'.join(words['names'])})|第)\s*$|(?<!#)#$", re.IGNORECASE
        ),
        call=re.compile(
            rf"(?:\b(?:{words['functions']})\s*(?:_\{{?\w{{1,3}}\}}?|\d{{0,2}})|√)\s*[(\[{{|]*\s*$",
            re.IGNORECASE,
        ),
        unit=re.compile(
            rf"(?:{'|'.join(words['units'])})(?![{CASED}])(?:(?:\^|\*\*)\{{?-?\d\}}?|\d(?!\d)|[²³])?"
        ),
        between=re.compile(rf"\s?(?:{parts})\.?,?\s*(?:and\s+)?", re.IGNORECASE),
        connected=re.compile(
            rf",\s|\.\.+|…|,?\s(?:{'|'.join(words['between_numbers'])}|(?:{months})\.?,?)\s"
            rf"|,?\s(?:[^\W\d]+\s){{0,2}}(?:{'|'.join(words['between_amounts'])})\s(?:the\s)?",
            re.IGNORECASE,
        ),
        part=re.compile(rf"\s?(?:{parts})(?![{CASED}])", re.IGNORECASE),
        scaled_before=_scaled_before(words),
    )


class ScaleWords(NamedTuple):
    """What multiplies the number before it: ``known`` by its power of ten, ``unsure`` by who knows what.

    ``unsure`` reads folded text. ``letters`` are scales in their case, ``price_letters`` behind a price.
    """

    known: re.Pattern[str]
    powers: dict[str, int]
    unsure: re.Pattern[str]
    letters: re.Pattern[str]
    price_letters: re.Pattern[str]
    price_in_scale: re.Pattern[str]


@cache
def scale_words() -> ScaleWords:
    """Compile the words that multiply the number before them."""
    words = _words()
    powers, price_letters = words["scales"], words["price_letters"]
    currencies = _currencies(words)
    behind = (
        rf"{_EMPHASIS}\s?(?:{currencies})?{_EMPHASIS}[\s-]?{_EMPHASIS}"
        r"\(?(?:(?:in|per)\s(?:an?\s|every\s)?)?"
    )
    return ScaleWords(
        known=re.compile(
            rf"{_EMPHASIS}(?:\s{{1,3}}|-){_EMPHASIS}(?P<scale>{'|'.join(powers)})\b", re.I
        ),
        powers={name: int(power) for name, power in powers.items()},
        unsure=re.compile(
            rf"{behind}(?:{_scales(words)})(?![{CASED}])"
            rf"|[\s-]?(?:{price_letters})\s?(?:{currencies.replace('$', '')})"
        ),
        letters=re.compile(
            rf"[^\S\n]{{0,3}}[{words['unsure_signs']}]"
            rf"|{_EMPHASIS}(?:[^\S\n]{{1,3}}|-)?{_EMPHASIS}(?:{words['unsure_letters']})(?![{CASED}])"
        ),
        price_letters=re.compile(
            rf"[\d.,'’_ ]*\d{_EMPHASIS}[^\S\n]{{0,3}}(?:{price_letters})(?![{CASED}'’])",
            re.IGNORECASE,
        ),
        price_in_scale=re.compile(rf"[^\S\n]{{0,3}}(?:{price_letters})\$", re.IGNORECASE),
    )


class BoundWords(NamedTuple):
    """What makes a number a bound, a date, a time or denied. ``before`` reads folded text."""

    before: re.Pattern[str]
    behind: re.Pattern[str]
    month_before: re.Pattern[str]
    dated: re.Pattern[str]
    in_words: re.Pattern[str]
    denial: re.Pattern[str]
    denial_behind: re.Pattern[str]


@cache
def bound_words() -> BoundWords:
    """Compile the words that make a number a bound, a date or a time."""
    words = _words()
    months = "|".join(words["months"])
    english, foreign = words["months"][0], "|".join(words["months"][1:])
    return BoundWords(
        before=re.compile(
            rf"(?:(?:^|[^\w])(?:{folded('|'.join(words['bounds']))})(?:\s(?:{words['roughly']}))*\s?"
            rf"|(?:{words['unspaced_bounds']}))"
            rf"[^\w.!?;:=≈+/|-]*(?:(?:{words['currency_codes'].lower()})\s?)?$"
        ),
        behind=re.compile(
            rf"(?:,|[^\S\n])[^\S\n]{{0,3}}\(?(?:{'|'.join(words['bounds_behind'])})(?![{CASED}])"
            rf"|[^\S\n]?(?:(?!(?:to|and|but)\s)[^\s\d]+[^\S\n]+){{0,3}}(?:{words['below_zero']})(?![{CASED}])"
            rf"|(?:[\s-]*[^\W\d]+\.?)?[\s-]+(?:{'|'.join(words['halves_behind'])})(?!\w)"
            rf"|\s?[^\W\d]{{0,3}}(?:{words['unspaced_bounds_behind']}|{words['unspaced_halves_behind']})|\s?[≤≥]|\s?[<>]=?\s?[a-z](?![>\w/])",
            re.IGNORECASE,
        ),
        month_before=re.compile(
            rf"(?P<within>\b(?i:in|during)\s+)?(?<![\w'’])(?:{months})\.?\s+(?:the\s)?[(*_]*$"
        ),
        dated=re.compile(
            rf"\s{{0,3}}-?(?:(?:de|of|di)\s)?(?:{months})(?![{CASED}])(?!\s(?:I|we|it|[a-z])\b)"
            rf"|\.\s?(?:{foreign})(?![{CASED}])|\.\s?(?:{english})(?=\.?\s\d|\W*$)"
            rf"|[^\S\n]{{0,3}}(?:{'|'.join(words['clocks'])})"
        ),
        in_words=re.compile(rf"(?:\d|\b(?:{words['amounts_in_words']}))[*_\s]*$", re.IGNORECASE),
        denial=re.compile(
            rf"(?:\b(?:{'|'.join(words['denials'])})(?!\w)|(?:{words['unspaced_denials']}))"
            rf"(?:[^{_CLAUSE_ENDS}]|\.(?=\d))*$",
            re.IGNORECASE,
        ),
        denial_behind=re.compile(
            rf"[^\w\n.,;:!?]*?(?:\s(?:{'|'.join(words['denials_behind'])})(?!\w)"
            rf"|\s?[^\W\d]{{0,2}}(?:{words['unspaced_denials_behind']}))",
            re.IGNORECASE,
        ),
    )


def _words() -> dict[str, Any]:
    words: dict[str, Any] = packaged("score/data/numbers.yaml")
    return words


def _currencies(words: dict[str, Any]) -> str:
    return rf"{words['currency_codes'].lower()}|[{words['currency_signs']}]"


def _scales(words: dict[str, Any]) -> str:
    """Every word for a scale, folded."""
    return "|".join([*words["scales"], *map(folded, words["unsure_scales"])])


def _scaled_before(words: dict[str, Any]) -> re.Pattern[str]:
    """A price or a heading in thousands or millions before a number: ``kEUR 5``, ``(in $m): 5``. Folded."""
    letters, scales, currencies = words["price_letters"], _scales(words), _currencies(words)
    return re.compile(
        rf"(?:^|[^\w$])(?:(?:{letters})|(?:{scales})\.?\s?)(?:{currencies})[)\]:|\s]*$"
        rf"|(?:{currencies})\s?(?:{letters}|{scales})\.?[)\]:|\s]*$"
        rf"|(?:\bin\s|\()(?:{scales})(?:\s[^\W\d]+){{0,3}}[)\]:|][)\]:|\s]*$"
    )
