"""Phone numbers among other numbers, and the regions whose national forms a text may hold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from steelyard import extras
from steelyard.errors import MissingExtraError
from steelyard.languages import identifier
from steelyard.private.rules import is_labelled, is_near, rule_book

_RUN = re.compile(
    r"(?<![\w@$€£/+])(?<!\d[.,:-])[+(]{0,2}\d(?:[\d \u00a0\u202f()./-]{5,46})\d(?![\w@])"
)
_GROUP = re.compile(r"\d+")
_OTHER = re.compile(
    r"(?<![\d./-])(?:(?:19|20)\d\d([-/.])\d{1,2}\1\d{1,2}|\d{1,2}([-/.])\d{1,2}\2(?:(?:19|20)\d\d|\d\d)"
    r"|(?:19|20)\d\d ?[-/] ?(?:19|20)\d\d|\d{1,3}(?:\.\d{1,3}){3}|(?:97[89][ -]?)?\d(?:-\d+){2}-[\dX])"
    r"(?![./-]?\d)"
)
"""Dates, spans of years, IP addresses and book numbers."""

_SUM = re.compile(r"\s?[=*×÷<>]")
_BEFORE_SUM = re.compile(r"[=*×÷<>]\s?$")
_UNEVEN = re.compile(r"\d(?: ?[/] ?| - | -|- |[. -]{3,}| \.)\(?\d")
"""Separators of sums, ranges and alternatives: not a number unless words announce it."""

_AFTER = re.compile(
    r"\s?(?:[€$£%]|(?:eur|usd|gbp|euros?|dollars?|pounds?|km|kg|mb|gb|ms|units?)\b)", re.I
)
_JOINTS = (".", "-")
"""What joins groups: no number begins or ends there."""

_FEWEST, _MOST = 8, 15
_MOST_GROUPS = 7
_FEWEST_IN_GROUPS = 9
_FEWEST_IN_A_RUN = 10
"""Digits in one run, or of no known grouping, that with words near them count as a phone number."""
_IN_A_RUN_FROM_ZERO = (10, 11)
"""Digits of a number in one run with its leading zero, where a region has such numbers."""


_TEXTS, _AT_ONCE = 200, 20
_LEAST_SHARE = 0.2
"""Texts whose language is identified, in batches; and the share of the batches that counts."""


class Phone(NamedTuple):
    """Where a phone number is, how certain it is (1 to 3), and its E.164 form or its digits."""

    start: int
    end: int
    strength: int
    key: str


class _Reading(NamedTuple):
    """A number as a region reads it: E.164, whether it can be assigned, and its usual groupings."""

    key: str
    is_valid: bool
    groupings: tuple[tuple[str, ...], ...]


def missing_library() -> str | None:
    """Why only numbers that begin with + are found, or ``None`` where all can be."""
    try:
        extras.require("phonenumbers", "data")
    except MissingExtraError as error:
        return f"{error}; without it only phone numbers that begin with + are found"
    return None


def regions_of(texts: Iterable[str]) -> tuple[str, ...]:
    """The usual regions, and those of the languages that the first 200 texts are written in.

    Languages are identified over 20 texts at a time, because short ones are ambiguous. Without
    py3langid (extra ``data``) only the usual regions are returned.
    """
    rules = rule_book().phone
    sample = [text[:400] for text in islice(texts, _TEXTS)]
    try:
        languages_of = identifier()
    except MissingExtraError:
        return rules.regions
    batches = ["\n".join(sample[at : at + _AT_ONCE]) for at in range(0, len(sample), _AT_ONCE)]
    counts = Counter(languages_of.classify(batch)[0] for batch in batches)
    languages = [
        name for name, count in counts.most_common() if count >= _LEAST_SHARE * len(batches)
    ]
    more = [region for name in languages for region in rules.by_language.get(name, ())]
    return tuple(dict.fromkeys([*more, *rules.regions]))


def find_phones(text: str, regions: Sequence[str]) -> Iterator[Phone]:
    """Yield the phone numbers of ``text``, from left to right; ``regions`` say whose forms count."""
    if not _RUN.search(text):
        return
    plain = _OTHER.sub(lambda match: "x" * len(match[0]), text)
    for run in _RUN.finditer(plain):
        is_sum = _SUM.match(text, run.end()) or _BEFORE_SUM.search(
            text[max(0, run.start() - 2) : run.start()]
        )
        is_other = run[0][0] != "+" and is_labelled(rule_book().phone.labels, text, run.start())
        if not is_sum and not is_other and not _AFTER.match(text, run.end()):
            yield from _in_run(text, run.start(), run[0], tuple(regions))


def _in_run(text: str, offset: int, run: str, regions: tuple[str, ...]) -> Iterator[Phone]:
    """Cut a run of digit groups into numbers: from the left, the longest that is one."""
    groups = list(_GROUP.finditer(run))
    starts = [_begin(run, group.start()) for group in groups]
    first = 0
    while first < len(groups):
        for last in range(min(len(groups), first + _MOST_GROUPS) - 1, first - 1, -1):
            start, end = starts[first], groups[last].end()
            if end - start < _FEWEST:
                break
            if run[start - 1 : start] in _JOINTS or run[end : end + 1] in _JOINTS:
                continue
            phone = _judge(text, offset + start, offset + end, regions)
            if phone is not None:
                yield phone
                first = last
                break
        first += 1


def _begin(run: str, start: int) -> int:
    """Include the plus and the parenthesis before the first digit."""
    while start and run[start - 1] in "+(":
        start -= 1
    return start


def _judge(text: str, start: int, end: int, regions: tuple[str, ...]) -> Phone | None:
    value = text[start:end]
    groups = tuple(_GROUP.findall(value))
    digits = "".join(groups)
    if not _FEWEST <= len(digits) <= _MOST + 2 * digits.startswith("00") or len(set(digits)) < 3:
        return None
    rules = rule_book().phone
    if value.lstrip("(").startswith("+"):
        reading = _abroad(digits)
        return Phone(start, end, 3 if reading.is_valid else 2, reading.key) if reading else None
    if is_labelled(rules.labels, text, start) or missing_library() is not None:
        return None
    if digits.startswith("00") and (reading := _abroad(digits[2:])) and reading.is_valid:
        return Phone(start, end, 3, reading.key)
    return _at_home(text, start, end, groups, regions)


def _at_home(
    text: str, start: int, end: int, groups: tuple[str, ...], regions: tuple[str, ...]
) -> Phone | None:
    """A number without its country: by its grouping, by its leading zero, or by words near it."""
    digits = "".join(groups)
    zero = digits[0] == "0"
    is_long = len(digits) >= _FEWEST_IN_A_RUN - zero
    is_announced = is_long and is_near(rule_book().phone.context, text, start, end)
    is_run_from_zero = (
        len(groups) == 1 and zero and digits[1] != "0" and len(digits) in _IN_A_RUN_FROM_ZERO
    )
    if len(groups) == 1 and not (is_announced or is_run_from_zero):
        return None
    readings = [reading for region in regions if (reading := _read(digits, region))]
    real = [reading for reading in readings if reading.is_valid]
    is_even = len(groups) > 1 and len(digits) >= _FEWEST_IN_GROUPS and _is_even(text[start:end])
    for reading in real:
        if is_even and groups in reading.groupings:
            return Phone(start, end, 2, reading.key)
    if real and (is_announced or is_run_from_zero or (is_even and is_long and zero)):
        return Phone(start, end, 1, real[0].key)
    if is_announced and zero and readings:
        return Phone(start, end, 1, readings[0].key)
    abroad = _abroad(digits) if is_announced and not zero else None
    return Phone(start, end, 1, abroad.key) if abroad is not None and abroad.is_valid else None


def _is_even(value: str) -> bool:
    """Whether ``value`` is separated as numbers are: by one sign, apart from spaces."""
    return _UNEVEN.search(value) is None and len(set(value) & {".", "-", "/"}) < 2


def _abroad(digits: str) -> _Reading | None:
    """Read a number with its country; without the library by E.164's lengths alone."""
    if missing_library() is None:
        return _read("+" + digits, None)
    plausible = 9 <= len(digits) <= _MOST and digits[0] != "0"
    return _Reading("+" + digits, False, ()) if plausible else None


@lru_cache(maxsize=65536)
def _read(digits: str, region: str | None) -> _Reading | None:
    """What the library makes of ``digits``; ``None`` where no such number can be."""
    library: Any = extras.require("phonenumbers", "data")
    try:
        number = library.parse(digits, region)
    except library.NumberParseException:
        return None
    if not library.is_possible_number(number):
        return None
    form = library.PhoneNumberFormat
    national = library.format_number(number, form.NATIONAL)
    abroad = library.format_number(number, form.INTERNATIONAL)
    return _Reading(
        key=library.format_number(number, form.E164),
        is_valid=library.is_valid_number(number),
        groupings=(
            tuple(_GROUP.findall(national)),
            tuple(_GROUP.findall(abroad))[1:],
            tuple(_GROUP.findall(abroad)),
        ),
    )
