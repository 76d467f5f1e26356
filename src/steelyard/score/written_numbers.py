"""The numbers in a text one after the other, each read or, where one cannot be sure, not."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, localcontext
from typing import NamedTuple

from steelyard.score.number_openings import CASED, NEAR, NumberOpening, opening_of, words_by_numbers

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
    rf"|(?P<number>(?:(?<![\d.])\.)?\d+(?:[.,:'’_\-]\d+| ?/ ?\d+|[ {_SPACES}]\d+)*(?:[ -]?[{_HALVES}])?"
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

_FORMULA = rf"[{CASED}](?![{CASED}'])"
_GOES_ON = re.compile(
    rf"[+^(@#\\√π∞]|-(?=\s|$)|/(?![{CASED}\s<])|\s?[√π∞]|\s*[×÷±]|\s[/+]\s|\s*[*·]\s*(?:\(|{_FORMULA})"
    rf"|\s*[-+]\s*(?!I\b|a\s){_FORMULA}"
)
"""What makes a number a part of something longer."""
_TUPLE = re.compile(r"[(\[{]\s*[-+−]?[\d.]+\s*[,;][^()\[\]{}]*$")
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
    is_size = before.endswith(("|-", "|−")) and after.startswith("|")
    is_coordinate = is_size or (_CLOSING.match(after) and (is_pair or _TUPLE.search(before)))
    is_reference = head.is_bracketed and after.startswith("]") and last is not None
    is_formula = after.startswith("$") and "$" in head.marks
    is_price = not is_formula and (head.is_currency or words_by_numbers().currency.match(after))
    is_loss = head.is_currency and head.marks.endswith("(") and not after.startswith(")$")
    is_unclear_price = is_price and (_DOTTED.fullmatch(written) or written.endswith("m") or is_loss)
    if is_coordinate or is_reference or is_unclear_price or _goes_on_from(last, number, text):
        return number._replace(number=None)
    return number if head.sign > 0 else number._replace(number=number.number.copy_negate())


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
        if scale := self._take(words_by_numbers().scale):
            return number.scaleb(words_by_numbers().scales[scale[1].lower()])
        return number

    def _skip_unit(self) -> bool:
        """Whether nothing is attached that changes the number; a unit is passed over."""
        words = words_by_numbers()
        if words.unsure.match(self._rest) or (
            self._digits[-3:-2].isdigit() and self._digits.isdigit() and self._rest[:2] in _DECADE
        ):
            return False
        if not _LETTERS.match(self._rest):
            return True
        return self._skip(words.unit)


def _whole(power: str) -> int:
    return int(power.replace("−", "-").translate(_SCRIPTS))


def _decimal(digits: str) -> Decimal | None:
    """Digits with their points, commas, spaces and strokes as a number; ``None`` if they are none."""
    if len(digits) > MOST_DIGITS:
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
