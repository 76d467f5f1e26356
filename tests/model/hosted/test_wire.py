"""Server-sent events as endpoints word them, over a real connection, and the limits in their headers."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from steelyard.model.hosted.counts import BilledTokens
from steelyard.model.hosted.faults import BrokenError, RefusedError
from steelyard.model.hosted.limits import RateLimits, in_words, read_limits, seconds_of, wait_in
from steelyard.model.hosted.reply import EndpointReply
from steelyard.model.hosted.wire import Wire
from tests.model.faulty import events, faulty, send

FIRST, LAST = (line.removeprefix(b"data: ") for line in events("Hello").split(b"\n\n")[:2])
PRETTY = json.dumps(json.loads(FIRST), indent=1).encode().replace(b"\n", b"\ndata: ")


def ask(*parts: bytes, length: int | None = None) -> EndpointReply:
    """What is read of an answer that comes in ``parts``, a moment apart."""

    def behave(connection: socket.socket, said: str, before: int) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        send(connection, "200 OK", parts[0], length=length or len(b"".join(parts)))
        for part in parts[1:]:
            time.sleep(0.001)
            connection.sendall(part)
        if length is not None:
            time.sleep(1.0)

    async def drive(base_url: str) -> EndpointReply:
        wire = Wire(base_url, {}, 5.0)
        try:
            return (await wire.ask({"messages": [{"content": "hi"}]})).reply
        finally:
            await wire.close()

    with faulty(behave) as endpoint:
        return asyncio.run(drive(endpoint.base_url))


def ask_packed(body: bytes) -> EndpointReply:
    """What is read of an answer that comes packed."""

    def behave(connection: socket.socket, said: str, before: int) -> None:
        send(connection, "200 OK", body, "Content-Encoding: gzip")

    async def drive(base_url: str) -> EndpointReply:
        wire = Wire(base_url, {}, 5.0)
        try:
            return (await wire.ask({"messages": [{"content": "hi"}]})).reply
        finally:
            await wire.close()

    with faulty(behave) as endpoint:
        return asyncio.run(drive(endpoint.base_url))


def plain(end: bytes) -> bytes:
    return b"".join(b"data: " + each + end + end for each in (FIRST, LAST, b"[DONE]"))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(plain(b"\n"), id="newlines"),
        pytest.param(plain(b"\r\n"), id="returns and newlines"),
        pytest.param(plain(b"\r"), id="returns"),
        pytest.param(b"\xef\xbb\xbf" + plain(b"\n"), id="a byte order mark"),
        pytest.param(b"data:\n\ndata: \n\n" + plain(b"\n"), id="empty data"),
        pytest.param(b": hello\nid: 3\nretry: 9\n\n" + plain(b"\n"), id="other fields"),
        pytest.param(b"data: %b\n\ndata: %b\n\n" % (PRETTY, LAST), id="several lines"),
        pytest.param(b"data:\ndata: %b\ndata:\n\ndata: %b\n\n" % (PRETTY, LAST), id="both"),
        pytest.param(b"data: %b\ndata: %b\ndata: [DONE]\n" % (FIRST, LAST), id="no blank lines"),
        pytest.param(b"data: %b\r\n\r\ndata: %b" % (FIRST, LAST), id="no end"),
        pytest.param(b"data: %b\n\ndata: %b\n" % (FIRST, LAST), id="half an end"),
        pytest.param(b"data: %b\r\rdata: %b\r" % (FIRST, LAST), id="half an end, a return"),
    ],
)
def test_an_answer_is_read_however_its_events_are_written(body: bytes) -> None:
    reply = ask(body)
    assert (reply.text, reply.finish_reason) == ("Hello", "stop")
    assert reply.counts == BilledTokens(9, 0, 1)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_an_answer_may_be_cut_anywhere(end: bytes) -> None:
    body = plain(end)
    for size in (1, 2, 7):
        reply = ask(*(body[at : at + size] for at in range(0, len(body), size)))
        assert (reply.text, reply.finish_reason) == ("Hello", "stop")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_the_end_is_seen_before_its_blank_line(end: bytes) -> None:
    body = plain(end).removesuffix(end)
    reply = ask(body, length=len(body) + len(end))
    assert reply.text == "Hello"
    assert reply.total_seconds < 0.4


def test_lines_that_are_no_json_together_fail() -> None:
    with pytest.raises(BrokenError, match="not JSON"):
        ask(b'data: {"choices":\ndata: oh no\n\n')


def test_an_event_without_end_fails() -> None:
    line = b"data: " + b"1" * 100_000 + b"\n"
    with pytest.raises(BrokenError, match="an event of more than"):
        ask(line * 100)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("0.25", 0.25),
        ("12ms", 0.012),
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("1h2m3.5s", 3723.5),
        ("86400", 86400.0),
        ("1000d", 30 * 86400.0),  # the longest wait that is believed
        ("", None),
        (None, None),
        ("soon", None),
        ("-3", None),
        ("3 apples", None),
    ],
)
def test_lengths_of_time(text: str | None, seconds: float | None) -> None:
    assert seconds_of(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    ("seconds", "words"), [(90, "90 s"), (3600, "3,600 s"), (9000, "2.5 h"), (86400, "24 h")]
)
def test_waits_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_what_an_endpoint_says_of_its_limits() -> None:
    found = read_limits(
        {
            "retry-after": "2",
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "120ms",
            "x-ratelimit-remaining-tokens": "149984",
            "x-ratelimit-reset-tokens": "6m0s",
        }
    )
    assert found == RateLimits(2.0, 0, pytest.approx(0.12), 149984, 360.0)
    assert read_limits({}) == RateLimits()


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        (
            '{"error": {"message": "Please retry in 16.3s.", "details": [{"retryDelay": "16s"}]}}',
            16.3,
        ),
        ('{"error": {"details": [{"@type": "RetryInfo", "retryDelay": "16s"}]}}', 16.0),
        ("Please try again in 6m0s.", 360.0),
        ("Please try again in 20ms. Visit", 0.02),
        ("Please retry after 26 seconds.", 26.0),
        ("Try again in 1 minute 30 seconds", 90.0),
        ("Please retry in 100 days", 30 * 86400.0),
        ("Please try again later", None),
        ("I will try in 5 steps", None),
        ("The retryDelay is 16s", None),
        ("16s", None),
        ("", None),
    ],
)
def test_a_wait_that_stands_in_the_error_alone(body: str, seconds: float | None) -> None:
    assert wait_in(body) == seconds
    assert RefusedError(429, body, RateLimits()).limits.wait_seconds == seconds
    assert RefusedError(429, body, RateLimits(2.0)).limits.wait_seconds == 2.0


def test_a_wait_in_milliseconds_or_until_a_date() -> None:
    assert read_limits({"retry-after-ms": "1500", "retry-after": "9"}).wait_seconds == 1.5
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    wait = read_limits({"retry-after": later}).wait_seconds
    assert wait is not None
    assert 25 < wait <= 30
    earlier = format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)
    assert read_limits({"retry-after": earlier}).wait_seconds == 0.0
    assert read_limits({"retry-after": "never"}).wait_seconds is None


@pytest.mark.parametrize("scale", [1, 1_000, 1_000_000, 1_000_000_000])
@pytest.mark.parametrize(("ahead", "most"), [(30, 30.0), (-30, 0.0), (90 * 86400, 30 * 86400.0)])
def test_a_time_since_1970_is_the_wait_until_then(scale: int, ahead: int, most: float) -> None:
    text = str(int((time.time() + ahead) * scale))
    limits = read_limits({"retry-after": text, "x-ratelimit-reset-requests": text})
    in_milliseconds = read_limits({"x-ratelimit-reset-tokens": text}).tokens_reset_seconds
    for wait in (limits.wait_seconds, limits.requests_reset_seconds, in_milliseconds):
        assert wait == pytest.approx(most, abs=5)


NOTHING = (b" ", b"\n", b"\r\n", b":\n", b": wait\n\n", b"\xef\xbb\xbf")


@pytest.mark.parametrize("nothing", NOTHING)
def test_an_answer_may_follow_much_of_nothing(nothing: bytes) -> None:
    reply = ask(nothing * (2**20 // len(nothing)) + b"\n" + plain(b"\n"))
    assert (reply.text, reply.is_ended) == ("Hello", True)


@pytest.mark.parametrize("nothing", [*NOTHING, b":"])
def test_nothing_without_end_is_given_up_soon(nothing: bytes) -> None:
    """A packed answer of a few kilobytes unpacks to this."""
    started = time.perf_counter()
    with pytest.raises(BrokenError, match="more than 8,388,608 bytes of nothing"):
        ask_packed(gzip.compress(nothing * (2**25 // len(nothing)), 6))
    assert time.perf_counter() - started < 4
