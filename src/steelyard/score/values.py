r"""The number that a text comes to, read as people and models write numbers, or not at all.

Read are thousands in groups of one mark (``1,234.5``, ``1.234.567``, ``1'234``, ``1 234``, ``1,00,000``), a
decimal comma (``3,50``, ``1 234,5``), ``1.2e5``, ``1.2 × 10^5``, ``10^{6}``, ``5 million``, ``5 lakh``,
fractions (``3/4``, ``1 1/2``, ``½``, ``\frac{3}{4}``), signs and dashes before a number or its currency,
percent, units with exponents (``9.8 m/s^2``) and digits of any script. One comma before three digits groups,
one point is a decimal point: ``1,234`` is 1234 and ``1.234`` is 1.234; with a currency, ``1.200 €``, it is
not sure.

Not read are ranges, bounds (``over 5``), dates, times, ratios, versions, telephone numbers, ordinals, sums
that are not worked out, roots and other formulas, scales that are not sure (``5k``, ``$5 Bn``), ``12²``,
quantities of two parts (``5 ft 3 in``), and infinity.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from steelyard.folding import folded
from steelyard.next_item import next_items
from steelyard.score.asides import without_asides
from steelyard.score.formulas import unformatted
from steelyard.score.last_sentence import is_another_result, is_last_word
from steelyard.score.number_words import NEAR, bound_words
from steelyard.score.written_numbers import WrittenNumber, is_scaled, written_numbers


class Value(NamedTuple):
    """A number as it is written: ``50 %`` is 50 and a percentage."""

    number: Decimal
    is_percent: bool = False


_HASHES = re.compile(r"^[^\S\n]*####[^\S\n]+(?P<value>[^\n]*)$", re.MULTILINE)
_HEADING = re.compile(r"[.):]\s+\S|[):]")
_BETWEEN_BOXES = re.compile(
    r"[\s$\\()\[\]]*(?:[,;]|(?:[,;]\s*)?\b(?:or|and)\b)[\s$\\()\[\]]*(?:[a-z]\w*\s*=\s*)?",
    re.IGNORECASE,
)
"""Between two alternatives: ``\\boxed{2} or \\boxed{5}``."""
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_RESULT = re.compile(r"(?<![<>!])=(?!<)|≈")
_ANNOUNCED = re.compile(
    r"(?:\banswer\b[*_]*\s*(?:is\b)?\s*[:：]|\bthe\s+(?:final\s+|correct\s+)?answer\s+is\b)[*_]*"
    r"(?P<value>(?:[^\n.!?;]|[.!?;](?!\s))*(?:[.!?;](?=\s|$))?)",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"(?:\b(?:not|never|cannot|maybe|perhaps|possibly|if|unless"
    r"|(?:my|a|I|I['’]d|I would) (?:\w+ )?guess)|n['’]t)\b(?:[^,;:=.!?\n]|\.(?=\d))*$",
    re.I,
)
_CANNOT = r"(?:can(?:not| not|['’]t)|could(?: not|n['’]t))"
_REFUSED = re.compile(
    rf"\b(?:unable to|failed to|sorry|{_CANNOT}\s+(?:\w+\s+){{0,2}}"
    r"(?:answer|compute|calculate|determine|solve|verify|confirm|tell|say|help)"
    r"|undefined|not defined|no (?:real |valid |whole )?(?:roots?|solutions?|answers?)|unknown|impossible"
    r"|not enough|insufficient|we need|need to know|missing)\b(?:[^;=.!?\n]|\.(?=\d))*$",
    re.IGNORECASE,
)
_GIVEN_UP = re.compile(
    rf"\b(?:unable to|{_CANNOT}(?:\s+\w+){{0,2}})\s+"
    r"(?:answer|assist|compute|calculate|determined?|solved?|verify|confirm|tell|say|help)\b"
    r"|\b(?:don['’]t|do not) know\b"
    r"|\b(?:not enough|insufficient|(?:need|require) more) (?:information|data|details)\b"
    r"|\bimpossible to\b|\b(?:could|can|would) you (?:please )?(?:clarify|specify|provide)\b",
    re.IGNORECASE,
)
"""What says that there is no answer: a number in a later sentence is none unless it is announced."""
_DOUBTED = re.compile(
    r"[\s*_)\]}$]*\?|\s+(?:is|was|would be)\s+(?:not|wrong|incorrect)\b"
    r"|\s+(?:is|was|would be)\s+(?:\w+\s+)?(?:a|my)\s+(?:\w+\s+)?guess\b"
    r"|\s+(?:sure|certain|confident|confidence|certainty|likely)\b",
    re.IGNORECASE,
)
_CORRECTED = re.compile(
    r"(?:^|[.!?\n])\W*(?:wait|actually|correction|hmm|oops|sorry|scratch that|no(?=[,.:]))\b",
    re.IGNORECASE,
)
_UNWORKED = re.compile(
    r"\b(?:half(?: of)?|twice|thrice|double|triple|(?:third|quarter|fraction|multiple)s? of)\s+\W?$",
    re.IGNORECASE,
)
_IF = (
    r"(?:(?<!out )(?<!see )(?<!check )(?<!know )(?<!determine )(?<!even )"
    r"\b(?:if|unless|assuming|suppos(?:e|ing))\b"
    r"|\b(?:provided|providing|as long as|in case)\s(?:that|he|she|they|it|you|we|I|all|no|the)\b)"
)
_CONDITION = re.compile(rf"{_IF}(?:[^=≈.!?\n]|\.(?=\d))*$", re.IGNORECASE)
_CONDITION_BEHIND = re.compile(rf"(?:[^.!?\n]|\.(?=\d))*?{_IF}", re.IGNORECASE)
_CONCLUDED = re.compile(
    r"\b(?:so|thus|therefore|hence|total)\b(?:[^.!?\n]|\.(?=\d))*=[^\w.!?\n]*$", re.IGNORECASE
)
"""A sentence that works a number out and concludes, so that a condition behind it is the question's own."""
_FACTORIAL = re.compile(r"\d\s?!")
_ALTERNATIVE_LINE = re.compile(
    r"(?<=\S)[.;]?\s+(?=or\b)|(?<=\bor)\s+|(?<=\S)\s+(?=and\s*\n)|(?<=\band)\s+", re.IGNORECASE
)
"""White space, and a full stop, next to an *or* or *and* that joins two lines or sentences."""
_MOST_UNIT_WORDS = 3
_MOST_BOXES = 20
_MOST_READ = 2_000  # characters from the end, where the result stands


