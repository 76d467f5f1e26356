"""Metrics over JSON documents."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from steelyard.score.base import Metric


class JsonMatch(Metric):
    """Whether answer and reference are the same JSON value, whatever the order of keys."""

    name = "json_match"
    binary = True

    def score_answer(self, output: str, reference: str) -> float:
        """1 when the parsed values are equal."""
        said, wanted = _leaves(output), _leaves(reference)
        if said is None or wanted is None:
            return 0.0
        return float(_canonical(json.loads(output)) == _canonical(json.loads(reference)))


class FieldF1(Metric):
    """F1 over the fields: a field is right when its path and its value are.

    List items are compared without regard to order.
    """

    name = "field_f1"

    def score_answer(self, output: str, reference: str) -> float:
        """Twice the fields shared over the fields of both."""
        said, wanted = _leaves(output), _leaves(reference)
        if said is None or wanted is None:
            return 0.0
        return 2 * (said & wanted).total() / (said.total() + wanted.total())


def _leaves(text: str) -> Counter[str] | None:
    """The leaves of a JSON text as ``path=value``; ``None`` when it does not parse."""
    try:
        return Counter(_walk(json.loads(text), ""))
    except (ValueError, RecursionError):
        return None


def _walk(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _walk(inner, f"{path}.{json.dumps(key)}")
    elif isinstance(value, list) and value:
        for inner in value:
            yield from _walk(inner, f"{path}[]")
    else:
        yield f"{path}={_canonical(value)}"


def _canonical(value: Any) -> str:
    """One text per JSON value: 1 and 1.0 are the same number, true and 1 are not the same value."""
    if isinstance(value, dict):
        pairs = sorted((json.dumps(key), _canonical(inner)) for key, inner in value.items())
        return "{" + ",".join(f"{key}:{inner}" for key, inner in pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_canonical(inner) for inner in value) + "]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value)
