"""Whether the rules of a conditional block (`@media`, `@supports`, …) apply on an ordinary desktop screen.

Answers are ``True``, ``False``, or ``None`` where that depends on the browser or on the size of its window.
"""

from __future__ import annotations

import re
from functools import cache

from steelyard.packaged import packaged
from steelyard.retrieve.documents.css_values import arguments, number, pixels

_WIDTHS, _HEIGHTS = (1280.0, 1920.0), (720.0, 1080.0)
"""Windows of desktop screens: what holds in some of them only is not known."""
_SETTINGS = {
    "prefers-color-scheme": "light", "prefers-reduced-motion": "no-preference", "hover": "hover",
    "prefers-contrast": "no-preference", "pointer": "fine", "any-hover": "hover", "any-pointer": "fine",
    "orientation": "landscape", "scripting": "enabled", "forced-colors": "none", "display-mode": "browser",
    "inverted-colors": "none", "update": "fast", "grid": "0", "monochrome": "0",
    "prefers-reduced-data": "no-preference", "prefers-reduced-transparency": "no-preference",
    "color-gamut": "srgb", "overflow-block": "scroll", "overflow-inline": "scroll", "scan": "progressive",
}  # fmt: skip
_OFF = frozenset({"none", "0", "no-preference"})
_RANGE = re.compile(r"(.*?)\s*(<=|>=|<|>|=)\s*(.*)", re.DOTALL)
_MIRRORED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "=": "="}
_MOST_CONDITION = 2_000
_MOST_NESTED = 20


def applies(prelude: str) -> bool | None:
    """Whether the rules within a block apply whose head, in lower case, is ``prelude`` (`@media print`)."""
    name = re.match(r"@[\w-]*", prelude)
    condition = prelude[len(name[0]) :].strip() if name else ""
    if name is None or len(condition) > _MOST_CONDITION:
        return None
    if name[0] == "@media":
        return _any([_media(query) for query in arguments(condition, ",")])
    if name[0] == "@supports":
        return _condition(condition, 0, is_supports=True)
    if name[0] == "@layer":
        return True
    return None if name[0] in {"@container", "@scope"} else False


def _media(query: str) -> bool | None:
    query = query.strip()
    match = re.match(r"(?:(not|only)\s+)?([a-z][\w-]*)(?:\s+and\b\s*(.*))?$", query, re.DOTALL)
    if match is None or match[2] in {"not", "and", "or"}:
        return _condition(query, 0) if query else True
    answer: bool | None = match[2] in {"all", "screen"}
    if match[3] is not None:
        answer = _all([answer, _condition(match[3], 0)])
    return _not(answer) if match[1] == "not" else answer


def _condition(text: str, depth: int, *, is_supports: bool = False) -> bool | None:
    """A condition of parts in brackets, with ``and``, ``or`` and ``not``."""
    words = arguments(_spaced(text))
    if depth > _MOST_NESTED or not words:
        return None
    if words[0] == "not":
        return _not(_condition(" ".join(words[1:]), depth + 1, is_supports=is_supports))
    parts = [_part(word, depth, is_supports) for word in words[::2]]
    joints = set(words[1::2])
    if joints <= {"and"}:
        return _all(parts)
    return _any(parts) if joints == {"or"} else False


def _spaced(text: str) -> str:
    return re.sub(r"\)\s*(and|or)\b", r") \1 ", re.sub(r"\bnot\s*\(", "not (", text))


def _part(word: str, depth: int, is_supports: bool) -> bool | None:
    if not (word.startswith("(") and word.endswith(")")):
        if is_supports:
            return True if word.startswith("selector(") else None
        return False
    inside = word[1:-1].strip()
    if inside.startswith(("(", "not")):
        return _condition(inside, depth + 1, is_supports=is_supports)
    return _supported(inside) if is_supports else _feature(inside)


def _supported(declaration: str) -> bool | None:
    """Properties that every browser has are supported; of the rest nothing is known here."""
    name, mark, _ = declaration.partition(":")
    name = name.strip()
    return True if mark and (name.startswith("--") or name in _properties()) else None


@cache
def _properties() -> frozenset[str]:
    names: str = packaged("retrieve/documents/data/css_properties.txt")
    return frozenset(names.split())


def _feature(text: str) -> bool | None:
    name, mark, value = (part.strip() for part in text.partition(":"))
    if not mark and (match := _RANGE.fullmatch(text)):
        return _range(match)
    if name.startswith(("min-", "max-")):
        return _compared(name[4:], ">=" if name.startswith("min-") else "<=", value)
    if name in _SETTINGS:
        return value == _SETTINGS[name] if mark else _SETTINGS[name] not in _OFF
    return (
        _compared(name, "=", value)
        if mark
        else True
        if name in {"width", "height", "color"}
        else None
    )


def _range(match: re.Match[str]) -> bool | None:
    """``width >= 1px``, ``1px <= width``, or ``1px <= width < 9px``."""
    first, sign, rest = match.groups()
    if second := _RANGE.fullmatch(rest):
        middle, other, last = second.groups()
        return _all([_compared(middle, _MIRRORED[sign], first), _compared(middle, other, last)])
    if re.fullmatch("[a-z-]+", first):
        return _compared(first, sign, rest)
    return _compared(rest, _MIRRORED[sign], first)


def _compared(name: str, sign: str, value: str) -> bool | None:
    sizes = {
        "width": _WIDTHS,
        "height": _HEIGHTS,
        "device-width": _WIDTHS,
        "device-height": _HEIGHTS,
    }
    size = pixels(value)
    if name not in sizes:
        least = number(value)
        return least is not None and least <= 8 if name == "color" and sign == ">=" else None
    if size is None:
        return False
    low, high = sizes[name]
    if sign == "=":
        return None if low <= size <= high else False
    if sign in {"<", "<="}:
        return True if high <= size else False if size < low else None
    return True if size <= low else False if size > high else None


def _not(answer: bool | None) -> bool | None:
    return None if answer is None else not answer


def _all(answers: list[bool | None]) -> bool | None:
    return False if False in answers else None if None in answers else True


def _any(answers: list[bool | None]) -> bool | None:
    return True if True in answers else None if None in answers else False
