"""Vectors of texts from an OpenAI-compatible endpoint: ``/embeddings``, paid by the token."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from steelyard.config.records import read_as
from steelyard.core import Completion, Message, Request, Usage
from steelyard.errors import ConfigError, EndpointError
from steelyard.extras import require
from steelyard.model.base import Meter, ModelSpec
from steelyard.model.encoder import Encoder
from steelyard.model.hosted.address import Address, whole_text
from steelyard.model.hosted.counts import token_counts
from steelyard.model.hosted.faults import BrokenError, RefusedError, UnreachableError
from steelyard.model.hosted.limiter import Limiter, PausedError
from steelyard.model.hosted.limits import RateLimits
from steelyard.model.hosted.loop import LoopThread
from steelyard.model.hosted.refusals import (
    TOO_MUCH,
    TORN_AGAIN,
    Outcome,
    Retries,
    read_refusal,
)
from steelyard.model.hosted.reply import EndpointReply
from steelyard.model.hosted.served import same_model
from steelyard.model.hosted.wire import Wire
from steelyard.model.redacting import NOTE
from steelyard.private.phones import regions_of
from steelyard.private.redact import mark_private

_LETTERS_A_TOKEN = 4
"""What an endpoint without usage is taken to count."""
_FINGERPRINT = "embeddings|"
_MONEY_SECONDS = 0.05


@dataclass(frozen=True)
class EmbeddingOptions:
    """How texts are sent: so many and so long at most in a request, so many requests at once.

    The other fields are those of `HostedOptions`.
    """

    most_texts: int = 128
    most_characters: int = 100_000
    in_flight: int = 4
    timeout_seconds: float = 120.0
    deadline_seconds: float = 600.0
    retries: Retries = field(default_factory=Retries)


class _Batch(NamedTuple):
    numbers: list[int]
    texts: list[str]

    @property
    def request(self) -> Request:
        """The batch as meters know requests: all that is sent, and no answer."""
        return Request(tuple(Message("user", text) for text in self.texts), max_output_tokens=0)


class EndpointEncoder(Encoder):
    """Asks an endpoint for vectors; ``usage`` is what that took so far, torn tries included.

    ``dimensions`` shortens the vectors where the model can. A blank text has the vector 0 and is not
    sent. ``meter``, where set, is asked before each request. Keys, headers and retries are those of a
    `HostedModel`. Raises `CredentialError` and its like, `EndpointError` where the endpoint does not
    serve, what the meter says where the money is spent, and `ConfigError` for a spec with ``batch``, which
    this interface does not know. With ``redact`` private values are replaced before they are sent.
    """

    def __init__(
        self,
        spec: ModelSpec,
        dimensions: int | None = None,
        options: EmbeddingOptions | None = None,
    ) -> None:
        require("aiohttp", "hosted")
        if spec.batch:
            raise ConfigError("embeddings are asked for one by one: leave batch out of their model")
        if spec.redact:
            require("phonenumbers", "data")
        self._spec = spec
        self._dimensions = dimensions
        self._options = options or EmbeddingOptions()
        self._address = Address(spec)
        seconds = spec.timeout_seconds or self._options.timeout_seconds
        self._wire = Wire(self._address.base_url, self._address.headers, seconds)
        self._most = spec.max_in_flight or self._options.in_flight
        self._limiter = Limiter(self._most, str(self._address))
        self._jitter = random.Random()  # no figure depends on it
        self._reached = False
        self._width = dimensions or 0
        self._notes: dict[str, None] = {}
        self.usage = Usage()
        self.meter: Meter | None = None

    @classmethod
    def from_recipe(cls, recipe: Mapping[str, Any]) -> EndpointEncoder:
        """Build the encoder of a saved index. Raises `ValueError` for anything but a recipe."""
        saved = read_as(_Recipe, recipe, "encoder")
        return cls(ModelSpec.from_dict(saved.model), saved.dimensions)

    @property
    def recipe(self) -> Mapping[str, Any]:
        return {"model": self._spec.unpaced.to_dict(), "dimensions": self._dimensions}

    @property
    def fingerprint(self) -> str:
        cut = f"|dimensions={self._dimensions}" if self._dimensions else ""
        return _FINGERPRINT + self._address.fingerprint + cut

    @property
    def account(self) -> str:
        """What accounts call the model."""
        return self._spec.account

    @property
    def notes(self) -> tuple[str, ...]:
        """What people must know of the vectors, and of how their tokens were counted."""
        return (*self._notes, *((NOTE,) if self._spec.redact else ()))

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors; see `Encoder`."""
        parts = list(self.encode_each(texts))
        result = np.zeros((len(texts), self._width), dtype=np.float32)
        for numbers, vectors in parts:
            result[numbers] = vectors
        return result

    def encode_each(self, texts: Sequence[str]) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """Yield what has arrived after each round of requests: it is paid, so keep it.

        An error comes after all that arrived with it.
        """
        blank = [number for number, text in enumerate(texts) if not text.strip()]
        batches = self._batches(texts, frozenset(blank))
        for start in range(0, len(batches), self._most):
            some = batches[start : start + self._most]
            job = self._loop.submit(self._ask_all(some))
            try:
                ends = job.result()
            except BaseException:  # Ctrl-C
                job.cancel()
                raise
            for batch, end in zip(some, ends, strict=True):
                if not isinstance(end, BaseException):
                    yield batch.numbers, end
            for end in ends:
                if isinstance(end, BaseException):
                    raise end
        if blank and self._width:
            yield blank, np.zeros((len(blank), self._width), dtype=np.float32)

    def _batches(self, texts: Sequence[str], but: frozenset[int]) -> list[_Batch]:
        batches: list[_Batch] = []
        size = 0
        for number, text in enumerate(texts):
            if number in but:
                continue
            size += len(text)
            is_full = batches and len(batches[-1].texts) >= self._options.most_texts
            if not batches or is_full or size > self._options.most_characters:
                batches.append(_Batch([], []))
                size = len(text)
            batches[-1].numbers.append(number)
            batches[-1].texts.append(whole_text(self._redacted(text)))
        return batches

    def _redacted(self, text: str) -> str:
        if not self._spec.redact:
            return text
        return mark_private(text, regions_of([text])).text

    async def _ask_all(
        self, batches: Sequence[_Batch]
    ) -> list[NDArray[np.float32] | BaseException]:
        self._limiter.start()
        first: list[NDArray[np.float32] | BaseException] = []
        if not self._reached:  # alone: a wrong key or name stops it before more is sent
            first += await asyncio.gather(self._pay(batches[0]), return_exceptions=True)
            if isinstance(first[0], BaseException):
                return first * len(batches)
        rest = (self._pay(batch) for batch in batches[len(first) :])
        return first + await asyncio.gather(*rest, return_exceptions=True)

    async def _pay(self, batch: _Batch) -> NDArray[np.float32]:
        """Ask within the money that is left; raises the meter's error where it does not suffice."""
        if self.meter is None:
            return (await self._ask(batch))[0]
        while (word := self.meter.reserve(batch.request)) != "go":
            if word == "stop":
                raise self.meter.over()
            await asyncio.sleep(_MONEY_SECONDS)
        usage = None
        try:
            vectors, usage = await self._ask(batch)
            return vectors
        finally:
            spent = None
            if usage is not None:
                tokens = int(usage.input_tokens)
                spent = Completion("", "stop", input_tokens=tokens)
            self.meter.settle(batch.request, spent)

    async def _ask(self, batch: _Batch) -> tuple[NDArray[np.float32], Usage]:
        """Ask until there is an answer, or a failure that asking again would not mend."""
        options, started = self._options, time.monotonic()
        attempt, torn = 0, Usage()
        while True:
            asked_seconds = None
            seconds_left = options.deadline_seconds - (time.monotonic() - started)
            sent_at = time.monotonic()
            try:
                async with self._limiter.place(seconds_left, again=attempt > 0) as sent_at:
                    content = await self._wire.call(
                        "POST", "/embeddings", body=self._body(batch.texts)
                    )
                vectors, usage = self._read(content, batch)
            except PausedError as pause:
                raise self._away(str(pause)) from None
            except RefusedError as refusal:
                reason, asked_seconds = self._refused(refusal, sent_at)
            except UnreachableError as error:
                reason = f"it cannot be reached: {error}"
                if error.is_final or not self._reached:
                    raise self._away(reason, is_final=error.is_final) from None
            except BrokenError as error:
                torn += Usage(1, _estimate(batch.texts))
                self.usage += Usage(1, _estimate(batch.texts))
                reason = str(error)
                if torn.requests > TORN_AGAIN:
                    raise self._away(reason) from None
            else:
                self._reached = True
                self._limiter.went_well(int(usage.input_tokens), RateLimits())
                return vectors, usage + torn
            wait = options.retries.wait(attempt, asked_seconds, self._jitter)
            late = time.monotonic() - started + wait > options.deadline_seconds
            if attempt >= options.retries.times or late:
                raise self._away(reason)
            attempt += 1
            await self._limiter.rest(wait)

    def _body(self, texts: Sequence[str]) -> dict[str, Any]:
        cut = {"dimensions": self._dimensions} if self._dimensions else {}
        return {**(self._spec.extra_body or {}), "model": self._spec.name, "input": texts, **cut}

    def _refused(self, refusal: RefusedError, sent_at: float) -> tuple[str, float | None]:
        """Say why to ask again, and when; raises `EndpointError` where that would not help."""
        meaning = read_refusal(refusal, self._address, reached=self._reached)
        if isinstance(meaning, Outcome):
            raise EndpointError(f"{self._address} gave no vectors: {meaning.completion.failure}")
        if refusal.status in TOO_MUCH:
            self._limiter.too_much(sent_at, refusal.limits.wait_seconds or 0.0)
        return meaning.reason, meaning.wait_seconds

    def _read(self, content: bytes, batch: _Batch) -> tuple[NDArray[np.float32], Usage]:
        """Read an answer and count it. Raises `BrokenError` for anything but one vector per text."""
        try:
            answer = json.loads(content)
            rows = answer["data"]
            order = [row.get("index", place) for place, row in enumerate(rows)]
            if sorted(order) != list(range(len(batch.texts))):
                raise ValueError(f"{len(rows)} vectors for {len(batch.texts)} texts")
            by_number = dict(zip(order, rows, strict=True))
            vectors = np.array(
                [_floats(by_number[number]["embedding"]) for number in range(len(rows))]
            )
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            raise BrokenError(f"it sent no readable vectors: {error}", EndpointReply()) from None
        usage = self._counted(answer, batch.texts)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True) if vectors.ndim == 2 else None
        if lengths is None or not (np.isfinite(lengths).all() and (lengths > 0).all()):
            raise BrokenError("it sent vectors of no finite length", EndpointReply())
        if self._width and vectors.shape[1] != self._width:
            raise EndpointError(
                f"{self._address} sent vectors of {vectors.shape[1]} numbers, not {self._width}",
                is_final=True,
            )
        self._width = vectors.shape[1]
        self.usage += usage
        return (vectors / lengths).astype(np.float32), usage

    def _counted(self, answer: Mapping[str, Any], texts: Sequence[str]) -> Usage:
        model = answer.get("model")
        if isinstance(model, str) and not same_model(self._spec.name, model):
            self._notes[f"the endpoint says that {self._address.mask(model)} made the vectors"] = (
                None
            )
        counted = answer.get("usage")
        counts = token_counts(counted) if isinstance(counted, Mapping) else None
        if counts is None:
            self._notes["the endpoint reports no usage: token counts are estimated"] = None
        return Usage(1, _estimate(texts) if counts is None else counts.input)

    def _away(self, reason: str, *, is_final: bool = False) -> EndpointError:
        return EndpointError(
            f"{self._address} gave no vectors: {self._address.mask(reason)}; "
            f"check {self._address.setting}; vectors so far are kept: run again to go on",
            is_final=is_final,
        )

    @cached_property
    def _loop(self) -> LoopThread:
        loop, wire = LoopThread("steelyard-embeddings"), self._wire
        weakref.finalize(self, lambda: loop.close(wire.close()))
        return loop


@dataclass(frozen=True)
class _Recipe:
    model: dict[str, Any]
    dimensions: int | None = None


def _floats(embedding: Any) -> NDArray[np.float32]:
    """A vector as a list, or as base64 of little-endian floats."""
    if isinstance(embedding, str):
        return np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4")
    if not isinstance(embedding, list) or not embedding:
        raise ValueError("a vector is no list of numbers")
    return np.array(embedding, dtype=np.float32)


def _estimate(texts: Sequence[str]) -> int:
    return sum(len(text) // _LETTERS_A_TOKEN + 1 for text in texts)
