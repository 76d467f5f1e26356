"""Whether a text comes to its last number, as its last sentence says it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from steelyard.score.written_numbers import WrittenNumber

_SENTENCE = re.compile(r"[.!?][\"'”’)\]*_]*\s|[。！？\n]|^[^\w\n(]*\d{1,2}[.)]\s", re.MULTILINE)
_SO = r"\b(?:so|thus|therefore|hence)\b"
_PHRASE = (
    r"\b(?:from|in|for|by|at|on|after|during|over|within|into|among|between)\s+"
    r"(?:(?:the|these|those|all)\s+)?$"
)
_COMES_TO = re.compile(
    r"[=≈]|\b(?:(?<!which )(?:is|are|was|were)\b(?!\s+(?:the|my|an?)\b)(?=[^,;]*$)"
    rf"(?![^,;]*{_PHRASE})|equals?|gives?|makes?"
    r"|yields?|leaves?|leaving|totals|totalling|a total of|adds? up to|comes? to|amounts? to|costs?"
    r"|so|thus|therefore|hence)\b",
    re.IGNORECASE,
)
"""What stands before the number that others come to, in one sentence."""
_IN_ALL = re.compile(
    r"(?:\s+[^\W\d]+){0,3}\s+(?:left|remaining|altogether|in total|in all)\b", re.IGNORECASE
)
"""What stands behind it."""
_SETTING = re.compile(
    r"\W*(?:(?:so|thus|therefore|hence|then|finally)\W+)?(?:in|over|within|during|for|with)\s+"
    r"(?:(?:the|those|these|all|his|her|their|a total of|only|just)\s+)*[^\w\n]*\d[\d,.]*"
    r"(?:\s*,?\s+(?!(?:or|and|but|if|unless|might|may|could|will|than|each|every|per)\b)[^\W\d][\w'’-]*){3,10}"
    r"(?<!\bfor)(?<!\bin)(?<!\bat)(?<!\bby)(?<!\bof)(?<!\bwith)(?<!\bto)(?<!\bfrom)(?<!\bon)(?<!\bafter)"
    r"(?<!\bover)(?<!\bno)[^\w\n]*",
    re.IGNORECASE,
)
"""An opening that says when or for what, and a main clause up to its number: ``In 3 weeks he runs …``."""
_SETTLED = re.compile(
    r"(?!.*\b(?:or|more|less|fewer|each|per|apiece|every|and|but|if|than|most|least)\b)[^\n,;:?]*(?:[.!\n]|$)",
    re.IGNORECASE,
)
"""The rest of such a sentence that says no more of its number."""
_PURPOSE = re.compile(
    r"(?<!has)(?<!have)(?<!had)(?<!needs)(?<!need)(?<!able)(?<!going)(?<!wants)(?<!want)\s+to\s+"
    r"(?!(?:about|only|an?|the|just|exactly|approximately|around|over|be|find)\b)[^\W\d]+\b"
    rf"(?!.*(?:[=≈]|\btotal of\b|{_SO}))",
    re.IGNORECASE,
)
"""What a number is for, ``5 more to make it 12``: the number there is not the result."""
_GIVEN = re.compile(r"\W*(?:since|because|given that|as)\s[^,=≈]*$", re.IGNORECASE)
"""A sentence that has not come to its main clause."""
_REASON = re.compile(
    rf"\D*+\d.*\b(?:because|since|whereas|while|where|of which)\b(?!.*(?:[=≈]|{_SO}))",
    re.IGNORECASE,
)
"""A sentence that has gone on from a number to its reason, or to what is known of it."""
_WORKED_REASON = re.compile(rf"[^\d\n]*\d.*\bbecause\b(?=.*[=≈])(?!.*{_SO})", re.IGNORECASE)
"""A sentence that works out, behind its number, why it is that."""
_ANOTHER_NAME = re.compile(
    r"\s*(?:[,;]|and\b|or\b)[\s$]*(?:(?:and|or)\s+)?[a-z]\w*\s*=\s*\W?$", re.IGNORECASE
)
"""Between two results: ``x = 5 and y = 7``, ``x = 2 or x = 5``."""
_TOTALLED = re.compile(
    r"\b(?:total|result|sum)\b[*_]*\s*(?:is\b|[:=])|^[^\w\n]*\d(?:[\d.,]*\d)?[^\w\n.)]*$",
    re.IGNORECASE | re.MULTILINE,
)
"""May announce the answer, or a step to it; so may a number alone on its line."""
_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
_EARLIER_RESULT = re.compile(
    r"[=≈][^\w\n=≈]{0,6}(?P<digits>\d+(?:[.,]\d+)*)(?!\w|[.,]\d|\s*[-−+*/×÷^(x])"
)
_TWO_NAMES = re.compile(
    r"\b(?:is|are|was|were)\s[^\w\n]{0,6}\d[\d.,]*(?:\s[^\W\d]+){0,4}\s*(?:[,;]|\b(?:and|or)\b)\s"
    r"(?:and\s|or\s)?(?:[^\W\d][\w'’]*\s){1,4}(?:is|are|was|were)\s[^\w\n]{0,6}$",
    re.IGNORECASE,
)
"""Before the second of two: ``he is 5 and his sister is``."""
_IN_WORDS = re.compile(
    r"[.!?\n]\s.*\b(?:so|thus|therefore|hence|answer|total)\b[^.!?\n]*\b(?:two|three|four|five|six|seven|eight|nine"
    r"|ten|eleven|twelve|\w+teen|\w+ty|hundred|thousand)\b",
    re.IGNORECASE,
)
"""Behind the last number in digits: a conclusion in words."""
_NEXT = re.compile(r"\band\b|[,;&](?!\d)", re.IGNORECASE)
_CONCLUDES = re.compile(
    rf"{_SO}|\b(?:then|answer|result|sum|difference|total(?:s|ling)?|in all|altogether|leav(?:es|ing))\b",
    re.IGNORECASE,
)


_STEPS = re.compile(r"^[^\w\n]*(?:step\s*)?\d{1,2}[.):](?=\s)", re.IGNORECASE | re.MULTILINE)
"""A numbered step: the last one is the result."""
_IN_TOTAL = re.compile(r"\b(?:in total|in all|altogether)\b", re.IGNORECASE)


def is_last_word(numbers: Sequence[WrittenNumber], text: str) -> bool:
    """Whether a text that announces no number comes to its last one."""
    last = numbers[-1]
    others = [number for number in numbers if number.number != last.number]
    start = max((stop.end() for stop in _SENTENCE.finditer(text, 0, last.start)), default=0)
    if _GIVEN.match(text[start : last.start]) or _IN_WORDS.search(text, last.end):
        return False
    if others and others[-1].start >= start:
        if _is_settled(text, start, last):
            return True
        is_purpose = others[-1] is numbers[-2] and _PURPOSE.search(text, others[-1].end, last.start)
        if is_purpose or _is_beside(text, start, last):
            return False
        start = others[-1].end
        if _ANOTHER_NAME.match(text, start, last.start):
            return False
    elif not others or _STEPS.search(text) or _IN_TOTAL.search(text, start, last.start):
        return True  # of several sentences with numbers the last must say that it comes to its own
    marks = _COMES_TO.search(text, start, last.start) or _IN_ALL.match(text, last.end)
    return marks is not None


def is_another_result(text: str, last: WrittenNumber, start: int = 0) -> bool:
    """Whether ``last`` is one of two results behind ``start``: ``3 + 4 = 7 or 3 + 5 = 8``.

    A result that is worked out with the one before it is the last of a chain.
    """
    names = _TWO_NAMES.search(text, start, last.start)
    if names and not _CONCLUDES.search(names[0]):
        return True
    earlier = list(_EARLIER_RESULT.finditer(text, start, last.start))
    if not earlier or text.startswith(earlier[-1]["digits"], last.start):
        return False
    between = text[earlier[-1].end() : last.start]
    if re.search(r"\bor\b", between, re.IGNORECASE):
        return True
    is_used = _is_among(earlier[-1]["digits"], between)
    return bool(_NEXT.search(between)) and not is_used and not _CONCLUDES.search(between)


def _is_settled(text: str, start: int, last: WrittenNumber) -> bool:
    """Whether the other number only says when or for what: ``In 3 weeks he runs 540 meters``."""
    sentence = text[start : last.start]
    is_setting = _SETTING.fullmatch(sentence) and len(_DIGITS.findall(sentence)) == 1
    return bool(is_setting and _SETTLED.match(text, last.end))


def _is_beside(text: str, start: int, last: WrittenNumber) -> bool:
    """Whether it belongs to a reason or is a result next to another."""
    sentence = text[start : last.start]
    if _REASON.match(sentence) or is_another_result(text, last, start):
        return True
    because = _WORKED_REASON.match(sentence)
    return because is not None and not _is_among(text[last.start : last.end], because[0])


def _is_among(written: str, text: str) -> bool:
    """Whether a text has a number that is written so."""
    digits = _DIGITS.match(written)
    return digits is not None and digits[0] in _DIGITS.findall(text)
