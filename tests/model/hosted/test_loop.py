"""The loop on a thread of its own."""

from __future__ import annotations

import asyncio
import threading

import pytest

from steelyard.model.hosted.loop import LoopThread


async def nothing() -> None:
    await asyncio.sleep(0)


def test_a_loop_that_is_closed_from_its_own_thread_leaves_nothing_open() -> None:
    loop = LoopThread("a loop of the tests")
    [thread] = [one for one in threading.enumerate() if one.name == "a loop of the tests"]
    loop.call(lambda: loop.close(nothing()))
    thread.join(timeout=5)
    assert not thread.is_alive()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.call(lambda: None)
