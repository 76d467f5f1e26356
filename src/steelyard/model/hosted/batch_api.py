"""The calls of an OpenAI-compatible batch interface: files up and down, batches begun and watched."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from steelyard.model.hosted.reply import EndpointReply
from steelyard.model.hosted.wire import BrokenError, Wire

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
    done: int = 0
    trouble: str = ""
    trouble_code: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.status in ENDED

    @property
    def seconds(self) -> float | None:
        """How long it took, by the endpoint's clock; till now where it does not tell its end."""
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
        found = _parsed(await self._wire.call("POST", "/files", upload=("batch", lines)))
        return _text(found, "id")

    async def create(self, file: str, metadata: Mapping[str, str]) -> Batch:
        """Begin a batch over an uploaded file."""
        body = {
            "input_file_id": file,
            "endpoint": CHATS,
            "completion_window": self._window,
            "metadata": dict(metadata),
        }
        return _batch(_parsed(await self._wire.call("POST", "/batches", body=body)))

    async def look(self, id: str) -> Batch:
        """Return the batch as it stands now."""
        return _batch(_parsed(await self._wire.call("GET", f"/batches/{id}")))

    async def find(self, metadata: Mapping[str, str]) -> Batch | None:
        """Return the newest batch with this metadata that is not lost, or ``None``."""
        query = {"limit": str(_PAGE)}
        for _ in range(_PAGES):
            page = _parsed(await self._wire.call("GET", "/batches", query=query))
            listed = [_batch(each) for each in page.get("data") or () if isinstance(each, dict)]
            for batch in listed:
                if metadata.items() <= batch.metadata.items() and batch.status != "failed":
                    return batch
            if not page.get("has_more") or not listed:
                return None
            query = {"limit": str(_PAGE), "after": listed[-1].id}
        return None

    async def content(self, file: str) -> bytes:
        """Return a file's content."""
        return await self._wire.call("GET", f"/files/{file}/content")


def _batch(said: Mapping[str, Any]) -> Batch:
    troubles = (said.get("errors") or {}).get("data") or []
    first = next((each for each in troubles if isinstance(each, dict)), {})
    counts = said.get("request_counts") or {}
    status = _text(said, "status")
    return Batch(
        id=_text(said, "id"),
        status=status,
        output_file=said.get("output_file_id") or None,
        error_file=said.get("error_file_id") or None,
        created_at=_number(said.get("created_at")),
        ended_at=_number(said.get(f"{status}_at")),
        done=int(_number(counts.get("completed")) or 0),
        trouble=str(first.get("message") or ""),
        trouble_code=str(first.get("code") or ""),
        metadata=said.get("metadata") or {},
    )


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        shown = body[:80].decode("utf-8", "replace")
        raise BrokenError(f"the endpoint sent no readable answer: {shown!r}", EndpointReply())
    return found


def _text(said: Mapping[str, Any], key: str) -> str:
    value = said.get(key)
    if not isinstance(value, str) or not value:
        raise BrokenError(f"the endpoint's answer has no {key}", EndpointReply())
    return value


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
