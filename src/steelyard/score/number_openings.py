"""What stands before a number: its sign and currency, or what makes it no number of its own."""

from __future__ import annotations

import re
from typing import NamedTuple

from steelyard.folding import folded
from steelyard.score.number_words import CASED, words_by_numbers

_TERM = re.compile(r"[\w)\]}%°²³!']$")
_CASED_OR_DIGIT = re.compile(rf"[{CASED}\d)\]}}°²³]$")
_TIGHT = re.compile(rf"[{CASED}@&\\^/×÷·√π∞°%)\]}}±≤≥_²³]$")
_VARIABLE = re.compile(r"(?:^|[^\w])[a-z]\s+$", re.IGNORECASE)
_TAG_OR_ARROW = re.compile(r"<[^<>\n]{1,40}>$|[-=]>$")
_RATIO = re.compile(r"(?:^|\n)\W*\d+\s:$")
_RANGE = re.compile(r"\d\s?[~〜～]\s?$")
_COMPARED = re.compile(r"(?<![-=])[<>!]=$|=<$|[≠⩽⩾≦≧]$")
_POWER = re.compile(r"[\^_]\s?[{(]\s?$")
_TIMES = re.compile(r"\d\s?[xX]\s?$")
_MINUS_AFTER = ("=", "(", "≈", "{", "[")


class NumberOpening(NamedTuple):
    """``marks`` are brackets, quotes and currencies right before a number, ``sign`` 1 or -1.

    ``sign`` is ``None`` where the number is not one of its own: in a range, a sum, a name.
    """

    marks: str
    sign: int | None
    is_footnote: bool

    @property
    def is_currency(self) -> bool:
        return words_by_numbers().money.search(self.marks) is not None

    @property
    def is_bracketed(self) -> bool:
        return self.marks.endswith("[")


def opening_of(before: str) -> NumberOpening:
    """Read the text before a number, from its end."""
    words = words_by_numbers()
    wrap = words.wrap.search(before)
    marks = wrap[0] if wrap else ""
    head = before[: len(before) - len(marks)]
    is_footnote = marks.endswith("[") and bool(re.search(r"[\w.)%\"'!?,;:]$", head))
    is_own = _fits(head, marks) and not words.call.search(before)
    is_own = is_own and not words.scaled_before.search(folded(before))
    return NumberOpening(marks, _sign(head) if is_own else None, is_footnote)


def _fits(head: str, marks: str) -> bool:
    """Whether brackets, stars and quotes before a number only wrap it."""
    if words_by_numbers().name.search(head + marks) or _TIMES.search(head):
        return False
    if "{" in marks and head.endswith(("^", "_")):
        return False
    if "*" in marks and re.search(r"[\d)\]}]\s*$", head):
        return False
    return not (set(marks) & set("([{") and _CASED_OR_DIGIT.search(head))


def _sign(head: str) -> int | None:
    """1 or -1; ``None`` where the number is a part of a range, a sum or another expression."""
    if _RANGE.search(head) or _COMPARED.search(head.rstrip()):
        return None
    if head.endswith(("-", "+", "−")):
        return _tight_sign(head[:-1], head[-1])
    bare = head.rstrip()
    if head == bare:
        if not head.endswith((">", "<")):
            return None if _TIGHT.search(head) else 1
    elif bare.endswith("-") and not bare.endswith("--"):
        return -1 if bare[:-1].rstrip().endswith(_MINUS_AFTER) else None
    elif bare.endswith("−"):
        return None if _TERM.search(bare[:-1].rstrip()) else -1
    if _RATIO.search(bare):
        return None
    if bare.endswith((">", "<")):
        return 1 if _TAG_OR_ARROW.search(bare) else None
    if bare.endswith(("*", "·")):
        left = bare.rstrip("*·")
        is_sum = left != left.rstrip() and left.strip() and "\n" not in left[len(left.rstrip()) :]
        return None if is_sum and _TERM.search(left.rstrip()) else 1
    return None if bare.endswith(tuple("+×÷^/±≤≥√%")) else 1


def _tight_sign(left: str, sign: str) -> int | None:
    """The sign that stands right before a number, given what is left of it."""
    if re.search(rf"(?:[{CASED}\d)\]}}%°²³+\-/×÷·^−±]|[{CASED}\d)\]}}]\s*\*+)$", left):
        return None
    if _POWER.search(left):
        return None
    if left != left.rstrip(" ") and re.search(r"[\d)\]}%]$", left.rstrip(" ")):
        return None
    if _VARIABLE.search(left):
        return None
    return 1 if sign == "+" else -1
