"""One HTTP attempt at a chat completion, read as it streams in."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from steelyard.extras import require
from steelyard.model.hosted.limits import RateLimits, read_limits
from steelyard.model.hosted.reply import Reply

_LARGEST_LINE = 8 * 1024 * 1024
_LARGEST_ERROR = 64 * 1024


class RefusedError(Exception):
    """The endpoint answered with an error status. The text is its own, unmasked."""

    def __init__(self, status: int, body: str, limits: RateLimits) -> None:
        self.status = status
        self.limits = limits
        self.message, self.code, self.param = _words(status, body)
        super().__init__(self.message)


class UnreachableError(Exception):
    """No connection, or it broke before any answer: nothing can have been paid."""


class GarbledError(Exception):
    """The answer cannot be read. It may have been paid."""


class LateError(Exception):
    """The answer was not complete in time. It may have been paid."""


class Received(NamedTuple):
    """A complete reply, and what the endpoint said of its limits."""

    reply: Reply
    limits: RateLimits


class Wire:
    """A pool of connections to one endpoint; every method belongs on one event loop."""

    def __init__(self, base_url: str, key: Mapping[str, str], timeout_seconds: float) -> None:
        self._aiohttp: Any = require("aiohttp", "hosted")
        self._url = _without_user(f"{base_url.rstrip('/')}/chat/completions")
        self._proxy = proxy_for(self._url)
        self._headers = {**key, "Accept": "text/event-stream"}
        self._timeout_seconds = timeout_seconds
        self._session: Any = None

    async def ask(self, sent: Mapping[str, Any]) -> Received:
        """Send one request and read its answer to the end.

        Raises `RefusedError`, `UnreachableError`, `GarbledError` or `LateError`.
        """
        answered = False
        started = time.perf_counter()
        try:
            async with (
                asyncio.timeout(self._timeout_seconds),
                self._open().post(
                    self._url, json=sent, headers=self._headers, proxy=self._proxy
                ) as response,
            ):
                limits = read_limits(response.headers)
                if response.status >= 400:
                    body = await response.content.read(_LARGEST_ERROR)
                    raise RefusedError(response.status, body.decode("utf-8", "replace"), limits)
                answered = True
                reply = await _read(response, started)
        except TimeoutError:
            raise LateError from None
        except self._aiohttp.ClientError as error:
            if answered:
                raise GarbledError(str(error) or type(error).__name__) from None
            raise UnreachableError(str(error) or type(error).__name__) from None
        except OSError as error:
            raise UnreachableError(str(error)) from None
        return Received(reply, limits)

    def _open(self) -> Any:
        if self._session is None:
            connector = self._aiohttp.TCPConnector(limit=0, keepalive_timeout=30)
            self._session = self._aiohttp.ClientSession(
                connector=connector,
                timeout=self._aiohttp.ClientTimeout(total=None),
                read_bufsize=2**18,
                max_line_size=2**16,
            )
        return self._session

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for ``url``.

    Not left to the client: it would look into ``.netrc`` too, for every request, and a login found
    there would fight with the key.
    """
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    return getproxies().get(parts.scheme)


def _without_user(url: str) -> str:
    """The address without user and password: the key is sent in a header."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


async def _read(response: Any, started: float) -> Reply:
    reply = Reply()
    if "json" in response.headers.get("Content-Type", ""):  # an endpoint that does not stream
        reply.add_whole(_parsed(await response.content.read(_LARGEST_LINE)), started)
        return reply
    async for event in _events(response.content):
        if event == b"[DONE]":
            break
        reply.add(_parsed(event), time.perf_counter() - started)
    reply.total_seconds = time.perf_counter() - started
    return reply


async def _events(content: Any) -> AsyncIterator[bytes]:
    """The data of each server-sent event; comments and other fields are passed over."""
    rest = b""
    async for chunk in content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LARGEST_LINE:
            raise GarbledError(f"a line of more than {_LARGEST_LINE:,} bytes")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip()
    if rest.startswith(b"data:"):
        yield rest[5:].strip()


def _parsed(data: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise GarbledError(f"not JSON: {data[:80].decode('utf-8', 'replace')!r}") from None
    if not isinstance(found, dict):
        return {}
    error = found.get("error")
    if error:
        said = error.get("message") if isinstance(error, dict) else error
        raise GarbledError(str(said))
    return found


def _words(status: int, body: str) -> tuple[str, str | None, str | None]:
    """Message, code and parameter of an error body, however the endpoint words it."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return body.strip() or f"status {status}", None, None
    error = found.get("error", found) if isinstance(found, dict) else found
    if not isinstance(error, dict):
        return str(error), None, None
    message = error.get("message") or error.get("detail") or body
    code, param = error.get("code"), error.get("param")
    return (
        str(message),
        code if isinstance(code, str) else None,
        param if isinstance(param, str) else None,
    )
