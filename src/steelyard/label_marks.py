"""Markup and punctuation around labels: taken off, layer after layer, and text cut into sentences."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from steelyard.folding import folded, plain

LONGEST_LINE = 600
"""Characters; a longer line gives no label."""

_MOST_LINES = 24  # at either end of a text
_PAIRS = {"(": ")", "[": "]", "{": "}", "<": ">", '"': '"', "'": "'", "`": "`", "*": "*", "_": "_"}
_PAIRS |= {"「": "」", "『": "』", "【": "】", "《": "》", "$": "$"}
_FINAL = ".,;:!…。、،؛।॥"
_MARKS = _FINAL + "?؟"
_BULLET = re.compile(r"(?:#{1,6}|[>•*+]|-(?!\s*\d)|\d{1,2}[.)](?!\s*\d))\s+")
_EMPHASIS = re.compile(
    r"\*\*([^*]+)\*\*|__([^_]+)__|`([^`]+)`|\$?\\boxed\s*\{(?:\\text\s*\{)?([^{}]*)\}{1,2}\$?"
)
_LATEX = re.compile(r"\\(?:boxed|text|textbf|mathrm)\s*\{(?P<inside>.*)\}")
_TAGS = re.compile(
    r"<(?P<tag>(?:final[_-]?)?(?:label|answer|category|class|classification|intent|queue|result|output|prediction"
    r"|response|sentiment)|b|strong|em|i|u|code|p|span|pre|mark|li|td|h[1-6])>(?P<inside>.*)</(?P=tag)>",
    re.IGNORECASE,
)
_FORMULA = re.compile(r"\\[()\[\]]|\\(?:text|textbf|textit|mathrm|mathbf)\s*\{(?P<inside>[^{}]*)\}")
_ARROW = re.compile(r"(?:-+|=+)>\s*")
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
)
_DENYING = frozenset("❌✗✘❎✕✖👎🚫⛔🙅☒🛑🤔🤷❓❔⚠")
"""Signs that deny an answer or doubt it; any other sign beside a label is decoration."""
_SENTENCE = re.compile(
    r"(?<=\w\w[.!])(?<!\b(?:dr|mr|ms|st|no|nr|vs)\.)(?<!mrs\.)\s+(?=\S)", re.IGNORECASE
)
_STOPPED = re.compile(r"[.!?。！？][\"'*)]*$")


def key(text: str) -> str:
    """The form in which labels are alike: case, underscores and hyphens between letters do not count."""
    return " ".join(re.sub(r"_|(?<=[^\W\d_])-(?=[^\W\d_])", " ", folded(text)).split())


def peeled(text: str) -> str:
    """A text without its outermost layer: a pair of marks, a bullet, a sign, a final mark of punctuation."""
    if match := _LATEX.fullmatch(text.strip("$ ")) or _TAGS.fullmatch(text):
        return match["inside"].strip()
    if len(text) > 2 and _PAIRS.get(text[0]) == text[-1]:
        return text[1:-1].strip()
    if bullet := _BULLET.match(text) or _ARROW.match(text):
        return text[bullet.end() :]
    shorter = text[:-1].rstrip() if text[-1:] in _FINAL else text
    if text.endswith(")") and "(" not in text:
        shorter = text[:-1].rstrip()
    return shorter if shorter.strip(_MARKS) else text


def undecorated(text: str) -> str:
    """A text without the emoji and arrows at its ends, unless one of them denies or doubts it."""
    start, end = 0, len(text)
    while start < end and _is_decoration(text[start]):
        start += 1
    while end > start and _is_decoration(text[end - 1]):
        end -= 1
    ends = text[:start] + text[end:]
    return text if _DENYING.intersection(ends) else text[start:end].strip()


def _is_decoration(character: str) -> bool:
    return character in " \u200d→⇒➜" or unicodedata.category(character) in ("So", "Sk")


def has_substance(text: str) -> bool:
    """Whether more than punctuation is in a text."""
    return bool(text.strip(_MARKS))


def unmarked(line: str) -> str:
    """A line without its bullet, its emphasis and the marks of formulas."""
    line = _FORMULA.sub(lambda mark: mark["inside"] or "", line) if "\\" in line else line
    return _EMPHASIS.sub(_inside, _BULLET.sub("", line, count=1) if _BULLET.match(line) else line)


def _inside(match: re.Match[str]) -> str:
    return next(group for group in match.groups() if group is not None)


def is_bullet(line: str) -> bool:
    """Whether a line is an item of a list."""
    return _BULLET.match(line) is not None


def has_stopped(line: str) -> bool:
    """Whether a line ends as a sentence does."""
    return _STOPPED.search(line) is not None


def sentences(text: str) -> list[str]:
    """The sentences of the lines at both ends of a text, folded; a line with quotes is left whole."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 2 * _MOST_LINES:
        lines = lines[:_MOST_LINES] + lines[-_MOST_LINES:]
    return [part for line in lines for part in _parts(plain(line[: 2 * LONGEST_LINE]))]


def _parts(line: str) -> Iterator[str]:
    if '"' in line or is_bullet(line):
        yield line
    else:
        yield from _SENTENCE.split(line)


def spelled(spelling: str) -> str:
    """A pattern of a label, its underscores as spaces, too."""
    return re.escape(spelling).replace("_", r"[_\ ]")


def as_word(spelling: str) -> str:
    """A pattern of a label as a word; without spaces between words, wherever it stands."""
    pattern = spelled(spelling)
    return pattern if _UNSPACED.search(spelling) else rf"(?<![\w-]){pattern}(?![\w-])"
