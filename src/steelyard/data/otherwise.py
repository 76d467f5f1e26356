"""Outputs that hold lists or objects in another writing than JSON: said, since each would be one text."""

from __future__ import annotations

import ast
import json
from collections import Counter
from collections.abc import Sequence

from steelyard.core import OutputKind
from steelyard.words import listed

_JOINTS = (";", "|", ",")
_LOOKED_AT = 1_000


def written_otherwise(kind: OutputKind, outputs: Sequence[str]) -> list[str]:
    """Remarks on outputs that are lists or objects as Python writes them, or labels in a row."""
    if kind in ("json", "labels"):
        return []
    first = outputs[:_LOOKED_AT]
    values = [_python_value(text) for text in first]
    if values and all(isinstance(value, list) for value in values):
        return [
            'outputs are lists as Python writes them; written as JSON, ["a", "b"], they are labels'
        ]
    if values and all(isinstance(value, dict) for value in values):
        return ["outputs are objects as Python writes them; written as JSON they are documents"]
    return _joined(Counter(text.strip() for text in first)) if kind == "label" else []


def _python_value(text: str) -> object:
    """The list or object that a text is in Python's writing or in JSON; ``None`` for any other."""
    if text.strip()[:1] not in ("[", "{"):
        return None
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


def _joined(labels: Counter[str]) -> list[str]:
    """A remark where labels are joined to others: ``billing;urgent`` beside ``billing``."""
    for joint in _JOINTS:
        several = [label for label in labels if joint in label]
        parts = Counter(part.strip() for label in several for part in label.split(joint))
        again = [part for part, count in parts.items() if count > 1 or part in labels]
        if len(several) > 1 and 2 * len(again) > len(parts):
            return [
                f"{listed([repr(label) for label in several], 2)} may be several labels in one: written as "
                'JSON lists, ["a", "b"], they are that'
            ]
    return []
