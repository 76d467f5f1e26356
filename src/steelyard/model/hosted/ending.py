"""Whether an answer that is said to have stopped was cut at the limit on its tokens."""

from __future__ import annotations

import re

from steelyard.json_text import read_whole_json
from steelyard.model.hosted.counts import BilledTokens

_BYTES_PER_TOKEN = 4  # English, in the tokenizers of the day; such counts are labelled estimated
_OPEN_END = re.compile(r"[\w,;:(\[{=+/&\-]\Z")
"""What the last character of a sentence is not."""


def estimated_tokens(text: str) -> int:
    """Tokens of a text by its length, where nobody counts them."""
    return -(-len(text.encode()) // _BYTES_PER_TOKEN)


def ends_at_limit(text: str, counts: BilledTokens | None, limit: int, *, is_apart: bool) -> bool:
    """Whether ``text``, whose finish reason is ``stop``, took all the tokens that it was allowed.

    Servers and proxies say so of answers that their limit cut; an honest one says ``length`` even of
    an answer that would have ended there. Some of them count its end, one token more. More is not a
    cut where it is reasoning that stands apart (``is_apart``), which some limits leave out. A whole
    JSON object is complete. Where nothing is counted (``None``), tokens are estimated, and the
    text must break off as well.
    """
    bare = text.rstrip()
    if counts is None:
        is_long = estimated_tokens(bare) >= limit
        return is_long and _OPEN_END.search(bare) is not None
    visible = counts.output - counts.reasoning
    is_over = 0 <= counts.output - limit <= 1 or (visible >= limit and not is_apart)
    return is_over and (not bare or read_whole_json(bare) is None)
