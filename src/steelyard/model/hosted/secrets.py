"""The key of a hosted endpoint: read from the environment, masked in everything that is said."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

from steelyard.errors import CredentialError
from steelyard.model.base import ModelSpec
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
    return spec.base_url or os.environ.get("OPENAI_BASE_URL", "").strip() or DEFAULT_BASE_URL


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
    or one that no HTTP header can carry, raises `CredentialError`.
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
            f"put it into the environment variable {variable}"
        )
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise CredentialError(
            f"the key in {variable} holds characters that no key has: copy it again"
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
