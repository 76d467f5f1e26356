"""Where sentences, list items and rows of a table end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_END = re.compile(
    "(?P<dots>(?<![.!?…])[.!?…]++[\"')\\]”’»]*+(?=\\s))"
    '|(?P<wide>[。！？｡．]++[」』）”’"]*+|[؟۔।॥։።]++(?=\\s))'
    "|(?P<line>\\n(?=[ \\t]{0,12}(?:[-*+•|>#]|\\d{1,3}[.)][ \\t]|```)|[ \\t]{0,12}\\r?\\n))"
)
_WORD = re.compile(r"[\w.&-]{1,12}$")
_NEXT = re.compile(r"\s*+[\"'(\[“‘«¿¡*_`]*+(.)?", re.DOTALL)
_SPACE = re.compile(r"\s*+")
_MOST_GAP = 64
_CHARACTERS_PER_MARK = 48
_SLACK = 1_000 * _CHARACTERS_PER_MARK
"""Beyond it, no more than a mark for so many characters is looked at: 50 MB of ``. `` must end, too."""
_SHORT = frozenset(
    # titles, references, measures: a name or number follows them
    "mr mrs ms dr prof st sr jr hon rev gen col lt sgt capt no nos fig figs eq sec ch vol pp p vs cf ca "
    "approx est dept univ ed eds trans al e.g i.e viz resp incl excl max min tel ext "
    "bzw z.b u.a d.h usw vgl nr abs art bd evtl ggf inkl zzgl s str dipl ing hr fr mme mlle m av bd "
    "p.ex c.-à-d n° sra dña pág núm ej dott sig pag es tzn np jan feb mar apr jun jul aug sep sept oct nov "
    "dec mon tue wed thu fri sat sun a.m p.m".split()
)


@dataclass
class SentenceMarks:
    """How many marks were looked at in a text from ``start`` on, over several stretches of it."""

    start: int
    count: int = 0

    def are_dense(self, at: int) -> bool:
        """Whether there are more up to an offset than any language has."""
        return self.count * _CHARACTERS_PER_MARK > at - self.start + _SLACK


def sentence_ends(
    text: str, start: int, end: int, marks: SentenceMarks | None = None
) -> Iterator[int]:
    """Yield the offsets behind each sentence, the white space after it included; the last is ``end``.

    Where marks are denser than in any language, some are passed over; ``marks`` counts those of the stretches
    before this one.
    """
    place = at = start
    marks = marks or SentenceMarks(start)
    while match := _END.search(text, at, end):
        marks.count += 1
        at = match.end()
        if _ends(text, match, start):
            place = at = _past_space(text, at, end)
            if place < end:
                yield place
        if marks.are_dense(at):
            at = min(end, at + _CHARACTERS_PER_MARK)
    if start < end:
        yield end


def _ends(text: str, match: re.Match[str], start: int) -> bool:
    if match["dots"] is None:
        return True
    following = _NEXT.match(text, match.end(), match.end() + _MOST_GAP)
    after = (following[1] if following else None) or ""
    if after.islower():
        return False
    if match["dots"].rstrip("\"')]”’»") != ".":
        return True
    before = _WORD.search(text[max(start, match.start() - 12) : match.start()])
    word = before[0].lower() if before else ""
    is_initial = len(word) == 1 and word.isalpha() and before is not None and before[0].isupper()
    if word.isdigit():  # "3. Wait" at the start of a line
        piece = text[max(start, match.start() - len(word) - 16) : match.start() - len(word)]
        return bool(piece.rpartition("\n")[2].strip())
    return not (is_initial or word in _SHORT)


def _past_space(text: str, place: int, end: int) -> int:
    space = _SPACE.match(text, place, end)
    return space.end() if space else place
