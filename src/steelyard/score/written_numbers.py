"""The numbers in a text one after the other, each read or, where one cannot be sure, not."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, localcontext
from typing import NamedTuple

from steelyard.folding import folded
from steelyard.score.number_openings import NumberOpening, opening_of
from steelyard.score.number_words import CASED, NEAR, bound_words, scale_words, words_by_numbers

MOST_DIGITS = 1_000
_MOST_LOOKED_AT = 6
_PRECISION = 60
_SPACES = "\u00a0\u2009\u202f"
_HALVES = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"
_SCRIPTS = str.maketrans(_RAISED, "0123456789-")
_SCAN = re.compile(
    r"(?P<unreadable>[√π∞]|\b(?:infinity|nan)\b)"
    rf"|(?P<word>[{CASED}][{CASED}\d_]*"
    rf"(?:(?<=\d)\.\d[{CASED}\d_]*|-\d[{CASED}\d_]*|(?:\^|\*\*)(?:\{{[^{{}}\n]{{0,9}}\}}|-?\d+))*)"
    rf"|(?P<number>(?:(?<![\w.])\.)?\d+(?:[.,:'’_\-]\d+| ?/ ?\d+|[ {_SPACES}]\d+)*(?:[ -]?[{_HALVES}])?"
    rf"|[{_HALVES}])",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"\d+|\d*\.\d+")
_COMMA = re.compile(r"(?:0|\d+(?=,(?!\d{3}$))|\d{4,}),\d+")
_GROUPED = (
    re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?|[1-9]\d?(?:,\d{2})+,\d{3}(?:\.\d+)?"),
    re.compile(r"[1-9]\d{0,2}(?:\.\d{3}){2,}(?:,\d+)?|[1-9]\d{0,2}(?:\.\d{3})+,\d+"),
    re.compile(
        rf"[1-9]\d{{0,2}}(?:(?P<gap>[ {_SPACES}'’_])\d{{3}})(?:(?P=gap)\d{{3}})*(?:[.,]\d+)?"
    ),
)
_FRACTION = re.compile(
    rf"(?:(?P<whole>\d+)[ {_SPACES}])?(?P<top>\d+(?:\.\d+)?) ?/ ?(?P<bottom>\d+(?:\.\d+)?)"
)
_MONTH_OF_YEAR = re.compile(r"(?:0?[1-9]|1[0-2])/(?:19|20)\d\d")
_HALF = re.compile(rf"(?:(?P<whole>\d+)[ -]?)?(?P<half>[{_HALVES}])")
_DOTTED = re.compile(r"[1-9]\d{0,2}\.\d{3}")

_TEN = re.compile(
    r"\s?[×x*·]\s?10\s?(?:(?:\^|\*\*)\s?(?P<mark>[{(]?)\s?(?P<power>[-+−]?\d{1,4})\s?[})]?"
    rf"|(?P<script>[{_RAISED}]{{1,5}}))(?!\d)"
)
_EXPONENT = re.compile(rf"[eE](?P<power>[-+]?\d{{1,4}})(?![{CASED}\d_])")
_POWER = re.compile(r"\s?(?:\^|\*\*)\s?[{(]?\s?(?P<power>[-+−]?\d{1,3})\s?[})]?(?![\d.,^]\d)")
_SCRIPT = re.compile(rf"[{_RAISED}]+")
_PERCENT = re.compile(r"\s?(?:%|percent\b|per cent\b|pct\b|prozent\b)", re.IGNORECASE)
_FOOTNOTE = re.compile(r"(?:\[\d{1,3}\])+")
_DECADE = ("s", "s ", "s.", "s,")
_LETTERS = re.compile(rf"[{CASED}]+")
_DAY_OR_YEAR = re.compile(r"0?[1-9]|[12]\d|3[01]|[12]\d{3}")
_DAY_OR_TIME = re.compile(r"\d{1,2}(?:\.\d\d)?")

_FORMULA = (
    rf"(?:[{CASED}]|(?:alpha|beta|gamma|delta|(?:var)?epsilon|eta|theta|kappa|lambda|mu|nu|xi|rho|sigma|tau|(?:var)?phi"
    rf"|chi|psi|omega))(?![{CASED}'])"
)
_GOES_ON = re.compile(
    rf"[+^(@#\\√π∞]|_(?=[^\W_]|\{{)|-(?=\s|$)|/(?![{CASED}\s<])|\s?[√π∞]|\s*[×÷±]|\s[/+]\s|\s*[*·]\s*(?:\(|{_FORMULA})"
    rf"|(?:\s?°|\s?(?:degrees?|rad|km|cm|mm|m|kg|g)\b)?\s*[-+]\s*(?!I\b|a\s){_FORMULA}"
)
"""What makes a number a part of something longer."""
_TUPLE = re.compile(r"[(\[{]\s*[-+−]?[\d.]+\s*[,;][^()\[\]{}]*$")
_SIZE_BEGIN = re.compile(r"\|\{*[-−]\{*$")
_SIZE_END = re.compile(r"\}*\|")
_CLOSING = re.compile(r"\s*[)\]}]")


class WrittenNumber(NamedTuple):
    """A number where it stands, from ``start`` to ``end``; ``number`` is ``None`` if one cannot be sure."""

    number: Decimal | None
    is_percent: bool
    start: int
    end: int


def written_numbers(text: str) -> list[WrittenNumber]:
    """Return the last numbers of ``text``, which `unformatted` has gone over, in their order.

    Left out are numbers inside of words (``H2O``, ``GPT-4``), exponents of units and footnote marks.
    """
    numbers = _numerals(text)
    placed = []
    for place in range(max(0, len(numbers) - _MOST_LOOKED_AT), len(numbers)):
        number, last = numbers[place], numbers[place - 1] if place else None
        head = opening_of(text[max(0, number.start - NEAR) : number.start])
        if not (head.is_footnote and text.startswith("]", number.end)):
            placed.append(_placed(text, number, head, last))
    return placed


def _numerals(text: str) -> list[WrittenNumber]:
    """All numbers, read to the right of where they begin."""
    numbers: list[WrittenNumber] = []
    place = 0
    while match := _SCAN.search(text, place):
        place = match.end()
        if match["word"]:
            code = words_by_numbers().code.match(match["word"])
            place = match.start() + code.end() if code else place
            continue
        number = _Numeral(text, match.start(), match.end()).read() if match["number"] else None
        numbers.append(number or WrittenNumber(None, False, match.start(), match.end()))
        place = numbers[-1].end
    return numbers


def _placed(
    text: str, number: WrittenNumber, head: NumberOpening, last: WrittenNumber | None
) -> WrittenNumber:
    """The number with its sign, or unread where what stands around it makes it something else."""
    if number.number is None or head.sign is None:
        return number._replace(number=None)
    after = text[number.end : number.end + NEAR]
    before = text[max(0, number.start - NEAR) : number.start]
    written = text[number.start : number.end]
    is_pair = _COMMA.fullmatch(written) and before.endswith(("(", "["))
    is_size = _SIZE_BEGIN.search(before) is not None and _SIZE_END.match(after)
    is_coordinate = is_size or (_CLOSING.match(after) and (is_pair or _TUPLE.search(before)))
    is_reference = head.is_bracketed and after.startswith("]") and last is not None
    is_formula = after.startswith("$") and "$" in head.marks
    is_price = not is_formula and (head.is_currency or words_by_numbers().currency.match(after))
    is_unclear_price = is_price and (_DOTTED.fullmatch(written) or _is_loss(head, before, after))
    is_unclear = is_unclear_price or _is_date(before, written) or _is_in_scale(text, number, head)
    if is_coordinate or is_reference or is_unclear or _goes_on_from(last, number, text):
        return number._replace(number=None)
    return number if head.sign > 0 else number._replace(number=number.number.copy_negate())


def _is_date(before: str, written: str) -> bool:
    """Whether it is a day or a year behind its month; ``in May 24 …`` is a month alone."""
    month = bound_words().month_before.search(before) if _DAY_OR_YEAR.fullmatch(written) else None
    return month is not None and not (month["within"] and len(written) < 4)


def _is_loss(head: NumberOpening, before: str, after: str) -> bool:
    """Whether a price may be less than nothing, as accounts write it: ``$(5)``, ``($5)``.

    In brackets behind the same in words it is a price: ``five dollars ($5)``.
    """
    if head.is_currency and head.marks.endswith("("):
        return not after.startswith(")$")
    opening = _PRICE_BEGIN.search(before)
    if opening is None or not _PRICE_END.match(after):
        return False
    return bound_words().in_words.search(before[: opening.start()]) is None


_PRICE_BEGIN = re.compile(r"\([^\w()]*(?:[A-Z]{1,3}|Rs)?[^\w()]*$")
_PRICE_END = re.compile(rf"\s?(?:[^\w\s)]|[{CASED}]{{1,4}})?\s?\)(?!\$)")


def _is_in_scale(text: str, number: WrittenNumber, head: NumberOpening) -> bool:
    """Whether it is a price in thousands or more by its letter: ``$5 m``, ``₹5 L``, ``5 m$``.

    In a formula a dollar only opens and closes it.
    """
    scales, rest = scale_words(), text[number.start : number.end + NEAR]
    line = text[text.rfind("\n", 0, number.start) + 1 : number.start]
    is_open = line.count("$") % 2 == 1
    if head.is_currency and (letter := scales.price_letters.match(rest)):
        return not (
            is_open and "$" in head.marks and re.match(r"[^$\n\d]{0,12}\$", rest[letter.end() :])
        )
    return not is_open and scales.price_in_scale.match(text, number.end) is not None


def is_scaled(rest: str) -> bool:
    """Whether what follows a number begins with a word that multiplies it, known or not."""
    return scale_words().known.match(rest) is not None or _is_unsure(rest)


def _is_unsure(rest: str) -> bool:
    scales, words = scale_words(), rest.lstrip()
    if "\n" in rest[: len(rest) - len(words)] and words[:1].isupper():  # a line of its own
        return False
    return bool(scales.letters.match(rest) or scales.unsure.match(folded(rest)))


def _goes_on_from(last: WrittenNumber | None, number: WrittenNumber, text: str) -> bool:
    """Whether it is a second part or an aside: ``5 ft 3 in``, ``3 or 4``, ``2 h (120 min)``."""
    if last is None:
        return False
    gap, words = text[last.end : number.start], words_by_numbers()
    if not gap:
        return True
    if text[last.end - 1].isalpha() and gap.strip(" ,") in ("", "and"):
        return True
    is_aside = "(" in gap and ")" not in gap and "\n" not in gap and "=" not in gap
    if (is_aside and last.number != number.number) or words.connected.fullmatch(gap[:NEAR]):
        return True
    after = text[number.end : number.end + NEAR]
    return bool(words.between.fullmatch(gap[:NEAR]) and words.part.match(after))


class _Numeral:
    """Digits with what belongs to them on their right: a power, a scale, percent, a unit."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self._start, self._end = start, end
        self._digits = text[start:end]
        self._rest = text[end : end + NEAR]

    def read(self) -> WrittenNumber | None:
        """``None`` where the digits or what follows them cannot be read."""
        try:
            with localcontext() as context:
                context.prec = _PRECISION
                number = self._number()
        except (ArithmeticError, ValueError):
            return None
        if number is None or not number.is_finite():
            return None
        is_percent = self._skip(_PERCENT)
        self._skip(_FOOTNOTE)
        if not is_percent and not self._skip_unit():
            return None
        if _GOES_ON.match(self._rest):
            return None
        return WrittenNumber(number, is_percent, self._start, self._end)

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self._rest)
        if match:
            self._end += match.end()
            self._rest = self._rest[match.end() :]
        return match

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        return self._take(pattern) is not None

    def _number(self) -> Decimal | None:
        number = _decimal(self._digits)
        if number is None:
            return None
        if power := self._take(_TEN):
            return number.scaleb(_whole(power["power"] or power["script"]))
        if power := self._take(_EXPONENT):
            return number.scaleb(_whole(power["power"]))
        if power := self._take(_POWER):
            return None if "/" in self._digits else number ** _whole(power["power"])
        if script := self._take(_SCRIPT):
            # "12²" is a square or has a footnote; a power of ten is one
            is_power = self._digits == "10" and len(script[0].lstrip("⁻")) <= 3
            return number ** _whole(script[0]) if is_power else number if script[0] == "¹" else None
        if scale := self._take(scale_words().known):
            return number.scaleb(scale_words().powers[scale["scale"].lower()])
        return number

    def _skip_unit(self) -> bool:
        """Whether nothing is attached that changes the number; a unit is passed over."""
        if _DAY_OR_TIME.fullmatch(self._digits) and bound_words().dated.match(self._rest):
            return False
        if _is_unsure(self._rest) or (
            self._digits[-3:-2].isdigit() and self._digits.isdigit() and self._rest[:2] in _DECADE
        ):
            return False
        if not _LETTERS.match(self._rest):
            return True
        return self._skip(words_by_numbers().unit)


