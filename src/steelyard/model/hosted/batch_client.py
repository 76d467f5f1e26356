"""Sends files of requests to a batch interface and fetches the results, each batch once."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from functools import partial
from secrets import token_hex
from typing import Any, NamedTuple, TypeVar

from steelyard.config.records import read_kept
from steelyard.errors import EndpointError
from steelyard.model.hosted.address import Address
from steelyard.model.hosted.batch_api import Batch, BatchApi, LineResult, results
from steelyard.model.hosted.faults import BrokenError, RefusedError, UnreachableError
from steelyard.model.hosted.loop import LoopThread
from steelyard.model.hosted.refusals import Outcome, is_transient, read_refusal

log = logging.getLogger("steelyard")

T = TypeVar("T")
_PREFIX = "batch:"
_RUN = "run"
_LATER = "run again to keep waiting for it; it will not be sent twice"
_LOOKS = 3


@dataclass(frozen=True)
class BatchOptions:
    """How batches are made and watched.

    One holds at most ``most_requests`` and ``most_bytes``, a little below what OpenAI takes. Between
    two looks at it lie ``least_wait_seconds`` at first and ``most_wait_seconds`` in the end. After
    ``patience_seconds`` without a readable word of the endpoint, and after ``deadline_seconds`` in
    all, waiting ends; the batch is found again later. ``again`` is how often a request goes into
    another batch because the endpoint did not come to it.
    """

    window: str = "24h"
    most_requests: int = 50_000
    most_bytes: int = 190_000_000
    least_wait_seconds: float = 5.0
    most_wait_seconds: float = 60.0
    patience_seconds: float = 900.0
    deadline_seconds: float = 48 * 3600.0
    timeout_seconds: float = 300.0
    again: int = 2


class BatchHandle(NamedTuple):
    """A batch under way: the key it is remembered by, its id, and the requests in it."""

    key: str
    batch: str
    ids: tuple[str, ...]


@dataclass(frozen=True)
class _Remembered:
    """What is kept of a batch: its id, ``None`` before that is known, and the requests in it."""

    ids: tuple[str, ...]
    batch: str | None = None


class BatchClient:
    """Speaks with one batch interface.

    ``memory`` is written before a batch is begun, when its id is known, and when its results were
    taken over. The batch's own metadata tells whether one was begun whose id was never heard.
    """

    def __init__(
        self, api: BatchApi, loop: LoopThread, address: Address, options: BatchOptions
    ) -> None:
        self._api = api
        self._loop = loop
        self._address = address
        self._options = options

    def under_way(self, memory: MutableMapping[str, Any]) -> Iterator[BatchHandle]:
        """Yield the batches of an earlier process; what was never begun is forgotten."""
        for key in [key for key in memory if key.startswith(_PREFIX)]:
            entry: _Remembered = read_kept(_Remembered, memory[key], "a batch under way")
            batch_id = entry.batch
            if batch_id is None:
                batch = self._call(partial(self._api.find, _metadata(key, memory)))
                if batch is None:
                    del memory[key]
                    continue
                batch_id = batch.id
                memory[key] = {"ids": list(entry.ids), "batch": batch_id}
            yield BatchHandle(key, batch_id, entry.ids)

    def send(self, lines: Mapping[str, bytes], memory: MutableMapping[str, Any]) -> BatchHandle:
        """Upload the lines and begin a batch over them.

        Raises `EndpointError`; `batch_key` is in ``memory`` then only if the batch may have begun.
        """
        key = batch_key(lines)
        memory.setdefault(_RUN, token_hex(8))
        content = b"".join(lines.values())
        file = self._call(lambda: self._api.upload(content))
        memory[key] = {"ids": list(lines), "batch": None}
        try:
            batch = self._begin(file, _metadata(key, memory))
        except RefusedError as refusal:
            del memory[key]
            raise self._refused(refusal) from None
        except UnreachableError as error:
            del memory[key]
            raise self._away(error) from None
        memory[key] = {"ids": list(lines), "batch": batch.id}
        log.info("batch %s with %d requests begun at %s", batch.id, len(lines), self._address)
        return BatchHandle(key, batch.id, tuple(lines))

    def _begin(self, file: str, metadata: Mapping[str, str]) -> Batch:
        """Create the batch; when the outcome is unknown, look for it before trying again."""
        for is_last in (False,) * (_LOOKS - 1) + (True,):
            trouble: Exception
            try:
                return self._loop.submit(self._api.create(file, metadata)).result()
            except RefusedError as refusal:
                if not is_transient(refusal.status) or is_last:
                    raise
                trouble = refusal
            except BrokenError as error:
                trouble = error
            for _ in range(_LOOKS):  # it may have been begun all the same
                time.sleep(self._options.least_wait_seconds)
                batch = self._call(partial(self._api.find, metadata))
                if batch is not None:
                    return batch
            if isinstance(trouble, BrokenError):
                break
        raise self._away(trouble)

    def wait(self, handle: BatchHandle) -> Batch:
        options = self._options
        wait, started = options.least_wait_seconds, time.monotonic()
        completed = -1
        while not (batch := self._call(lambda: self._api.look(handle.batch))).has_ended:
            if time.monotonic() - started > options.deadline_seconds:
                hours = options.deadline_seconds / 3600
                raise EndpointError(
                    f"batch {batch.id} at {self._address} is {batch.status} after {hours:g} h; {_LATER}"
                )
            if batch.completed != completed:
                completed = batch.completed
                log.info(
                    "batch %s: %s, %d of %d", batch.id, batch.status, completed, len(handle.ids)
                )
            time.sleep(wait)
            wait = min(1.5 * wait, options.most_wait_seconds)
        return batch

    def results(self, batch: Batch) -> dict[str, LineResult]:
        """Download what the batch left: answers, and its error file."""
        lines: dict[str, LineResult] = {}
        for file in (batch.error_file, batch.output_file):
            if file is not None:
                content = self._call(partial(self._api.content, file))
                lines |= results(content)
        return lines

    def _call(self, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Make a call that is safe to repeat, and retry it while the trouble is transient."""
        wait, started = self._options.least_wait_seconds, time.monotonic()
        while True:
            try:
                return self._loop.submit(make()).result()
            except RefusedError as refusal:
                if not is_transient(refusal.status):
                    raise self._refused(refusal) from None
                trouble: Exception = refusal
            except (UnreachableError, BrokenError) as error:
                trouble = error
            if time.monotonic() - started + wait > self._options.patience_seconds:
                raise self._away(trouble) from None
            time.sleep(wait)
            wait = min(2 * wait, self._options.most_wait_seconds)

    def _refused(self, refusal: RefusedError) -> EndpointError:
        """The error that a refused call means; 404 is a missing batch interface, or file."""
        try:
            meaning = read_refusal(refusal, self._address, reached=False)
        except EndpointError as error:
            if refusal.status != 404:
                return error
            reason = self._address.mask(refusal.message)
            return EndpointError(
                f"{self._address} has no such batch interface (404): {reason}; "
                f"leave model.batch out, or check {self._address.setting}",
                is_final=True,
            )
        failure = meaning.completion.failure if isinstance(meaning, Outcome) else meaning.failure
        return EndpointError(f"{self._address} refused the batch: {failure}")

    def _away(self, error: Exception) -> EndpointError:
        reason = self._address.mask(str(error))
        return EndpointError(
            f"no response from {self._address}: {reason}; the batch is still running there: {_LATER}"
        )


def batch_key(lines: Mapping[str, bytes]) -> str:
    """Return the key by which a batch of these lines is remembered."""
    return _PREFIX + hashlib.sha256(b"".join(lines.values())).hexdigest()


def _metadata(key: str, memory: Mapping[str, Any]) -> dict[str, str]:
    """What tells this run's batch from all others; values of at most 512 characters."""
    return {"steelyard": key.removeprefix(_PREFIX), "steelyard_run": str(memory.get(_RUN, ""))}
