"""Where a hosted model answers, and the key that opens it: read from the environment, never said."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from steelyard.errors import CredentialError, UntrustedKeyError
from steelyard.model.base import ModelSpec
from steelyard.model.config import ENDPOINT
from steelyard.model.trust import OWN_BASE_URL, is_agreed, key_use
from steelyard.words import shortened

DEFAULT_BASE_URL = "https://api.openai.com/v1"
DEFAULT_KEY_ENV = "OPENAI_API_KEY"
NO_KEY = "none"
"""What is sent to an endpoint of the user's own that asks for no key."""

_KEY_SHAPE = re.compile(r"\b(sk|pk|key)-[\w*.-]{6,}|(?i:\bbearer\s+)\S+")
_LONGEST_REASON = 300

Mask = Callable[[str], str]
"""Turns a text of the endpoint into one line without secrets."""


def endpoint(spec: ModelSpec) -> str:
    """Return the address requests go to: the spec's, the environment's, or OpenAI's own."""
    return spec.base_url or os.environ.get(OWN_BASE_URL, "").strip() or DEFAULT_BASE_URL


def shown_endpoint(base_url: str) -> str:
    """Return ``base_url`` without user, password and query, for people and for fingerprints."""
    parts = urlsplit(base_url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))


def key_env(spec: ModelSpec) -> str:
    """Return the name of the environment variable that holds the key; empty where none is asked for."""
    return DEFAULT_KEY_ENV if spec.api_key_env is None else spec.api_key_env


def read_key(spec: ModelSpec) -> str:
    """Return the key from the environment.

    An endpoint of the user's own without a named variable may have none. Otherwise a missing key,
    or one that no HTTP header can carry, raises `CredentialError`. The key in a named variable goes to
    its vendor, or where the user agreed, else `UntrustedKeyError` is raised; OpenAI's key, which needs
    no name, stays at home.
    """
    variable = key_env(spec)
    if not variable:
        return NO_KEY
    key = os.environ.get(variable, "").strip()
    if not key:
        if spec.api_key_env is None and endpoint(spec) != DEFAULT_BASE_URL:
            return NO_KEY
        raise CredentialError(
            f"no key for {spec.name} at {shown_endpoint(endpoint(spec))}: "
            f"set the environment variable {variable}"
        )
    use = key_use(variable, endpoint(spec))
    if not is_agreed(use):
        if spec.api_key_env is None:
            return NO_KEY
        raise UntrustedKeyError(*use)
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise CredentialError(
            f"the key in {variable} contains characters that keys do not have; copy it again"
        )
    return key


def masker(key: str) -> Mask:
    """Return a function that takes ``key``, and whatever looks like one, out of a text."""

    def mask(text: str) -> str:
        line = " ".join(text.split())
        if key != NO_KEY:
            line = line.replace(key, "***")
        line = _KEY_SHAPE.sub("***", line)
        return shortened(line, _LONGEST_REASON)

    return mask


def proxy_for(url: str) -> str | None:
    """The proxy that the environment names for ``url``.

    Not left to the client: it would look into ``.netrc`` too, for every request, and a login found
    there would fight with the key.
    """
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    proxy = getproxies().get(parts.scheme)
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def without_secrets(text: str) -> str:
    """A library's message without the logins and queries of the addresses in it."""
    return re.sub(r"\?[^\s'\"]+", "?***", re.sub(r"[^\s/@'\"]+:[^\s/@'\"]+@", "***@", text))


REDACTED = "|redacted"
"""What the fingerprint of a model has at its end, before `BATCHED`, that is sent no private values."""
BATCHED = "|batch"
"""What the fingerprint of a model ends with that is asked through a batch interface."""


class Address:
    """One model at one endpoint. Raises `CredentialError` where its key is missing."""

    def __init__(self, spec: ModelSpec) -> None:
        self.model = spec.name
        self._fingerprint = _fingerprint(endpoint(spec), spec)
        self.base_url = endpoint(spec)
        key = read_key(spec)
        self.key_env = "" if key == NO_KEY else key_env(spec)
        self.mask = masker(key)
        self.header = (
            {spec.key_header: key} if spec.key_header else {"Authorization": f"Bearer {key}"}
        )

    @property
    def is_official(self) -> bool:
        return self.base_url == DEFAULT_BASE_URL

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    def __str__(self) -> str:
        return f"the endpoint {shown_endpoint(self.base_url)} (model {self.model})"


def hosted_fingerprint(spec: ModelSpec) -> str:
    """Return the fingerprint that the model of ``spec`` will have; needs no key."""
    return _fingerprint(endpoint(spec), spec) + (BATCHED if spec.batch else "")


def read_fingerprint(fingerprint: str) -> ModelSpec | None:
    """Return the model in a hosted model's fingerprint; ``None`` for any other fingerprint."""
    whole = fingerprint.removesuffix(BATCHED)
    provider, _, rest = whole.removesuffix(REDACTED).partition("|")
    base_url, _, name = rest.partition("|")
    if provider != ENDPOINT:
        return None
    return ModelSpec(
        ENDPOINT,
        name,
        base_url,
        batch=fingerprint.endswith(BATCHED),
        redact=whole.endswith(REDACTED),
    )


def _fingerprint(base_url: str, spec: ModelSpec) -> str:
    return f"{ENDPOINT}|{shown_endpoint(base_url)}|{spec.name}" + (REDACTED if spec.redact else "")


def address_at(base_url: str, place: str) -> str:
    """A place of the endpoint, without user and password: the key is sent in a header."""
    parts = urlsplit(base_url)
    path = parts.path.rstrip("/") + place
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], path=path))
