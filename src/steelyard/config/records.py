"""Records read back from files: what anybody may have written is checked before it is believed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from steelyard.core import Completion
from steelyard.errors import StorageError
from steelyard.words import one_line

_LONGEST_REASON = 200


def read_as(kind: Any, data: Any, name: str = "") -> Any:
    """Return ``data``, plain values as JSON holds them, as a ``kind``: a dataclass or another type.

    Nothing is converted but lists to tuples. Raises `ValueError` for values of another type and for
    unknown fields; ``name`` says in it what is read.
    """
    if is_dataclass(kind) and isinstance(data, Mapping):
        unknown = sorted(map(str, data.keys() - {field.name for field in fields(kind)}))
        if unknown:
            raise ValueError(f"{name or 'it'} has the unknown field {unknown[0]!r}")
    try:
        return _adapter(kind).validate_json(json.dumps(data, allow_nan=False), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, filter(None, (name, *first["loc"])))) or "it"
        raise ValueError(f"{place}: {first['msg']}") from None


def read_kept(kind: Any, data: Any, name: str) -> Any:
    """Return what a run's database keeps as a ``kind``; see `read_as`. Raises `StorageError` elsewhere."""
    try:
        return read_as(kind, data, name)
    except (ValueError, TypeError) as error:
        raise StorageError(
            f"run.db is damaged: {one_line(str(error), _LONGEST_REASON)}: choose another --out, or begin "
            "anew with --no-cache"
        ) from None


def read_completion(saved: Any) -> Completion:
    """Return a completion that was kept as `dataclasses.asdict` made it, by any version.

    Raises `ValueError` for anything else.
    """
    fields = saved if isinstance(saved, Mapping) else {}
    if isinstance(fields.get("spent"), list):  # as first written
        fields = asdict(Completion.from_dict(fields))
    completion: Completion = read_as(Completion, fields, "completion")
    amounts = (
        *completion.usage,
        *completion.torn,
        completion.total_seconds,
        completion.first_token_seconds,
    )
    if completion.batch_size < 1 or not all(0 <= amount < math.inf for amount in amounts):
        raise ValueError(f"completion: impossible figures {completion.usage}")
    return completion


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
