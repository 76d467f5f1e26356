"""What a refused request means: the end for all, a failure of this one, or another try, and when."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from steelyard.core import Completion, FinishReason
from steelyard.errors import CredentialError, EndpointError
from steelyard.model.hosted.address import Address
from steelyard.model.hosted.dialect import Dialect
from steelyard.model.hosted.faults import RefusedError, WebPageError
from steelyard.model.hosted.limits import in_words
from steelyard.model.hosted.words import is_about_parameters, is_filtered, is_too_long, status_of

_OF_ONE = frozenset({400, 406, 411, 413, 414, 415, 416, 422, 431, 451})
"""Statuses that are about the one request."""

_NOT_THERE = frozenset({404, 405, 410})


def is_transient(status: int) -> bool:
    """Whether a status tells of a trouble of the endpoint, or of what stands before it, that may pass.

    Gateways have many of their own (Cloudflare's 52x, nginx's 499, Anthropic's 529): all are, but
    those that are known to be about the request, the key or the address.
    """
    return status >= 400 and status not in _OF_ONE | _NOT_THERE | {401, 402, 403}


TOO_MUCH = frozenset({429, 503, 529})
"""Statuses that ask for fewer requests."""


@dataclass(frozen=True)
class Retries:
    """Exponential backoff with full jitter.

    The n-th wait is drawn from 0 to ``least_seconds`` times 2 to the n, at most ``most_seconds``
    (Brooker, "Exponential backoff and jitter", AWS Architecture Blog, 2015). Where the endpoint says
    how long to wait, that is the least.
    """

    times: int = 5
    least_seconds: float = 0.5
    most_seconds: float = 30.0

    def wait(self, attempt: int, asked_seconds: float | None, rng: random.Random) -> float:
        """Seconds before attempt ``attempt`` + 1 (the first is 0)."""
        drawn = rng.uniform(0, min(self.most_seconds, self.least_seconds * 2.0**attempt))
        return drawn if asked_seconds is None else asked_seconds + drawn * 0.1


_UNDERSTANDABLE = (400, 404, 415, 422, 501)
"""Statuses that endpoints send for a parameter, or a role, that they do not know."""


def learns(dialect: Dialect, refusal: RefusedError, sent: Mapping[str, Any]) -> bool:
    """Whether a refusal is about a part of what was sent that is left out from now on."""
    if refusal.status not in (*_UNDERSTANDABLE, 500):
        return False
    is_crash = refusal.status == 500
    return dialect.learn(refusal.message, refusal.param, sent, is_crash=is_crash)


def asks_to_wait(refusal: RefusedError) -> bool:
    """Whether a refusal is a limit of the account; an endpoint that is busy says for how long, too."""
    is_busy = refusal.status in TOO_MUCH
    return is_busy and (refusal.status != 503 or refusal.limits.wait_seconds is not None)


TORN_AGAIN = 2
"""How often a request is asked again whose answer came torn: each try may have been paid."""


class Outcome(NamedTuple):
    """A completion, and what it says of the endpoint.

    ``endpoint_trouble``: it failed for a reason that lies with the endpoint, and ``more_tries`` is how
    often it may be asked again all the same, though it may have been paid. ``is_limited``: the endpoint
    asks for fewer requests, ``is_refused``: it refuses this one, and perhaps all. ``is_answer``: the endpoint
    knows the address, the key and the model, whatever became of the answer.
    """

    completion: Completion
    endpoint_trouble: bool = False
    is_answer: bool = False
    more_tries: int = 0
    is_limited: bool = False
    is_refused: bool = False


class RetryReason(NamedTuple):
    """Why a request is to be asked again, and how long the endpoint asks to wait."""

    failure: str
    wait_seconds: float | None

    @property
    def reason(self) -> str:
        """The failure, and the wait that the endpoint asked for if it is one that people notice."""
        if self.wait_seconds is None or self.wait_seconds < 1:
            return self.failure
        return f"{self.failure} (it asked to wait {in_words(self.wait_seconds)})"


def failed(
    reason: str,
    seconds: float = 0.0,
    *,
    finish: FinishReason = "error",
    endpoint_trouble: bool = False,
    is_answer: bool = False,
) -> Outcome:
    """Return a failure that cost nothing but ``seconds``."""
    completion = Completion("", finish, total_seconds=seconds, failure=reason)
    return Outcome(completion, endpoint_trouble, is_answer)


def read_refusal(
    refusal: RefusedError, address: Address, *, reached: bool
) -> RetryReason | Outcome:
    """Say what a refusal means; raises `EndpointError` where it would meet every request.

    ``reached`` says whether the endpoint has answered before.
    """
    message = address.mask(refusal.message)
    about_one = _about_one(refusal, address)
    if about_one is not None:
        return about_one
    if isinstance(refusal, WebPageError) and not reached:
        raise EndpointError(
            f"{address} answers with no chat interface: {message}; check {address.setting} "
            "(most end in /v1)",
            is_final=True,
        )
    status = _status(refusal, reached=reached)
    if status == 403 and refusal.is_page and not reached:
        raise EndpointError(
            f"{address} is behind something that refuses requests from here with a page for people "
            f"(403): {message}; open the address in a browser from this machine, or ask who runs it",
            is_final=True,
        )
    if status == 401 or (status == 403 and not reached):
        if not address.key_env:
            raise CredentialError(
                f"{address} asks for a key ({status}), and none was sent: name the environment "
                f"variable that holds it under model.api_key_env ({message})"
            )
        raise CredentialError(
            f"{address} refused the key in {address.key_env} ({status}): {message}; "
            f"set {address.key_env} to a key that may use this model"
        )
    if refusal.status < 400:
        raise EndpointError(
            f"{address} answers with {message}; set model.base_url to that address", is_final=True
        )
    if status == 404 and is_about_parameters(refusal.message):
        raise EndpointError(
            f"{address} serves this model only without some parameter that is sent ({status}): "
            f"{message}; leave out of task.yaml what it does not take, or choose another model",
            is_final=True,
        )
    if status in _NOT_THERE:
        raise EndpointError(
            f"{address} answers {status}: {message}; check model.name and {address.setting}",
            is_final=True,
        )
    if status == 402 or (refusal.code and status_of({"code": refusal.code}) == 402):
        raise EndpointError(
            f"{address} says the account has no credit left: {message}; "
            "all results so far are kept; top it up and run again to resume",
            is_final=True,
        )
    failure = address.mask(refusal.reason)
    if status == 403:
        return failed(failure, endpoint_trouble=True)._replace(is_refused=True)
    if not is_transient(status):
        return failed(failure)
    return RetryReason(failure, refusal.limits.wait_seconds)


def _status(refusal: RefusedError, *, reached: bool) -> int:
    """The status of a refusal, or what a bad request means by its words.

    Of an endpoint that has answered, such words about a key or a model are about the one prompt.
    """
    about_all = (401, 403, *_NOT_THERE)
    return refusal.status if reached and refusal.meant in about_all else refusal.meant


def _about_one(refusal: RefusedError, address: Address) -> Outcome | None:
    """The failure of one answer that was filtered, or of a prompt that is too long."""
    if refusal.status in (400, 403, 422, 451) and is_filtered(refusal.code, refusal.message):
        reason = f"the endpoint's content filter stopped the answer: {refusal.message}"
        return failed(address.mask(reason), finish="content_filter", is_answer=True)
    if refusal.status in (400, 413, 422, 429, 500) and is_too_long(refusal.code, refusal.message):
        return failed(address.mask(refusal.reason), is_answer=True)
    return None
