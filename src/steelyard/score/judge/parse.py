"""From what a judge wrote to one of the words it may answer with."""

from __future__ import annotations

import re
from collections.abc import Sequence

_TRIM = " \t\r\n.,:;!?\"'`*()[]{}#“”‘’"
_TAG = r"(?:verdict|answer|winner|choice|judge?ment|decision|mark|score|rating|grade|label)"
_LETTER = r"(?P<said>[AB]|[Tt][Ii][Ee]|[Dd]raw)"
_NUMBER = r"(?P<said>\d+)(?![\d]|[.,]\d)"
_LEAD = r"[\s\"'`*:=()\[\]{}#-]*"
_NOUN = r"(?:(?i:an?|the|reply|response|answer|option|assistant)\s+){0,3}"
_COMPARE = (
    re.compile(rf"\[\[\s*{_LETTER}\s*\]\]"),
    re.compile(rf"(?i:{_TAG})(?:\s+(?i:is|goes to))?{_LEAD}{_NOUN}{_LEAD}{_LETTER}\b"),
    re.compile(
        rf"(?i:reply|response|option|assistant)\s+{_LETTER}\s+(?i:is\b.{{0,20}}\bbetter|wins)"
    ),
    re.compile(r"(?i:it is|it's|call it|this is)\s+a\s+(?P<said>(?i:tie|draw))\b"),
)
_RATE = (
    re.compile(rf"\[\[\s*{_NUMBER}\s*\]\]"),
    re.compile(rf"(?i:{_TAG})(?:\s+(?i:is|of))?{_LEAD}(?i:an?\s+)?{_LEAD}{_NUMBER}"),
    re.compile(rf"\b{_NUMBER}\s*(?:/|out of)\s*\d+"),
)
_SHORT_WORDS = 4


def read_judgement(text: str, choices: Sequence[str]) -> str | None:
    """Return the one of ``choices`` that ``text`` ends on; ``None`` where it does not say.

    ``choices`` are A, B and TIE, or whole numbers. The text is one of them but for case and
    punctuation; or it says so behind a word such as *verdict*, the last one counting; or its last
    line is short and names exactly one. A guess is worth less than asking once more.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return None
    for candidate in (text, lines[-1]):
        if (bare := _known(candidate.strip(_TRIM), choices)) is not None:
            return bare
    for pattern in _RATE if choices[0].isdigit() else _COMPARE:
        said = [match["said"] for match in pattern.finditer(text)]
        if said:
            return _known(said[-1], choices)
    return _known(lines[0].strip(_TRIM), choices) or _named_in(lines[-1], choices)


def _known(word: str, choices: Sequence[str]) -> str | None:
    folded = "TIE" if word.casefold() == "draw" else word.upper()
    return folded if folded in choices else None


def _named_in(line: str, choices: Sequence[str]) -> str | None:
    """The only choice that a short line names as a word: a lone ``a`` is an article."""
    words = [word.strip(_TRIM) for word in line.split()]
    if len(words) > _SHORT_WORDS:
        return None
    named = {known for word in words if word != "a" and (known := _known(word, choices))}
    opens_with_article = len(words) > 1 and words[0] == "A" and named == {"A"}
    return named.pop() if len(named) == 1 and not opens_with_article else None
