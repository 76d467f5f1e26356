"""How long a text is to a model, without a tokenizer: an estimate that costs a pass over the text."""

from __future__ import annotations

import re

UNITS_PER_TOKEN = 4
_MARKS = re.compile("[\x00-\x08\x0b-\x1f!-@\\[-`{-\x7f]")
"""ASCII but letters and spaces: two to a token."""
_OTHER = re.compile("[\x80-\u2e7f]")
_WIDE = re.compile("[\u2e80-\U0010ffff]")


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
