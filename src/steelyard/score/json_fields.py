"""Metrics over JSON documents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, model_validator

from steelyard.config.options import Options
from steelyard.core import Example, OutputKind
from steelyard.folding import plain
from steelyard.json_text import json_value
from steelyard.score.base import Grade, Metric
from steelyard.score.fields import Likeness, count_fields, types_of
from steelyard.score.text import plain_as_laid_out
from steelyard.task import Task

_MOST_PARTS_DEPTH = 2
"""Without a schema, fields are distinguished so many names down: keys may be data."""


class FieldOptions(Options):
    """How values are compared: ``tolerance`` is relative (see `Likeness`), ``ordered`` are paths of lists."""

    tolerance: float | None = Field(default=None, ge=0, lt=1)
    case: bool = False
    ordered: tuple[str, ...] = ()

    def likeness(self, task: Task | None) -> Likeness:
        """The comparison for a task, whose schema says which texts are dates or verbatim."""
        kinds, paths = types_of({} if task is None else task.output.json_schema or {})
        return Likeness(kinds, self.tolerance, self.case, frozenset(self.ordered), paths)


class JsonMatchOptions(FieldOptions):
    """With ``typed``, documents are compared field by field."""

    typed: bool = False

    @model_validator(mode="after")
    def _check_typed(self) -> JsonMatchOptions:
        unused = sorted(self.model_fields_set - {"typed"})
        if unused and not self.typed:
            raise ValueError(f"{unused[0]} needs typed: true")
        return self


class JsonMatch(Metric):
    """Whether answer and reference are the same JSON value, whatever the order of keys.

    Texts that read the same are the same (`folding.plain`), but for their case. An array has to hold its
    items in the same order. With ``typed`` it is enough that every field is right as `FieldF1` sees it:
    numbers within the tolerance, dates however they are written, lists in any order.
    """

    name = "json_match"
    title = "Whole JSON right"
    kinds: ClassVar[tuple[OutputKind, ...]] = ("json",)
    binary = True
    options_type = JsonMatchOptions
    config: JsonMatchOptions

    def __init__(
        self,
        options: JsonMatchOptions | None = None,
        task: Task | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(options, task, name)
        self._likeness = self.config.likeness(task) if self.config.typed else None

    def score_answer(self, output: str, reference: str) -> float:
        answer, expected = _parsed(output), _parsed(reference)
        if answer is _NOTHING or expected is _NOTHING:
            return 0.0
        if self._likeness is None:
            return float(_canonical(answer) == _canonical(expected))
        return float(count_fields(answer, expected, self._likeness).f1 == 1.0)


class FieldF1(Metric):
    """F1 over the fields of a document, each value compared by its type; see `Likeness`.

    The parts are F1 of each field, over the documents where the answer or the reference has it. A document
    that is an array has its items' fields (``[].name``), or ``[]`` where these are plain values.
    """

    name = "field_f1"
    title = "Field F1"
    parts_about = "F1 of each field, over the test examples in which it is given or expected."
    kinds: ClassVar[tuple[OutputKind, ...]] = ("json",)
    options_type = FieldOptions
    config: FieldOptions

    def __init__(
        self,
        options: FieldOptions | None = None,
        task: Task | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(options, task, name)
        self._likeness = self.config.likeness(task)

    def score_answer(self, output: str, reference: str) -> float:
        answer, expected = _parsed(output), _parsed(reference)
        if answer is _NOTHING or expected is _NOTHING:
            return 0.0
        return count_fields(answer, expected, self._likeness).f1

    def grade(self, example: Example, output: str | None) -> Grade:
        """Grade the document and each of its fields; a failed answer gets none right."""
        expected = _parsed(example.output)
        answer = _NOTHING if output is None else _parsed(output)
        if expected is _NOTHING:
            return Grade(0.0)
        is_lost = answer is _NOTHING
        fields = count_fields(None if is_lost else answer, expected, self._likeness)
        return Grade(0.0 if is_lost else fields.f1, self._parts(fields.by_path()))

    def _parts(self, by_path: Mapping[str, float]) -> dict[str, float]:
        paths = self._likeness.leaf_paths
        if paths:
            return {path: score for path, score in by_path.items() if path in paths}
        return {
            path: score
            for path, score in by_path.items()
            if path and path.count(".") < _MOST_PARTS_DEPTH
        }


_NOTHING = object()


def _parsed(text: str) -> Any:
    """The JSON value of a text, or ``_NOTHING``."""
    try:
        return json_value(text)
    except ValueError:
        return _NOTHING


def _canonical(value: Any) -> str:
    """One text per JSON value: 1 and 1.0 are the same number, true and 1 are not the same value.

    Texts and names are folded as `exact_match` folds them, but for case, which counts.
    """
    if isinstance(value, dict):
        pairs = sorted((json.dumps(plain(key)), _canonical(inner)) for key, inner in value.items())
        return "{" + ",".join(f"{key}:{inner}" for key, inner in pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_canonical(inner) for inner in value) + "]"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(plain_as_laid_out(value) if isinstance(value, str) else value)
