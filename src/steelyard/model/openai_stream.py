"""One streamed chat completion, read to its end."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from steelyard.core import Completion, Request
from steelyard.model.openai_dialect import read_choice
from steelyard.model.openai_secrets import Mask

_BYTES_PER_TOKEN = 4  # English, in the tokenizers of the day; such counts are labelled estimated


class DeadlineError(Exception):
    """An answer took longer than it may; caught in this room."""


@dataclass
class Reply:
    """What has arrived of one answer. Seconds count from the moment the request was sent."""

    text: str = ""
    refusal: str = ""
    finish_reason: str | None = None
    usage: Any = None
    first_token_seconds: float | None = None
    total_seconds: float = 0.0
    chunks: int = field(default=0, repr=False)

    @property
    def counts(self) -> tuple[int, int, int] | None:
        """Input, cached and output tokens as billed; ``None`` when the endpoint does not say."""
        given = _whole(getattr(self.usage, "prompt_tokens", None))
        produced = _whole(getattr(self.usage, "completion_tokens", None))
        if given is None or produced is None:
            return None
        details = getattr(self.usage, "prompt_tokens_details", None)
        return given, min(_whole(getattr(details, "cached_tokens", None)) or 0, given), produced


def read_stream(chunks: Iterable[Any], started: float, deadline_seconds: float) -> Reply:
    """Read a stream of chat completion chunks; ``started`` is a `time.perf_counter` reading.

    Endpoints leave fields out, and the client does not check them: nothing is taken for granted.
    Raises `DeadlineError` when the answer is not complete in time.
    """
    reply = Reply()
    for chunk in chunks:
        seconds = time.perf_counter() - started
        if seconds > deadline_seconds:
            raise DeadlineError
        reply.chunks += 1
        reply.usage = getattr(chunk, "usage", None) or reply.usage
        for choice in _items(getattr(chunk, "choices", None)):
            delta = getattr(choice, "delta", None)
            text = _string(getattr(delta, "content", None))
            refusal = _string(getattr(delta, "refusal", None))
            if (text or refusal) and reply.first_token_seconds is None:
                reply.first_token_seconds = seconds
            reply.text += text
            reply.refusal += refusal
            reply.finish_reason = getattr(choice, "finish_reason", None) or reply.finish_reason
    reply.total_seconds = time.perf_counter() - started
    return reply


def to_completion(reply: Reply, request: Request, mask: Mask) -> Completion:
    """Turn what arrived into a completion, or into a failure with its reason."""
    text = _cut(reply.text, request.stop)
    failure = _failure(reply, mask)
    chosen = read_choice(text, request.choices) if request.choices else None
    if failure is None and request.choices and chosen is None:
        failure = mask(f"the answer {text[:80]!r} is none of the {len(request.choices)} choices")
    finish: Literal["error", "choice", "length", "stop"]
    finish = "error" if failure is not None else "choice" if chosen is not None else "stop"
    if finish == "stop" and reply.finish_reason == "length":
        finish = "length"
    given, cached, produced = reply.counts or (*_estimate(request), _tokens(reply.text))
    total, first = reply.total_seconds, reply.first_token_seconds
    return Completion(
        text=text if chosen is None else chosen,
        finish_reason=finish,
        input_tokens=given,
        cached_tokens=cached,
        output_tokens=produced,
        first_token_seconds=total if first is None else first,
        total_seconds=total,
        failure=failure,
    )


def _failure(reply: Reply, mask: Mask) -> str | None:
    if reply.refusal:
        return mask(f"the model refused: {reply.refusal}")
    if reply.finish_reason == "content_filter":
        return "the endpoint's content filter stopped the answer"
    if reply.chunks == 0:
        return "the endpoint sent something that is no chat completion stream"
    if reply.finish_reason is None:
        return "the stream ended before the answer was complete"
    return None


def _cut(text: str, stop: Sequence[str]) -> str:
    """Return ``text`` before the first stop text, for endpoints that take none."""
    places = [place for word in stop if word and (place := text.find(word)) >= 0]
    return text[: min(places)] if places else text


def _estimate(request: Request) -> tuple[int, int]:
    return sum(_tokens(message.content) for message in request.messages), 0


def _tokens(text: str) -> int:
    return -(-len(text.encode()) // _BYTES_PER_TOKEN)


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None
