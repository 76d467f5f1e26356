"""How long a text is to a model, without a tokenizer: an estimate that costs a pass over the text."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cache

import numpy as np
import numpy.typing as npt

UNITS_PER_TOKEN = 4
_MARKS = re.compile("[\x00-\x08\x0b-\x1f!-@\\[-`{-\x7f]")
"""ASCII but letters and spaces: two to a token."""
_OTHER = re.compile("[\x80-\u2e7f]")
_WIDE = re.compile("[\u2e80-\U0010ffff]")
_FIRST_WIDE = 0x2E80
_BLOCK = 1 << 18
"""Characters that are measured at once."""


def units(text: str) -> int:
    """Quarters of a token: 1 for an ASCII letter or space, 4 for ideographs and emoji, 2 for the rest.

    The sum over pieces is that of the whole.
    """
    size = len(text) + len(_MARKS.findall(text))
    return (
        size if text.isascii() else size + len(_OTHER.findall(text)) + 3 * len(_WIDE.findall(text))
    )


def estimated_tokens(text: str) -> int:
    """The tokens of a text, estimated; `split_passages` measures by it."""
    return -(-units(text) // UNITS_PER_TOKEN)


class Ruler:
    """Measures stretches of at most ``longest`` characters of a text, in the order in which they stand.

    Sums are held for a block of the text at a time, so that a stretch costs the same however long it is.
    """

    def __init__(self, text: str, longest: int) -> None:
        self._text, self._longest = text, longest
        self._start = self._end = 0
        self._sums = [0]

    def units(self, start: int, end: int) -> int:
        """What `units` says of ``text[start:end]``."""
        if not self._start <= start <= end <= self._end:
            self._load(start)
        return self._sums[end - self._start] - self._sums[start - self._start]

    def fitting(self, start: int, limit: int) -> int:
        """The offset behind the characters from ``start`` that have at most ``limit`` units, one at least."""
        if not self._start <= start <= min(start + self._longest, len(self._text)) <= self._end:
            self._load(start)
        most = self._sums[start - self._start] + limit
        return max(self._start + bisect_right(self._sums, most) - 1, start + 1)

    def _load(self, start: int) -> None:
        self._start = start
        self._end = min(len(self._text), start + max(_BLOCK, 2 * self._longest))
        data = self._text[self._start : self._end].encode("utf-32-le", "surrogatepass")
        codes = np.minimum(np.frombuffer(data, np.uint32), _FIRST_WIDE)
        self._sums = [0, *np.cumsum(_table()[codes]).tolist()]


@cache
def _table() -> npt.NDArray[np.int64]:
    """The units of each character up to the first wide one."""
    return np.array([units(chr(code)) for code in range(_FIRST_WIDE + 1)], np.int64)
