"""Examples that stand in two parts of a split."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from steelyard.core import Example, Split
from steelyard.task.normalise import exact_key, normalised_key

SHOWN = 20
_KEYS: dict[str, Callable[[Example], str | None]] = {
    "exact": exact_key,
    "normalised": normalised_key,
    "group": lambda example: example.group,
}


def check_split(split: Split) -> dict[str, Any]:
    """Report the rows of dev and test that also stand in an earlier part.

    Per kind of likeness (``exact``, ``normalised``, ``group``): ``count``, ``test_count`` (those in
    test), and up to 20 ``rows`` with both sources. Normalised likeness includes exact likeness.
    """
    return {kind: _leaks(split, key) for kind, key in _KEYS.items()}


def _leaks(split: Split, key: Callable[[Example], str | None]) -> dict[str, Any]:
    seen: dict[str, tuple[str, Example]] = {}
    found: list[dict[str, str]] = []
    test_count = count = 0
    for part, examples in zip(split._fields, split, strict=True):
        for example in examples:
            value = key(example)
            if value is None:
                continue
            first_part, first = seen.setdefault(value, (part, example))
            if first_part == part:
                continue
            count += 1
            test_count += part == "test"
            if len(found) < SHOWN:
                found.append(_pair(first_part, first, part, example))
    return {"count": count, "test_count": test_count, "rows": found}


def _pair(first_part: str, first: Example, part: str, example: Example) -> dict[str, str]:
    return {
        "part": part,
        "source": example.source,
        "also_in": first_part,
        "also_source": first.source,
    }
