"""A chat completions endpoint on the loopback interface, scripted reply by reply."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

USAGE = {
    "prompt_tokens": 40,
    "completion_tokens": 3,
    "total_tokens": 43,
    "prompt_tokens_details": {"cached_tokens": 32},
}


@dataclass
class Reply:
    """What the endpoint answers: a status and a body."""

    status: int = 200
    body: str = ""
    content_type: str = "text/event-stream"
    headers: dict[str, str] = field(default_factory=dict)


def stream(
    *pieces: str, finish: str | None = "stop", usage: dict[str, Any] | None = USAGE
) -> Reply:
    """A well-formed stream of ``pieces``."""
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}]}
        for piece in pieces
    ]
    if finish is not None:
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    if usage is not None:
        chunks.append({"choices": [], "usage": usage})
    base = {"id": "c1", "object": "chat.completion.chunk", "created": 1}
    events = [f"data: {json.dumps({**base, **chunk})}\n\n" for chunk in chunks]
    return Reply(body="".join(events) + "data: [DONE]\n\n")


def error(status: int, message: str, **more: Any) -> Reply:
    """An error as OpenAI-compatible servers word it; the client's waits are made short."""
    body = json.dumps({"error": {"message": message, "type": "error", **more}})
    return Reply(status, body, "application/json", {"retry-after-ms": "1"})


@dataclass
class Endpoint:
    """Where it listens and what it was sent."""

    base_url: str
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


Script = Callable[[dict[str, Any], int], Reply]
"""Given a request and how many came before it, the reply."""


@contextmanager
def serving(script: Script, certificate: Path | None = None) -> Iterator[Endpoint]:
    """Serve ``script`` until the block ends; with a file that holds key and certificate over TLS."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                before = len(endpoint.requests)
                endpoint.requests.append(request)
                endpoint.keys.append(self.headers.get("Authorization", ""))
                endpoint.headers.append(dict(self.headers))
                endpoint.paths.append(self.path)
            reply = script(request, before)
            payload = reply.body.encode()
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            self.send_header("Content-Length", str(len(payload)))
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    scheme = "http"
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    endpoint = Endpoint(f"{scheme}://127.0.0.1:{server.server_port}/v1")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