_QUOTE_MARK = re.compile(r"^[ \t]*> (?=\S)", re.MULTILINE)
"""Markdown's mark of a quote; any other ``>`` before a number is a bound."""


def final_value(text: str) -> Value | None:
    r"""The number that a text comes to; ``None`` where it has none or one cannot be sure which it is.

    The one inside the last ``\boxed{}``, behind its last ``=``; else that of the first line ``#### n``, as
    in GSM8K's solutions (Cobbe et al., 2021), at most a unit behind it, so that a heading of the
    fourth level is none; else that of the last sentence that announces it (``The answer is 42.``); else the
    only one of the last sentence that has any, or what the others there come to (``3 x 4 = 12``). One
    that is denied, asked about or taken back is none. What a model answers to a next question of its own
    is passed over.
    """
    text = _QUOTE_MARK.sub("", text)
    own = (text[:place] for place in next_items(text))
    text = next((part for part in own if any(map(str.isdigit, part))), text)
    boxes = _boxes(text)
    if boxes:
        return None if boxes[-1] is None or _is_scaled_box(text) else _only(boxes[-1])
    for line in _HASHES.finditer(text):
        if (value := answer_line(line["value"])) is not None:
            return value
    end = _ALTERNATIVE_LINE.sub(" ", text[-_MOST_READ:])
    for line in reversed(list(_ANNOUNCED.finditer(end))):
        said = _plain(line["value"])
        if numbers := _certain(said):
            is_sure = _is_one(numbers, said) and not _CORRECTED.search(end[line.end() :])
            is_sure = is_sure and not _CONDITION.search(end[: line.start()])
            return _value(numbers[-1]) if is_sure else None
    plain = _plain(end)
    numbers = _certain(plain)
    is_cut = len(text) > _MOST_READ and len(numbers) == 1 and numbers[0].start == 0
    if numbers and _GIVEN_UP.search(plain[: numbers[-1].start]):
        return None
    return _value(numbers[-1]) if numbers and not is_cut and is_last_word(numbers, plain) else None


