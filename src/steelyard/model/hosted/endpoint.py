"""What a model behind an OpenAI-compatible endpoint is, however it is asked."""

from __future__ import annotations

import weakref
from collections.abc import MutableMapping, Sequence
from functools import cached_property
from typing import Any

from steelyard.core import Completion, Request
from steelyard.extras import require
from steelyard.model.base import Meter, Model, ModelSpec
from steelyard.model.hosted.address import Address
from steelyard.model.hosted.dialect import Dialect
from steelyard.model.hosted.loop import LoopThread
from steelyard.model.hosted.reply import EndpointReply, to_completion
from steelyard.model.hosted.served import PromptCounts, same_model
from steelyard.model.hosted.wire import Wire

_NO_USAGE = "usage=none"
_ANSWERED_BY = "answered_by="
_CUT_PROMPTS = "prompts=cut"


class Endpoint(Model):
    """One model at one address: its name, what it understands, and the connections to it.

    A `PaidModel`, but for asking.
    """

    def __init__(self, spec: ModelSpec, timeout_seconds: float) -> None:
        require("aiohttp", "hosted")
        self._address = Address(spec)
        self._dialect = Dialect(official=self._address.is_official, extra=spec.extra_body)
        self._wire = Wire(self._address.base_url, self._address.headers, timeout_seconds)
        self._usage_missing = False
        self._other_model: str | None = None
        self._prompt_counts = PromptCounts()
        self._has_failed = False
        self._reports_usage = False
        self.meter: Meter | None = None
        self.memory: MutableMapping[str, Any] = {}

    @cached_property
    def _loop(self) -> LoopThread:
        """The thread of the connections; both end with the model."""
        loop, wire = LoopThread("steelyard-hosted"), self._wire
        weakref.finalize(self, lambda: loop.close(wire.close()))
        return loop

    @property
    def name(self) -> str:
        return self._address.model

    @property
    def local(self) -> bool:
        """False: it is paid by tokens, wherever it runs."""
        return False

    @property
    def notes(self) -> tuple[str, ...]:
        """What people must know of the answers: parameters the endpoint refused, counts it kept."""
        missing = "the endpoint reports no usage: token counts are estimated"
        if self._reports_usage:
            missing = "the endpoint reports no usage with some answers: their tokens are estimated"
        other = f"the endpoint says that {self._other_model} answered"
        cut = (
            "the endpoint counts too few tokens for the prompts it was sent: it seems to drop most of "
            "a long prompt; raise its context size (such as num_ctx) and run again"
        )
        failed = "the endpoint failed some requests after all tries: they count as failed answers"
        return (
            *self._dialect.notes,
            *((missing,) if self._usage_missing else ()),
            *((other,) if self._other_model else ()),
            *((cut,) if self._prompt_counts.is_too_low else ()),
            *((failed,) if self._has_failed else ()),
        )

    @property
    def learned(self) -> tuple[str, ...]:
        """What the endpoint turned out to be like; set it to what an earlier run learned.

        The parameters that it refused and all else that `notes` reports, so that answers from the
        cache come with the notes they had.
        """
        return (
            *self._dialect.learned,
            *((_NO_USAGE,) if self._usage_missing else ()),
            *((_ANSWERED_BY + self._other_model,) if self._other_model else ()),
            *((_CUT_PROMPTS,) if self._prompt_counts.is_too_low else ()),
        )

    @learned.setter
    def learned(self, learned: Sequence[str]) -> None:
        self._dialect.recall(learned)
        self._usage_missing = self._usage_missing or _NO_USAGE in learned
        self._prompt_counts.is_too_low |= _CUT_PROMPTS in learned
        for word in learned:
            if word.startswith(_ANSWERED_BY):
                self._other_model = word.removeprefix(_ANSWERED_BY)

    def read(self, reply: EndpointReply, request: Request) -> Completion:
        """Turn an answer into a completion, and note what it says of the endpoint."""
        if reply.counts is None:
            self._usage_missing = True
        else:
            self._reports_usage = True
            sent = "".join(message.content for message in request.messages)
            self._prompt_counts.add(sent, reply.counts.input)
        if reply.model and not same_model(self.name, reply.model):
            self._other_model = self._address.mask(reply.model)
        limit = self._dialect.limit(request)
        return to_completion(reply, request, self._address.mask, limit)

    def sent_text(self, request: Request) -> str:
        return self._dialect.text(self.name, request)

    def count_tokens(self, text: str) -> int | None:
        """Return ``None``: only the endpoint knows its tokenizer."""
        return None
