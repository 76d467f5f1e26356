"""Several labels as one output: how a set of them is written, and which set a text gives.

As an output a set is a JSON array, each label once and sorted, so that equal sets are equal texts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from steelyard.core import OutputKind
from steelyard.json_text import read_whole_json
from steelyard.label_marks import unmarked
from steelyard.label_text import lone_label
from steelyard.words import one_line

NO_LABELS = "[]"
"""The empty set."""
_NONE = re.compile(r"""["'`*(]*none["'`*).]*""", re.IGNORECASE)
_SEPARATORS = ",;，；、"
_FENCE = re.compile(r"\s*```\w*[^\S\n]*\n(?P<inside>[^`]*)\n\s*```\s*")
_SHOWN = 60


def label_set(labels: Iterable[str]) -> str:
    """Return the one text of a set of labels; order and repeats do not matter."""
    return json.dumps(sorted(set(labels)), ensure_ascii=False)


@lru_cache(maxsize=65536)
def labels_in(output: str) -> tuple[str, ...]:
    """Return the labels of an output that `label_set` wrote; none of any other text."""
    value = _array(output)
    return tuple(dict.fromkeys(item for item in value or () if isinstance(item, str)))


def labels_of(output: str, kind: OutputKind) -> tuple[str, ...]:
    """Return the labels that an output of ``kind`` is made of; none of JSON, text or an empty output."""
    if kind == "labels":
        return labels_in(output)
    return (output,) if kind == "label" and output else ()


def has_label(output: str, label: str) -> bool:
    """Whether an output is a label, or a set that holds it."""
    return output == label or label in labels_in(output)


def labels_among(value: Any) -> list[str]:
    """Return the labels of a list as a file has it, or of its JSON text, stripped, in their order.

    Raises `ValueError` with the reason for anything else. Numbers are labels as they are written.
    """
    items = _array(value) if isinstance(value, str) else value
    if not isinstance(items, list):
        raise ValueError("the output is not a JSON array of labels")
    labels = [str(item).strip() if _is_name(item) else "" for item in items]
    if (place := next((at for at, label in enumerate(labels, 1) if not label), None)) is not None:
        item = json.dumps(items[place - 1], ensure_ascii=False)
        raise ValueError(f"item {place} of the output is {one_line(item, 40)}, not a label")
    return labels


def read_label_set(text: str, labels: Sequence[str]) -> tuple[str | None, str | None]:
    """Return ``(set, None)`` as `label_set` writes it, or ``(None, reason)`` where a text gives none.

    The whole text is a JSON array of labels, or the labels alone between commas, semicolons and line
    breaks, with or without bullets; ``none`` or ``[]`` is the empty set. Each item is read as
    `lone_label` does, one that is no label spoils the whole, and running prose gives nothing. A mark
    that a label contains separates nothing.
    """
    fenced = _FENCE.fullmatch(text)
    whole = (fenced["inside"] if fenced else text).strip()
    if not whole:
        return None, "empty answer"
    given: set[str] = set()
    for item in _given(whole, labels):
        label = _label(item, labels)
        if label is None:
            which = "" if item == whole else f" ({one_line(item, _SHOWN)!r} is none of them)"
            return None, f"not a list of labels: {one_line(text, _SHOWN)!r}{which}"
        given.add(label)
    return label_set(given), None


def _given(text: str, labels: Sequence[str]) -> Iterator[str]:
    """The items of a text; what is no name in a JSON array is an item that is no label."""
    if (written := _array(text)) is not None:
        yield from (str(item) if _is_name(item) else json.dumps(item) for item in written)
    elif _NONE.fullmatch(text) is None or lone_label(text, labels) is not None:
        for line in text.splitlines():
            yield from _items(line, labels)


def _items(line: str, labels: Sequence[str]) -> list[str]:
    """The items of a line; a blank one has none, and a mark at its end begins none."""
    if not line.strip():
        return []
    if line.strip() in labels:
        return [line]
    marks = [mark for mark in _SEPARATORS if not any(mark in label for label in labels)]
    bare = unmarked(line.strip()).strip().rstrip("".join(marks))
    return re.split(f"[{''.join(marks)}]", bare) if marks else [bare]


def _label(item: str, labels: Sequence[str]) -> str | None:
    """The label that an item is; a bracket that opens one belongs to JSON that is none, or to the label."""
    if item.lstrip().startswith(("[", "{")) and item.strip() not in labels:
        return None
    return lone_label(item, labels)


def _array(text: str) -> list[Any] | None:
    """The JSON array that a text is as a whole."""
    document = read_whole_json(text) if text.lstrip("\ufeff \t\r\n").startswith("[") else None
    if document is None:
        return None
    value = json.loads(document, parse_int=str, parse_float=str)
    return value if isinstance(value, list) else None


def _is_name(item: Any) -> bool:
    return isinstance(item, str | int | float) and not isinstance(item, bool)
