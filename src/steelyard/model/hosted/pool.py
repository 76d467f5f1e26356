"""Requests in order, each paid for before it is sent, and asked again where its answer came torn."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from steelyard.core import Request
from steelyard.model.base import Meter
from steelyard.model.hosted.limiter import Limiter, StoppedError
from steelyard.model.hosted.refusals import Outcome
from steelyard.model.hosted.reply import last_of

Ask = Callable[[Request], Awaitable[Outcome]]
Put = Callable[[tuple[int, Outcome]], None]


@dataclass(frozen=True)
class AgainPolicy:
    """When a request whose answer failed after it may have been paid is asked again.

    ``wait`` says how many seconds after which try (the first is 0); none is begun after
    ``most_seconds``.
    """

    wait: Callable[[int], float]
    most_seconds: float


class RequestPool:
    """Takes requests in order and hands each outcome to ``put``. Belongs on one event loop.

    Where there is a meter, the most that a request can cost is set aside before it is sent. While
    others hold the money that is left it waits for them; where it can never be had, no more is sent
    and ``is_over`` says so. A request that is asked again is paid for again, and its outcome tells
    what the tries before the last took.
    """

    def __init__(
        self, ask: Ask, put: Put, limiter: Limiter, meter: Meter | None, again: AgainPolicy
    ) -> None:
        self._ask = ask
        self._put = put
        self._limiter = limiter
        self._meter = meter
        self._again = again
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
        started = time.monotonic()
        outcome = await self._try(request)
        tries = [outcome.completion]
        try:
            while len(tries) <= outcome.more_tries and not self._is_stopped:
                await self._limiter.rest(self._again.wait(len(tries) - 1))
                if time.monotonic() - started > self._again.most_seconds:
                    break
                outcome = await self._try(request)
                tries.append(outcome.completion)
        except StoppedError:
            pass  # what was paid so far is told, and the request is the endpoint's failure
        except BaseException:
            self._put((index, Outcome(last_of(tries), endpoint_trouble=True)))
            raise
        outcome = outcome._replace(completion=last_of(tries))
        self._put((index, outcome))
        return outcome

    async def _try(self, request: Request) -> Outcome:
        if self._meter is None:
            return await self._ask(request)
        await self._afford(request, self._meter)
        return await self._paid(request, self._meter)

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

    async def all(self, requests: Sequence[Request], remaining: Iterator[int], size: int) -> None:
        """Ask the indices in ``remaining``, ``size`` at a time; a fatal error lets those in flight end."""

        async def work() -> None:
            for index in remaining:
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
