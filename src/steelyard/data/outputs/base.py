"""Outputs as the searches see them, and what a search returns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from steelyard.core import OutputKind
from steelyard.data.base import Severity
from steelyard.data.dataset import Dataset
from steelyard.json_text import json_value
from steelyard.packaged import packaged


@dataclass(frozen=True)
class OutputProblem:
    """One kind of problem: its rows by index, the most suspect first, and what is wrong with each.

    ``notes`` runs along the first of ``indices`` at least. ``count`` replaces the number of rows where
    the problem does not concern single rows.
    """

    name: str
    severity: Severity
    message: str
    indices: Sequence[int] = ()
    notes: Sequence[str] = ()
    count: int | None = None


Search = Callable[["Outputs"], Iterable[OutputProblem]]


class ParsedOutput(NamedTuple):
    """An output read as JSON: its value, or why there is none."""

    value: Any
    reason: str | None


@dataclass(frozen=True, eq=False)
class Outputs:
    """The outputs of a data set with what several searches need; texts are stripped.

    ``facts`` takes what the searches measure, by their names.
    """

    data: Dataset
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> OutputKind:
        return self.data.kind

    @cached_property
    def texts(self) -> list[str]:
        return [output.strip() for output in self.data.written]

    @cached_property
    def filled(self) -> list[int]:
        return [index for index, text in enumerate(self.texts) if text]

    @cached_property
    def blank(self) -> list[int]:
        return [index for index, text in enumerate(self.texts) if not text]

    def may_lack(self, index: int) -> bool:
        """Whether a row needs no output, because replies are scored by rules."""
        by_rules = self.data.task.is_scored_by_rules_alone
        return self.kind == "text" and (by_rules or self.data.examples[index].rules is not None)

    @cached_property
    def parsed(self) -> dict[int, ParsedOutput]:
        """The outputs that are not empty, read as JSON objects or arrays."""
        return {index: parse(self.texts[index]) for index in self.filled}

    @cached_property
    def values(self) -> dict[int, Any]:
        parsed = self.parsed.items()
        return {index: output.value for index, output in parsed if output.reason is None}


def parse(text: str) -> ParsedOutput:
    """Read a JSON object or array strictly: what a scorer takes."""
    if not text.startswith(("{", "[")):
        return ParsedOutput(None, _why_no_json(text))
    try:
        return ParsedOutput(json_value(text), None)
    except ValueError as error:
        return ParsedOutput(None, str(error))


def _why_no_json(text: str) -> str:
    if text.startswith("```"):
        return "in a code fence"
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return "it does not start with { or ["
    return "JSON, but neither an object nor an array"


@lru_cache(maxsize=1)
def patterns() -> Mapping[str, Any]:
    """Read ``data/outputs.yaml``: what outputs should not hold, and formats of numbers and dates."""
    return dict(packaged("data/data/outputs.yaml"))


def turn_marks() -> tuple[str, ...]:
    """Return expressions for the marks of chat templates, wherever in a text they stand."""
    return tuple(expression for expression in patterns()["remains"] if expression[0] != "^")
