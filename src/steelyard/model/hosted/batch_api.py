"""The calls of an OpenAI-compatible batch interface: files up and down, batches begun and watched."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from steelyard.core import Request
from steelyard.model.hosted.faults import BrokenError, RefusedError
from steelyard.model.hosted.limits import RateLimits
from steelyard.model.hosted.reply import EndpointReply
from steelyard.model.hosted.wire import Wire, checked
from steelyard.model.hosted.words import status_of

CHATS = "/v1/chat/completions"
_PAGE = 100
_PAGES = 50
ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
"""The states that a batch stays in."""


@dataclass(frozen=True)
class Batch:
    """A batch as the endpoint describes it; times are seconds since 1970."""

    id: str
    status: str
    output_file: str | None = None
    error_file: str | None = None
    created_at: float | None = None
    ended_at: float | None = None
    completed: int = 0
    trouble: str = ""
    trouble_code: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    @property
    def seconds(self) -> float | None:
        """How long it took by the endpoint's clock; until now if the end is not reported."""
        if self.created_at is None:
            return None
        return max(0.0, (self.ended_at or time.time()) - self.created_at)


class BatchApi:
    """Speaks over one `Wire`; every method belongs on its event loop and raises what it raises."""

    def __init__(self, wire: Wire, window: str) -> None:
        self._wire = wire
        self._window = window

    async def upload(self, lines: bytes) -> str:
        """Send the requests' file; return its id."""
        answer = _parsed(await self._wire.call("POST", "/files", upload=("batch", lines)))
        return _text(answer, "id")

    async def create(self, file: str, metadata: Mapping[str, str]) -> Batch:
        body = {
            "input_file_id": file,
            "endpoint": CHATS,
            "completion_window": self._window,
            "metadata": dict(metadata),
        }
        return _batch(_parsed(await self._wire.call("POST", "/batches", body=body)))

    async def look(self, id: str) -> Batch:
        return _batch(_parsed(await self._wire.call("GET", f"/batches/{id}")))

    async def find(self, metadata: Mapping[str, str]) -> Batch | None:
        """Return the newest batch with this metadata that is not lost, or ``None``."""
        query = {"limit": str(_PAGE)}
        for _ in range(_PAGES):
            page = _parsed(await self._wire.call("GET", "/batches", query=query))
            listed = [_batch(entry) for entry in page.get("data") or () if isinstance(entry, dict)]
            for batch in listed:
                if metadata.items() <= batch.metadata.items() and batch.status != "failed":
                    return batch
            if not page.get("has_more") or not listed:
                return None
            query = {"limit": str(_PAGE), "after": listed[-1].id}
        return None

    async def content(self, file: str) -> bytes:
        return await self._wire.call("GET", f"/files/{file}/content")


def _batch(body: Mapping[str, Any]) -> Batch:
    troubles = (body.get("errors") or {}).get("data") or []
    first = next((error for error in troubles if isinstance(error, dict)), {})
    counts = body.get("request_counts") or {}
    status = _text(body, "status")
    return Batch(
        id=_text(body, "id"),
        status=status,
        output_file=body.get("output_file_id") or None,
        error_file=body.get("error_file_id") or None,
        created_at=_number(body.get("created_at")),
        ended_at=_number(body.get(f"{status}_at")),
        completed=int(_number(counts.get("completed")) or 0),
        trouble=str(first.get("message") or ""),
        trouble_code=str(first.get("code") or ""),
        metadata=body.get("metadata") or {},
    )


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict):
        excerpt = body[:80].decode("utf-8", "replace")
        raise BrokenError(f"the endpoint sent no readable answer: {excerpt!r}", EndpointReply())
    return parsed


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value:
        raise BrokenError(f"the endpoint's answer has no {key}", EndpointReply())
    return value


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


_UNDONE = ("batch_expired", "batch_cancelled", "batch_canceled")


class LineResult(NamedTuple):
    """One line: a reply, a refusal or a torn answer, or none where the batch ended before its turn."""

    reply: EndpointReply | None = None
    refusal: RefusedError | None = None
    broken: BrokenError | None = None


def custom_id(fingerprint: str, request: Request) -> str:
    """Name a request by all that it asks, its nonce included: the same in every process."""
    text = json.dumps([fingerprint, asdict(request)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def request_line(id: str, sent: str) -> bytes:
    """Return the line that asks for one chat; ``sent`` is its body as JSON."""
    line = {"custom_id": id, "method": "POST", "url": CHATS, "body": json.loads(sent)}
    return json.dumps(line).encode() + b"\n"


def results(content: bytes) -> dict[str, LineResult]:
    """Read an output or error file, by custom id; lines that cannot be read are passed over.

    Where two lines answer one request differently, nobody knows which is right: its answer is torn.
    """
    lines: dict[str, LineResult] = {}
    for line in content.splitlines():
        try:
            result = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(result, dict) and isinstance(ref := result.get("custom_id"), str):
            read = _result(result)
            lines[ref] = _agreed(lines[ref], read) if ref in lines else read
    return lines


def _agreed(first: LineResult, second: LineResult) -> LineResult:
    """The first of two lines for one request, where both give the same answer or none does."""
    answers = [
        None if each.reply is None else (each.reply.text, each.reply.finish)
        for each in (first, second)
    ]
    if answers[0] == answers[1]:
        return first
    reply = first.reply or second.reply or EndpointReply()
    reason = "the batch holds several different answers to this request"
    return LineResult(broken=BrokenError(reason, reply))


def _result(result: Mapping[str, Any]) -> LineResult:
    response, error = result.get("response"), result.get("error")
    if isinstance(response, dict):
        status = response.get("status_code")
        status = status if isinstance(status, int) else 200
        body = response.get("body")
        if status < 300:
            return _read(body if isinstance(body, dict) else {})
        return LineResult(refusal=_refusal(max(status, 400), body))
    code = error.get("code") if isinstance(error, dict) else None
    if code in _UNDONE:
        return LineResult()
    return LineResult(refusal=_refusal(status_of(error), {"error": error}))


def _read(body: Mapping[str, Any]) -> LineResult:
    reply = EndpointReply()
    try:
        reply.add_whole(body, time.perf_counter())
        return LineResult(reply=checked(reply, RateLimits()))
    except RefusedError as refusal:
        return LineResult(refusal=refusal)
    except BrokenError as broken:
        return LineResult(broken=broken)
    except RecursionError:
        return LineResult(broken=BrokenError("the answer is nested too deeply", reply))


def _refusal(status: int, body: Any) -> RefusedError:
    text = body if isinstance(body, str) else json.dumps(body)
    return RefusedError(status, text, RateLimits())
