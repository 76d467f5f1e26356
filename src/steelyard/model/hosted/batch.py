"""A model that is asked through its provider's batch interface: cheaper, and within a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from steelyard.core import Completion, Request
from steelyard.errors import EndpointError
from steelyard.model.base import ModelSpec, OnDone
from steelyard.model.hosted.address import BATCHED
from steelyard.model.hosted.batch_api import Batch, BatchApi, LineResult, custom_id, request_line
from steelyard.model.hosted.batch_client import BatchClient, BatchHandle, BatchOptions, batch_key
from steelyard.model.hosted.endpoint import Endpoint
from steelyard.model.hosted.faults import RefusedError
from steelyard.model.hosted.refusals import Outcome, failed, learns, read_refusal
from steelyard.model.hosted.reply import EndpointReply, last_of, maybe_paid
from steelyard.words import counted

_TOO_MANY_TOKENS = "token_limit_exceeded"


@dataclass
class _Waiting:
    """One request: where its answer goes, in how many batches it stayed unanswered, what these cost."""

    request: Request
    places: list[int]
    tries: int = 0
    paid: list[Completion] = field(default_factory=list)


@dataclass
class _Reading:
    """The outcome of a batch: completions, torn answers, and reasons not to ask the rest again."""

    completions: dict[str, Completion] = field(default_factory=dict)
    torn: dict[str, Completion] = field(default_factory=dict)
    undone: int = 0
    given_up: int = 0
    trouble: EndpointError | None = None


class BatchModel(Endpoint):
    """Sends requests as files and waits for the answers; see `BatchOptions`.

    ``memory`` holds what batches are under way, by the requests in them, from before each is begun
    until its answers were delivered: a process that is killed finds them again, and nothing is paid
    twice. ``meter``, where set, is asked before a request goes into a batch.
    """

    def __init__(self, spec: ModelSpec, options: BatchOptions | None = None) -> None:
        self._options = options or BatchOptions()
        super().__init__(spec, self._options.timeout_seconds)

    @cached_property
    def _client(self) -> BatchClient:
        api = BatchApi(self._wire, self._options.window)
        return BatchClient(api, self._loop, self._address, self._options)

    @property
    def fingerprint(self) -> str:
        """That of the same model asked directly, and a mark: prices and times differ."""
        return self._address.fingerprint + BATCHED

    @property
    def notes(self) -> tuple[str, ...]:
        return ("answers came through the provider's batch interface", *super().notes)

    def generate(
        self,
        requests: Sequence[Request],
        on_done: OnDone | None = None,
        skip: frozenset[int] = frozenset(),
    ) -> list[Completion | None]:
        """Answer in one batch after another; see `steelyard.model.base.Model.generate`.

        Each batch is delivered as it ends. Raises `EndpointError` where a batch cannot be made, does
        not end, or leaves requests undone; what was answered has been delivered then, and a batch
        that is still under way is found again by the next call for the same requests.
        """
        answers: list[Completion | None] = [None] * len(requests)
        waiting: dict[str, _Waiting] = {}
        for index, request in enumerate(requests):
            if index not in skip:
                ref = custom_id(self.fingerprint, request)
                waiting.setdefault(ref, _Waiting(request, [])).places.append(index)

        def take(handle: BatchHandle, reading: _Reading) -> None:
            pairs = []
            for ref, completion in reading.completions.items():
                pending = waiting.pop(ref)
                self._settle(pending.request, completion)
                answer = last_of([*pending.paid, completion])
                pairs += [(place, answer) for place in pending.places]
            for index, completion in pairs:
                answers[index] = completion
            if on_done is not None and pairs:
                on_done(pairs)
            self.memory.pop(handle.key, None)
            for ref in handle.ids:
                if ref in waiting:
                    paid = reading.torn.get(ref)
                    self._settle(waiting[ref].request, paid)
                    waiting[ref].paid += [] if paid is None else [paid]
            if reading.trouble is not None:
                raise reading.trouble

        for handle in self._left_behind(waiting):
            take(handle, self._read(self._client.wait(handle), handle, waiting))
        most = self._options.most_requests
        while waiting:
            chunk = self._chunk(waiting, most)
            handle = self._send(chunk, waiting)
            batch = self._client.wait(handle)
            if batch.trouble_code == _TOO_MANY_TOKENS and len(chunk) > 1:
                most = len(chunk) // 2
                take(handle, _Reading())
            else:
                take(handle, self._read(batch, handle, waiting))
        return answers

    def _send(self, chunk: Mapping[str, bytes], waiting: Mapping[str, _Waiting]) -> BatchHandle:
        try:
            return self._client.send(chunk, self.memory)
        except EndpointError:
            if batch_key(chunk) not in self.memory:  # it was not begun: its money is free again
                for ref in chunk:
                    self._settle(waiting[ref].request, None)
            raise

    def _left_behind(self, waiting: Mapping[str, _Waiting]) -> list[BatchHandle]:
        """Return the batches of an earlier process that hold requests which are asked for now."""
        if not waiting or not len(self.memory):
            return []
        handles = []
        for handle in self._client.under_way(self.memory):
            mine = tuple(ref for ref in handle.ids if ref in waiting)
            if mine:
                handles.append(handle)
                for ref in mine:
                    if self.meter is not None:
                        self.meter.owe(waiting[ref].request)
        return handles

    def _settle(self, request: Request, completion: Completion | None) -> None:
        if self.meter is not None:
            self.meter.settle(request, completion)

    def _chunk(self, waiting: Mapping[str, _Waiting], most: int) -> dict[str, bytes]:
        """Return the lines of the next batch: as many as it holds and the money allows.

        Raises what the meter says where it allows none.
        """
        lines: dict[str, bytes] = {}
        size = 0
        for ref, pending in waiting.items():
            line = request_line(ref, self.sent_text(pending.request))
            if lines and (len(lines) >= most or size + len(line) > self._options.most_bytes):
                break
            if self.meter is not None and self.meter.reserve(pending.request) != "go":
                if not lines:
                    raise self.meter.over()
                break
            lines[ref] = line
            size += len(line)
        return lines

    def _read(self, batch: Batch, handle: BatchHandle, waiting: Mapping[str, _Waiting]) -> _Reading:
        """Sort what an ended batch left into completions, what to ask again, and trouble."""
        reading, results = _Reading(), self._client.results(batch)
        sent_by = deepcopy(self._dialect)
        for ref in handle.ids:
            if ref not in waiting:
                continue
            pending, result = waiting[ref], results.get(ref)
            if result is None and batch.status == "completed":
                reason = f"batch {batch.id} holds no answer to this request"
                reading.completions[ref] = maybe_paid(EndpointReply(), pending.request, reason)
            elif result is None or result == LineResult():
                reading.undone += 1
                reading.given_up += not self._goes_again(pending)
            elif result.reply is not None:
                reading.completions[ref] = self.read(result.reply, pending.request)
            elif result.broken is not None:
                torn = maybe_paid(result.broken.reply, pending.request, str(result.broken))
                self._take_torn(reading, ref, pending, torn)
            elif result.refusal is not None:
                sent = sent_by.parameters(self.name, pending.request)
                self._read_refusal(reading, ref, pending, result.refusal, sent)
        reading.trouble = reading.trouble or self._trouble(batch, reading)
        return replace(reading, completions=_timed(reading.completions, batch, len(handle.ids)))

    def _read_refusal(
        self,
        reading: _Reading,
        ref: str,
        pending: _Waiting,
        refusal: RefusedError,
        sent: Mapping[str, Any],
    ) -> None:
        if learns(self._dialect, refusal, sent):
            return  # it goes into another batch, without what was not understood
        try:
            meaning = read_refusal(refusal, self._address, reached=True)
        except EndpointError as error:
            reading.trouble = reading.trouble or error
            return
        reason = meaning.completion.failure if isinstance(meaning, Outcome) else meaning.failure
        completion = failed(reason or "").completion
        if refusal.reply is not None and refusal.may_be_paid:
            completion = maybe_paid(refusal.reply, pending.request, reason or "")
        if isinstance(meaning, Outcome):
            ended = meaning.completion.finish_reason
            reading.completions[ref] = replace(completion, finish_reason=ended)
        else:
            self._take_torn(reading, ref, pending, completion)

    def _take_torn(
        self, reading: _Reading, ref: str, pending: _Waiting, completion: Completion
    ) -> None:
        """Let a request that the endpoint failed go into another batch, if it was not in enough."""
        again = self._goes_again(pending)
        self._has_failed = self._has_failed or not again
        (reading.torn if again else reading.completions)[ref] = completion

    def _goes_again(self, pending: _Waiting) -> bool:
        """Whether a request goes into another batch, or was in enough of them."""
        pending.tries += 1
        return pending.tries <= self._options.again

    def _trouble(self, batch: Batch, reading: _Reading) -> EndpointError | None:
        """The error of a batch that left requests unanswered; ``None`` where asking again may help."""
        if not reading.undone or (batch.status == "expired" and not reading.given_up):
            return None
        reason = f": {self._address.mask(batch.trouble)}" if batch.trouble else ""
        ended = "was cancelled" if batch.status == "cancelled" else batch.status
        return EndpointError(
            f"batch {batch.id} at {self._address} {ended} with "
            f"{counted(reading.undone, 'request')} unanswered{reason}; the answers received are kept: "
            "run again to send the rest",
            is_final=batch.status == "failed",
        )


def _timed(completions: Mapping[str, Completion], batch: Batch, size: int) -> dict[str, Completion]:
    """Give each answer the batch's time, shared by all of it; no other time is known."""
    seconds = batch.seconds or 0.0
    times = {"first_token_seconds": seconds, "total_seconds": seconds, "batch_size": size}
    return {ref: replace(completion, **times) for ref, completion in completions.items()}  # type: ignore[arg-type]
