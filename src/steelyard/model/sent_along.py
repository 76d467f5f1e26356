"""What is sent along with every request to an endpoint: fields of its body, and headers.

They are called as the ``openai`` client calls them. Both are part of a model's identity and are saved
with every arm, so neither may hold a secret: a header takes one from an environment variable, by
``${NAME}``, when it is sent.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from steelyard.errors import ConfigError, CredentialError

_ROUNDS = 200_000
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_KEYS = frozenset({"authorization", "api-key", "x-api-key", "apikey"})
_OURS = frozenset(
    {"accept", "connection", "content-length", "content-type", "host", "transfer-encoding"}
)
_SECRET_FIELDS = frozenset(
    {"api_key", "apikey", "api-key", "token", "password", "secret", "authorization"}
)
_SECRET_NAME = re.compile(
    r"key|token|secret|auth|password|passwd|cookie|credential|signature|session", re.IGNORECASE
)
_SECRET_VALUE = re.compile(
    r"\b(?:sk|pk|key|ghp|hf|xox[bp]|AKIA)[-_]?[\w*.-]{12,}|\bbearer\s|[\w+/=-]{32,}", re.IGNORECASE
)
_RESERVED = {
    "messages": "they are made by the strategies",
    "model": "it is the model's name",
    "stream": "it is found out",
    "stream_options": "they are found out",
    "n": "each answer is asked for by itself",
    "max_tokens": "use max_output_tokens in task.yaml",
    "max_completion_tokens": "use max_output_tokens in task.yaml",
}


def check_body(body: Mapping[str, Any]) -> None:
    """Raise `ConfigError` where ``extra_body`` holds what is not the user's to set, or no JSON."""
    for name, why in _RESERVED.items():
        if name in body:
            raise ConfigError(f"extra_body may not set {name}: {why}")
    for name, value in body.items():
        try:
            text = json.dumps(value, allow_nan=False)
        except (TypeError, ValueError):
            kind = type(value).__name__
            raise ConfigError(
                f"extra_body.{name} is a {kind}, which JSON does not have; quote it"
            ) from None
        if (_SECRET_NAME.search(str(name)) and isinstance(value, str)) or _looks_secret(text):
            raise ConfigError(
                f"extra_body.{name} looks like a secret, and would be saved: "
                "use api_key_env, or a header with ${NAME}"
            )


def _looks_secret(text: str) -> bool:
    return any(
        re.search(r"\d", found) and re.search(r"[A-Za-z]", found)
        for found in _SECRET_VALUE.findall(text)
    )


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise `ConfigError` for a header that cannot be sent, is set elsewhere, or shows a secret."""
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name):
            raise ConfigError(f"{name!r} in extra_headers is no name of a header")
        if name.lower() in _KEYS:
            raise ConfigError(f"extra_headers may not set {name}: use api_key_env")
        if name.lower() in _OURS:
            raise ConfigError(f"extra_headers may not set {name}: it is set for each request")
        if not (value.isascii() and value.isprintable()):
            raise ConfigError(f"the value of {name} in extra_headers has characters no header has")
        plain = _VARIABLE.sub("", value)
        is_open = plain == value and _SECRET_NAME.search(name)
        if is_open or _looks_secret(plain):
            raise ConfigError(
                f"the value of {name} in extra_headers may be a secret, and would be saved: put it "
                f"into an environment variable and write {name}: ${{NAME}}"
            )


def header_variables(headers: Mapping[str, str] | None) -> tuple[str, ...]:
    """Return the environment variables that headers take their values from, each once."""
    found = (_VARIABLE.finditer(value) for value in (headers or {}).values())
    return tuple(dict.fromkeys(match[1] or match[2] for matches in found for match in matches))


def settings_digest(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Return a digest of each variable's value that headers send as a setting, by the variable's name.

    A variable is a credential, and left out, where its name or its header's looks like one's, or its value
    does. The digest is slow to compute, so that what is in a database is not guessed from it.
    """
    digests = {}
    for header, text in (headers or {}).items():
        for variable in header_variables({header: text}):
            value = os.environ.get(variable, "").strip()
            is_secret = _SECRET_NAME.search(f"{header} {variable}") or _looks_secret(value)
            if value and not is_secret:
                digests[variable] = _slow_digest(variable, value)
    return digests


@lru_cache(maxsize=64)
def _slow_digest(name: str, value: str) -> str:
    salt = f"steelyard extra_headers {name}".encode()
    return hashlib.pbkdf2_hmac("sha256", value.encode(), salt, _ROUNDS, 8).hex()


def filled_headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Return the headers as they are sent; a variable that is not set raises `CredentialError`."""
    return {name: _filled(name, value) for name, value in (headers or {}).items()}


def _filled(header: str, value: str) -> str:
    return _VARIABLE.sub(lambda match: _value_of(match[1] or match[2], header), value)


def _value_of(variable: str, header: str) -> str:
    value = os.environ.get(variable, "").strip()
    if not value:
        raise CredentialError(
            f"no value for the header {header}: set the environment variable {variable}"
        )
    if not (value.isascii() and value.isprintable()):
        raise CredentialError(f"{variable} contains characters that no header has")
    return value