def _plain(text: str) -> str:
    """The text in plain characters, without asides."""
    return without_asides(unformatted(text))


def _certain(plain: str) -> list[WrittenNumber]:
    """The numbers of a text; the last one is unread where it is not certain."""
    numbers = written_numbers(plain)
    if numbers and not _is_certain(plain[: numbers[-1].start], plain[numbers[-1].end :]):
        numbers[-1] = numbers[-1]._replace(number=None)
    return numbers


def _is_certain(before: str, behind: str) -> bool:
    """Whether a number is not denied, asked about, a bound, conditional or not worked out."""
    is_denied = any(
        pattern.search(before) for pattern in (_DENIED, _REFUSED, _UNWORKED, _CONDITION)
    )
    if is_denied or _DOUBTED.match(behind):
        return False
    words = bound_words()
    if words.before.search(folded(before[-NEAR:])) or words.behind.match(behind):
        return False
    if words.denial.search(before) or words.denial_behind.match(behind):
        return False
    return not _CONDITION_BEHIND.match(behind) or _CONCLUDED.search(before) is not None


def _is_one(numbers: Sequence[WrittenNumber], sentence: str) -> bool:
    """Whether a sentence that announces a number has one, or works one out."""
    if len({number.number for number in numbers}) == 1:
        return True
    return _RESULT.search(sentence) is not None and not is_another_result(sentence, numbers[-1])


def answer_line(rest: str) -> Value | None:
    """The number on a line after ``####``, at most a unit behind it; ``None`` for a heading."""
    text = _plain(rest[:_MOST_READ]).strip(" *")
    numbers = _certain(text)
    if len(numbers) != 1 or re.search(r"\w", text[: numbers[0].start]):
        return None
    unit = text[numbers[0].end :]
    if _HEADING.match(unit) or len(unit.split()) > _MOST_UNIT_WORDS:
        return None
    return _value(numbers[0])


def _only(text: str) -> Value | None:
    """The number of a text that has one, behind its last ``=``."""
    plain = _plain(text)
    numbers = written_numbers(plain)
    if not numbers or is_another_result(plain, numbers[-1]):
        return None
    result = _RESULT.split(plain)[-1]
    numbers = _certain(result)
    return _value(numbers[0]) if len(numbers) == 1 and not _FACTORIAL.search(result) else None


def _value(number: WrittenNumber) -> Value | None:
    return None if number.number is None else Value(number.number, number.is_percent)


def _boxes(text: str) -> list[str | None]:
    r"""What stands in each ``\boxed{}``, braces counted; ``None`` for one not closed or one of several."""
    places = list(_BOXED.finditer(text))[-_MOST_BOXES:]
    boxes = [_inside(text, box.end()) for box in places]
    if len(boxes) < 2 or boxes[-2] is None or boxes[-2] == boxes[-1]:
        return boxes
    gap = text[places[-2].end() + len(boxes[-2]) + 1 : places[-1].start()]
    return [None] if _BETWEEN_BOXES.fullmatch(gap) else boxes


def _is_scaled_box(text: str) -> bool:
    r"""Whether a scale stands behind the last box: ``\boxed{5} million``."""
    start = list(_BOXED.finditer(text))[-1].end()
    end = start + len(_inside(text, start) or "") + 1
    return is_scaled(unformatted(text[end : end + NEAR]))


def _inside(text: str, start: int) -> str | None:
    depth = 1
    for place in range(start, min(len(text), start + _MOST_READ)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if not depth:
            return text[start:place]
    return None
