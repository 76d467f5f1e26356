"""Requests a second against a loopback endpoint with 50 ms latency, beside plain ``openai``.

    python benchmarks/hosted.py [--requests 6000] [--in-flight 64]

The endpoint answers every request after 50 ms, so 64 in flight can be served 1,280 a second. It and
the clients share this machine: the table shows each client's own CPU time beside what it reached.
``pip install 'openai>=2.20,<4'`` for the peer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from steelyard.core import Message, Price, Request
from steelyard.model import Model, ModelSpec
from steelyard.model.answer_cache import AnswerCache
from steelyard.model.hosted.client import HostedModel, HostedOptions
from steelyard.store.budget import Budget
from steelyard.store.database import Store
from steelyard.store.recorder import Recorder
from steelyard.store.tables import AskedModel

LATENCY_SECONDS = 0.05
SYSTEM = "Classify the support ticket. Answer with the label only. " * 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=6000)
    parser.add_argument("--in-flight", type=int, default=64)
    args = parser.parse_args()
    port = multiprocessing.Value("i", 0)
    server = multiprocessing.Process(target=serve, args=(port,), daemon=True)
    server.start()
    while not port.value:
        time.sleep(0.05)
    base_url = f"http://127.0.0.1:{port.value}/v1"
    possible = args.in_flight / LATENCY_SECONDS
    print(f"possible: {possible:,.0f} requests/s ({args.in_flight} in flight, 50 ms each)")
    row("steelyard", steelyard(base_url, args.requests, args.in_flight), args.requests, possible)
    capped = steelyard(base_url, args.requests, args.in_flight, capped=True)
    row("steelyard, under a cap", capped, args.requests, possible)
    stored = steelyard(base_url, args.requests, args.in_flight, capped=True, stored=True)
    row("steelyard, as a run does", stored, args.requests, possible)
    try:
        import openai  # noqa: F401
    except ImportError:
        print("openai: not installed")
    else:
        for stream in (False, True):
            name = "openai, asyncio" + (", streamed" if stream else "")
            spent = asyncio.run(peer(base_url, args.requests, args.in_flight, stream))
            row(name, spent, args.requests, possible)
    server.terminate()


def row(name: str, spent: tuple[float, float], requests: int, possible: float) -> None:
    wall, cpu = spent
    rate = requests / wall
    print(
        f"{name:<26}{rate:8,.0f} requests/s  {rate / possible:5.0%} of possible  "
        f"{1000 * cpu / requests:6.2f} ms CPU a request  {cpu / wall:5.0%} of a core"
    )


def steelyard(
    base_url: str, count: int, in_flight: int, capped: bool = False, stored: bool = False
) -> tuple[float, float]:
    spec = ModelSpec("openai", "m", base_url=base_url)
    model: Model = HostedModel(spec, HostedOptions(most_in_flight=in_flight))
    budget = None
    if capped:
        price = Price(input=Decimal(1), output=Decimal(1))
        budget = Budget(Decimal(10), {model.fingerprint: price})
    if stored:
        folder = TemporaryDirectory()
        place = Path(folder.name)
        cache = AnswerCache(place / "answers.db")
        model = Recorder(Store.in_folder(place), budget, cache).wrap(model)
    elif budget is not None:
        model.meter = budget.meter(AskedModel(model.fingerprint, model.name), model.count_tokens)
    requests = [
        Request((Message("system", SYSTEM), Message("user", f"Invoice {n} is wrong")))
        for n in range(count)
    ]
    model.generate(requests[: 4 * in_flight])
    wall, cpu = time.perf_counter(), time.process_time()
    answers = model.generate(requests, lambda done: None)
    spent = time.perf_counter() - wall, time.process_time() - cpu
    assert all(each is not None and each.text == "BILLING" for each in answers)
    return spent


async def peer(base_url: str, count: int, in_flight: int, stream: bool) -> tuple[float, float]:
    import openai

    client = openai.AsyncOpenAI(api_key="none", base_url=base_url)

    async def one(n: int) -> None:
        messages = [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": f"Invoice {n} is wrong"},
        ]
        more = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
        answer = await client.chat.completions.create(
            model="m", messages=messages, temperature=0, max_tokens=64, **more
        )
        if stream:
            async for _ in answer:
                pass

    await crew(one, 4 * in_flight, in_flight)
    wall, cpu = time.perf_counter(), time.process_time()
    await crew(one, count, in_flight)
    spent = time.perf_counter() - wall, time.process_time() - cpu
    await client.close()
    return spent


async def crew(one: Callable[[int], Awaitable[None]], count: int, in_flight: int) -> None:
    left = iter(range(count))

    async def work() -> None:
        for n in left:
            await one(n)

    await asyncio.gather(*(work() for _ in range(in_flight)))


class Endpoint(asyncio.Protocol):
    """Answers each request after the latency, streamed or whole as it was asked for."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with no data."""
        self._transport = transport
        self._data = b""

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end].lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
            body = self._data[end + 4 : end + 4 + length]
            if len(body) < length:
                return
            self._data = self._data[end + 4 + length :]
            reply = STREAMED if b'"stream":true' in body.replace(b" ", b"") else WHOLE
            asyncio.get_running_loop().call_later(LATENCY_SECONDS, self._send, reply)

    def _send(self, reply: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(reply)


def _http(body: bytes, kind: str) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _events(*chunks: dict) -> bytes:
    base = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    lines = [json.dumps({**base, "choices": [], **chunk}) for chunk in chunks]
    return "".join(f"data: {line}\n\n" for line in [*lines, "[DONE]"]).encode()


USAGE = {"prompt_tokens": 100, "completion_tokens": 2, "total_tokens": 102}
STREAMED = _http(
    _events(
        {"choices": [{"index": 0, "delta": {"content": "BILL"}, "finish_reason": None}]},
        {"choices": [{"index": 0, "delta": {"content": "ING"}, "finish_reason": "stop"}]},
        {"usage": USAGE},
    ),
    "text/event-stream",
)
ANSWER = {"index": 0, "message": {"role": "assistant", "content": "BILLING"}}
WHOLE = _http(
    json.dumps(
        {
            "id": "x",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [{**ANSWER, "finish_reason": "stop"}],
            "usage": USAGE,
        }
    ).encode(),
    "application/json",
)


def serve(port) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Endpoint, "127.0.0.1", 0)
        port.value = server.sockets[0].getsockname()[1]
        await server.serve_forever()

    asyncio.run(run())


if __name__ == "__main__":
    main()
