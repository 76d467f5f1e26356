"""White space that is content: the indentation of code, diffs, YAML, nested lists, poems and tables."""

from __future__ import annotations

import re

_INDENTED = re.compile(r"^(?: ?\t|  )[ \t]*\S", re.MULTILINE)
_DIFF = re.compile(r"^(?:[+\-]|@@ )", re.MULTILINE)
_CODE_LINE = re.compile(
    r"(?:\t|  )\s*(?:.*[;{}\\]$|(?:return|raise|yield|await|assert|pass|break|continue)\b"
    r"|[\w.\[\]'\"]+ *(?:[-+*/|&:]?=|->|=>)(?!=)|[\w.]+\(.*\)[,:]?$)"
)
"""One indented line that reads like code."""


def has_layout(text: str) -> bool:
    """Whether white space before lines means something: one of several is indented, or it is code.

    One space is stray before a first line, as some tokenizers leave it; it is content where other lines
    begin with one, and in a diff.
    """
    body = _bare(text)
    if "\n" not in body:
        return _CODE_LINE.match(body) is not None
    if _INDENTED.search(body) is not None or "\n " in body:
        return True
    return body[0] == " " and _DIFF.search(body) is not None


def trimmed(text: str) -> str:
    """The text without blank lines before it and white space after it.

    Spaces before it go, too, unless it `has_layout`: then its first line keeps its indentation.
    """
    return _bare(text) if has_layout(text) else text.strip()


def laid_out(text: str) -> str:
    """The text `trimmed`, one form for all ways to end its lines."""
    return "\n".join(line.rstrip() for line in trimmed(text).splitlines())


def _bare(text: str) -> str:
    """The text from its first line that says something to its last character that does."""
    body = text.rstrip()
    first = len(body) - len(body.lstrip())
    return body[max(body.rfind(mark, 0, first) for mark in "\n\r\u2028") + 1 :]
