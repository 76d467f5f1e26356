"""Whether an answer was cut, and whether at the limit that was sent or at one of the server."""

from __future__ import annotations

import re

from steelyard.json_text import read_whole_json
from steelyard.model.hosted.counts import BilledTokens

_BYTES_PER_TOKEN = 4  # English, in the tokenizers of the day; such counts are labelled estimated
_EARLY = 0.9
"""Counts of tokens differ by some; below this share of a limit it cannot have been reached."""
_OPEN_END = re.compile(r"[\w,;:(\[{=+/&\-]\Z")
"""What the last character of a sentence is not."""


def estimated_tokens(text: str) -> int:
    """Tokens of a text by its length, where nobody counts them."""
    return -(-len(text.encode()) // _BYTES_PER_TOKEN)


def tokens_left(text: str, counts: BilledTokens | None, limit: int | None) -> int:
    """How much of ``limit`` was left an answer that the endpoint cut had left; 0 where that is not sure.

    It is sure where the endpoint counts clearly fewer tokens than it was allowed, and the text, its
    reasoning included, is not longer than that by an estimate: then a limit of the server, or its
    context, has cut it.
    """
    if counts is None or limit is None or estimated_tokens(text) >= limit:
        return 0
    return limit - counts.output if counts.output < _EARLY * limit else 0


def ends_at_limit(text: str, counts: BilledTokens | None, limit: int) -> bool:
    """Whether ``text``, whose finish reason is ``stop``, took all the tokens that it was allowed.

    Servers and proxies say so of answers that their limit cut; an honest one says ``length`` even of
    an answer that would have ended there. Some count its end, one token more, and some limits leave
    reasoning out. A whole JSON object is complete. More tokens than that are counted otherwise than
    the limit, or it is not kept to; then, as where nothing is counted (``None``), the text alone tells:
    it is as long as the limit by an estimate, and breaks off.
    """
    bare = text.rstrip()
    counted = (counts.output, counts.output - counts.reasoning) if counts else ()
    if any(0 <= count - limit <= 1 for count in counted):
        return read_whole_json(bare) is None
    if counts is not None and counts.output < limit:
        return False
    return estimated_tokens(bare) >= limit and _OPEN_END.search(bare) is not None
