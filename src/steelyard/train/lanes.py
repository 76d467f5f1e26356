"""Pieces of a step side by side: a thread for each, where a product alone does not fill the processors.

With a few hundred tokens the many small operations of a step gain nothing from a second thread, and waiting
for each other costs. Two pieces on two threads need no such waiting.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Barrier
from typing import TypeVar

import torch

from steelyard.train.packing import TokenSample, split_tokens

log = logging.getLogger("steelyard")
T = TypeVar("T")
R = TypeVar("R")
_MOST = 4
_GAIN = 1.4
"""How many times as fast a step is on the lanes' threads together as on those of one lane."""


def lanes_for(threads: int) -> tuple[int, int]:
    """How many lanes share the threads, and the threads of each: as few idle as may be, then as many lanes.

    All lanes have as many: a product rounds by its number of threads, and any lane may take any piece, so
    that unequal lanes would round otherwise from one run to the next. Another number of threads cuts other
    pieces and rounds otherwise, too.
    """
    counts = range(min(_MOST - 1, threads), min(_MOST, threads) + 1)
    count = max(counts, key=lambda count: (count * (threads // count), count))
    return count, threads // count


class Lanes:
    """Runs pieces at the same time on so many threads of the processor; on one, one after the other."""

    def __init__(self, threads: int) -> None:
        self.count, lane_threads = lanes_for(threads)
        if idle := threads - self.count * lane_threads:
            log.debug("training leaves %d of %d threads idle", idle, threads)
        self._pool: ThreadPoolExecutor | None = None
        if self.count == 1:
            return
        ready = Barrier(self.count + 1)

        def start() -> None:
            torch.get_num_threads()  # torch sets a thread's number at its first call, over what it was
            torch.set_num_threads(lane_threads)
            ready.wait()

        self._pool = ThreadPoolExecutor(self.count)
        starts = [self._pool.submit(start) for _ in range(self.count)]
        ready.wait()
        for one in starts:
            one.result()
        torch.set_num_threads(threads)  # those of later threads go by the last number that was set

    def narrow(self) -> bool:
        """Run one piece at a time from now on; returns whether several did before."""
        had_several, self.count = self.count > 1, 1
        return had_several

    def map(self, work: Callable[[T], R], pieces: Sequence[T]) -> Iterator[R]:
        """Yield what ``work`` makes of the pieces, in their order; where one fails, all have ended."""
        if self._pool is None or self.count == 1 or len(pieces) == 1:
            yield from map(work, pieces)
            return
        waiting: deque[Future[R]] = deque()
        try:
            for piece in pieces:
                if len(waiting) == self.count:  # what is computed ahead is held in memory
                    yield waiting.popleft().result()
                waiting.append(self._pool.submit(work, piece))
            while waiting:
                yield waiting.popleft().result()
        finally:
            wait(waiting)

    def pieces(
        self, samples: Sequence[TokenSample], prefix: int, most: int
    ) -> list[list[TokenSample]]:
        """Cut a step into pieces of at most ``most`` tokens, as many at least as pay for the lanes.

        Each piece computes the ``prefix`` again.
        """
        places = split_tokens(range(len(samples)), samples, most)
        pieces = [[samples[place] for place in piece] for piece in places]
        if len(pieces) > 1 or self.count == 1 or len(samples) == 1:
            return pieces
        spread = self._spread(samples)
        sizes = [sum(sample.length - prefix for sample in piece) for piece in spread]
        return spread if prefix + max(sizes) < (prefix + sum(sizes)) / _GAIN else pieces

    def _spread(self, samples: Sequence[TokenSample]) -> list[list[TokenSample]]:
        """The samples in as many pieces as there are lanes, about equally long."""
        pieces: list[list[TokenSample]] = [[] for _ in range(min(self.count, len(samples)))]
        for sample in sorted(samples, key=lambda sample: -sample.length):
            min(pieces, key=lambda piece: sum(one.length for one in piece)).append(sample)
        return pieces
