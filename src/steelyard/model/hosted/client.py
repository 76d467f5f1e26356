"""A model that answers over HTTP and is paid by the token."""

from __future__ import annotations

import logging
import queue
import random
import time
from asyncio import CancelledError
from collections.abc import Collection, Generator, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field, replace

from steelyard.core import Completion, Request
from steelyard.errors import EndpointError
from steelyard.extras import command
from steelyard.model.base import Model, ModelProvider, ModelSpec, OnDone
from steelyard.model.hosted.address import DEFAULT_KEY_ENV, check_secrets, hosted_fingerprint
from steelyard.model.hosted.endpoint import Endpoint
from steelyard.model.hosted.faults import BrokenError, RefusedError, UnreachableError
from steelyard.model.hosted.limiter import Limiter, PausedError, StoppedError
from steelyard.model.hosted.loop import on_interrupt
from steelyard.model.hosted.pool import AgainPolicy, RequestPool
from steelyard.model.hosted.refusals import (
    TOO_MUCH,
    TORN_AGAIN,
    Outcome,
    Retries,
    RetryReason,
    asks_to_wait,
    failed,
    learns,
    read_refusal,
)
from steelyard.model.hosted.reply import EndpointReply, maybe_paid
from steelyard.model.hosted.wire import CompleteReply
from steelyard.model.provider_facts import Pace
from steelyard.model.schema_check import check_strict
from steelyard.words import counted

log = logging.getLogger("steelyard")

_RESUME = "all results so far are kept; run again to resume"
_GATHER_SECONDS = 0.01
_ODD_FEW = 2  # prompts
_ODD_SHARE = 0.01  # of prompts; so many an endpoint may fail for what stands in them
_PAUSED_SECONDS = 0.05  # until a pause is reported: the breaker acts before many requests fail
_Arrived = tuple[int, Outcome]


@dataclass(frozen=True)
class HostedOptions:
    """How an endpoint is asked.

    ``timeout_seconds`` bounds one attempt, its whole stream included; ``deadline_seconds`` all
    attempts at one request, the waits between them and the pauses that the endpoint asks for, but
    not the time in which it waits for others of our own. An answer that came torn (cut off, late, or
    its connection broke once it carried the request) may have been paid: it is asked again twice at
    most, each try within ``--max-cost`` and on the account. After ``patience`` requests in a row that
    the endpoint could not serve, asking stops rather than fail them all; the next call first sends
    one request, which has ``probe_seconds`` to be served.
    After Ctrl-C requests in flight have ``grace_seconds`` to end, because they are paid for.
    """

    timeout_seconds: float = 120.0
    deadline_seconds: float = 600.0
    retries: Retries = field(default_factory=Retries)
    most_in_flight: int = 64
    patience: int = 5
    probe_seconds: float = 30.0
    grace_seconds: float = 5.0


