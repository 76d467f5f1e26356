"""One chat completion as it arrives, and the completion that it makes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from steelyard.core import Completion, FinishReason, Request, Usage
from steelyard.model.hosted.address import Mask, whole_text
from steelyard.model.hosted.content import content_of
from steelyard.model.hosted.counts import BilledTokens, token_counts
from steelyard.model.hosted.dialect import read_choice, unwrapped
from steelyard.model.hosted.ending import ends_at_limit, estimated_tokens, tokens_left
from steelyard.model.hosted.words import find_error, finish_named
from steelyard.model.thoughts import cut_reason, why_unanswered, without_thoughts

_NO_FINISH = ("", "null", "none")
"""What some servers write in the chunks before the last."""


@dataclass
class EndpointReply:
    """What has arrived of one answer. Seconds count from the moment the request was sent.

    ``error`` is what the endpoint says that failed, ``has_choices`` whether any answer came; of
    several the first is read. ``has_calls`` says that tool calls came, however empty, ``calls_tools``
    that one names its tool. ``is_ended`` says that the endpoint marked the end.
    """

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    finish_reason: str | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    model: str | None = None
    error: Any = None
    has_choices: bool = False
    has_calls: bool = False
    calls_tools: bool = False
    is_ended: bool = False
    first_token_seconds: float | None = None
    total_seconds: float = 0.0

    def add(self, chunk: Mapping[str, Any], seconds: float) -> None:
        """Take in one chunk of a stream. Endpoints leave fields out: nothing is taken for granted."""
        self.error = self.error or find_error(chunk)
        usage = _mapping(chunk.get("usage"))
        self.usage |= {name: count for name, count in usage.items() if count is not None}
        self.model = _string(chunk.get("model")) or self.model
        for choice in _first_choice(chunk.get("choices")):
            self._add_choice(choice, seconds)

    def _add_choice(self, choice: Mapping[str, Any], seconds: float) -> None:
        self.has_choices = True
        self.error = self.error or find_error({"error": choice.get("error")})
        finish = _string(choice.get("finish_reason") or choice.get("finishReason"))
        if finish.lower() not in _NO_FINISH:
            self.finish_reason = finish
        is_piece = isinstance(choice.get("delta"), dict)
        message = choice.get("delta" if is_piece else "message")
        message = {"content": message} if isinstance(message, str) else _mapping(message)
        content = content_of(message)
        text = content.text or _string(choice.get("text"))
        calls = message.get("tool_calls") or message.get("function_call")
        self.has_calls = self.has_calls or bool(calls)
        self.calls_tools = self.calls_tools or _names_tool(calls)
        if (text or content.refusal) and self.first_token_seconds is None:
            self.first_token_seconds = seconds
        is_whole = not is_piece and bool(self.text) and text.startswith(self.text)
        self.text = _joined(text if is_whole else self.text + text)
        self.reasoning = _joined(self.reasoning + content.reasoning)
        self.refusal = _joined(self.refusal + content.refusal)

    def add_whole(self, body: Mapping[str, Any], started: float) -> None:
        """Take in an answer that came in one piece; ``started`` is a `time.perf_counter` reading."""
        seconds = time.perf_counter() - started
        self.add(body, seconds)
        self.is_ended = True
        self.total_seconds = seconds

    @property
    def counts(self) -> BilledTokens | None:
        """Tokens as billed; ``None`` when the endpoint does not say."""
        return token_counts(self.usage, has_text=bool(self.text))

    @property
    def has_begun(self) -> bool:
        """Whether the endpoint worked on it: tokens are counted, or a part of an answer came."""
        return bool(self.counts or self.text or self.reasoning)

    @property
    def finish(self) -> FinishReason | None:
        """How the answer ended; ``None`` where the endpoint does not say, or in a word not known.

        One that marked its end and came with a text is whole, though its finish reason was left out.
        """
        if self.finish_reason is not None:
            return finish_named(self.finish_reason)
        return "stop" if self.is_ended and self.text and self.has_choices else None


def to_completion(
    reply: EndpointReply, request: Request, mask: Mask, limit: int | None = None
) -> Completion:
    """Turn what arrived into a completion, or into a failure of the answer with its reason.

    ``limit`` is how many tokens of output were allowed, as it was sent; ``None`` where none was.
    """
    counts = _counts(reply, request)
    total, first = reply.total_seconds, reply.first_token_seconds
    completion = Completion(
        text=whole_text(reply.text),
        finish_reason=reply.finish or "stop",
        input_tokens=counts.input,
        cached_tokens=counts.cached,
        output_tokens=counts.output,
        first_token_seconds=total if first is None else first,
        total_seconds=total,
        failure=_failure(reply, mask),
        reasoning=whole_text(reply.reasoning),
        reasoning_tokens=counts.reasoning,
    )
    if completion.failure is not None:
        ended: FinishReason = "refusal" if reply.refusal else completion.finish_reason
        return replace(completion, finish_reason=ended)
    completion = without_thoughts(completion)
    text = _cut(completion.text, request.stop)
    is_ended = text != completion.text or _is_choice(text, request.choices)
    completion = replace(completion, text=text)
    may_be_cut = completion.finish_reason == "stop" and not is_ended
    shown = text or whole_text(reply.text)
    if may_be_cut and limit is not None and ends_at_limit(shown, reply.counts, limit):
        completion = replace(completion, finish_reason="length")
    if completion.is_cut:
        left = tokens_left(f"{shown}{completion.reasoning}", reply.counts, limit)
        completion = replace(completion, tokens_left=left)
    if request.schema is not None:
        completion = replace(completion, text=unwrapped(completion.text, request.schema))
    unanswered = why_unanswered(completion)
    if unanswered is not None:
        return replace(completion, failure=unanswered)
    return _chosen(completion, request.choices) if request.choices else completion


def _is_choice(text: str, choices: Sequence[str] | None) -> bool:
    return bool(choices) and read_choice(text, choices or ()) is not None


def _chosen(completion: Completion, choices: Sequence[str]) -> Completion:
    """Read the choice that the answer is. Where it says more, its text is left to who asked.

    Of an answer that was cut only whole JSON is read: nobody knows how its sentence went on.
    """
    if completion.is_cut and not completion.text.lstrip().startswith("{"):
        return replace(completion, failure=cut_reason(completion))
    choice = read_choice(completion.text, choices)
    if choice is not None:
        return replace(completion, text=choice, finish_reason="choice")
    return replace(completion, failure=cut_reason(completion)) if completion.is_cut else completion


def _failure(reply: EndpointReply, mask: Mask) -> str | None:
    """Why an answer that came whole is none."""
    finish = reply.finish
    if reply.refusal or finish == "refusal":
        return mask(f"the model refused: {reply.refusal or reply.text}").rstrip(": ")
    if finish == "content_filter":
        return "the endpoint's content filter stopped the answer"
    is_empty = not reply.text.strip()
    if reply.calls_tools or (is_empty and (finish == "tool_calls" or reply.has_calls)):
        return "the model called a tool instead of answering"
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
    counts = _counts(reply, request, request.max_output_tokens)
    return Completion(
        text="",
        finish_reason="error",
        input_tokens=counts.input,
        cached_tokens=counts.cached,
        output_tokens=counts.output,
        first_token_seconds=reply.first_token_seconds or reply.total_seconds,
        total_seconds=reply.total_seconds,
        failure=reason,
        reasoning_tokens=counts.reasoning,
    )


def last_of(tries: Sequence[Completion]) -> Completion:
    """Return the last try of a request, and with it what the others took: each may have been paid.

    Its tokens and seconds are its own: what an answer takes is not what lost tries before it took.
    """
    *lost, last = tries
    torn = sum((each.usage._replace(machine_seconds=0.0) for each in lost), Usage())
    return replace(last, torn=torn)


def _counts(reply: EndpointReply, request: Request, least: int = 0) -> BilledTokens:
    """Tokens as billed, else estimated, with ``least`` of output at least."""
    prompt = sum(estimated_tokens(message.content) for message in request.messages)
    produced = sum(estimated_tokens(whole_text(text)) for text in (reply.text, reply.reasoning))
    return reply.counts or BilledTokens(prompt, 0, max(least, produced))


def _first_choice(choices: Any) -> Iterator[Mapping[str, Any]]:
    """The choice with index 0, the first where none has an index, or a whole one that is alone."""
    if isinstance(choices, dict):
        choices = [choices]
    if isinstance(choices, list):
        for choice in choices:
            if not isinstance(choice, dict):
                continue
            is_alone = len(choices) == 1 and "delta" not in choice
            if is_alone or choice.get("index") in (None, 0, "0"):
                yield choice
                return


def _names_tool(calls: Any) -> bool:
    """Whether one of these tool calls, or a call of the older form, says which tool it calls."""
    for call in calls if isinstance(calls, list) else [calls]:
        for part in (call, _mapping(call).get("function")):
            if _string(_mapping(part).get("name")):
                return True
    return False


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _joined(text: str) -> str:
    """Put halves of characters together that came in two chunks; a half at the end may yet be met."""
    if text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text[:-1]):
        return text
    return whole_text(text)


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
