"""One HTTP attempt at a chat completion, read as it streams in."""

from __future__ import annotations

import asyncio
import json
import os
import re
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from steelyard.extras import require
from steelyard.model.hosted.address import address_at, proxy_for, without_secrets
from steelyard.model.hosted.events import DONE, LARGEST_LINE, Events
from steelyard.model.hosted.faults import (
    BrokenError,
    RefusedError,
    UnreachableError,
    UnreadableError,
    WebPageError,
)
from steelyard.model.hosted.limits import RateLimits, read_limits
from steelyard.model.hosted.reply import EndpointReply

_LARGEST_ERROR = 64 * 1024
_LARGEST_FILE = 2**31
_LINGER_SECONDS = 0.5
_BAD_GATEWAY = 502
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")


class CompleteReply(NamedTuple):
    """A complete reply, and the limits that the endpoint stated."""

    reply: EndpointReply
    limits: RateLimits


class Wire:
    """A pool of connections to one endpoint; every method belongs on one event loop."""

    def __init__(self, base_url: str, headers: Mapping[str, str], timeout_seconds: float) -> None:
        self._aiohttp: Any = require("aiohttp", "hosted")
        self._never_sent = (
            self._aiohttp.ClientConnectorError,
            self._aiohttp.ClientHttpProxyError,
            self._aiohttp.InvalidURL,
        )
        self._base_url = base_url
        self._url = address_at(base_url, "/chat/completions")
        self._proxy = proxy_for(self._url)
        self._headers = {**headers, "Accept": "text/event-stream"}
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
                    proxy=self._proxy and self._proxy.url,
                    allow_redirects=False,  # the key would go along to another host
                ) as response,
            ):
                limits = read_limits(response.headers)
                if response.status >= 300:
                    body = (await _body(response, _LARGEST_ERROR)).decode("utf-8", "replace")
                    if response.status < 400:
                        body = f"a redirect to {response.headers.get('Location', 'elsewhere')}"
                    raise RefusedError(response.status, body, limits)
                await _read(response, reply, limits, started)
        except TimeoutError:
            _tear(reply, f"timed out: no complete answer within {timeout:g} s", started)
        except (UnreadableError, RecursionError) as error:  # a hostile answer nests without end
            raise BrokenError(f"the endpoint sent no readable answer: {error}", reply) from None
        except self._never_sent as error:
            raise self._unreachable(error) from None
        except self._aiohttp.ClientError as error:
            # Once a request is on a connection nobody can tell whether the server worked on it.
            _tear(reply, f"the endpoint sent no readable answer: {_reason(error)}", started)
        except (OSError, UnicodeError) as error:
            raise self._unreachable(error) from None
        return CompleteReply(checked(reply, limits), limits)

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
                    proxy=self._proxy and self._proxy.url,
                    allow_redirects=False,
                ) as response,
            ):
                most = _LARGEST_ERROR if response.status >= 300 else _LARGEST_FILE
                content = await _body(response, most)
        except self._never_sent as error:
            raise self._unreachable(error) from None
        except (TimeoutError, OSError, self._aiohttp.ClientError) as error:
            raise BrokenError(_reason(error), EndpointReply()) from None
        if response.status >= 300:
            text = content.decode("utf-8", "replace")
            raise RefusedError(response.status, text, read_limits(response.headers))
        return content

    def _open(self) -> Any:
        if self._session is None:
            # Idle connections go before servers close them (5 s is a usual limit): a request that
            # meets such a closing may have been paid.
            # Certificates are read now: the library reads them when it is imported.
            trust = ssl.create_default_context() if self._url.startswith("https:") else True
            connector = self._aiohttp.TCPConnector(limit=0, keepalive_timeout=4, ssl=trust)
            self._session = self._aiohttp.ClientSession(
                connector=connector,
                timeout=self._aiohttp.ClientTimeout(total=None),
                read_bufsize=2**18,
                max_line_size=2**16,
            )
        return self._session

    def _unreachable(self, error: BaseException) -> UnreachableError:
        """Say why no connection was made, and what stands between."""
        reason = _reason(error)
        cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
        if isinstance(cause, ssl.SSLCertVerificationError):
            return UnreachableError(f"{_untrusted(cause)}{self._way}", is_final=True)
        if isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS:
            reason = "it does not speak TLS there; if it is your own server, try http://"
            return UnreachableError(reason + self._way, is_final=True)
        return UnreachableError(reason + self._way)

    @property
    def _way(self) -> str:
        return f" (through {self._proxy})" if self._proxy else ""

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def _tear(reply: EndpointReply, reason: str, started: float) -> None:
    """Raise `BrokenError` for a connection that ended before its answer, or the word of its failure."""
    if not reply.is_ended and reply.error is None:
        reply.total_seconds = time.perf_counter() - started
        raise BrokenError(reason, reply) from None


