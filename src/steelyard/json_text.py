"""The JSON object or array that an answer gives, wherever it stands in the text."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

from steelyard.words import one_line

DEEPEST = 200
"""Values nested deeper are not read: what compares them recursively could not follow."""

_SHOWN = 60
_MOST_TRIED = 300
_MOST_BRACKETS = 20_000
_BRACKET = re.compile(r"[{}\[\]]")
_OPENING = re.compile(r"[{\[]")
_BEGINS_JSON = re.compile(r'\{\s*"|\[\s*[{\["]')
_FENCE_LINE = re.compile(r"^[^\S\n]*(?:```|~~~)[^\S\n]*(?P<language>\w*)", re.MULTILINE)


class _Document(NamedTuple):
    text: str
    value: Any
    start: int


class _UnusableError(ValueError):
    """What begins as JSON is none: a key stands twice, it is cut off or nested too deeply."""


def read_json(text: str) -> tuple[str | None, str | None]:
    """Return ``(JSON text, None)`` of the object or array that ``text`` gives, or ``(None, reason)``.

    It is the whole text, or a JSON string that holds it; else what stands in the last code fence that has
    one; else the only one between other words, where ``[1]`` is a footnote. Where several differ, or one
    is cut off, there is none. A key that stands twice, ``NaN`` and values over 200 deep are refused.
    """
    why = ""
    try:
        documents = _whole(text) or _last_fenced(text, _documents(text))
        forms = {json.dumps(one.value, sort_keys=True): one.text for one in documents}
        if len(forms) == 1:
            return next(iter(forms.values())), None
        why = " (it holds several that differ)" if forms else ""
    except (_UnusableError, RecursionError) as error:
        why = f" ({error if isinstance(error, _UnusableError) else 'it is nested too deeply'})"
    return None, f"not a JSON object or array: {one_line(text, _SHOWN)!r}{why}"


def refuse_constant(constant: str) -> float:
    """Refuse ``NaN`` and ``Infinity``, which Python's parser takes for JSON."""
    raise ValueError(f"{constant} is not JSON")


def is_shallow(value: Any) -> bool:
    """Whether a JSON value nests at most `DEEPEST` deep."""
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inner(outer)]
        if not level:
            return True
    return False


def _inner(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _whole(text: str) -> list[_Document]:
    """The text as one document, or as a JSON string that is one; an empty list where it is neither."""
    for _ in range(2):
        text = text.strip().lstrip("\ufeff").strip()
        try:
            value = _DECODER.decode(text)
        except _UnusableError:
            raise
        except ValueError:
            return []
        if isinstance(value, dict | list):
            return [_checked(_Document(text, value, 0))]
        if not isinstance(value, str):
            return []
        text = value
    return []


def _documents(text: str) -> list[_Document]:
    """The objects and arrays in a text that are in no other. What is no JSON is passed over whole."""
    documents: list[_Document] = []
    closing: dict[int, int] | None = None
    place = 0
    for _ in range(_MOST_TRIED):
        opening = _OPENING.search(text, place)
        if opening is None:
            return documents
        start = opening.start()
        try:
            value, place = _DECODER.raw_decode(text, start)
            documents.append(_checked(_Document(text[start:place], value, start)))
        except _UnusableError:
            raise
        except ValueError:
            closing = _closings(text) if closing is None else closing
            if start not in closing and _BEGINS_JSON.match(text, start):
                raise _UnusableError("it is cut off") from None
            place = closing.get(start, start + 1)
    raise _UnusableError("it holds too many brackets")


def _closings(text: str) -> dict[int, int]:
    """Where the bracket that begins at a place ends, as far as brackets in strings allow to say."""
    ends: dict[int, int] = {}
    stack: list[int] = []
    for bracket in islice(_BRACKET.finditer(text), _MOST_BRACKETS):
        if bracket[0] in "{[":
            stack.append(bracket.start())
        elif stack and text[stack[-1]] == {"}": "{", "]": "["}[bracket[0]]:
            ends[stack.pop()] = bracket.end()
    return ends


def _last_fenced(text: str, documents: Sequence[_Document]) -> list[_Document]:
    """Those in the last code fence that has one, one for JSON first; else all but footnotes."""
    fences = list(_FENCE_LINE.finditer(text))
    starts = [fence.start() for fence in fences]
    before = [bisect_left(starts, one.start + 1) for one in documents]
    inside = [count for count in before if count % 2]
    named = [count for count in inside if fences[count - 1]["language"].lower().startswith("json")]
    if inside:
        last = max(named or inside)
        return [one for one, count in zip(documents, before, strict=True) if count == last]
    return [one for one in documents if not _is_footnote(one.value)] or list(documents)


def _is_footnote(value: Any) -> bool:
    return not value or (isinstance(value, list) and len(value) == 1 and isinstance(value[0], int))


def _checked(document: _Document) -> _Document:
    if not is_shallow(document.value):
        raise _UnusableError(f"it is nested over {DEEPEST} deep")
    return document


def _one_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for key, value in pairs:
        if key in fields:
            raise _UnusableError(f"the key {key[:_SHOWN]!r} stands twice")
        fields[key] = value
    return fields


_DECODER = json.JSONDecoder(parse_constant=refuse_constant, object_pairs_hook=_one_each)
