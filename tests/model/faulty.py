"""An endpoint on the loopback interface that does to each connection what it is told."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Behave = Callable[[socket.socket, str, int], None]
"""Given the connection, what the user said, and how often that was asked before."""


@dataclass
class Faulty:
    """Where it listens; ``asked`` counts what it was sent by the content of the last turn."""

    port: int
    asked: Counter[str] = field(default_factory=Counter)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


@contextmanager
def faulty(behave: Behave, port: int = 0) -> Iterator[Faulty]:
    server = socket.create_server(("127.0.0.1", port), backlog=128)
    endpoint = Faulty(server.getsockname()[1])
    lock, closing = threading.Lock(), threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection:
            connection.settimeout(5)
            try:
                while (body := _request(connection)) is not None:
                    said = str(json.loads(body)["messages"][-1]["content"])
                    with lock:
                        before = endpoint.asked[said]
                        endpoint.asked[said] += 1
                    behave(connection, said, before)
            except OSError:
                return

    def accept() -> None:
        while not closing.is_set():
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        closing.set()
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


def _request(connection: socket.socket) -> bytes | None:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := connection.recv(65536)):
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    [length] = [
        int(line.split(b":")[1])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length")
    ]
    while len(body) < length:
        body += connection.recv(65536)
    return body


def send(
    connection: socket.socket, status: str, body: bytes, *more: str, length: int | None = None
) -> None:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}"]
    head += more or ["Content-Type: text/event-stream"]
    connection.sendall("\r\n".join([*head, "", ""]).encode() + body)


def events(text: str, model: str = "small", given: int = 9, produced: int = 1) -> bytes:
    first = {"choices": [{"delta": {"content": text}}], "model": model}
    last = {
        "choices": [{"delta": {}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": given, "completion_tokens": produced},
    }
    return b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in (first, last))


def good(connection: socket.socket, said: str) -> None:
    send(connection, "200 OK", events(said.upper()))
