"""Private data in a text: where, of which kind, and how sure."""

from __future__ import annotations

import ipaddress
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

from steelyard.private.checksums import compact
from steelyard.private.phones import find_phones
from steelyard.private.pieces import rewrite
from steelyard.private.rules import PrivateRule, rule_book
from steelyard.private.seen import SeenText, seen_text

_DIGIT = re.compile(r"\d")
_TELLING = re.compile(r"[@\d]|PRIVATE KEY")
_LONG = re.compile(r"\S{16}")
_FEWEST_IN_A_PHONE = 8
_BLANK = "\0"


@dataclass(frozen=True)
class Match:
    """A private value in a text: characters ``start`` to ``end``.

    ``strength`` is 3 for a checksum or an unmistakable form, 2 for a telling form, 1 where only words
    near it suggest it. ``key`` is the value in one spelling: equal for equal values. It is never
    shown, not even by ``repr``.
    """

    kind: str
    start: int
    end: int
    strength: int
    rule: str
    key: str = field(repr=False)


class PrivateFindings(NamedTuple):
    """Private data in a text, without the value: ``masked`` shows its start only."""

    kind: str
    strength: int
    rule: str
    masked: str


def find_private(text: str, regions: Sequence[str] | None = None, hint: str = "") -> list[Match]:
    """Find the private data of ``text``, from left to right; matches never overlap.

    Where several rules match the same characters the strongest wins, then secrets, cards and ids over
    the rest, then the longest. ``regions`` are those whose national phone numbers are known
    (`regions_of`), by default the usual ones. ``hint`` is read as words before the text: the name of
    the field that holds it. Looked at is what a reader sees (`seen_text`): wide forms, dashes of any kind
    and characters of no width hide nothing. Names of people are not found (`rule_book().missed`).
    """
    if not may_hold(text):
        return []
    seen = seen_text(text)
    front = f"{hint}: " if hint else ""
    scanned = front + _hide_placeholders(seen.text)
    matches = [match for match in _scan(scanned, regions) if match.start >= len(front)]
    matches = [match for match in matches if _BLANK not in scanned[match.start : match.end]]
    return [_moved(match, seen, len(front)) for match in _apart(matches)]


def _moved(match: Match, seen: SeenText, front: int) -> Match:
    start, end = seen.span(match.start - front, match.end - front)
    return replace(match, start=start, end=end)


def find_within(text: str, regions: Sequence[str] | None = None) -> list[PrivateFindings]:
    """Find the private data of ``text``, or of each value where it is JSON, to be counted and shown."""
    findings: list[PrivateFindings] = []

    def note(value: str, hint: str) -> str:
        for match in find_private(value, regions, hint):
            masked = mask(value[match.start : match.end])
            findings.append(PrivateFindings(match.kind, match.strength, match.rule, masked))
        return value

    if may_hold(text):
        rewrite(text, note)
    return findings


def may_hold(text: str) -> bool:
    """Whether ``text`` has any of the characters that all private data needs."""
    return _TELLING.search(text) is not None or (not text.isascii() and _tells(text))


def _tells(text: str) -> bool:
    """The same of a text in wide forms, or with characters between its letters that are not seen."""
    return _TELLING.search(seen_text(text).text) is not None


def mask(value: str) -> str:
    """The first characters of ``value``, at most four and a quarter of it, and stars."""
    visible = min(4, len(value) // 4)
    return value[:visible] + "*" * min(8, len(value) - visible)


@lru_cache(maxsize=1)
def placeholder_pattern() -> re.Pattern[str]:
    """What replaces private values: ``[EMAIL_1]``."""
    kinds = "|".join(kind.upper() for kind in rule_book().kinds)
    return re.compile(rf"\[({kinds})(?:_(\d{{1,12}}))?\]")


def _hide_placeholders(text: str) -> str:
    """Blank placeholders: they are neither private nor context words of other values."""
    if "[" not in text:
        return text
    return placeholder_pattern().sub(lambda match: _BLANK * len(match[0]), text)


def _scan(text: str, regions: Sequence[str] | None) -> Iterator[Match]:
    lowered = text.lower()
    digits = sum(map(text.count, "0123456789")) if text.isascii() else len(_DIGIT.findall(text))
    has_long = _LONG.search(text) is not None
    for trigger, rules in _by_trigger().items():
        if digits >= trigger.digits and (has_long or not trigger.is_long):
            for need in trigger.needs:
                if need in lowered:
                    break
            else:
                if trigger.needs:
                    continue
            for rule in rules:
                yield from _matches(rule, text)
    if digits >= _FEWEST_IN_A_PHONE:
        for phone in find_phones(text, regions or rule_book().phone.regions):
            yield Match("phone", phone.start, phone.end, phone.strength, "phone", phone.key)


class _Trigger(NamedTuple):
    """What a text must hold before some rules are tried; see `PrivateRule`."""

    digits: int
    needs: tuple[str, ...]
    is_long: bool


@lru_cache(maxsize=1)
def _by_trigger() -> dict[_Trigger, list[PrivateRule]]:
    groups: dict[_Trigger, list[PrivateRule]] = {}
    for rule in rule_book().rules:
        groups.setdefault(_Trigger(rule.digits, rule.needs, rule.is_long), []).append(rule)
    return groups


def _matches(rule: PrivateRule, text: str) -> Iterator[Match]:
    for hit in rule.pattern.finditer(text):
        start, end = hit.span(rule.group)
        if rule.holds(text, start, end):
            key = _KEYS.get(rule.kind, str)(text[start:end])
            yield Match(rule.kind, start, end, rule.strength, rule.name, key)


def _apart(matches: Sequence[Match]) -> list[Match]:
    """Drop what overlaps something stronger or longer."""
    if len(matches) < 2:
        return list(matches)
    kinds = rule_book().kinds

    def rank(match: Match) -> tuple[int, bool, int, int]:
        is_lighter = kinds[match.kind].severity != "error"
        return -match.strength, is_lighter, match.start - match.end, match.start

    accepted: list[Match] = []
    for match in sorted(matches, key=rank):
        place = bisect_left(accepted, match.start, key=lambda other: other.start)
        is_free_before = place == 0 or accepted[place - 1].end <= match.start
        if is_free_before and (place == len(accepted) or match.end <= accepted[place].start):
            accepted.insert(place, match)
    return accepted


def _folded(value: str) -> str:
    return " ".join(re.sub(r"[^\w]+", " ", value).casefold().split())


def _address(value: str) -> str:
    return ipaddress.ip_address(value).compressed


_KEYS: dict[str, Callable[[str], str]] = {
    "email": str.casefold,
    "card": compact,
    "iban": compact,
    "national_id": compact,
    "address": _folded,
    "birth_date": _folded,
    "ip_address": _address,
}
"""One spelling of a value by kind; a phone number brings its own, and a secret is what it is."""
