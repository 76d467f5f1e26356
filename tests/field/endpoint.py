"""A chat endpoint on the loopback interface that behaves as real ones were reported to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105}


@dataclass(frozen=True)
class Asked:
    """One request: its body, its number among those of its model, and how often it came before."""

    body: dict[str, Any]
    number: int
    before: int

    @property
    def question(self) -> tuple[Any, bool]:
        """What was asked, and whether in a form: the same for every try at it."""
        return self.body["messages"], "response_format" in self.body

    @property
    def roles(self) -> list[str]:
        return [message["role"] for message in self.body["messages"]]

    @property
    def text(self) -> str:
        return "\n".join(message["content"] for message in self.body["messages"])

    @property
    def limit(self) -> int | None:
        """The most tokens that may be written, under either name."""
        limit: int | None = self.body.get("max_completion_tokens", self.body.get("max_tokens"))
        return limit


@dataclass(frozen=True)
class Reply:
    """What is sent: all of ``body``, or its first ``sent`` bytes before the connection is cut.

    ``pieces`` of it are sent chunk by chunk, each ``pause_seconds`` after the one before; without
    ``has_length`` the end of the connection is the end of the body.
    """

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    sent: int | None = None
    pieces: tuple[bytes, ...] = ()
    pause_seconds: float = 0.0
    has_length: bool = True


Behaviour = Callable[[Asked], Reply]


@dataclass
class Endpoint:
    """Where it listens, and what each of its models was asked."""

    address: str
    asked: dict[str, list[Asked]]

    def base_url(self, name: str) -> str:
        return f"{self.address}/{name}/v1"


def used(prompt: int, completion: int, **more: Any) -> dict[str, Any]:
    """The usage of one answer."""
    total = prompt + completion
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total, **more}


def event(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One chunk of a stream; ``more`` stands beside its choices."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [choice], **more}


def events(chunks: Sequence[dict[str, Any] | str], done: bool = True) -> Reply:
    """A stream of chunks; a text stands in it as it is."""
    lines = [
        chunk if isinstance(chunk, str) else f"data: {json.dumps(chunk)}\n\n" for chunk in chunks
    ]
    body = "".join(lines) + ("data: [DONE]\n\n" if done else "")
    return Reply(body.encode(), content_type="text/event-stream")


def streamed(
    text: str, finish: str | None = "stop", usage: dict[str, Any] | None = USAGE, **more: Any
) -> Reply:
    """A well-formed stream of one answer."""
    chunks = [event({"role": "assistant", "content": ""}, **more), event({"content": text}, **more)]
    end = [] if usage is None else [{"id": "c", "choices": [], "usage": usage, **more}]
    return events([*chunks, event({}, finish, **more), *end])


def message(
    content: Any, finish: str | None = "stop", usage: dict[str, Any] | None = USAGE, **more: Any
) -> dict[str, Any]:
    """A whole completion; ``more`` belongs to the message."""
    said = {"role": "assistant", "content": content, **more}
    choice = {"index": 0, "message": said, "finish_reason": finish}
    body = {"id": "c", "object": "chat.completion", "model": "m", "choices": [choice]}
    return body if usage is None else {**body, "usage": usage}


def data(body: Any, status: int = 200, **more: Any) -> Reply:
    """A JSON body."""
    return Reply(json.dumps(body).encode(), status, **more)


def refused(status: int, text: str, **more: Any) -> Reply:
    """An error as OpenAI-compatible servers word it; the wait it asks for is short."""
    error = {"message": text, "type": "invalid_request_error", **more}
    return data({"error": error}, status, headers={"retry-after-ms": "1"})


@contextmanager
def serving(behaviours: Mapping[str, Behaviour]) -> Iterator[Endpoint]:
    """Serve every behaviour under ``/its name/v1`` until the block ends."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = self.path.split("/")[1]
            with lock:
                asked = Asked(body, len(endpoint.asked[name]) + 1, 0)
                before = sum(one.question == asked.question for one in endpoint.asked[name])
                asked = replace(asked, before=before)
                endpoint.asked[name].append(asked)
            reply = behaviours[name](asked)
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            if reply.pieces:
                self.send_header("Transfer-Encoding", "chunked")
            elif reply.has_length:
                self.send_header("Content-Length", str(len(reply.body)))
            for header, value in reply.headers.items():
                self.send_header(header, value)
            self.end_headers()
            for piece in (*reply.pieces, b"") if reply.pieces else ():
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                time.sleep(reply.pause_seconds)
            self.wfile.write(reply.body[: reply.sent])
            self.close_connection = reply.sent is not None or not reply.has_length

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    asked: dict[str, list[Asked]] = {name: [] for name in behaviours}
    endpoint = Endpoint(f"http://127.0.0.1:{server.server_port}", asked)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
