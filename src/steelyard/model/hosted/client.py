"""A model that answers over HTTP and is paid by the token."""

from __future__ import annotations

import asyncio
import queue
import random
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from steelyard.core import Completion, Request
from steelyard.errors import CredentialError, ModelError
from steelyard.extras import require
from steelyard.model.base import ModelSpec, OnDone
from steelyard.model.hosted.dialect import Dialect
from steelyard.model.hosted.limiter import Limiter, StoppedError
from steelyard.model.hosted.loop import LoopThread
from steelyard.model.hosted.reply import to_completion
from steelyard.model.hosted.retry import TOO_MUCH, TRANSIENT, Retries
from steelyard.model.hosted.secrets import (
    DEFAULT_BASE_URL,
    endpoint,
    key_env,
    masker,
    read_key,
    shown_endpoint,
)
from steelyard.model.hosted.wire import (
    BrokenError,
    Received,
    RefusedError,
    UnreachableError,
    Wire,
)

_UNDERSTANDABLE = (400, 422, 501)
_KEPT = "what is measured is kept: run again to go on"


@dataclass(frozen=True)
class HostedOptions:
    """How an endpoint is asked.

    ``timeout_seconds`` bounds one attempt, its whole stream included; ``deadline_seconds`` all
    attempts at one request and the waits between them. What may have been paid (an answer cut off,
    or late) is not asked again. After ``patience`` requests in a row that the endpoint could not
    serve, asking stops rather than fail them all.
    """

    timeout_seconds: float = 120.0
    deadline_seconds: float = 600.0
    retries: Retries = field(default_factory=Retries)
    most_in_flight: int = 64
    patience: int = 5


class _Outcome(NamedTuple):
    """A completion, and whether it failed for a reason that lies with the endpoint."""

    completion: Completion
    endpoint_trouble: bool = False


class _Again(NamedTuple):
    """Why a request is to be asked again, and how long the endpoint asks to wait."""

    failure: str
    wait_seconds: float | None


_Arrived = tuple[int, _Outcome]


