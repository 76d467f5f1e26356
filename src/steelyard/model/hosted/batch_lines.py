"""The files of a batch: one JSON line a request, one a result, matched by ``custom_id``."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

from steelyard.core import Request
from steelyard.model.hosted.batch_api import CHATS
from steelyard.model.hosted.limits import RateLimits
from steelyard.model.hosted.reply import EndpointReply
from steelyard.model.hosted.wire import RefusedError

_UNDONE = ("batch_expired", "batch_cancelled", "batch_canceled")


class LineResult(NamedTuple):
    """One line: a reply, or a refusal, or neither where the batch ended before the request's turn."""

    reply: EndpointReply | None = None
    refusal: RefusedError | None = None


def custom_id(fingerprint: str, request: Request) -> str:
    """Name a request by all that it asks, its nonce included: the same in every process."""
    text = json.dumps([fingerprint, asdict(request)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def request_line(id: str, sent: str) -> bytes:
    """Return the line that asks for one chat; ``sent`` is its body as JSON."""
    line = {"custom_id": id, "method": "POST", "url": CHATS, "body": json.loads(sent)}
    return json.dumps(line).encode() + b"\n"


def results(content: bytes) -> Iterator[tuple[str, LineResult]]:
    """Read an output or error file; lines that cannot be read are passed over."""
    for line in content.splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and isinstance(said.get("custom_id"), str):
            yield said["custom_id"], _result(said)


def _result(said: Mapping[str, Any]) -> LineResult:
    response, error = said.get("response"), said.get("error")
    if isinstance(response, dict):
        status = response.get("status_code")
        status = status if isinstance(status, int) else 200
        body = response.get("body")
        if status < 300 and isinstance(body, dict):
            reply = EndpointReply()
            reply.add_whole(body, time.perf_counter())
            return LineResult(reply=reply)
        return LineResult(refusal=_refusal(max(status, 400), body))
    code = error.get("code") if isinstance(error, dict) else None
    if code in _UNDONE:
        return LineResult()
    status = int(code) if isinstance(code, str) and code.isdecimal() else 400
    return LineResult(refusal=_refusal(status, {"error": error}))


def _refusal(status: int, body: Any) -> RefusedError:
    text = body if isinstance(body, str) else json.dumps(body)
    return RefusedError(status, text, RateLimits())