def _whole(power: str) -> int:
    return int(power.replace("−", "-").translate(_SCRIPTS))


def _decimal(digits: str) -> Decimal | None:
    """Digits with their points, commas, spaces and strokes as a number; ``None`` if they are none."""
    if len(digits) > MOST_DIGITS or _MONTH_OF_YEAR.fullmatch(digits):
        return None
    if _PLAIN.fullmatch(digits):
        return Decimal(digits)
    if _COMMA.fullmatch(digits):
        return Decimal(digits.replace(",", "."))
    if match := _HALF.fullmatch(digits):
        part = Decimal(str(round(unicodedata.numeric(match["half"]), 12)))
        return Decimal(match["whole"] or 0) + part
    if match := _FRACTION.fullmatch(digits):
        part = Decimal(match["top"]) / Decimal(match["bottom"])
        return None if match["whole"] and part >= 1 else Decimal(match["whole"] or 0) + part
    if not any(form.fullmatch(digits) for form in _GROUPED):
        return None
    marks = re.sub(r"\d", "", digits)
    point = digits.rfind(marks[-1]) if len(set(marks)) > 1 else len(digits)
    whole = "".join(re.findall(r"\d+", digits[:point]))
    return Decimal(f"{whole}.{digits[point + 1 :] or 0}")
