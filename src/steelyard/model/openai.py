"""Models behind an OpenAI-compatible endpoint, through the official client."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from steelyard.core import Completion, Request
from steelyard.errors import CredentialError, ModelError, SteelyardError
from steelyard.extras import require
from steelyard.model.base import ModelSpec, OnDone
from steelyard.model.openai_dialect import Dialect
from steelyard.model.openai_secrets import (
    DEFAULT_BASE_URL,
    endpoint,
    key_env,
    masker,
    read_key,
    shown_endpoint,
)
from steelyard.model.openai_stream import DeadlineError, read_stream, to_completion

if TYPE_CHECKING:
    from openai import OpenAI

_REFUSALS = (400, 422, 501)
_KEPT = "what is measured is kept: run again to go on"


@dataclass(frozen=True)
class OpenAIOptions:
    """How an endpoint is asked.

    ``timeout_seconds`` bounds one attempt, its whole stream included; ``max_retries`` are the
    client's own, after connection errors, rate limits and server errors. After ``patience``
    requests in a row that the endpoint could not serve, the run stops rather than fail them all.
    """

    timeout_seconds: float = 120.0
    max_retries: int = 3
    workers: int = 8
    patience: int = 5


class _Outcome(NamedTuple):
    """A completion, and whether it failed for a reason that lies with the endpoint."""

    completion: Completion
    endpoint_trouble: bool = False


class OpenAIModel:
    """A model that answers over HTTP and is paid by the token.

    The first request of a session goes out alone, so that a wrong address, key or model name stops
    the run before anything is spent. ``notes`` says what the endpoint turned out not to support.
    """

    def __init__(self, spec: ModelSpec, options: OpenAIOptions | None = None) -> None:
        self._sdk: Any = require("openai", "hosted")
        self._options = options or OpenAIOptions()
        self._model = spec.name
        self._key_env = key_env(spec)
        self._base_url = endpoint(spec)
        key = read_key(spec)
        self._mask = masker(key)
        self._dialect = Dialect(official=self._base_url == DEFAULT_BASE_URL)
        self._reached = False
        self._usage_missing = False
        self._client: OpenAI = self._sdk.OpenAI(
            api_key=key,
            base_url=self._base_url,
            timeout=self._options.timeout_seconds,
            max_retries=self._options.max_retries,
        )

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
        return (*self._dialect.notes, *((missing,) if self._usage_missing else ()))

    def count_tokens(self, text: str) -> int | None:
        """Return ``None``: only the endpoint knows its tokenizer."""
        return None

    def generate(
        self,
        requests: Sequence[Request],
        on_done: OnDone | None = None,
        skip: frozenset[int] = frozenset(),
    ) -> list[Completion | None]:
        """Answer with a few requests in flight; see `steelyard.model.base.Model.generate`.

        ``on_done`` is called from this thread as each answer arrives, so in no fixed order. Raises
        `CredentialError` for a refused key and `ModelError` for an endpoint that is not there.
        """
        answers: list[Completion | None] = [None] * len(requests)
        waiting = [index for index in range(len(requests)) if index not in skip]
        troubles = 0
        with closing(self._outcomes(requests, waiting)) as outcomes:
            for index, outcome in outcomes:
                answers[index] = outcome.completion
                if on_done is not None:
                    on_done([(index, outcome.completion)])
                troubles = troubles + 1 if outcome.endpoint_trouble else 0
                if troubles >= self._options.patience:
                    raise ModelError(
                        f"{self._where} failed {troubles} requests in a row, the last one with: "
                        f"{outcome.completion.failure}; {_KEPT}"
                    )
        return answers

    @property
    def _where(self) -> str:
        return f"the endpoint {shown_endpoint(self._base_url)} (model {self._model})"

    def _outcomes(
        self, requests: Sequence[Request], waiting: Sequence[int]
    ) -> Generator[tuple[int, _Outcome]]:
        """Yield outcomes as they arrive: the very first alone, then several at a time."""
        if waiting and not self._reached:
            yield waiting[0], self._ask(requests[waiting[0]])
            self._reached = True
            waiting = waiting[1:]
        pool = ThreadPoolExecutor(self._options.workers, thread_name_prefix="steelyard-openai")
        try:
            asked = {pool.submit(self._ask, requests[index]): index for index in waiting}
            yield from _drain(asked)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _ask(self, request: Request) -> _Outcome:
        """Ask once, and again without what the endpoint refuses; raise when nothing can succeed."""
        sdk = self._sdk
        started = time.perf_counter()
        while True:
            sent = self._dialect.parameters(self._model, request)
            started = time.perf_counter()
            try:
                return self._stream(request, sent, started)
            except (sdk.AuthenticationError, sdk.PermissionDeniedError) as error:
                raise self._refused_key(error) from None
            except sdk.NotFoundError as error:
                raise ModelError(
                    f"{self._where} answers 404: {self._mask(error.message)}; "
                    "check model.name and model.base_url in task.yaml"
                ) from None
            except DeadlineError:
                reason = f"no complete answer within {self._options.timeout_seconds:g} s"
                return _failed(reason, started, endpoint_trouble=True)
            except sdk.APIStatusError as error:
                refusal = error.status_code in _REFUSALS
                if refusal and self._dialect.learn(error.message, error.param, sent):
                    continue
                return self._status_failure(error, started)
            except sdk.APIConnectionError as error:
                return self._connection_failure(error, started)
            except (sdk.APIError, ValueError) as error:  # an error event, or no JSON, in the stream
                said = self._mask(str(error))
                return _failed(f"the endpoint sent no readable answer: {said}", started)

    def _stream(self, request: Request, sent: dict[str, Any], started: float) -> _Outcome:
        with self._client.chat.completions.create(**sent) as stream:
            reply = read_stream(stream, started, self._options.timeout_seconds)
        if reply.chunks and reply.counts is None:
            self._usage_missing = True
        return _Outcome(to_completion(reply, request, self._mask))

    def _refused_key(self, error: Any) -> CredentialError:
        said = self._mask(error.message)
        return CredentialError(
            f"{self._where} refused the key in {self._key_env} ({error.status_code}): {said}; "
            f"set {self._key_env} to a key that may use this model"
        )

    def _status_failure(self, error: Any, started: float) -> _Outcome:
        """Say why one request failed; an empty account raises, as no request will succeed."""
        said = self._mask(error.message)
        if error.code == "insufficient_quota":
            raise ModelError(
                f"{self._where} says the account has no credit left: {said}; "
                "what is measured is kept: top it up and run again to go on"
            ) from None
        trouble = error.status_code == 429 or error.status_code >= 500
        return _failed(f"HTTP {error.status_code}: {said}", started, endpoint_trouble=trouble)

    def _connection_failure(self, error: Any, started: float) -> _Outcome:
        """Say that the connection failed; before anything was reached that raises `ModelError`."""
        cause = error.__cause__
        said = self._mask(str(cause) if cause is not None and str(cause) else error.message)
        if not self._reached:
            raise ModelError(
                f"{self._where} cannot be reached: {said}; check model.base_url in task.yaml, "
                "and that the server is running"
            ) from None
        return _failed(f"connection failed: {said}", started, endpoint_trouble=True)


def load(spec: ModelSpec) -> OpenAIModel:
    """Build the model; raises `MissingExtraError` (no package) or `CredentialError` (no key)."""
    return OpenAIModel(spec)


def _drain(asked: dict[Future[_Outcome], int]) -> Iterator[tuple[int, _Outcome]]:
    """Yield outcomes as they arrive; at a fatal error first those in flight, which are paid."""
    fatal: SteelyardError | None = None
    for future in as_completed(asked):
        if future.cancelled():
            continue
        try:
            yield asked[future], future.result()
        except SteelyardError as error:
            fatal = fatal or error
            for other in asked:  # not pool.shutdown(): as_completed would wait for these for ever
                other.cancel()
    if fatal is not None:
        raise fatal


def _failed(reason: str, started: float, *, endpoint_trouble: bool = False) -> _Outcome:
    seconds = time.perf_counter() - started
    completion = Completion("", "error", total_seconds=seconds, failure=reason)
    return _Outcome(completion, endpoint_trouble)
