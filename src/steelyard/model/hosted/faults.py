"""How one HTTP attempt ends without an answer.

RefusedError        the endpoint says that it failed: with a status, or inside an answer
UnreachableError    no connection was made, nothing was sent
BrokenError         the answer is torn: cut off, late, not readable, or none
"""

from __future__ import annotations

import json
import re
from typing import Any

from steelyard.model.hosted.limits import RateLimits, wait_in
from steelyard.model.hosted.reply import EndpointReply
from steelyard.model.hosted.words import ErrorWords, error_words, status_of

_BAD_REQUEST = 400
_PAGE = re.compile(r"\A\s*<(?:!doctype\s+)?html", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]*>([^<]+)", re.IGNORECASE)


class RefusedError(Exception):
    """The endpoint answered with an error status. The text is its own, unmasked.

    ``reply`` is what had arrived of an answer inside which it said so, ``meant`` the status by its
    words where its own says no more than that the request is bad.
    """

    def __init__(
        self, status: int, body: str, limits: RateLimits, reply: EndpointReply | None = None
    ) -> None:
        self.status = status
        wait = wait_in(body) if limits.wait_seconds is None else limits.wait_seconds
        self.limits = limits._replace(wait_seconds=wait)
        self.reply = reply
        self.is_page = _PAGE.search(body) is not None
        self.message, self.code, self.param = _words(status, body)
        self.meant = _meant(body) if status == _BAD_REQUEST else status
        super().__init__(self.message)

    @classmethod
    def inside(cls, error: Any, limits: RateLimits, reply: EndpointReply) -> RefusedError:
        """An error that stands in an answer whose own status is 200."""
        try:
            return cls(status_of(error), json.dumps({"error": error}), limits, reply)
        except RecursionError:
            return cls(500, "an error that is nested too deeply", limits, reply)

    @property
    def reason(self) -> str:
        """What the endpoint said, and where."""
        inside = "the endpoint reports an error inside its answer"
        return f"{inside if self.reply is not None else f'HTTP {self.status}'}: {self.message}"

    @property
    def may_be_paid(self) -> bool:
        """Whether the endpoint worked on the request: it counted tokens, or sent a part of an answer."""
        return self.reply is not None and self.reply.has_begun


class WebPageError(RefusedError):
    """What came with a status of success is a page for people."""

    @property
    def reason(self) -> str:
        return self.message


class UnreachableError(Exception):
    """No connection was made, so nothing was sent and nothing can have been paid.

    ``is_final``: trying again cannot help.
    """

    def __init__(self, reason: str, *, is_final: bool = False) -> None:
        self.is_final = is_final
        super().__init__(reason)


class BrokenError(Exception):
    """The answer is not whole: cut off, late, not readable, or none. It may have been paid."""

    def __init__(self, reason: str, reply: EndpointReply) -> None:
        self.reply = reply
        super().__init__(reason)


class UnreadableError(Exception):
    """A part of an answer cannot be read."""


def _meant(body: str) -> int:
    try:
        return status_of(json.loads(body), untold=_BAD_REQUEST)
    except (ValueError, RecursionError):
        return status_of({"message": body}, untold=_BAD_REQUEST)


def _words(status: int, body: str) -> ErrorWords:
    try:
        return error_words(json.loads(body))
    except (ValueError, RecursionError):
        title = _TITLE.search(body) if _PAGE.search(body) else None
        return ErrorWords(
            f"a page {title[1].strip()!r}" if title else body.strip() or f"status {status}"
        )
