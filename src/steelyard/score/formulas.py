r"""LaTeX and Unicode in which numbers are written, put into plain characters."""

from __future__ import annotations

import re
import unicodedata

from steelyard.score.number_words import CASED

UNREADABLE = "√"
"""Stands where a formula holds what is no plain number."""

_SPACE = "\u2009"
_SIGNS = {
    r"\times": "×", r"\cdot": "·", r"\div": "÷", r"\pm": "±", r"\mp": "±", r"\infty": "∞", r"\pi": "π",
    r"\overline": UNREADABLE, r"\dot": UNREADABLE, r"\neq": UNREADABLE, r"\ne": UNREADABLE,
    r"\choose": UNREADABLE, r"\lfloor": UNREADABLE, r"\lceil": UNREADABLE, r"\sqrt": UNREADABLE,
    r"\lvert": UNREADABLE, r"\vert": UNREADABLE, r"\lVert": UNREADABLE, r"\binom": UNREADABLE,
    r"\le": "≤", r"\leq": "≤", r"\ge": "≥", r"\geq": "≥", r"\lt": "<", r"\gt": ">",
    r"\approx": "≈", r"\sim": "~", r"\to": "->", r"\rightarrow": "->", r"\Rightarrow": "=>",
    r"\implies": "=>", r"\degree": "°", r"\degrees": "°", r"\circ": "°", r"\left": "", r"\right": "",
    r"\quad": " ", r"\qquad": " ", r"\dots": "…", r"\ldots": "…", r"\displaystyle": " ",
    r"\euro": "€", r"\pounds": "£", r"\big": "", r"\Big": "", r"\bigl": "", r"\bigr": "",
}  # fmt: skip
_CHARACTERS = str.maketrans("‐‑‒–—―﹣－．，：％﹪٪⁄∕／＄＋＝×✕✖⋅∙٫٬", "--------.,:%%%///$+=×××··.,")
_CALCULATION = re.compile(r"<<[^<>\n]{1,200}>>")
"""What a calculator is told in GSM8K's solutions: ``48/2 = <<48/2=24>>24``."""
_STRAY_DASH = re.compile(rf"(?<=[{CASED}])[–—―](?=\d)")
_TEXT = re.compile(
    r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|mathsf|operatorname|mbox|emph|bm)\s*\{([^{}]*)\}"
)
_FRACTION = re.compile(
    r"(?P<before>\d?)\s*\\[dtc]?frac\s*(?:\{([^{}]*)\}\s*\{([^{}]*)\}|(\d)\s*(\d)(?!\d))"
)
_PLAIN = re.compile(r"\s*-?\d+(?:\.\d+)?\s*")
_COMMAND = re.compile(r"\\[a-zA-Z]+")
_DEGREES = re.compile(r"\^\s*(?:\{\s*°\s*\}|°)")
_SUBSCRIPT = re.compile(r"(?<=[^\W\d_])_(?:\{[^{}]*\}|\d)")
_FACTORIAL = re.compile(r"(?<=\d)!(?= ?(?:\\[)\]]|\$(?!\d)| [a-z]))")
"""``$5!$`` and ``5! ways`` are 120; ``It is 5!`` is 5."""
_EXACT_SPACE = re.compile(r"\\[,;: ]")


def unformatted(text: str) -> str:
    """Return ``text`` with LaTeX and look-alike characters as plain ones; what is no number as ``√``."""
    text = _FACTORIAL.sub(UNREADABLE, _CALCULATION.sub("", text.replace("{,}", ",")))
    text = _STRAY_DASH.sub(" ", text).translate(_CHARACTERS)
    if not text.isascii():
        text = "".join(str(unicodedata.decimal(mark, mark)) for mark in text)
    if "\\" not in text:
        return text
    text = text.replace("\\!", "").replace("\\$", "$").replace("\\%", "%")
    text = _EXACT_SPACE.sub(_SPACE, text)
    for mark in (r"\(", r"\)", r"\[", r"\]"):
        text = text.replace(mark, " ")
    text = _TEXT.sub(r" \1 ", text)
    text = _FRACTION.sub(_fraction, text)
    text = _COMMAND.sub(lambda match: _SIGNS.get(match[0], f" {match[0][1:]} "), text)
    text = re.sub(r"\s+\^", "^", _DEGREES.sub("°", text))
    return _SUBSCRIPT.sub("", text)


def _fraction(match: re.Match[str]) -> str:
    top, bottom = match[2] or match[4] or "", match[3] or match[5] or ""
    before = f"{match['before']} " if match["before"] else ""
    if not (_PLAIN.fullmatch(top) and _PLAIN.fullmatch(bottom)):
        return f"{before}{UNREADABLE} "
    return f"{before}{top.strip()}/{bottom.strip()} "
