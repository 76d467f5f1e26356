"""Tests of values that have no check digit: does this look like a password, a key, an address?"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from steelyard.private.checksums import compact, luhn

_FILE_ENDINGS = set("png jpg jpeg gif svg webp css js ts json html pdf".split())
_BLANK = re.compile(
    r"(?i)[*•x.#-]+|(?:your|my|the|some|test)[_-]\w.*|change[_-]?me.*|.*placeholder.*"
)
_UNKEPT = [
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8 10.0.0.0/8 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 224.0.0.0/3 "
        "::1/128 fe80::/10 ff00::/8"
    ).split()
]
_LEAST_BITS = 3.0
"""Bits per character from which a text of a key's length counts as random: English words joined by
hyphens reach it too, so a digit and a letter are asked for as well."""


def email(value: str) -> bool:
    """Not a picture's name (``logo@2x.png``), and not the user ``git`` of every repository."""
    local, _, domain = value.rpartition("@")
    return domain.rpartition(".")[2].lower() not in _FILE_ENDINGS and local.lower() != "git"


def entropy_bits(value: str) -> float:
    """Shannon's entropy of the characters' frequencies, in bits per character."""
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)


def random(value: str) -> bool:
    """Letters and digits, as many different ones as a key has; no variable, path or blank."""
    mixed = any(map(str.isdecimal, value)) and any(map(str.isalpha, value))
    return mixed and not_a_blank(value) and entropy_bits(value) >= _LEAST_BITS


def password(value: str) -> bool:
    """Letters with a digit or with a symbol inside, so that no plain word is taken for one."""
    core = value.rstrip(".!?:…")
    if len(core) < 6 or not not_a_blank(core):
        return False
    letters, digits = any(map(str.isalpha, core)), any(map(str.isdecimal, core))
    symbols = any(not character.isalnum() and character not in "-_.'’/\\" for character in core)
    return (letters and (digits or symbols)) and len(set(core)) > 3


def not_a_blank(value: str) -> bool:
    """Not stars, not a variable (``$KEY``, ``{{key}}``, ``%s``), not ``your-key-here``."""
    return value[0] not in "$%{<*" and _BLANK.fullmatch(value) is None


def jwt(value: str) -> bool:
    """The first part decodes to a JSON object that names an algorithm."""
    head = value.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return False
    return isinstance(header, dict) and ("alg" in header or "enc" in header)


def not_in_lower_and_upper(value: str) -> bool:
    """All letters in one case: ``AB123456C`` or ``ab123456c``, not ``Ab 12 34 56 a``."""
    return value.upper() == value or value.lower() == value


def ip_address(value: str) -> bool:
    """An address that can name someone; ``1.2.3.4`` is taken for the number of a section."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return False
    if address.version == 4 and all(len(part) == 1 for part in value.split(".")):
        return False
    return not any(address in network for network in _UNKEPT)


class CardTable:
    """Brands' first digits and lengths; calling it tests a number against them and by Luhn."""

    def __init__(self, brands: Mapping[str, Mapping[str, Sequence[Any]]]) -> None:
        self._firsts: dict[str, frozenset[int]] = {}
        for brand in brands.values():
            lengths = frozenset(int(length) for length in brand["lengths"])
            for first in brand["first"]:
                low, _, high = str(first).partition("-")
                for number in range(int(low), int(high or low) + 1):
                    lengths_so_far = self._firsts.get(str(number), frozenset())
                    self._firsts[str(number)] = lengths_so_far | lengths

    def __call__(self, value: str) -> bool:
        number = compact(value)
        is_known = any(
            len(number) in self._firsts.get(number[:size], frozenset()) for size in (1, 2, 3, 4)
        )
        return is_known and len(set(number)) > 1 and luhn(number)
