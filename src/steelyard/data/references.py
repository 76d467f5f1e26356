"""A row's output, and the other answers that it accepts, as references of the task's kind."""

from __future__ import annotations

import json
from collections.abc import Sequence
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from steelyard.core import OutputKind
from steelyard.data.formats.base import RowError, json_in
from steelyard.json_text import json_value
from steelyard.label_sets import label_set, labels_among
from steelyard.words import shortened


def reference(value: Any, written: str, kind: OutputKind) -> str:
    """Return the output of an example: a label stripped, labels as one set, others as ``written``."""
    if kind == "labels":
        try:
            return label_set(labels_among(value))
        except ValueError:
            return written.strip()
    return written.strip() if kind == "label" else written


def label_problem(value: Any, written: str, kind: OutputKind, labels: Sequence[str]) -> str | None:
    """Say why a run would refuse an output of labels that is not empty; ``None`` where it takes it."""
    try:
        given = labels_among(value) if kind == "labels" else [written.strip()]
    except ValueError as error:
        return f'{error}: write ["A", "B"], or [] for none'
    unknown = [label for label in given if labels and label not in labels]
    return unknown_label(unknown[0][:200], tuple(labels)) if unknown else None


@lru_cache(maxsize=1024)
def unknown_label(text: str, labels: tuple[str, ...]) -> str:
    """Say that the task does not declare a label, and which one may be meant."""
    joined = next((label for label in labels if text in _parts(label)), None)
    if joined is not None:
        return (
            f"label {shortened(text, 40)!r} is not in output.labels, where {shortened(joined, 60)!r} is "
            "one label: write its parts as labels of their own"
        )
    folded = {label.casefold(): label for label in labels}
    near = get_close_matches(text[:60].casefold(), folded, n=1)
    hint = f" (did you mean {folded[near[0]]!r}?)" if near else ""
    return f"label {shortened(text, 40)!r} is not in output.labels{hint}"


def _parts(label: str) -> list[str]:
    return [part.strip() for part in label.split(",")] if "," in label else []


def json_problem(text: str) -> str | None:
    """Say why a text is no JSON; ``None`` where it is."""
    try:
        json_value(text)
    except ValueError as error:
        return f"the output is not JSON ({error})"[:200]
    return None


def accepted(value: Any, kind: OutputKind, labels: Sequence[str]) -> tuple[str, ...]:
    """Return the other answers that a row accepts, as `reference` has them. Raises `RowError`."""
    if value is None or value == "":
        return ()
    answers = json_in(value, "[")
    if not isinstance(answers, list):
        raise RowError(f"accepted must be a list of other answers, not {str(value)[:40]!r}")
    return tuple(dict.fromkeys(_answer(one, kind, labels) for one in answers))


def rejected(value: Any, kind: OutputKind) -> str:
    """Return the worse answer of a pair as `reference` has outputs; it may break every rule of theirs."""
    return reference(
        value, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), kind
    )


def _answer(value: Any, kind: OutputKind, labels: Sequence[str]) -> str:
    written = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    problem = None
    if not written.strip() or value is None:
        problem = "it is empty"
    elif kind in ("label", "labels"):
        problem = label_problem(value, written, kind, labels)
    elif kind == "json":
        problem = json_problem(written)
    elif isinstance(value, dict | list):
        problem = "it is not text"
    if problem is not None:
        raise RowError(f"accepted answer {written[:40]!r}: {problem}")
    return reference(value, written, kind)
