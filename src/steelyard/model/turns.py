"""What a server leaves of a chat template around an answer: the marks of turns, taken off."""

from __future__ import annotations

import re
from functools import cache
from itertools import islice
from typing import NamedTuple

from steelyard.packaged import packaged

_SIGNS = ("<", "[")
"""Without one of these there is no mark in a text."""
_LONGEST_MARK = 80
_MOST_TRIED = 50
_FENCE = re.compile(r"^[^\S\n]*(?:```|~~~)", re.MULTILINE)
_QUOTING = re.compile(r"[^\S\n]$|[^\w\s.!?}\])>。！？]$")
"""What stands before a mark that a sentence only names."""
_CONTROL = re.compile(r"<[|｜][^<>|｜\s]{1,40}[|｜]>|<\|[a-z_]{1,20}>|<[a-z_]{1,20}\|>")


class _TurnMarks(NamedTuple):
    """The patterns of ``turns`` in ``data/thoughts.yaml``."""

    own: re.Pattern[str]
    others: re.Pattern[str]
    end: re.Pattern[str]
    box: re.Pattern[str]


def bare_answer(text: str) -> str:
    """Return the answer without the marks of its turn, and without a turn of another that follows.

    Marks inside a code fence stay. So does ``</s>`` where the text is HTML that opens it.
    """
    if not any(sign in text for sign in _SIGNS):
        return text
    marks = _turn_marks()
    answer = marks.box.sub("", text)
    if own := marks.own.match(answer.lstrip()):
        answer = answer.lstrip()[own.end() :].lstrip()
    answer = _without_ends(_own_turn(answer, marks), marks)
    return text if answer == text else answer.strip()


def control_tokens(text: str) -> list[str]:
    """The marks in a text that look like a model's control tokens."""
    return _CONTROL.findall(text)


def _own_turn(text: str, marks: _TurnMarks) -> str:
    """The text before another's turn begins: on a line of its own, or glued to the answer.

    What is quoted, or stands in a code fence, begins none.
    """
    if not text.strip():
        return text
    first = len(text) - len(text.lstrip())
    for other in islice(marks.others.finditer(text, first + 1), _MOST_TRIED):
        near = text[max(0, other.start() - _LONGEST_MARK) : other.start()]
        line = text.rfind("\n", 0, other.start()) + 1
        is_in_string = text.count('"', line, other.start()) % 2 == 1
        is_quoted = is_in_string or (
            _QUOTING.search(near) is not None and not marks.end.search(near.rstrip())
        )
        if not is_quoted and not _is_in_fence(text[: other.start()]):
            return text[: other.start()]
    return text


def _without_ends(text: str, marks: _TurnMarks) -> str:
    if _is_in_fence(text):
        return text
    is_html, stop = 0 <= text.find("<s>") < text.find("</s>"), _stop(text, len(text))
    while end := marks.end.match(text, _last_sign(text, stop), stop):
        if is_html and end[0].lower() in ("<s>", "</s>"):
            break
        stop = _stop(text, end.start())
    return text[:stop]


def _last_sign(text: str, stop: int) -> int:
    """Where the last mark before ``stop`` may begin."""
    near = max(0, stop - _LONGEST_MARK)
    return max(near, *(text.rfind(sign, near, stop) for sign in _SIGNS))


def _stop(text: str, stop: int) -> int:
    """Where a text ends before ``stop`` but for white space."""
    while stop and text[stop - 1].isspace():
        stop -= 1
    return stop


def _is_in_fence(before: str) -> bool:
    return len(_FENCE.findall(before)) % 2 == 1


@cache
def _turn_marks() -> _TurnMarks:
    turns = packaged("model/data/thoughts.yaml")["turns"]
    own, others, ends, boxes = (
        "|".join(turns[name]) for name in ("own", "others", "ends", "boxes")
    )
    return _TurnMarks(
        *(re.compile(source, re.IGNORECASE) for source in (own, others, rf"(?:{ends})\Z", boxes))
    )
