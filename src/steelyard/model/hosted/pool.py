"""One call's requests on their way: so many at once, each paid for before it is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress

from steelyard.core import Request
from steelyard.model.base import Meter
from steelyard.model.hosted.limiter import Limiter, StoppedError
from steelyard.model.hosted.refusals import Outcome

Ask = Callable[[Request], Awaitable[Outcome]]
Put = Callable[[tuple[int, Outcome]], None]


class RequestPool:
    """Takes requests in order and hands each outcome to ``put``. Belongs on one event loop.

    Where there is a meter, the most that a request can cost is set aside before it is sent. While
    others hold the money that is left it waits for them; where it can never be had, no more is sent
    and ``is_over`` says so.
    """

    def __init__(self, ask: Ask, put: Put, limiter: Limiter, meter: Meter | None) -> None:
        self._ask = ask
        self._put = put
        self._limiter = limiter
        self._meter = meter
        self._settled = asyncio.Event()
        self._is_stopped = False
        self.is_over = False

    def stop(self) -> None:
        """Send nothing more; what is in flight ends by itself."""
        self._is_stopped = True
        self._limiter.stop()
        self._settled.set()

    async def one(self, index: int, request: Request) -> Outcome:
        """Ask one request and hand its outcome on. Raises `StoppedError` if it was not sent."""
        if self._meter is None:
            outcome = await self._ask(request)
        else:
            await self._afford(request, self._meter)
            outcome = await self._paid(request, self._meter)
        self._put((index, outcome))
        return outcome

    async def _afford(self, request: Request, meter: Meter) -> None:
        while not self._is_stopped:
            word = meter.reserve(request)
            if word == "go":
                return
            if word == "stop":
                self.is_over = True
                self.stop()
                continue
            self._settled.clear()
            with suppress(TimeoutError):  # money can come back from another model's loop, too
                await asyncio.wait_for(self._settled.wait(), 1.0)
        raise StoppedError

    async def _paid(self, request: Request, meter: Meter) -> Outcome:
        outcome = None
        try:
            outcome = await self._ask(request)
            return outcome
        finally:
            meter.settle(request, None if outcome is None else outcome.completion)
            self._settled.set()

    async def all(self, requests: Sequence[Request], left: Iterator[int], size: int) -> None:
        """Ask what ``left`` names, ``size`` at a time; a fatal error lets those in flight end."""

        async def work() -> None:
            for index in left:
                try:
                    await self.one(index, requests[index])
                except StoppedError:
                    return
                except BaseException:
                    self.stop()
                    raise

        ends = await asyncio.gather(*(work() for _ in range(size)), return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException):
                raise end
