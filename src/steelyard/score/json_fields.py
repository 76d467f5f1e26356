"""Metrics over JSON documents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from steelyard.core import Example, OutputKind
from steelyard.errors import ConfigError
from steelyard.score.base import Grade, Materials, Metric, refuse_options
from steelyard.score.fields import Likeness, tally, types_of

_OPTIONS: Mapping[str, type[Any]] = {"tolerance": float, "case": bool, "ordered": list}
_MOST_PARTS_DEPTH = 2
"""Without a schema, fields are told apart so many names down: keys may be data."""


class JsonMatch(Metric):
    """Whether answer and reference are the same JSON value, whatever the order of keys.

    With ``typed`` it is enough that every field is right as `FieldF1` sees it: numbers within the
    tolerance, dates however they are written, lists in any order.
    """

    name = "json_match"
    kinds: ClassVar[tuple[OutputKind, ...]] = ("json",)
    binary = True

    def __init__(self, likeness: Likeness | None = None) -> None:
        self._likeness = likeness

    @classmethod
    def build(cls, options: Mapping[str, Any], materials: Materials) -> Self:
        """Build the metric; the schema says which texts are dates or verbatim."""
        refuse_options(cls.name, options, ("typed", *_OPTIONS))
        plain = {name: value for name, value in options.items() if name != "typed"}
        if not options.get("typed", False):
            refuse_options(f"{cls.name} without typed", plain, ())
            return cls()
        return cls(_likeness(cls.name, plain, materials))

    def score_answer(self, output: str, reference: str) -> float:
        """1 when the parsed values are the same."""
        said, wanted = _parsed(output), _parsed(reference)
        if said is _NOTHING or wanted is _NOTHING:
            return 0.0
        if self._likeness is None:
            return float(_canonical(said) == _canonical(wanted))
        return float(tally(said, wanted, self._likeness).f1 == 1.0)


class FieldF1(Metric):
    """F1 over the fields of a document, each value compared by its type; see `Likeness`.

    The parts are F1 of each field, over the documents in which it is said or wanted.
    """

    name = "field_f1"
    kinds: ClassVar[tuple[OutputKind, ...]] = ("json",)

    def __init__(self, likeness: Likeness | None = None) -> None:
        self._likeness = likeness or Likeness()

    @classmethod
    def build(cls, options: Mapping[str, Any], materials: Materials) -> Self:
        """Build the metric; the schema says which texts are dates or verbatim."""
        return cls(_likeness(cls.name, options, materials))

    def score_answer(self, output: str, reference: str) -> float:
        """Twice the right fields over the fields of both."""
        said, wanted = _parsed(output), _parsed(reference)
        if said is _NOTHING or wanted is _NOTHING:
            return 0.0
        return tally(said, wanted, self._likeness).f1

    def grade(self, example: Example, output: str | None) -> Grade:
        """Grade the document and each of its fields; a failed answer has none of them right."""
        wanted = _parsed(example.output)
        said = _NOTHING if output is None else _parsed(output)
        if wanted is _NOTHING:
            return Grade(0.0)
        if said is _NOTHING:
            missed = tally(None, wanted, self._likeness)
            return Grade(0.0, self._parts(missed.by_path()))
        found = tally(said, wanted, self._likeness)
        return Grade(found.f1, self._parts(found.by_path()))

    def _parts(self, by_path: Mapping[str, float]) -> dict[str, float]:
        known = self._likeness.known
        if known:
            return {path: score for path, score in by_path.items() if path in known}
        return {
            path: score
            for path, score in by_path.items()
            if path and path.count(".") < _MOST_PARTS_DEPTH
        }


def _likeness(metric: str, options: Mapping[str, Any], materials: Materials) -> Likeness:
    refuse_options(metric, options, tuple(_OPTIONS))
    for name, value in options.items():
        wanted = (int, float) if _OPTIONS[name] is float else _OPTIONS[name]
        if not isinstance(value, wanted) or (isinstance(value, bool) and name != "case"):
            kind = {"tolerance": "a number", "case": "true or false", "ordered": "a list"}[name]
            raise ConfigError(f"metric {metric}: option {name} must be {kind}, got {value!r}")
    tolerance = float(options.get("tolerance", Likeness.tolerance))
    if not 0 <= tolerance < 1:
        raise ConfigError(
            f"metric {metric}: tolerance is relative: from 0 to below 1, got {tolerance:g}"
        )
    kinds, known = types_of({} if materials.schema is None else json.loads(materials.schema))
    ordered = frozenset(str(path) for path in options.get("ordered", ()))
    return Likeness(kinds, tolerance, bool(options.get("case", False)), ordered, known)


_NOTHING = object()
_DEEPEST = 200


def _parsed(text: str) -> Any:
    """The JSON value of a text, or ``_NOTHING``."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return _NOTHING
    return value if _depth_is_sane(value) else _NOTHING


def _depth_is_sane(value: Any) -> bool:
    """Whether the value nests less deeply than comparing it recursively can follow."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for each in level for inner in _inner(each)]
        if not level:
            return True
    return False


def _inner(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


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