def checked(reply: EndpointReply, limits: RateLimits) -> EndpointReply:
    """Return a reply whose reading has ended, if it is an answer.

    Raises `RefusedError` where it tells of an error, and `BrokenError` where it is torn.
    """
    finish = reply.finish
    if reply.error is None and finish == "error":
        reply.error = {"message": f"finish_reason {reply.finish_reason!r}", "code": 500}
    if reply.error is None and reply.finish_reason is not None and finish is None:
        message = f"finish_reason {reply.finish_reason!r} is not known"
        reply.error = {"message": message, "code": 500}
    if reply.error is not None:
        raise RefusedError.inside(reply.error, limits, reply)
    if not reply.has_choices and reply.has_begun:
        raise BrokenError("the endpoint counted tokens and sent no answer", reply)
    if not reply.has_choices:
        error = {"message": "it holds no chat completion", "code": _BAD_GATEWAY}
        raise RefusedError.inside(error, limits, reply)
    if finish is None and not reply.refusal:
        raise BrokenError("the stream ended before the answer was complete", reply)
    return reply


def _untrusted(error: ssl.SSLCertVerificationError) -> str:
    """Why a certificate is not trusted, and what to do."""
    file = os.environ.get("SSL_CERT_FILE")
    absent = f" (now {file}, which is no file)" if file and not Path(file).is_file() else ""
    return (
        f"its certificate is not trusted: {error.verify_message}; set SSL_CERT_FILE{absent} to a file "
        "with the certificates that you trust, its own or its issuer's among them"
    )


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


async def _read(response: Any, reply: EndpointReply, limits: RateLimits, started: float) -> None:
    """Read a stream, an answer in one piece, or a page for people: servers do not always say which."""
    start, size = b"", 0
    async for chunk in response.content.iter_any():
        start, size = _without_comments(start + chunk), size + len(chunk)
        if start and not start.startswith(b":"):
            break
        if size > LARGEST_LINE:
            raise UnreadableError(f"more than {LARGEST_LINE:,} bytes of nothing before an answer")
        await asyncio.sleep(
            0
        )  # what is unpacked comes without a wait, in which a timeout could fire
    if start.startswith((b"{", b"[")):
        reply.add_whole(_parsed(start + await _body(response, LARGEST_LINE)), started)
    elif start.startswith(b"<"):
        page = start[:80].decode("utf-8", "replace")
        message = f"the endpoint sent a page instead of a chat completion: {page!r}"
        raise WebPageError(_BAD_GATEWAY, message, limits)
    else:
        await _read_events(response, reply, started, start)


def _without_comments(body: bytes) -> bytes:
    """What follows a byte order mark, blank lines and whole comments: an answer, or half a comment.

    Some gateways send comments while they wait, whatever comes then.
    """
    nothing = _NOTHING.match(body)
    return body[nothing.end() :] if nothing else body


_NOTHING = re.compile(rb"(?:[\xef\xbb\xbf \t\r\n]|:[^\r\n]*+[\r\n])*+")


async def _read_events(response: Any, reply: EndpointReply, started: float, first: bytes) -> None:
    events, is_done = Events(), False

    def take(chunk: bytes) -> None:
        nonlocal is_done
        for event in events.of(chunk):
            if event == DONE:
                is_done, reply.is_ended = True, reply.counts is not None
            elif not is_done:
                reply.add(_parsed(event), time.perf_counter() - started)
        if len(reply.text) + len(reply.reasoning) > LARGEST_LINE:
            raise UnreadableError(f"an answer of more than {LARGEST_LINE:,} characters")

    take(first)
    while not (is_done or reply.error is not None or response.content.at_eof()):
        take(await response.content.readany())
    reply.total_seconds = time.perf_counter() - started
    await _finish(response, take)
    take(b"\n\n")  # a last event, or its last line, that was not ended


async def _finish(response: Any, take: Callable[[bytes], None]) -> None:
    """Read what follows the end: what was counted, and so that the connection can be used again."""
    if response.content.at_eof():
        return
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER_SECONDS):
            while rest := await response.content.readany():
                take(rest)


def _parsed(data: bytes) -> Mapping[str, Any]:
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError):
        raise UnreadableError(f"not JSON: {data[:80].decode('utf-8', 'replace')!r}") from None
    if isinstance(parsed, list) and parsed:  # errors of Gemini
        parsed = parsed[0]
    return parsed if isinstance(parsed, dict) else {}
