"""What a refused request means: the end for all, a failure of this one, or another try, and when."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import NamedTuple

from steelyard.core import Completion
from steelyard.errors import CredentialError, EndpointError
from steelyard.model.hosted.address import Address
from steelyard.model.hosted.wire import RefusedError

TRANSIENT = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 524, 529})
"""Statuses of troubles that pass by themselves. 529 is Anthropic's, 52x are Cloudflare's."""

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


UNDERSTANDABLE = (400, 422, 501)
"""Statuses that endpoints send for a parameter they do not know."""


class Outcome(NamedTuple):
    """A completion, and whether it failed for a reason that lies with the endpoint."""

    completion: Completion
    endpoint_trouble: bool = False

    @property
    def is_unserved(self) -> bool:
        """Whether the endpoint never worked on it, so that nothing can have been paid."""
        tokens = self.completion.input_tokens + self.completion.output_tokens
        return self.endpoint_trouble and tokens == 0


class RetryReason(NamedTuple):
    """Why a request is to be asked again, and how long the endpoint asks to wait."""

    failure: str
    wait_seconds: float | None

    @property
    def reason(self) -> str:
        """The failure, and the wait that the endpoint asked for if it is one that people notice."""
        if self.wait_seconds is None or self.wait_seconds < 1:
            return self.failure
        return f"{self.failure} (it asked to wait {self.wait_seconds:,.0f} s)"


def failed(reason: str, seconds: float = 0.0, *, endpoint_trouble: bool = False) -> Outcome:
    """Return a failure that cost nothing but ``seconds``."""
    completion = Completion("", "error", total_seconds=seconds, failure=reason)
    return Outcome(completion, endpoint_trouble)


def read_refusal(
    refusal: RefusedError, address: Address, *, reached: bool
) -> RetryReason | Outcome:
    """Say what a refusal means; raises `EndpointError` where it would meet every request.

    ``reached`` says whether the endpoint has answered before.
    """
    message = address.mask(refusal.message)
    if refusal.status == 401 or (refusal.status == 403 and not reached):
        if not address.key_env:
            raise CredentialError(
                f"{address} asks for a key ({refusal.status}), and none was sent: name the environment "
                f"variable that holds it under model.api_key_env ({message})"
            )
        raise CredentialError(
            f"{address} refused the key in {address.key_env} ({refusal.status}): {message}; "
            f"set {address.key_env} to a key that may use this model"
        )
    if refusal.status < 400:
        raise EndpointError(
            f"{address} answers with {message}; set model.base_url to that address", is_final=True
        )
    if refusal.status == 404:
        raise EndpointError(
            f"{address} answers 404: {message}; check model.name and model.base_url in task.yaml",
            is_final=True,
        )
    if refusal.code == "insufficient_quota" or refusal.status == 402:
        raise EndpointError(
            f"{address} says the account has no credit left: {message}; "
            "all results so far are kept; top it up and run again to resume",
            is_final=True,
        )
    failure = f"HTTP {refusal.status}: {message}"
    if refusal.status not in TRANSIENT:
        return failed(failure, endpoint_trouble=refusal.status == 403)
    return RetryReason(failure, refusal.limits.wait_seconds)