class HostedModel(Endpoint):
    """Asks with as many requests in flight as the endpoint takes; see `Limiter`.

    The first request of a session goes out alone, so that a wrong address, key or model name stops
    the run before anything is spent. ``notes`` says what the endpoint turned out not to support.
    ``meter``, where set, is asked before each request is sent.
    """

    def __init__(self, spec: ModelSpec, options: HostedOptions | None = None) -> None:
        self._options = options or HostedOptions()
        if spec.timeout_seconds is not None:
            self._options = replace(self._options, timeout_seconds=spec.timeout_seconds)
        super().__init__(spec, self._options.timeout_seconds)
        self._most = spec.max_in_flight or self._options.most_in_flight
        self._limiter = Limiter(self._most, str(self._address))
        self._jitter = random.Random()  # no figure depends on it
        self._reached = False
        self._has_tripped = False

    @property
    def fingerprint(self) -> str:
        return self._address.fingerprint

    def generate(
        self,
        requests: Sequence[Request],
        on_done: OnDone | None = None,
        skip: frozenset[int] = frozenset(),
    ) -> list[Completion | None]:
        """Answer with many requests in flight; see `steelyard.model.base.Model.generate`.

        ``on_done`` is called from this thread with what has arrived, so in no fixed order. Raises
        `EndpointError` for an endpoint that is not there, refuses the key or no longer serves,
        and what the meter says where the money is spent; what was in flight then has been delivered,
        for it is paid. So it is at Ctrl-C.
        """
        answers: list[Completion | None] = [None] * len(requests)
        waiting = [index for index in range(len(requests)) if index not in skip]
        unserved: dict[int, Outcome] = {}
        down: EndpointError | None = None
        troubles = 0
        if not waiting:
            return answers
        arrived: queue.SimpleQueue[_Arrived | None] = queue.SimpleQueue()
        again = AgainPolicy(self._wait, self._options.deadline_seconds)
        pool = RequestPool(self._ask, arrived.put, self._limiter, self.meter, again)
        try:
            with closing(self._arriving(pool, requests, waiting, arrived)) as batches:
                for batch in batches:
                    for index, outcome in batch:
                        answers[index] = outcome.completion
                        troubles = troubles + 1 if outcome.endpoint_trouble else 0
                        unserved |= {index: outcome} if outcome.endpoint_trouble else {}
                        if down is None and troubles >= self._options.patience:
                            down = self._gave_up(troubles, outcome)
                            self._loop.call(pool.stop)
                    if on_done is not None:
                        on_done([(index, outcome.completion) for index, outcome in batch])
        except EndpointError as error:
            down = down or error
        if down is not None:
            self._has_tripped, self._reached = True, False
            down.unserved = frozenset(unserved)
            raise down
        if pool.is_over and self.meter is not None:
            over = self.meter.over()
            over.unserved = frozenset(unserved)
            raise over
        prompts = {requests[index].messages for index in waiting}
        troubles_by_prompt = {requests[index].messages: one for index, one in unserved.items()}
        if self._is_down(len(prompts), troubles_by_prompt.values()):
            limited = next((one for one in unserved.values() if one.is_limited), None)
            first = next(iter(unserved.values()))  # of those behind a limit most were never sent
            down = (
                self._gave_up(len(unserved), first, len(waiting))
                if limited is None
                else self._gave_up(1, limited)
            )
            down.unserved = frozenset(unserved)
            raise down
        self._has_failed = self._has_failed or bool(unserved)
        return answers

    def _is_down(self, asked: int, unserved: Collection[Outcome]) -> bool:
        """Whether what was not served in the end says nothing of the model, and is to be asked later.

        The endpoint asks for a pause, serves no request, or fails more than the few that it cannot
        stand, each of which may be asked several times. One that it refuses is none of these.
        """
        if any(outcome.is_limited for outcome in unserved):
            return True
        troubles = sum(not outcome.is_refused for outcome in unserved)
        is_odd = troubles <= max(_ODD_FEW, asked * _ODD_SHARE) and (
            troubles < asked or (asked == 1 and self._reached)
        )
        return troubles > 0 and not is_odd

    def _gave_up(self, troubles: int, outcome: Outcome, of: int = 0) -> EndpointError:
        tried = f"{troubles} requests in a row, the last one" if troubles > 1 else "a request"
        tried = f"{troubles} of {counted(of, 'request')}, one of them" if of > 1 else tried
        reason = outcome.completion.failure
        return EndpointError(f"{self._address} failed {tried} with: {reason}; {_RESUME}")

    def _arriving(
        self,
        pool: RequestPool,
        requests: Sequence[Request],
        waiting: Sequence[int],
        arrived: queue.SimpleQueue[_Arrived | None],
    ) -> Generator[list[_Arrived], None, None]:
        """Yield outcomes in batches as they arrive, and a fatal error last."""
        job = self._loop.submit(self._answer_all(pool, requests, waiting, arrived))
        with on_interrupt(lambda: self._end_soon(pool, job), job.cancel) as interrupted:
            try:
                while (first := arrived.get()) is not None:
                    time.sleep(_GATHER_SECONDS)  # so that this thread wakes for many, not for each
                    batch = [first]
                    while not arrived.empty():
                        if (more := arrived.get()) is None:
                            arrived.put(None)
                            break
                        batch.append(more)
                    yield batch
            except BaseException:  # the caller could not take what arrived, or stopped listening
                job.cancel()
                raise
            try:
                job.result()
            except CancelledError:
                if not interrupted():
                    raise

    def _end_soon(self, pool: RequestPool, job: Future[None]) -> None:
        """Stop sending, and give requests in flight a moment to finish."""
        seconds = self._options.grace_seconds
        self._loop.call(pool.stop)
        self._loop.call_later(seconds, job.cancel)
        log.info(
            "interrupted: waiting up to %g s for answers in flight, which are already paid for; "
            "press Ctrl-C again to quit at once",
            seconds,
        )

    async def _answer_all(
        self,
        pool: RequestPool,
        requests: Sequence[Request],
        waiting: Sequence[int],
        arrived: queue.SimpleQueue[_Arrived | None],
    ) -> None:
        """Ask for all, alone until one is answered."""
        remaining = iter(waiting)
        try:
            self._limiter.start()
            if not self._reached:
                await self._reach(pool, requests, remaining)
            await pool.all(requests, remaining, min(self._most, len(waiting)))
        finally:
            arrived.put(None)

    async def _reach(
        self, pool: RequestPool, requests: Sequence[Request], remaining: Iterator[int]
    ) -> None:
        """Ask one at a time until an answer comes; raise `EndpointError` when none does for long.

        Endpoints answer 400 to a wrong model or key as well as to one bad request: only an answer
        proves that address, key and model are right. After the endpoint was given up, one request
        decides (the half-open state of a circuit breaker; Nygard, "Release It!", 2007).
        """
        patience = self._options.patience
        for tried, index in enumerate(remaining, 1):
            try:
                outcome = await pool.one(index, requests[index])
            except StoppedError:
                return
            if outcome.is_answer:
                self._reached, self._has_tripped = True, False
                return
            if outcome.endpoint_trouble and (tried >= patience or self._has_tripped):
                raise self._gave_up(tried, outcome)
            if tried >= patience:
                raise EndpointError(
                    f"{self._address} answered none of the first {tried} requests; the last one failed "
                    f"with: {outcome.completion.failure}; "
                    f"check model.name and {self._address.setting}",
                    is_final=True,
                )

    async def _ask(self, request: Request) -> Outcome:
        """Ask until there is an answer, or a failure that asking again would not fix.

        Raises `StoppedError` when no more is to be sent.
        """
        most_seconds, times = self._options.deadline_seconds, self._options.retries.times
        timeout = None
        if self._has_tripped:
            timeout = most_seconds = self._options.probe_seconds
            times = min(times, 1)
        spent, attempt = 0.0, 0
        while True:
            sent = self._dialect.parameters(self.name, request)
            started, seconds_left = time.perf_counter(), most_seconds - spent
            spent += self._limiter.pause_seconds
            try:
                async with self._limiter.place(seconds_left, again=attempt > 0) as sent_at:
                    started = time.perf_counter()
                    complete = await self._wire.ask(sent, timeout)
            except PausedError as pause:
                await self._limiter.rest(_PAUSED_SECONDS)
                reason = f"{pause}, more than remains of the {most_seconds:g} s for one request"
                return self._unserved(reason, started, is_limited=True)
            except RefusedError as refusal:
                if learns(self._dialect, refusal, sent):
                    continue
                retry = self._refused(refusal, sent_at)
                if refusal.reply is not None and refusal.may_be_paid:
                    return self._failed_within(retry, refusal.reply, request)
                is_limited = asks_to_wait(refusal)
            except UnreachableError as error:
                is_limited = False
                if error.is_final:
                    raise self._not_there(self._address.mask(str(error)), is_final=True) from None
                retry = RetryReason(f"connection failed: {self._address.mask(str(error))}", None)
            except BrokenError as error:
                reason = self._address.mask(str(error))
                return self._torn(error.reply, request, reason, TORN_AGAIN)
            else:
                return self._answered(request, complete)
            if isinstance(retry, Outcome):
                return retry
            wait = self._options.retries.wait(attempt, retry.wait_seconds, self._jitter)
            spent += time.perf_counter() - started + wait
            if attempt >= times or spent > most_seconds:
                return self._unserved(retry.reason, started, is_limited=is_limited)
            attempt += 1
            await self._limiter.rest(wait)

    def _refused(self, refusal: RefusedError, sent_at: float) -> RetryReason | Outcome:
        reached = self._reached or self._has_tripped
        meaning = read_refusal(refusal, self._address, reached=reached)
        if refusal.status in TOO_MUCH:
            self._limiter.too_much(sent_at, refusal.limits.wait_seconds or 0.0)
        return meaning

    def _answered(self, request: Request, complete: CompleteReply) -> Outcome:
        completion = self.read(complete.reply, request)
        tokens = completion.input_tokens + completion.output_tokens
        self._limiter.went_well(tokens, complete.limits)
        return Outcome(completion, is_answer=True)

    def _failed_within(
        self, meaning: RetryReason | Outcome, reply: EndpointReply, request: Request
    ) -> Outcome:
        """The outcome of an answer inside which the endpoint says that it failed: it may be paid."""
        if isinstance(meaning, Outcome):
            paid = maybe_paid(reply, request, meaning.completion.failure or "")
            ended = meaning.completion.finish_reason
            return meaning._replace(completion=replace(paid, finish_reason=ended))
        return self._torn(reply, request, meaning.reason, self._options.retries.times)

    def _torn(
        self, reply: EndpointReply, request: Request, reason: str, more_tries: int
    ) -> Outcome:
        """A failure of the endpoint after which a request is asked again, though it may be paid."""
        completion = maybe_paid(reply, request, reason)
        return Outcome(completion, True, more_tries=0 if self._has_tripped else more_tries)

    def _wait(self, attempt: int) -> float:
        return self._options.retries.wait(attempt, None, self._jitter)

    def _unserved(self, failure: str, started: float, *, is_limited: bool) -> Outcome:
        """A failure of the endpoint; before anything was reached it raises `EndpointError`."""
        if not self._reached and failure.startswith("connection failed"):
            raise self._not_there(failure.removeprefix("connection failed: "))
        outcome = failed(failure, time.perf_counter() - started, endpoint_trouble=True)
        return outcome._replace(is_limited=is_limited)

    def _not_there(self, reason: str, *, is_final: bool = False) -> EndpointError:
        return EndpointError(
            f"{self._address} cannot be reached: {reason}; check {self._address.setting} "
            "and that the server is running",
            is_final=is_final,
        )


def load(spec: ModelSpec) -> Model:
    """Build the model; raises `MissingExtraError` (no package) or `CredentialError` (no key)."""
    if spec.batch:
        from steelyard.model.hosted.batch import BatchModel

        return BatchModel(spec)
    return HostedModel(spec)


PROVIDER = ModelProvider(
    load,
    form="openai:NAME",
    about="OpenAI, or any compatible endpoint with base_url and api_key_env",
    modules=("aiohttp",),
    install=command("hosted"),
    is_local=False,
    has_probabilities=False,
    pace=Pace(
        "assumed: first token after 0.6 s, then 60 tokens a second, 16 requests at a time",
        output_seconds=1 / 60,
        request_seconds=0.6,
        at_once=16,
    ),
    account=hosted_fingerprint,
    key_env=DEFAULT_KEY_ENV,
    check_key=check_secrets,
    check_schema=check_strict,
)
