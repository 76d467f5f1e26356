"""The loop on a thread of its own."""

from __future__ import annotations

import asyncio

from steelyard.model.hosted.loop import LoopThread


async def nothing() -> None:
    await asyncio.sleep(0)


def test_a_loop_that_is_closed_from_its_own_thread_leaves_nothing_open() -> None:
    loop = LoopThread("test")
    thread = loop._thread
    loop.call(lambda: loop.close(nothing()))
    thread.join(timeout=5)
    assert not thread.is_alive()
    assert loop._loop.is_closed()
