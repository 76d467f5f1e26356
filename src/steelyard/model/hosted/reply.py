"""One chat completion as it arrives, and the completion that it makes."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from steelyard.core import Completion, Request
from steelyard.model.hosted.address import Mask
from steelyard.model.hosted.dialect import read_choice

_BYTES_PER_TOKEN = 4  # English, in the tokenizers of the day; such counts are labelled estimated


@dataclass
class EndpointReply:
    """What has arrived of one answer. Seconds count from the moment the request was sent."""

    text: str = ""
    refusal: str = ""
    finish_reason: str | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None
    first_token_seconds: float | None = None
    total_seconds: float = 0.0
    chunks: int = field(default=0, repr=False)

    def add(self, chunk: Mapping[str, Any], seconds: float) -> None:
        """Take in one chunk of a stream. Endpoints leave fields out: nothing is taken for granted."""
        self.chunks += 1
        self.usage = _mapping(chunk.get("usage")) or self.usage
        self.model = _string(chunk.get("model")) or self.model
        for choice in _items(chunk.get("choices")):
            delta = _mapping(_mapping(choice).get("delta"))
            text, refusal = _string(delta.get("content")), _string(delta.get("refusal"))
            if (text or refusal) and self.first_token_seconds is None:
                self.first_token_seconds = seconds
            self.text = _joined(self.text + text)
            self.refusal = _joined(self.refusal + refusal)
            finish = _mapping(choice).get("finish_reason")
            self.finish_reason = _string(finish) or self.finish_reason

    def add_whole(self, body: Mapping[str, Any], started: float) -> None:
        """Take in an answer that came in one piece; ``started`` is a `time.perf_counter` reading."""
        seconds = time.perf_counter() - started
        choices = [
            {**_mapping(choice), "delta": _mapping(choice).get("message")}
            for choice in _items(body.get("choices"))
        ]
        self.add({**body, "choices": choices}, seconds)
        self.total_seconds = seconds

    @property
    def counts(self) -> tuple[int, int, int] | None:
        """Input, cached and output tokens as billed; ``None`` when the endpoint does not say.

        Some endpoints leave the tokens of hidden reasoning out of ``completion_tokens`` and bill them
        all the same: they are in the total.
        """
        prompt = _whole(self.usage.get("prompt_tokens"))
        produced = _whole(self.usage.get("completion_tokens"))
        if prompt is None or produced is None:
            return None
        produced = max(produced, (_whole(self.usage.get("total_tokens")) or 0) - prompt)
        details = _mapping(self.usage.get("prompt_tokens_details"))
        cached = details.get("cached_tokens", self.usage.get("prompt_cache_hit_tokens"))
        return prompt, min(_whole(cached) or 0, prompt), produced


def to_completion(reply: EndpointReply, request: Request, mask: Mask) -> Completion:
    """Turn what arrived into a completion, or into a failure with its reason."""
    text = _cut(_whole_text(reply.text), request.stop)
    failure = _failure(reply, mask)
    choice = read_choice(text, request.choices) if request.choices else None
    if failure is None and request.choices and choice is None:
        failure = mask(f"the answer {text[:80]!r} is not one of the {len(request.choices)} choices")
    finish: Literal["error", "choice", "length", "stop"]
    finish = "error" if failure is not None else "choice" if choice is not None else "stop"
    if finish == "stop" and reply.finish_reason == "length":
        finish = "length"
    prompt, cached, produced = _counts(reply, request)
    total, first = reply.total_seconds, reply.first_token_seconds
    return Completion(
        text=text if choice is None else choice,
        finish_reason=finish,
        input_tokens=prompt,
        cached_tokens=cached,
        output_tokens=produced,
        first_token_seconds=total if first is None else first,
        total_seconds=total,
        failure=failure,
    )


def _failure(reply: EndpointReply, mask: Mask) -> str | None:
    if reply.refusal:
        return mask(f"the model refused: {reply.refusal}")
    if reply.finish_reason == "content_filter":
        return "the endpoint's content filter stopped the answer"
    if reply.chunks == 0:
        return "the endpoint did not send a chat completion stream"
    if reply.finish_reason is None:
        return "the stream ended before the answer was complete"
    return None


def _cut(text: str, stop: Sequence[str]) -> str:
    """Return ``text`` before the first stop text, for endpoints that take none."""
    places = [place for word in stop if word and (place := text.find(word)) >= 0]
    return text[: min(places)] if places else text


def maybe_paid(reply: EndpointReply, request: Request, reason: str) -> Completion:
    """Return the failure of an answer that is not whole but may have been paid.

    It keeps what arrived on the account; where the endpoint did not come to say what it counts, that
    is the longest answer the request allows.
    """
    prompt, cached, produced = _counts(reply, request, request.max_output_tokens)
    return Completion(
        text="",
        finish_reason="error",
        input_tokens=prompt,
        cached_tokens=cached,
        output_tokens=produced,
        first_token_seconds=reply.first_token_seconds or reply.total_seconds,
        total_seconds=reply.total_seconds,
        failure=reason,
    )


def _counts(reply: EndpointReply, request: Request, least: int = 0) -> tuple[int, int, int]:
    """Input, cached and output tokens: as billed, else estimated, with ``least`` of output at least."""
    prompt = sum(_tokens(message.content) for message in request.messages)
    return reply.counts or (prompt, 0, max(least, _tokens(_whole_text(reply.text))))


def _tokens(text: str) -> int:
    return -(-len(text.encode()) // _BYTES_PER_TOKEN)


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _whole_text(text: str) -> str:
    """The text without halves of characters, which no file and no request can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _joined(text: str) -> str:
    """Put halves of characters together that came in two chunks; a half at the end may yet be met."""
    if text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text[:-1]):
        return text
    return _whole_text(text)


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None
