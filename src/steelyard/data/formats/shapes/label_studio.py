"""Label Studio's export: a task's data, and the annotations of it with the choices made.

``{"id", "data": {"text"}, "annotations": [{"result": [{"value": {"choices": [...]}}]}]}``
(https://labelstud.io/guide/export, read 2026-12-01). The first annotation that was not cancelled counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from steelyard.data.formats.base import LeftOutError, RowError
from steelyard.data.formats.roles import resolve
from steelyard.data.formats.shapes import turns as of
from steelyard.data.formats.shapes.base import VALUE_KEY, Conversation, Shape, rest_of

NAME = "label_studio"
_USED = frozenset({"data", "annotations"})


def fits(fields: Mapping[str, Any]) -> bool:
    """Whether there is a task's data and a list of annotations."""
    return isinstance(fields.get("data"), Mapping) and isinstance(fields.get("annotations"), list)


def read(fields: Mapping[str, Any]) -> Conversation:
    """Read a row. Raises `RowError`, and `LeftOutError` for one without an annotation."""
    if not fits(fields):
        raise RowError("no data with annotations")
    data = fields["data"]
    text = data.get(resolve(tuple(data), {}).get("input", ""))
    if not isinstance(text, str):
        raise RowError(f"no text in data; keys: {', '.join(map(str, list(data)[:8]))}")
    values = next(
        (choices for one in fields["annotations"] if (choices := list(_values(one)))), None
    )
    if values is None:
        raise LeftOutError("not annotated")
    answer = dict(of.assistant(values[0]))
    if len(values) > 1:
        answer = {**of.assistant(json.dumps(values, ensure_ascii=False)), VALUE_KEY: values}
    return Conversation([of.user(text), answer], fields=rest_of(fields, _USED))


def _values(annotation: Any) -> Iterator[str]:
    """The choices, or the texts, of one annotation that was not cancelled."""
    if not isinstance(annotation, Mapping) or annotation.get("was_cancelled"):
        return
    for result in annotation.get("result") or ():
        value = result.get("value") if isinstance(result, Mapping) else None
        if isinstance(value, Mapping):
            choices = value.get("choices") or value.get("text") or ()
            yield from (
                [choices]
                if isinstance(choices, str)
                else [x for x in choices if isinstance(x, str)]
            )


SHAPE = Shape(NAME, "Label Studio", fits, read)
