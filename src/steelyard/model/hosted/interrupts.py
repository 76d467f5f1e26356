"""Ctrl-C while answers that are paid for are on their way."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


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
