"""A batch interface like OpenAI's on the loopback interface: files and batches, told what to do."""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Line = dict[str, Any]
Answer = Callable[[Line, int], Line | None]
"""Given a line of the input and how often its request was answered before, a line or none."""


def body(text: str, given: int = 40, produced: int = 3) -> Line:
    """A chat completion."""
    return {
        "model": "small",
        "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": given, "completion_tokens": produced},
    }


def good(line: Line, _: int = 0) -> Line:
    """The last turn in capitals."""
    said = line["body"]["messages"][-1]["content"]
    response = {"status_code": 200, "body": body(said.upper())}
    return {"custom_id": line["custom_id"], "response": response, "error": None}


def refused(line: Line, status: int, message: str, **more: str) -> Line:
    """An answer of the error file, as for a request that was sent by itself."""
    error = {"error": {"message": message, **more}}
    response = {"status_code": status, "body": error}
    return {"custom_id": line["custom_id"], "response": response, "error": None}


def undone(line: Line, code: str = "batch_expired") -> Line:
    """A request that the batch did not come to."""
    error = {"code": code, "message": "could not be executed"}
    return {"custom_id": line["custom_id"], "response": None, "error": error}


@dataclass
class Batches:
    """Where it listens, and what it was sent. ``paid`` counts what was answered, by content."""

    base_url: str
    answer: Answer = good
    looks: int = 1  # how often a batch is looked at before it ends
    status: str = "completed"
    errors: list[Line] = field(default_factory=list)
    troubles: dict[str, list[int]] = field(default_factory=dict)
    paid: Counter[str] = field(default_factory=Counter)
    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, Line] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    drop_after_create: bool = False

    def take(self, content: bytes) -> Line:
        name = f"file-{len(self.files)}"
        self.files[name] = content
        return {"id": name, "object": "file"}

    def create(self, said: Line) -> Line:
        name = f"batch_{len(self.batches)}"
        self.batches[name] = {
            **said,
            "id": name,
            "status": "validating",
            "created_at": 1000,
            "seen": 0,
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
        }
        return self.batches[name]

    def look(self, name: str) -> Line:
        batch = self.batches[name]
        batch["seen"] += 1
        if batch["seen"] == self.looks:
            self._end(batch)
        elif batch["seen"] < self.looks:
            batch["status"] = "in_progress"
        return batch

    def _end(self, batch: Line) -> None:
        batch |= {"status": self.status, f"{self.status}_at": 1060, "errors": {"data": self.errors}}
        if self.errors:
            return
        files: dict[str, list[Line]] = {"output_file_id": [], "error_file_id": []}
        for row in self.files[batch["input_file_id"]].splitlines():
            line = json.loads(row)
            said = line["body"]["messages"][-1]["content"]
            told = self.answer(line, self.paid[said])
            if told is None:
                continue
            is_good = (told.get("response") or {}).get("status_code") == 200
            self.paid.update([said] if is_good else [])
            files["output_file_id" if is_good else "error_file_id"].append(told)
        for key, lines in files.items():
            if lines:
                batch[key] = self.take("\n".join(map(json.dumps, lines)).encode())["id"]


@contextmanager
def batches(**told: Any) -> Iterator[Batches]:
    """Serve until the block ends; ``told`` sets the fields of `Batches`."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve(b"")

        def do_POST(self) -> None:
            length = self.headers["Content-Length"]
            self._serve(self.rfile.read(int(length)) if length else self._chunks())

        def _chunks(self) -> bytes:
            content = b""
            while size := int(self.rfile.readline(), 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return content

        def _serve(self, content: bytes) -> None:
            path = urlsplit(self.path)
            place = path.path.removeprefix("/v1")
            with lock:
                endpoint.calls.append(f"{self.command} {place}")
                pending = endpoint.troubles.get(f"{self.command} {place}", [])
                if pending:
                    status, reply = pending.pop(0), {"error": {"message": "trouble"}}
                    found: bytes | None = json.dumps(reply).encode()
                else:
                    status, found = 200, self._reply(place, content, parse_qs(path.query))
            if found is None:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(found)))
            self.end_headers()
            self.wfile.write(found)

        def _reply(self, place: str, content: bytes, query: dict[str, list[str]]) -> bytes | None:
            if (self.command, place) == ("POST", "/files"):
                assert b'name="purpose"\r\n\r\nbatch\r\n' in content
                part = content[content.index(b"application/jsonl") :]
                lines = re.split(rb"\r\n--", part.split(b"\r\n\r\n", 1)[1])[0]
                return json.dumps(endpoint.take(lines)).encode()
            if (self.command, place) == ("POST", "/batches"):
                made = endpoint.create(json.loads(content))
                if endpoint.drop_after_create:
                    endpoint.drop_after_create = False
                    return None
                return json.dumps(made).encode()
            if place == "/batches":
                return self._listed(query)
            if place.startswith("/batches/"):
                return json.dumps(endpoint.look(place.split("/")[2])).encode()
            return endpoint.files[place.split("/")[2]]

        def _listed(self, query: dict[str, list[str]]) -> bytes:
            """Two a page, newest first."""
            names = list(reversed(endpoint.batches))
            after = query.get("after", [""])[0]
            names = names[names.index(after) + 1 :] if after else names
            data = [endpoint.batches[name] for name in names[:2]]
            return json.dumps({"data": data, "has_more": len(names) > 2}).encode()

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    endpoint = Batches(f"http://127.0.0.1:{server.server_port}/v1", **told)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
