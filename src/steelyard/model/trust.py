"""Which key may go to which address: to its vendor's own, or where the user agreed that it goes.

A task, or a saved arm, may come from a stranger, and it names both the environment variable that holds
the key and the address that the key is sent to. An address is compared by scheme, host and port.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from steelyard.errors import ConfigError
from steelyard.files import expanded, write_whole
from steelyard.model.config import ENDPOINT, endpoints

VARIABLE = "STEELYARD_TRUST_FILE"
"""The environment variable that moves the file of agreed pairs."""
OWN_BASE_URL = "OPENAI_BASE_URL"
"""The environment variable in which the user names an address for OpenAI's key."""

_PORTS = {"http": 80, "https": 443}
_HEAD = "# Keys that may be sent to addresses other than their vendor's: VARIABLE ADDRESS\n"
_OTHERS_MAY_WRITE = 0o022


class KeyUse(NamedTuple):
    """A key, by its environment variable, and the address that it is sent to."""

    variable: str
    origin: str

    def __str__(self) -> str:
        return f"{self.variable} {self.origin}"


def key_use(variable: str, base_url: str) -> KeyUse:
    """Return the pair in the form in which pairs are compared."""
    return KeyUse(variable, origin_of(base_url))


def origin_of(base_url: str) -> str:
    """Scheme, host and port, in ASCII and without what is usual: ``https://api.openai.com``."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if not host.isascii():  # shown as it is asked for: letters may look like others
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            host = host.encode("ascii", "backslashreplace").decode("ascii")
    host = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, _PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def is_agreed(use: KeyUse) -> bool:
    """Whether the key may go there. Raises `ConfigError` for a trust file that cannot be used."""
    if any(re.fullmatch(pattern, use.origin) for pattern in _own_addresses(use.variable)):
        return True
    mine = os.environ.get(OWN_BASE_URL, "").strip()
    if mine and use == key_use(endpoints()[ENDPOINT]["key"], mine):
        return True
    return use in agreed_uses()


def _own_addresses(variable: str) -> Iterator[str]:
    """Patterns of the addresses of the vendors whose key is in ``variable``."""
    for endpoint in endpoints().values():
        if endpoint.get("key") == variable:
            address = re.escape(origin_of(endpoint.get("base_url") or endpoint["hint"]))
            yield address.replace("resource", "[a-z0-9-]+")


def trust_path() -> Path:
    """Where the pairs are kept that the user has agreed to."""
    setting = os.environ.get(VARIABLE, "").strip()
    if setting:
        return expanded(setting)
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "steelyard" / "trust"


def agreed_uses() -> set[KeyUse]:
    """Return the pairs in the trust file; none where there is no file.

    Raises `ConfigError` for a file that cannot be read, or that others than its owner may change.
    """
    path = trust_path()
    try:
        if path.stat().st_mode & _OTHERS_MAY_WRITE:
            raise ConfigError(f"others may write to {path}: chmod 600 it after reading it")
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return set()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {path}: {error}; correct or remove it") from None
    uses = set()
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 2 or not re.match(r"https?://[^/]", words[1]):
            raise ConfigError(f"{path} line {number} is not VARIABLE ADDRESS: correct or remove it")
        uses.add(key_use(words[0], words[1]))
    return uses


def agree(use: KeyUse) -> None:
    """Remember that the user agrees. Raises `ConfigError` where that cannot be written."""
    path = trust_path()
    uses = agreed_uses()
    if use in uses:
        return
    text = "".join(f"{each}\n" for each in sorted({*uses, use}))
    try:
        path.parent.mkdir(0o700, parents=True, exist_ok=True)
        write_whole(path, _HEAD + text, private=True)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror or error}") from None
