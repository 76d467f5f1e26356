"""Escapes of terminals in a text: what they conceal there, and what a terminal takes for a command.

After ECMA-48 (control sequences, SGR 8 and 28) and xterm's colours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from steelyard.retrieve.documents.invisible import Mark

CONCEALED = "terminal_escape"
ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)(?P<parameters>[0-9;:<=>?]{0,200})[ -/]{0,20}(?P<final>[@-~])"
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])(?P<string>[^\x00-\x08\x0b\x0c\x0e-\x1f\x80-\x9f]{0,100000})(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]{0,20}[0-~]"
)
_BRIGHT = {90: 30, 100: 40}
_NAMED = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")


class _Pen(NamedTuple):
    """How a terminal writes: ``ink`` and ``ground`` are colours, empty where they are its own."""

    is_concealed: bool = False
    ink: str = ""
    ground: str = ""

    @property
    def hides(self) -> bool:
        return self.is_concealed or (self.ink != "" and self.ink == self.ground)


def terminal_marks(text: str) -> Iterator[Mark]:
    """The escapes of a text, and with a kind of their own the stretches that a terminal does not show."""
    pen, begin = _Pen(), 0
    for match in ESCAPE.finditer(text):
        if pen.hides and match.start() > begin:
            yield Mark(begin, match.start(), CONCEALED)
        is_link = (match["string"] or "").startswith("8;")
        is_text = match["string"] and not is_link
        yield Mark(match.start(), match.end(), CONCEALED if is_text else "")
        if match["final"] == "m":
            pen = _after(pen, match["parameters"])
        begin = match.end()
    if pen.hides and begin < len(text):
        yield Mark(begin, len(text), CONCEALED)


def _after(pen: _Pen, parameters: str) -> _Pen:
    """The pen behind a sequence that selects how to write (SGR)."""
    codes = [int(part) if part.isdigit() else 0 for part in re.split("[;:]", parameters)]
    at = 0
    while at < len(codes):
        code = codes[at]
        if code in {38, 48}:
            size = {5: 3, 2: 5}.get(codes[at + 1] if at + 1 < len(codes) else 0, 2)
            color = _color(codes[at + 1 : at + size])
            pen = pen._replace(ink=color) if code == 38 else pen._replace(ground=color)
            at += size
            continue
        pen = _stepped(pen, code)
        at += 1
    return pen


def _stepped(pen: _Pen, code: int) -> _Pen:
    if code == 0:
        return _Pen()
    if code in {8, 28}:
        return pen._replace(is_concealed=code == 8)
    if code in {39, 49}:
        return pen._replace(ink="") if code == 39 else pen._replace(ground="")
    for base, first in (
        *((first, first) for first in (30, 40)),
        *((b, f) for b, f in _BRIGHT.items()),
    ):
        if base <= code < base + 8:
            color = f"{'bright ' if base >= 90 else ''}{_NAMED[code - base]}"
            return pen._replace(ink=color) if first == 30 else pen._replace(ground=color)
    return pen


def _color(codes: Sequence[int]) -> str:
    """A colour of 256, by its name where it is one of the first 16, or by its parts."""
    if len(codes) == 2 and codes[1] < 16:
        return f"{'bright ' if codes[1] > 7 else ''}{_NAMED[codes[1] % 8]}"
    return " ".join(map(str, codes))