class HostedModel:
    """Asks with as many requests in flight as the endpoint takes; see `Limiter`.

    The first request of a session goes out alone, so that a wrong address, key or model name stops
    the run before anything is spent. ``notes`` says what the endpoint turned out not to support.
    """

    def __init__(self, spec: ModelSpec, options: HostedOptions | None = None) -> None:
        require("aiohttp", "hosted")
        self._options = options or HostedOptions()
        self._model = spec.name
        self._key_env = key_env(spec)
        self._base_url = endpoint(spec)
        key = read_key(spec)
        self._mask = masker(key)
        self._dialect = Dialect(official=self._base_url == DEFAULT_BASE_URL)
        header = {spec.key_header: key} if spec.key_header else {"Authorization": f"Bearer {key}"}
        self._wire = Wire(self._base_url, header, self._options.timeout_seconds)
        self._most = spec.max_in_flight or self._options.most_in_flight
        self._limiter = Limiter(self._most)
        self._jitter = random.Random()  # no figure depends on it
        self._reached = False
        self._usage_missing = False
        self._other_model: str | None = None

    @cached_property
    def _loop(self) -> LoopThread:
        loop = LoopThread("steelyard-hosted")
        wire = self._wire
        weakref.finalize(self, lambda: loop.close(wire.close()))
        return loop

    @property
    def name(self) -> str:
        """The endpoint's model name."""
        return self._model

    @property
    def fingerprint(self) -> str:
        """Provider, address and model name; what changes behind them cannot be seen from here."""
        return f"openai|{shown_endpoint(self._base_url)}|{self._model}"

    @property
    def local(self) -> bool:
        """False: it is paid by tokens, wherever it runs."""
        return False

    @property
    def notes(self) -> tuple[str, ...]:
        """What people must know of the answers: parameters the endpoint refused, counts it kept."""
        missing = "the endpoint reports no usage: token counts are estimated"
        other = f"the endpoint says that {self._other_model} answered"
        return (
            *self._dialect.notes,
            *((missing,) if self._usage_missing else ()),
            *((other,) if self._other_model else ()),
        )

    def count_tokens(self, text: str) -> int | None:
        """Return ``None``: only the endpoint knows its tokenizer."""
        return None

    def generate(
        self,
        requests: Sequence[Request],
        on_done: OnDone | None = None,
        skip: frozenset[int] = frozenset(),
    ) -> list[Completion | None]:
        """Answer with many requests in flight; see `steelyard.model.base.Model.generate`.

        ``on_done`` is called from this thread with what has arrived, so in no fixed order. Raises
        `CredentialError` for a refused key and `ModelError` for an endpoint that is not there; what
        was in flight then has been delivered, for it is paid.
        """
        answers: list[Completion | None] = [None] * len(requests)
        waiting = [index for index in range(len(requests)) if index not in skip]
        down: ModelError | None = None
        troubles = 0
        for batch in self._arriving(requests, waiting):
            for index, outcome in batch:
                answers[index] = outcome.completion
                troubles = troubles + 1 if outcome.endpoint_trouble else 0
                if down is None and troubles >= self._options.patience:
                    down = self._gave_up(troubles, outcome.completion.failure)
                    self._loop.call(self._limiter.stop)
            if on_done is not None:
                on_done([(index, outcome.completion) for index, outcome in batch])
        if down is not None:
            raise down
        return answers

    def _gave_up(self, troubles: int, failure: str | None) -> ModelError:
        return ModelError(
            f"{self._where} failed {troubles} requests in a row, the last one with: {failure}; {_KEPT}"
        )

    @property
    def _where(self) -> str:
        return f"the endpoint {shown_endpoint(self._base_url)} (model {self._model})"

    def _arriving(
        self, requests: Sequence[Request], waiting: Sequence[int]
    ) -> Iterator[list[_Arrived]]:
        """Yield outcomes in the batches in which they can be taken; at the end a fatal error."""
        if not waiting:
            return
        arrived: queue.SimpleQueue[_Arrived | None] = queue.SimpleQueue()
        job = self._loop.submit(self._answer_all(requests, waiting, arrived.put))
        try:
            while (first := arrived.get()) is not None:
                batch = [first]
                while not arrived.empty():
                    if (more := arrived.get()) is None:
                        arrived.put(None)
                        break
                    batch.append(more)
                yield batch
        except BaseException:  # the caller was interrupted, or stopped listening
            job.cancel()
            raise
        job.result()

    async def _answer_all(
        self,
        requests: Sequence[Request],
        waiting: Sequence[int],
        put: Callable[[_Arrived | None], None],
    ) -> None:
        """Ask for all, alone until one is answered; a fatal error lets those in flight end."""
        left = iter(waiting)

        async def work() -> None:
            for index in left:
                try:
                    put((index, await self._ask(requests[index])))
                except StoppedError:
                    return
                except BaseException:
                    self._limiter.stop()
                    raise

        try:
            self._limiter.start()
            if not self._reached:
                await self._reach(requests, left, put)
            crew = min(self._most, len(waiting))
            ends = await asyncio.gather(*(work() for _ in range(crew)), return_exceptions=True)
            for end in ends:
                if isinstance(end, BaseException):
                    raise end
        finally:
            put(None)

    async def _reach(
        self,
        requests: Sequence[Request],
        left: Iterator[int],
        put: Callable[[_Arrived | None], None],
    ) -> None:
        """Ask one at a time until an answer comes; raise `ModelError` when none does for long.

        Endpoints answer 400 to a wrong model or key as well as to one bad request: only an answer
        proves that address, key and model are right.
        """
        for tried, index in enumerate(left, 1):
            outcome = await self._ask(requests[index])
            put((index, outcome))
            if outcome.completion.failure is None:
                self._reached = True
                return
            if tried >= self._options.patience and outcome.endpoint_trouble:
                raise self._gave_up(tried, outcome.completion.failure)
            if tried >= self._options.patience:
                raise ModelError(
                    f"{self._where} answered none of the first {tried} requests, the last one with: "
                    f"{outcome.completion.failure}; check model.name and model.base_url in task.yaml"
                )

    async def _ask(self, request: Request) -> _Outcome:
        """Ask until there is an answer, or a failure that asking again would not mend.

        Raises `StoppedError` when no more is to be sent.
        """
        spent, attempt = 0.0, 0
        while True:
            sent = self._dialect.parameters(self._model, request)
            started = time.perf_counter()
            try:
                async with self._limiter.place(again=attempt > 0) as sent_at:
                    started = time.perf_counter()
                    received = await self._wire.ask(sent)
            except RefusedError as refusal:
                if refusal.status in _UNDERSTANDABLE and self._dialect.learn(
                    refusal.message, refusal.param, sent
                ):
                    continue
                again = self._refused(refusal, sent_at)
            except UnreachableError as error:
                again = _Again(f"connection failed: {self._mask(str(error))}", None)
            except BrokenError as error:
                return self._broken(error, request)
            else:
                return self._answered(request, received)
            if isinstance(again, _Outcome):
                return again
            wait = self._options.retries.wait(attempt, again.wait_seconds, self._jitter)
            spent += time.perf_counter() - started + wait
            if attempt >= self._options.retries.times or spent > self._options.deadline_seconds:
                return self._unserved(again.failure, started)
            attempt += 1
            await self._limiter.rest(wait)

    def _broken(self, error: BrokenError, request: Request) -> _Outcome:
        """A failure that keeps what arrived on the account: it may have been paid."""
        completion = to_completion(error.reply, request, self._mask)
        failed = replace(completion, text="", finish_reason="error", failure=self._mask(str(error)))
        if not error.reply.chunks and error.reply.counts is None:
            failed = replace(failed, output_tokens=0)
        return _Outcome(failed, True)

    def _answered(self, request: Request, received: Received) -> _Outcome:
        reply = received.reply
        if reply.chunks and reply.counts is None:
            self._usage_missing = True
        if reply.model and not _same_model(self._model, reply.model):
            self._other_model = self._mask(reply.model)
        completion = to_completion(reply, request, self._mask)
        tokens = completion.input_tokens + completion.output_tokens
        self._limiter.went_well(tokens, received.limits)
        return _Outcome(completion)

    def _refused(self, refusal: RefusedError, sent_at: float) -> _Again | _Outcome:
        """Say what a refusal means: fatal for all (raises), for this request, or ask again."""
        said = self._mask(refusal.message)
        if refusal.status == 401 or (refusal.status == 403 and not self._reached):
            raise CredentialError(
                f"{self._where} refused the key in {self._key_env} ({refusal.status}): {said}; "
                f"set {self._key_env} to a key that may use this model"
            )
        if refusal.status < 400:
            raise ModelError(f"{self._where} answers with {said}: set model.base_url to it")
        if refusal.status == 404:
            raise ModelError(
                f"{self._where} answers 404: {said}; "
                "check model.name and model.base_url in task.yaml"
            )
        if refusal.code == "insufficient_quota" or refusal.status == 402:
            raise ModelError(
                f"{self._where} says the account has no credit left: {said}; "
                "what is measured is kept: top it up and run again to go on"
            )
        failure = f"HTTP {refusal.status}: {said}"
        if refusal.status not in TRANSIENT:
            return _Outcome(Completion("", "error", failure=failure), refusal.status == 403)
        if refusal.status in TOO_MUCH:
            self._limiter.too_much(sent_at, refusal.limits.wait_seconds or 0.0)
        return _Again(failure, refusal.limits.wait_seconds)

    def _unserved(self, failure: str, started: float) -> _Outcome:
        """A failure of the endpoint; before anything was reached it raises `ModelError`."""
        if not self._reached and failure.startswith("connection failed"):
            reason = failure.removeprefix("connection failed: ")
            raise ModelError(
                f"{self._where} cannot be reached: {reason}; check model.base_url in task.yaml, "
                "and that the server is running"
            )
        return _failed(failure, started, True)


def load(spec: ModelSpec) -> HostedModel:
    """Build the model; raises `MissingExtraError` (no package) or `CredentialError` (no key)."""
    return HostedModel(spec)


def _failed(reason: str, started: float, endpoint_trouble: bool = False) -> _Outcome:
    seconds = time.perf_counter() - started
    completion = Completion("", "error", total_seconds=seconds, failure=reason)
    return _Outcome(completion, endpoint_trouble)


def _same_model(asked: str, said: str) -> bool:
    """Whether an endpoint's name for its model is the one asked for, but for a date or a vendor."""
    a, b = asked.casefold(), said.casefold()
    return a in b or b in a
