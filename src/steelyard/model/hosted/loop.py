"""An event loop on a thread of its own, for code that waits in the ordinary way, and Ctrl-C meanwhile."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")


class LoopThread:
    """Runs coroutines on one event loop, started with the first and kept until `close`."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        """Run the loop until it is stopped, and close it: only this thread always outlives its use."""
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Start ``work``; its result, or its exception, comes through the future."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, do: Callable[[], None]) -> None:
        """Have ``do`` done on the loop, soon."""
        self._loop.call_soon_threadsafe(do)

    def call_later(self, seconds: float, do: Callable[[], object]) -> None:
        """Run ``do`` on the loop after ``seconds``."""
        self._loop.call_soon_threadsafe(self._loop.call_later, seconds, do)

    def close(self, last: Coroutine[Any, Any, None]) -> None:
        """Run ``last``, stop the loop and give its thread back; for once, when all else is done."""
        if threading.current_thread() is self._thread:  # the last who held it was on the loop
            self._loop.create_task(last).add_done_callback(lambda _: self._loop.stop())
            return
        self.submit(last).result(timeout=5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)


@contextmanager
def on_interrupt(
    first: Callable[[], object], again: Callable[[], object]
) -> Iterator[Callable[[], bool]]:
    """Call ``first`` at the first Ctrl-C inside, ``again`` at each other, and hand it on at the end.

    So no line of the block is left half done: what arrived is stored, and then `KeyboardInterrupt`
    is raised as usual. Yields a function that says whether it was pressed. Signals reach the main
    thread only, and one that is ignored stays ignored: elsewhere nothing is changed.
    """
    before = signal.getsignal(signal.SIGINT)
    frames: list[FrameType | None] = []

    def handle(_: int, frame: FrameType | None) -> None:
        frames.append(frame)
        (first if len(frames) == 1 else again)()

    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield lambda: False
        return
    signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: bool(frames)
    finally:
        signal.signal(signal.SIGINT, before)
        if frames:
            before(signal.SIGINT, frames[-1])
