"""Where a hosted model answers, and the key that opens it: read from the environment, never said."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from steelyard.errors import ConfigError, CredentialError, UntrustedKeyError
from steelyard.model.base import ModelSpec
from steelyard.model.config import ENDPOINT, chat_base, wrong_address
from steelyard.model.sent_along import (
    check_body,
    check_headers,
    filled_headers,
    header_variables,
)
from steelyard.model.trust import OWN_BASE_URL, is_agreed, key_use
from steelyard.words import shortened

DEFAULT_BASE_URL = "https://api.openai.com/v1"
DEFAULT_KEY_ENV = "OPENAI_API_KEY"
NO_KEY = "none"
"""What is sent to an endpoint of the user's own that asks for no key."""

_KEY_SHAPE = re.compile(r"\b(sk|pk|key)-[\w*.-]{6,}|(?i:\bbearer\s+)\S+")
_LONGEST_REASON = 300
_SHORTEST = 4
"""A header's value of fewer letters stands in many texts, and says nothing."""

Mask = Callable[[str], str]
"""Turns a text of the endpoint into one line without secrets."""


def endpoint(spec: ModelSpec) -> str:
    """Return the address requests go to: the spec's, the environment's, or OpenAI's own.

    Raises `ConfigError` for one in the environment that is no address.
    """
    if spec.base_url:
        return chat_base(spec.base_url)
    own = os.environ.get(OWN_BASE_URL, "").strip()
    if own and (wrong := wrong_address(own)) is not None:
        raise ConfigError(f"the environment variable {OWN_BASE_URL} {wrong}")
    return chat_base(own or DEFAULT_BASE_URL)


def address_setting(spec: ModelSpec) -> str:
    """Where the address is set, for people to look at."""
    is_own = not spec.base_url and os.environ.get(OWN_BASE_URL, "").strip()
    return f"the environment variable {OWN_BASE_URL}" if is_own else "model.base_url in task.yaml"


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


def read_headers(spec: ModelSpec) -> dict[str, str]:
    """Return the headers that are sent along, with their values from the environment.

    A value goes where its key may go: an address that the user has not agreed to raises
    `UntrustedKeyError`. A variable that is not set raises `CredentialError`.
    """
    check_headers(spec.extra_headers or {})
    for variable in header_variables(spec.extra_headers):
        use = key_use(variable, endpoint(spec))
        if not is_agreed(use):
            raise UntrustedKeyError(*use)
    return filled_headers(spec.extra_headers)


def check_secrets(spec: ModelSpec) -> None:
    """Read all that is secret in a request, to know before the first one what is missing.

    Raises `UntrustedKeyError` for a variable that may not go to the address, whatever else is missing,
    and `CredentialError` for one that is not set.
    """
    missing: CredentialError | None = None
    for read in (read_key, read_headers):
        try:
            read(spec)
        except UntrustedKeyError:
            raise
        except CredentialError as error:
            missing = missing or error
    if missing is not None:
        raise missing


def whole_text(text: str) -> str:
    """The text without halves of characters, which no file and no request can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def masker(key: str, others: Iterable[str] = ()) -> Mask:
    """Return a function that takes ``key``, ``others`` and whatever looks like a key out of a text."""
    hidden = [value for value in (key, *others) if value != NO_KEY and len(value) >= _SHORTEST]

    def mask(text: str) -> str:
        line = " ".join(whole_text(text).split())
        for value in sorted(hidden, key=len, reverse=True):
            line = line.replace(value, "***")
        line = _KEY_SHAPE.sub("***", line)
        return shortened(line, _LONGEST_REASON)

    return mask


class Proxy(NamedTuple):
    """A proxy, and the environment variable that names it."""

    url: str
    variable: str

    def __str__(self) -> str:
        return f"the proxy {shown_endpoint(self.url)} ({self.variable})"


def proxy_for(url: str) -> Proxy | None:
    """The proxy that the environment names for ``url``; raises `ConfigError` for one of another kind.

    Not left to the client: it would look into ``.netrc`` too, for every request, and a login found
    there would fight with the key.
    """
    parts = urlsplit(url)
    if proxy_bypass(parts.hostname or ""):
        return None
    proxies = getproxies()
    kind = next((kind for kind in (parts.scheme, "all") if proxies.get(kind)), None)
    if kind is None:
        return None
    named = proxies[kind] if "://" in proxies[kind] else f"http://{proxies[kind]}"
    variables = (f"{kind}_proxy", f"{kind.upper()}_PROXY")
    variable = next((name for name in variables if name in os.environ), "the system's settings")
    if not named.startswith(("http://", "https://")):
        raise ConfigError(
            f"{variable} names a proxy of a kind that is not supported: {shown_endpoint(named)}; "
            "name an HTTP proxy, or put the endpoint's host into NO_PROXY"
        )
    return Proxy(named, variable)


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
        self.base_url = endpoint(spec)
        self.setting = address_setting(spec)
        self._fingerprint = _fingerprint(self.base_url, spec)
        check_body(spec.extra_body or {})
        key, extra = read_key(spec), read_headers(spec)
        self.key_env = "" if key == NO_KEY else key_env(spec)
        self.mask = masker(key, extra.values())
        self.headers = {
            **extra,
            **({spec.key_header: key} if spec.key_header else {"Authorization": f"Bearer {key}"}),
        }

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
    provider, _, rest = _EXTRAS.sub("", whole.removesuffix(REDACTED)).partition("|")
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


_EXTRAS = re.compile(r"\|extra=[0-9a-f]{12}$")
"""What stands in a fingerprint, before all other marks, where something is sent along with requests."""


def _fingerprint(base_url: str, spec: ModelSpec) -> str:
    extras = f"|extra={spec.extras_digest}" if spec.extras_digest else ""
    redacted = REDACTED if spec.redact else ""
    return f"{ENDPOINT}|{shown_endpoint(base_url)}|{spec.name}{extras}{redacted}"


def address_at(base_url: str, place: str) -> str:
    """A place of the endpoint, without user and password: the key is sent in a header."""
    parts = urlsplit(base_url)
    path = parts.path.rstrip("/") + place
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], path=path))
