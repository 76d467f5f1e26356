"""What is said of a number behind it: where it is from, how it comes about, how it is rounded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal, localcontext
from math import prod

from steelyard.score.written_numbers import written_numbers

_BRACKET = re.compile(r"[ \t]?(?:\((?P<round>[^()\n]{1,200})\)|\[(?P<square>[^\[\]\n]{1,200})\])")
_PLACES = (
    r"(?:p|pp|page|pages|tab|table|fig|figure|sec|section|eq|equation|line|lines|row|chapter|step)"
)
_SOURCE = re.compile(
    rf"\W*(?:sources?\s*:.*|(?:(?:see|cf)\b\W*)?(?:also\s+)?(?:the\s+)?{_PLACES}\b\.?\s*\d[\d.]*(?:\s*[-,&]\s*\d+)*\W*)",
    re.IGNORECASE,
)
_ROUNDED = re.compile(
    r",?[ \t]?\(?\b(?:when\s+|if\s+)?rounded\s+(?:up\s+|down\s+|off\s+)?to\s+"
    r"(?:\d{1,2}\s+(?:decimal|significant|digit)\w*(?:\s+(?:places?|figures?|digits?))?"
    r"|the\s+nearest\s+[^\w\n]?[\d,.]*\d)\)?",
    re.IGNORECASE,
)
_PART = re.compile(r"(?<![\w.,:^-])(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?(?![\w:%^]|[.,-]\d)")
_OTHER = re.compile(r"\b(?:or|not|to|vs|versus|instead|else|otherwise|rather)\b", re.IGNORECASE)
_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
_OF_KNOWN = re.compile(
    r"[^\S\n]+(?:of|(?:at the end of|for|in|over|during|from)[^\S\n]+(?P<article>the|all|those|these))"
    r"[^\S\n]+"
    r"(?P<number>\d+)(?P<unit>(?:[^\S\n]+[^\W\d]+){0,4})(?=[^\w\n]*(?:[.!]\s\D*)?\Z)",
    re.IGNORECASE,
)
_WORKED = re.compile(
    r"=[^\w\n=<>]{0,4}\d[\d,.]*(?:[^\S\n]+(?!(?:at|each|or|and|but)\b)[^\W\d]+){0,6}\Z", re.I
)
_TO_DO = re.compile(
    r"[%/]|\b(?:multipl\w+|divid\w+|add\w*|subtract\w*|times|twice|percent|half|out|each|per|every|or|not|if|than"
    r"|step|day)\b",
    re.IGNORECASE,
)
"""The line does not say what its number comes to."""
_BY_PIECE = re.compile(r"\b(?:each|per|every|apiece|at|or|and|but)\b", re.IGNORECASE)
_MOST_BRACKETS = 6


def without_asides(plain: str) -> str:
    """Return ``plain``, a text that `unformatted` has gone over, without such asides.

    Those are brackets that name a source (``500 (source: p. 14)``) or come to the number before them (``18 (9
    eggs at $2 each)``), and to how many places it is rounded. What could be another number stays.
    """
    if not any(map(str.isdigit, plain)):
        return plain
    plain = _without_known(_ROUNDED.sub("", plain))
    for bracket in reversed(list(_BRACKET.finditer(plain))[-_MOST_BRACKETS:]):
        before, inside = plain[: bracket.start()], bracket["round"] or bracket["square"]
        if any(map(str.isdigit, before)) and (
            _SOURCE.fullmatch(inside) or _comes_to(before, inside)
        ):
            plain = before + plain[bracket.end() :]
    return plain


def _without_known(plain: str) -> str:
    """Without what a last line says of something known: ``42 euros for the 6 shirts``.

    It is known where the line has worked with it, or, with an article, next to the only other number.
    """
    match = _OF_KNOWN.search(plain)
    if match is None or _BY_PIECE.search(match["unit"]):
        return plain
    line = plain[plain.rfind("\n", 0, match.start()) + 1 : match.start()]
    worked = _WORKED.search(line)
    if worked is None:
        is_known = match["article"] and len(_DIGITS.findall(line)) == 1 and not _TO_DO.search(line)
    else:
        is_known = match["number"] in _DIGITS.findall(line[: worked.start()])
    return plain[: match.start()] + plain[match.end("unit") :] if is_known else plain


def _comes_to(before: str, inside: str) -> bool:
    """Whether the sum, product, difference or quotient of a bracket's numbers is the number before it."""
    numbers = [Decimal(part[0].replace(",", "")) for part in _PART.finditer(inside)]
    is_whole = len(numbers) == len(re.findall(r"\d+(?:[.,]\d+)*", inside))
    if len(numbers) < 2 or not is_whole or _OTHER.search(inside):
        return False
    last = written_numbers(before)[-1:]
    is_next = bool(last) and re.search(r"[.!?]\s|[,;:\n]", before[last[0].end :]) is None
    return is_next and last[0].number in _results(numbers)


def _results(numbers: Sequence[Decimal]) -> list[Decimal]:
    first, rest = numbers[0], numbers[1:]
    with localcontext() as context:
        context.prec = 60
        results = [
            sum(numbers, Decimal(0)),
            prod(numbers, start=Decimal(1)),
            first - sum(rest, Decimal(0)),
        ]
        return [*results, first / prod(rest, start=Decimal(1))] if all(rest) else results
