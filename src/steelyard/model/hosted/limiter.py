"""How many requests are in flight at once, found out from how the endpoint takes them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from steelyard.model.hosted.limits import RateLimits

_START = 8.0
_LEAST_WAIT = 0.05


class Limiter:
    """Additive increase, multiplicative decrease, with a slow start.

    The window doubles each round while all goes well, halves when the endpoint says that it is too
    much, and from then on grows by one a round (Chiu and Jain, 1989; Jacobson, 1988). However many
    requests of one round are refused, it halves once. Where the endpoint says how long to wait, or
    that no request or too few tokens are left, nothing is sent until then. Belongs on one event loop.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.window = min(_START, float(most))
        self._slow_start = True
        self._in_flight = 0
        self._resume_at = 0.0
        self._halved_at = 0.0
        self._tokens = 0.0
        self._freed = asyncio.Condition()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[float]:
        """Wait for a place among those in flight; yields when it was taken, for `too_much`."""
        async with self._freed:
            while self._in_flight >= int(self.window) or (wait := self._waiting()) > 0:
                if self._in_flight >= int(self.window):
                    await self._freed.wait()
                else:
                    self._freed.release()
                    try:
                        await asyncio.sleep(wait)
                    finally:
                        await self._freed.acquire()
            self._in_flight += 1
        try:
            yield time.monotonic()
        finally:
            async with self._freed:
                self._in_flight -= 1
                self._freed.notify(2)  # one place came free, and the window may have grown by one

    def _waiting(self) -> float:
        return self._resume_at - time.monotonic()

    def went_well(self, tokens: int, limits: RateLimits) -> None:
        """Take in a good answer of ``tokens`` in and out."""
        grown = self.window + (1.0 if self._slow_start else 1.0 / self.window)
        self.window = min(grown, float(self.most))
        self._tokens = tokens if not self._tokens else 0.9 * self._tokens + 0.1 * tokens
        if limits.requests_left == 0 and limits.requests_reset_seconds is not None:
            self._pause(limits.requests_reset_seconds)
        left, reset = limits.tokens_left, limits.tokens_reset_seconds
        if left is not None and reset is not None and left < self._tokens:
            self._pause(reset)

    def too_much(self, sent_at: float, wait_seconds: float) -> None:
        """Take in that the endpoint refused a request, sent at ``sent_at``, as one too many."""
        self._pause(max(wait_seconds, _LEAST_WAIT))
        if sent_at > self._halved_at:
            self._slow_start = False
            self.window = max(1.0, self.window / 2)
            self._halved_at = time.monotonic()

    def _pause(self, seconds: float) -> None:
        self._resume_at = max(self._resume_at, time.monotonic() + seconds)
