"""One HTTP attempt at a chat completion, read as it streams in, and what the endpoint says of its limits."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from steelyard.extras import require
from steelyard.model.hosted.address import address_at, proxy_for, without_secrets
from steelyard.model.hosted.reply import EndpointReply

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_LONGEST_WAIT = 3600.0


class RateLimits(NamedTuple):
    """Seconds to wait before the next request, as asked for; requests and tokens left, if said."""

    wait_seconds: float | None = None
    requests_left: int | None = None
    requests_reset_seconds: float | None = None
    tokens_left: int | None = None
    tokens_reset_seconds: float | None = None


def read_limits(headers: Mapping[str, str]) -> RateLimits:
    """Read ``retry-after`` (RFC 9110, 10.2.3), ``retry-after-ms`` and ``x-ratelimit-*``."""
    return RateLimits(
        wait_seconds=_wait(headers),
        requests_left=_whole(headers.get("x-ratelimit-remaining-requests")),
        requests_reset_seconds=seconds_of(headers.get("x-ratelimit-reset-requests")),
        tokens_left=_whole(headers.get("x-ratelimit-remaining-tokens")),
        tokens_reset_seconds=seconds_of(headers.get("x-ratelimit-reset-tokens")),
    )


def _wait(headers: Mapping[str, str]) -> float | None:
    exact = seconds_of(headers.get("retry-after-ms"))
    if exact is not None:
        return min(exact / 1000, _LONGEST_WAIT)
    header = headers.get("retry-after")
    seconds = seconds_of(header)
    if seconds is None and header:
        seconds = _until(header)
    return seconds


def _until(date: str) -> float | None:
    try:
        when = parsedate_to_datetime(date)
    except ValueError:
        return None
    when = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return min(max(0.0, (when - datetime.now(UTC)).total_seconds()), _LONGEST_WAIT)


def seconds_of(text: str | None) -> float | None:
    """Read ``7.5``, ``7.5s`` or ``1m30s`` as seconds; ``None`` for anything else."""
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        parts = _LENGTH.findall(text)
        if "".join(number + unit for number, unit in parts) != text.strip():
            return None
        value = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return min(value, _LONGEST_WAIT) if value >= 0 else None


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().isdecimal() else None


_LARGEST_LINE = 8 * 1024 * 1024
_LARGEST_ERROR = 64 * 1024
_LARGEST_FILE = 2**31
_LINGER_SECONDS = 0.5
_DONE = b"[DONE]"
_DATA = (b"data:", b"\xef\xbb\xbfdata:")  # a stream may begin with a byte order mark


class RefusedError(Exception):
    """The endpoint answered with an error status. The text is its own, unmasked."""

    def __init__(self, status: int, body: str, limits: RateLimits) -> None:
        self.status = status
        self.limits = limits
        self.message, self.code, self.param = _words(status, body)
        super().__init__(self.message)


class UnreachableError(Exception):
    """No connection was made, so nothing was sent and nothing can have been paid."""


class BrokenError(Exception):
    """The answer is not whole: cut off, late, not readable, or none. It may have been paid."""

    def __init__(self, reason: str, reply: EndpointReply) -> None:
        self.reply = reply
        super().__init__(reason)


class _UnreadableError(Exception):
    """A part of an answer cannot be read."""


class _ReportedError(Exception):
    """The endpoint reports, in the middle of an answer, that it failed."""

    def __init__(self, error: Any) -> None:
        self.body = json.dumps({"error": error})
        code = error.get("code") if isinstance(error, dict) else None
        self.status = code if isinstance(code, int) else None
        super().__init__(str(error.get("message") if isinstance(error, dict) else error))


class CompleteReply(NamedTuple):
    """A complete reply, and the limits that the endpoint stated."""

    reply: EndpointReply
    limits: RateLimits


class Wire:
    """A pool of connections to one endpoint; every method belongs on one event loop."""

    def __init__(self, base_url: str, key: Mapping[str, str], timeout_seconds: float) -> None:
        self._aiohttp: Any = require("aiohttp", "hosted")
        self._never_sent = (
            self._aiohttp.ClientConnectorError,
            self._aiohttp.ClientHttpProxyError,
            self._aiohttp.InvalidURL,
        )
        self._base_url = base_url
        self._url = address_at(base_url, "/chat/completions")
        self._proxy = proxy_for(self._url)
        self._headers = {**key, "Accept": "text/event-stream"}
        self._timeout_seconds = timeout_seconds
        self._session: Any = None

    async def ask(
        self, sent: Mapping[str, Any], timeout_seconds: float | None = None
    ) -> CompleteReply:
        """Send one request and read its answer to the end, within ``timeout_seconds`` if given.

        Raises `RefusedError`, `UnreachableError` or `BrokenError`.
        """
        reply, limits = EndpointReply(), RateLimits()
        timeout = min(self._timeout_seconds, timeout_seconds or self._timeout_seconds)
        started = time.perf_counter()
        try:
            async with (
                asyncio.timeout(timeout),
                self._open().post(
                    self._url,
                    json=sent,
                    headers=self._headers,
                    proxy=self._proxy,
                    allow_redirects=False,  # the key would go along to another host
                ) as response,
            ):
                limits = read_limits(response.headers)
                if response.status >= 300:
                    body = (await _body(response, _LARGEST_ERROR)).decode("utf-8", "replace")
                    if response.status < 400:
                        body = f"a redirect to {response.headers.get('Location', 'elsewhere')}"
                    raise RefusedError(response.status, body, limits)
                await _read(response, reply, started)
        except TimeoutError:
            reply.total_seconds = time.perf_counter() - started
            reason = f"timed out: no complete answer within {timeout:g} s"
            raise BrokenError(reason, reply) from None
        except _ReportedError as error:
            if error.status is not None and not reply.text:
                raise RefusedError(error.status, error.body, limits) from None
            raise BrokenError(f"the endpoint sent no readable answer: {error}", reply) from None
        except _UnreadableError as error:
            raise BrokenError(f"the endpoint sent no readable answer: {error}", reply) from None
        except self._never_sent as error:
            raise UnreachableError(_reason(error)) from None
        except self._aiohttp.ClientError as error:
            # Once a request is on a connection nobody can tell whether the server worked on it.
            reply.total_seconds = time.perf_counter() - started
            raise BrokenError(
                f"the endpoint sent no readable answer: {_reason(error)}", reply
            ) from None
        except (OSError, UnicodeError) as error:
            raise UnreachableError(_reason(error)) from None
        return CompleteReply(reply, limits)

    async def call(
        self,
        method: str,
        place: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        upload: tuple[str, bytes] | None = None,
    ) -> bytes:
        """Send one plain request, or a file with its purpose as ``upload``; return the whole body.

        Raises `RefusedError`, `UnreachableError` (nothing was sent) or `BrokenError`.
        """
        form = None
        if upload is not None:
            form = self._aiohttp.FormData({"purpose": upload[0]})
            kind = "application/jsonl"
            form.add_field("file", upload[1], filename="requests.jsonl", content_type=kind)
        try:
            async with (
                asyncio.timeout(self._timeout_seconds),
                self._open().request(
                    method,
                    address_at(self._base_url, place),
                    json=body,
                    data=form,
                    params=query,
                    headers={**self._headers, "Accept": "*/*"},
                    proxy=self._proxy,
                    allow_redirects=False,
                ) as response,
            ):
                most = _LARGEST_ERROR if response.status >= 300 else _LARGEST_FILE
                content = await _body(response, most)
        except self._never_sent as error:
            raise UnreachableError(_reason(error)) from None
        except (TimeoutError, OSError, self._aiohttp.ClientError) as error:
            raise BrokenError(_reason(error), EndpointReply()) from None
        if response.status >= 300:
            text = content.decode("utf-8", "replace")
            raise RefusedError(response.status, text, read_limits(response.headers))
        return content

    def _open(self) -> Any:
        if self._session is None:
            # Idle connections go before servers close them (5 s is a usual limit): a request that
            # meets such a closing may have been paid, and is not sent again.
            connector = self._aiohttp.TCPConnector(limit=0, keepalive_timeout=4)
            self._session = self._aiohttp.ClientSession(
                connector=connector,
                timeout=self._aiohttp.ClientTimeout(total=None),
                read_bufsize=2**18,
                max_line_size=2**16,
            )
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def _reason(error: BaseException) -> str:
    text = (str(error) or type(error).__name__).replace(" ssl:default", "")
    return without_secrets(text)


async def _body(response: Any, most: int) -> bytes:
    """The whole body, or its first ``most`` bytes."""
    parts, size = [], 0
    async for part in response.content.iter_any():
        parts.append(part)
        size += len(part)
        if size >= most:
            break
    return b"".join(parts)[:most]


async def _read(response: Any, reply: EndpointReply, started: float) -> None:
    if "json" in response.headers.get("Content-Type", ""):  # an endpoint that does not stream
        reply.add_whole(_parsed(await _body(response, _LARGEST_LINE)), started)
        return
    events = _Events()
    async for chunk in response.content.iter_any():
        for event in events.of(chunk):
            if event == _DONE:
                reply.total_seconds = time.perf_counter() - started
                await _finish(response)
                return
            reply.add(_parsed(event), time.perf_counter() - started)
    for event in events.of(b"\n\n"):  # a last event, or its last line, that was not ended
        if event != _DONE:
            reply.add(_parsed(event), time.perf_counter() - started)
    reply.total_seconds = time.perf_counter() - started


async def _finish(response: Any) -> None:
    """Read what follows the end, so that the connection can be used again."""
    if response.content.at_eof():
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            while await response.content.readany():
                continue


class _Events:
    """Cuts a stream of bytes into the data of its server-sent events.

    An event lasts up to a blank line, and its lines of data are put together (WHATWG, "HTML", 9.2.6).
    Not all endpoints keep to it: an object after an object, which no JSON has, is an event of its
    own, and ``[DONE]`` is one as soon as its line ends. Comments, other fields and empty data are
    passed over. Not an asynchronous generator: one that is left before its end, as at the last event
    of every answer, costs the event loop a task and a wake-up.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0
        self._is_after_return = False

    def of(self, chunk: bytes) -> list[bytes]:
        """The data of the events that ``chunk`` completes."""
        events: list[bytes] = []
        for line in self._lines(chunk):
            if not line:
                self._end(events)
            elif line.startswith(_DATA):
                self._take(line.partition(b":")[2].strip(), events)
        return events

    def _lines(self, chunk: bytes) -> list[bytes]:
        r"""The lines that ``chunk`` completes, ended by ``\n``, ``\r\n`` or ``\r``."""
        if self._is_after_return and chunk.startswith(b"\n"):  # the second half of a line end
            chunk = chunk[1:]
        self._is_after_return = chunk.endswith(b"\r")
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > _LARGEST_LINE:
            raise _UnreadableError(f"a line of more than {_LARGEST_LINE:,} bytes")
        return lines

    def _take(self, data: bytes, events: list[bytes]) -> None:
        if self._data and (
            data == _DONE or (data.startswith(b"{") and self._data[-1].endswith(b"}"))
        ):
            self._end(events)
        if data:
            self._data.append(data)
            self._size += len(data)
        if data == _DONE:
            self._end(events)
        elif self._size > _LARGEST_LINE:
            raise _UnreadableError(f"an event of more than {_LARGEST_LINE:,} bytes")

    def _end(self, events: list[bytes]) -> None:
        if self._data:
            events.append(b"\n".join(self._data))
            self._data, self._size = [], 0


def _parsed(data: bytes) -> Mapping[str, Any]:
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError):
        raise _UnreadableError(f"not JSON: {data[:80].decode('utf-8', 'replace')!r}") from None
    if not isinstance(parsed, dict):
        return {}
    error = parsed.get("error")
    if error:
        raise _ReportedError(error)
    return parsed


def _words(status: int, body: str) -> tuple[str, str | None, str | None]:
    """Message, code and parameter of an error body, however the endpoint words it."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return body.strip() or f"status {status}", None, None
    error = parsed.get("error", parsed) if isinstance(parsed, dict) else parsed
    if not isinstance(error, dict):
        return str(error), None, None
    message = error.get("message") or error.get("detail") or body
    code, param = error.get("code"), error.get("param")
    return (
        str(message),
        code if isinstance(code, str) else None,
        param if isinstance(param, str) else None,
    )
