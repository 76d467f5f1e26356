"""When a request is sent again, and after how long."""

from __future__ import annotations

import random
from dataclasses import dataclass

TRANSIENT = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 524, 529})
"""Statuses of troubles that pass by themselves. 529 is Anthropic's, 52x are Cloudflare's."""

TOO_MUCH = frozenset({429, 503, 529})
"""Statuses that ask for fewer requests."""


@dataclass(frozen=True)
class Retries:
    """Exponential backoff with full jitter.

    The n-th wait is drawn from 0 to ``least_seconds`` times 2 to the n, at most ``most_seconds``
    (Brooker, "Exponential backoff and jitter", AWS Architecture Blog, 2015). Where the endpoint says
    how long to wait, that is the least.
    """

    times: int = 5
    least_seconds: float = 0.5
    most_seconds: float = 30.0

    def wait(self, attempt: int, asked: float | None, rng: random.Random) -> float:
        """Seconds before attempt ``attempt`` + 1 (the first is 0)."""
        drawn = rng.uniform(0, min(self.most_seconds, self.least_seconds * 2.0**attempt))
        return drawn if asked is None else asked + drawn * 0.1
