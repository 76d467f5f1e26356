"""How many requests are on their way at once: as many as the endpoint takes."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from steelyard.model.hosted.limits import RateLimits, in_words

log = logging.getLogger("steelyard")

_START = 8.0
_LEAST_WAIT = 0.05
_LONG_SECONDS = 10.0


class StoppedError(Exception):
    """Nothing more is to be sent; what is in flight ends by itself."""


class PausedError(Exception):
    """The endpoint asked for a pause that a request has no time for."""


class _Waiter(NamedTuple):
    """A request that waits for a place, and the longest pause that it has time for."""

    place: asyncio.Future[None]
    most_seconds: float


class Limiter:
    """Additive increase, multiplicative decrease, with a slow start.

    The window doubles each round while all goes well, halves when the endpoint says that it is too
    much, and from then on grows by one a round (Chiu and Jain, 1989; Jacobson, 1988). However many
    requests of one round are refused, it halves once. Where the endpoint says how long to wait, or
    that no request or too few tokens are left, nothing is sent until then, and a request that has no
    time for it is told at once. Places go to those who have waited longest, before all to requests
    that are sent again, and one at each turn of the loop: requests let in together would be built,
    sent and answered together ever after, each waiting for all others.

    ``name`` is what the log calls the endpoint. Belongs on one event loop.
    """

    def __init__(self, most: int, name: str = "the endpoint") -> None:
        self.most = most
        self._name = name
        self.window = min(_START, float(most))
        self._slow_start = True
        self._in_flight = 0
        self._resume_at = 0.0
        self._asked_seconds = 0.0
        self._told_until = 0.0
        self._halved_at = 0.0
        self._tokens = 0.0
        self._waiting: deque[_Waiter] = deque()
        self._halt = asyncio.Event()
        self._alarm: asyncio.TimerHandle | None = None
        self._turn: asyncio.Handle | None = None

    def start(self) -> None:
        self._halt.clear()

    def stop(self) -> None:
        """Let no more requests through; those that wait raise `StoppedError`."""
        self._halt.set()
        while self._waiting:
            place = self._waiting.popleft().place
            if not place.done():
                place.set_exception(StoppedError())

    async def rest(self, seconds: float) -> None:
        """Wait, unless all is stopped meanwhile."""
        try:
            await asyncio.wait_for(self._halt.wait(), seconds)
        except TimeoutError:
            return

    @property
    def pause_seconds(self) -> float:
        """How long nothing is sent from now on because the endpoint asked for it."""
        return max(0.0, self._resume_at - time.monotonic())

    @asynccontextmanager
    async def place(
        self, most_pause_seconds: float = math.inf, *, again: bool = False
    ) -> AsyncIterator[float]:
        """Wait for a place among those in flight; yields when it was taken, for `too_much`.

        ``again`` goes before those that were not sent yet. Raises `StoppedError`, and `PausedError`
        once the endpoint asks for a pause that lasts longer than ``most_pause_seconds`` from then on.
        """
        if self._halt.is_set():
            raise StoppedError
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiter = _Waiter(place, most_pause_seconds)
        (self._waiting.appendleft if again else self._waiting.append)(waiter)
        self._let_in()
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                self._leave()
            raise
        try:
            yield time.monotonic()
        finally:
            self._leave()

    def _leave(self) -> None:
        self._in_flight -= 1
        self._let_in()

    def _let_in(self) -> None:
        """See that free places are given away, from the next turn of the loop on."""
        if self._waiting and self._turn is None:
            self._turn = asyncio.get_running_loop().call_soon(self._give_place)

    def _give_place(self) -> None:
        """Give one free place away, or come back when the pause is over."""
        self._turn = None
        while self._waiting and self._waiting[0].place.done():
            self._waiting.popleft()
        if not self._waiting or self._in_flight >= int(self.window):
            return
        pause = self._resume_at - time.monotonic()
        if pause > 0:
            self._hold(pause)
            return
        self._in_flight += 1
        self._waiting.popleft().place.set_result(None)
        self._let_in()

    def _hold(self, pause: float) -> None:
        """Come back after ``pause`` seconds, and send away who has no time for them."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_later(pause, self._let_in)
        reason = f"the endpoint asked to wait {in_words(self._asked_seconds)}"
        for place, most_seconds in self._waiting:
            if pause > most_seconds and not place.done():
                place.set_exception(PausedError(reason))

    def went_well(self, tokens: int, limits: RateLimits) -> None:
        """Take in a good answer of ``tokens`` in and out."""
        grown = self.window + (1.0 if self._slow_start else 1.0 / self.window)
        self.window = min(grown, float(self.most))
        self._tokens = tokens if not self._tokens else 0.9 * self._tokens + 0.1 * tokens
        if limits.requests_left == 0 and limits.requests_reset_seconds is not None:
            self._pause(limits.requests_reset_seconds)
        tokens_left, reset = limits.tokens_left, limits.tokens_reset_seconds
        if tokens_left is not None and reset is not None and tokens_left < self._tokens:
            self._pause(reset)

    def too_much(self, sent_at: float, wait_seconds: float) -> None:
        """Take in that the endpoint refused a request, sent at ``sent_at``, as one too many."""
        self._pause(max(wait_seconds, _LEAST_WAIT))
        if sent_at > self._halved_at:
            self._slow_start = False
            self.window = max(1.0, self.window / 2)
            self._halved_at = time.monotonic()

    def _pause(self, seconds: float) -> None:
        now = time.monotonic()
        if now + seconds <= self._resume_at:
            return
        self._resume_at, self._asked_seconds = now + seconds, seconds
        if self._resume_at - max(now, self._told_until) > _LONG_SECONDS:
            self._told_until = self._resume_at  # those in flight will all be told the same
            log.info("%s asks to wait %s before the next request", self._name, in_words(seconds))
