from __future__ import annotations

import asyncio
import itertools
import logging
import time

import pytest

from steelyard.model.hosted.limiter import Limiter, PausedError
from steelyard.model.hosted.limits import RateLimits


def test_the_window_doubles_each_round_up_to_the_most() -> None:
    limiter = Limiter(most=50)
    assert limiter.window == 8
    for _ in range(8):
        limiter.went_well(10, RateLimits())
    assert limiter.window == 16
    for _ in range(100):
        limiter.went_well(10, RateLimits())
    assert limiter.window == 50


def test_one_round_of_refusals_halves_once_and_then_it_grows_by_one_a_round() -> None:
    limiter = Limiter(most=64)
    for _ in range(56):
        limiter.went_well(10, RateLimits())
    sent_at = time.monotonic()
    for _ in range(20):
        limiter.too_much(sent_at, 0.0)
    assert limiter.window == 32
    for _ in range(32):
        limiter.went_well(10, RateLimits())
    assert 32.9 < limiter.window < 33.1
    limiter.too_much(time.monotonic(), 0.0)
    assert 16 < limiter.window < 17


def test_no_more_are_in_flight_than_the_window_and_all_come_through() -> None:
    async def drive() -> tuple[int, int]:
        limiter = Limiter(most=8)
        now = most = done = 0

        async def one() -> None:
            nonlocal now, most, done
            async with limiter.place():
                now += 1
                most = max(most, now)
                await asyncio.sleep(0.001)
                now -= 1
                done += 1

        await asyncio.gather(*(one() for _ in range(100)))
        return most, done

    assert asyncio.run(drive()) == (8, 100)


def test_places_are_given_one_at_each_turn_of_the_loop() -> None:
    async def drive() -> list[int]:
        limiter, inside = Limiter(most=4), 0

        async def hold() -> None:
            nonlocal inside
            async with limiter.place():
                inside += 1
                await asyncio.sleep(0.05)

        tasks = [asyncio.create_task(hold()) for _ in range(4)]
        seen = []
        for _ in range(8):
            seen.append(inside)
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        return seen

    seen = asyncio.run(drive())
    steps = [after - before for before, after in itertools.pairwise(seen)]
    assert seen[-1] == 4
    assert max(steps) == 1


def test_nothing_is_sent_while_the_endpoint_asks_to_wait() -> None:
    async def drive() -> float:
        limiter = Limiter(most=8)
        limiter.went_well(10, RateLimits(requests_left=0, requests_reset_seconds=0.2))
        started = time.monotonic()
        async with limiter.place():
            return time.monotonic() - started

    assert 0.19 < asyncio.run(drive()) < 1.0


def test_too_few_tokens_for_another_request_are_waited_for() -> None:
    async def drive(left: int) -> float:
        limiter = Limiter(most=8)
        limiter.went_well(500, RateLimits(tokens_left=left, tokens_reset_seconds=0.15))
        started = time.monotonic()
        async with limiter.place():
            return time.monotonic() - started

    assert asyncio.run(drive(100)) > 0.14
    assert asyncio.run(drive(5000)) < 0.1


async def enter(limiter: Limiter, most_pause_seconds: float) -> float:
    """Seconds until a place was had."""
    started = time.monotonic()
    async with limiter.place(most_pause_seconds):
        return time.monotonic() - started


def test_a_pause_that_a_request_has_no_time_for_sends_it_away_at_once() -> None:
    async def drive() -> None:
        limiter = Limiter(most=8)
        limiter.went_well(10, RateLimits(requests_left=0, requests_reset_seconds=0.3))
        assert 0.2 < limiter.pause_seconds <= 0.3
        long, short = asyncio.create_task(enter(limiter, 5.0)), enter(limiter, 0.1)
        with pytest.raises(PausedError, match=r"asked to wait 0 s"):
            await short
        assert not long.done()
        assert await long > 0.2
        assert limiter.pause_seconds == 0

    asyncio.run(drive())


def test_a_pause_that_begins_meanwhile_sends_away_who_already_waits() -> None:
    async def drive() -> None:
        limiter = Limiter(most=1)
        async with limiter.place():
            waiting = asyncio.create_task(enter(limiter, 60.0))
            await asyncio.sleep(0.01)
            limiter.went_well(10, RateLimits(requests_left=0, requests_reset_seconds=3600.0))
        with pytest.raises(PausedError, match=r"asked to wait 3,600 s"):
            await waiting

    asyncio.run(asyncio.wait_for(drive(), 5))


def test_waiting_for_others_of_our_own_sends_nobody_away() -> None:
    async def drive() -> list[float]:
        limiter = Limiter(most=1)

        async def one() -> float:
            async with limiter.place(0.02):
                await asyncio.sleep(0.01)
            return time.monotonic()

        started = time.monotonic()
        return [end - started for end in await asyncio.gather(*(one() for _ in range(10)))]

    assert max(asyncio.run(drive())) > 0.09


def test_a_long_pause_is_told_once_however_many_hear_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "steelyard")
    limiter = Limiter(most=8, name="acme")
    for wait in (9.0, 20.0, 20.0, 20.0, 3600.0, 3600.0):
        limiter.too_much(time.monotonic(), wait)
    assert [record.getMessage() for record in caplog.records] == [
        "acme asks to wait 20 s before the next request",
        "acme asks to wait 3,600 s before the next request",
    ]
