"""A hosted model that is sent no private data: ``[EMAIL]`` and its like stand in place of values."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

from steelyard import extras
from steelyard.config.records import read_kept
from steelyard.core import Completion, Message, Request
from steelyard.model.base import Meter, OnDone, PaidModel, WrappedModel
from steelyard.private.phones import regions_of
from steelyard.private.redact import mark_private

COUNTED = "redacted"
"""Under which name a model's memory keeps how much was replaced."""
NOTE = "private values are replaced before a request is sent (redact)"


class RedactedRequest(NamedTuple):
    """What is sent, and how many values were replaced in it."""

    request: Request
    values: int


class RedactedModel(WrappedModel):
    """Asks ``inner``, a `PaidModel`, with the private values of each message replaced.

    Found is what the audit finds, so names of people are not. Choices and schemas go out as they are.
    Counted are the requests that were answered, in ``memory``: ``{"values": …, "requests": …}``.
    Raises `MissingExtraError` where phone numbers could not be found.
    """

    def __init__(self, inner: PaidModel) -> None:
        extras.require("phonenumbers", "data")
        self._inner = inner

    @property
    def inner(self) -> PaidModel:
        return self._inner

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self._inner.notes, NOTE)

    @property
    def meter(self) -> Meter | None:
        return self._inner.meter

    @meter.setter
    def meter(self, meter: Meter | None) -> None:
        self._inner.meter = meter

    @property
    def memory(self) -> MutableMapping[str, Any]:
        return self._inner.memory

    @memory.setter
    def memory(self, memory: MutableMapping[str, Any]) -> None:
        self._inner.memory = memory

    @property
    def learned(self) -> tuple[str, ...]:
        return self._inner.learned

    @learned.setter
    def learned(self, learned: tuple[str, ...]) -> None:
        self._inner.learned = learned

    def sent_text(self, request: Request) -> str:
        return self._inner.sent_text(redacted(request).request)

    def generate(
        self,
        requests: Sequence[Request],
        on_done: OnDone | None = None,
        skip: frozenset[int] = frozenset(),
    ) -> list[Completion | None]:
        """Answer what is left of ``requests`` without private values; see `Model.generate`."""
        sent = [redacted(request) for request in requests]

        def count(batch: Sequence[tuple[int, Completion]]) -> None:
            self._count([sent[index].values for index, _ in batch])
            if on_done is not None:
                on_done(batch)

        return self._inner.generate([each.request for each in sent], count, skip)

    def _count(self, values: Sequence[int]) -> None:
        if any(values):
            before = redactions(self.memory)
            self.memory[COUNTED] = {
                "values": before.values + sum(values),
                "requests": before.requests + sum(map(bool, values)),
            }


@dataclass(frozen=True)
class Redactions:
    """How many values were replaced, in how many requests."""

    values: int = 0
    requests: int = 0


def redactions(memory: Mapping[str, Any]) -> Redactions:
    """What is counted in a model's ``memory``. Raises `StorageError` where that is damaged."""
    counted: Redactions = read_kept(Redactions, memory.get(COUNTED) or {}, COUNTED)
    return counted


_mark = lru_cache(maxsize=4096)(mark_private)
"""Prompts share their instruction and shots, and a request is looked for before it is sent."""


def redacted(request: Request) -> RedactedRequest:
    """Return ``request`` without the private values of its messages."""
    regions = regions_of([message.content for message in request.messages])
    marked = [_mark(message.content, regions) for message in request.messages]
    messages = tuple(
        Message(message.role, text)
        for message, (text, _) in zip(request.messages, marked, strict=True)
    )
    return RedactedRequest(replace(request, messages=messages), sum(count for _, count in marked))
