"""What rows mean: shapes by name, and which of them a file's rows have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from steelyard.data.formats.base import Counting, RowError
from steelyard.data.formats.roles import Columns
from steelyard.data.formats.shapes import prompt_completion
from steelyard.data.formats.shapes.base import NOTHING, Conversation, Shape, Turn, WrittenRow
from steelyard.data.formats.shapes.choice_numbers import BY_NUMBER
from steelyard.data.formats.shapes.logs import log_names
from steelyard.data.formats.shapes.multiple_choice import NAME as CHOICES
from steelyard.data.formats.shapes.multiple_choice import choice_columns, counting_in, have_numbers
from steelyard.data.formats.shapes.multiple_choice import fits as choices_fit
from steelyard.data.formats.shapes.multiple_choice import read as read_choices
from steelyard.data.formats.shapes.prompt_completion import NAME as PLAIN
from steelyard.data.formats.shapes.rejected import with_named
from steelyard.registry import Registry

SHAPES: Registry[Shape] = Registry(
    "shape of rows",
    {
        "ifeval": "steelyard.data.formats.shapes.ifeval:SHAPE",
        "preference": "steelyard.data.formats.shapes.preference:SHAPE",
        "logs": "steelyard.data.formats.shapes.logs:SHAPE",
        "openai": "steelyard.data.formats.shapes.chat:SHAPE",
        "gemini": "steelyard.data.formats.shapes.gemini:SHAPE",
        "sharegpt": "steelyard.data.formats.shapes.sharegpt:SHAPE",
        "alpaca": "steelyard.data.formats.shapes.alpaca:SHAPE",
        "label_studio": "steelyard.data.formats.shapes.label_studio:SHAPE",
        "multiple_choice": "steelyard.data.formats.shapes.multiple_choice:SHAPE",
        "prompt_completion": "steelyard.data.formats.shapes.prompt_completion:SHAPE",
    },
)
"""In the order in which they are tried: the most special first."""

_ROLES = frozenset({"id", "group", "slice", "timestamp", "weight", "rules", "accepted", "rejected"})
_ALPACA = frozenset({"instruction", "input", "output", "system", "history"})
_CHOICES = frozenset({"choices", "options", "endings"})
_INSIDE = frozenset({"question", "answerKey"})
"""Of rows whose question may hold its choices."""
_LABEL_STUDIO = frozenset({"data", "annotations"})
_IFEVAL = frozenset({"prompt", "instruction_id_list"})
_SHAREGPT = frozenset({"conversations", "conversation"})
ENVELOPE = frozenset({"request", "response", "request_body", "body", "status", "status_code"})
"""Keys of a logged call that were read for the row, whatever else they hold."""

_BATCH = frozenset({"custom_id", "response"})
"""Of OpenAI's batches, whose requests stand in another file."""
_LOGGED = frozenset({"request", "request_body", "body", "kwargs", "choices", "response"})
_PAIRS = (
    frozenset({"chosen", "rejected"}),
    frozenset({"preferred_output", "non_preferred_output"}),
)


def shape_of(rows: Iterable[Mapping[str, Any]], columns: Columns = NOTHING) -> Shape | None:
    """The shape that most of ``rows`` have; ``None`` when they have none that is known."""
    counts = Counter(name for fields in rows if (name := _name_of(fields, columns)) is not None)
    best = max(SHAPES, key=lambda name: counts[name], default=None)
    return SHAPES.get(best) if best is not None and counts[best] else None


def _name_of(fields: Mapping[str, Any], columns: Columns) -> str | None:
    name = shape_of_row(fields, columns)
    return PLAIN if name is None and SHAPES.get(PLAIN).fits(fields) else name


def conversation_of(
    fields: Mapping[str, Any],
    columns: Columns = NOTHING,
    *,
    may_lack: bool = False,
    counting: Counting | None = None,
) -> Conversation:
    """Read a row, whatever its shape: the one door for everything that reads rows.

    A named input (``columns``) makes it a plain row; a row ``may_lack`` its output.
    ``counting`` is what numbers mean that answer a choice (`counting_in`). Raises `RowError`.
    """
    name, output = shape_of_row(fields, columns), columns.get("output")
    if name is None:
        conversation = prompt_completion.read(fields, columns, may_lack=may_lack)
    elif name == CHOICES:
        conversation = read_choices(fields, counting, output)
    else:
        conversation = SHAPES.get(name).read(fields)
    worse = columns.get("rejected")
    if worse is not None:
        conversation = with_named(conversation, worse)
    if name in (None, CHOICES):
        return conversation
    if output is not None and output in conversation.fields:
        raise RowError(
            f"{output!r} is named as the output, and {SHAPES.get(name).title} has one of its own: "
            "name the input too"
        )
    return conversation


def shape_of_row(fields: Mapping[str, Any], columns: Columns = NOTHING) -> str | None:
    """The shape of a row; ``None`` where it has plain columns, as it has where its input is named."""
    if columns.get("input"):
        return None
    names = _shapes_by_keys(tuple(fields))
    return next((name for name in names if _fits(name, fields, columns)), None)


def _fits(name: str, fields: Mapping[str, Any], columns: Columns) -> bool:
    if name == CHOICES:
        return choices_fit(fields, columns.get("output"))
    return SHAPES.get(name).fits(fields)


@lru_cache(maxsize=1_000)
def _shapes_by_keys(names: tuple[str, ...]) -> tuple[str, ...]:
    """The shapes that a row with these keys may have, the most likely first."""
    keys = set(names)
    if keys >= {"prompt", "completion"} and "messages" not in keys:
        return ()
    shapes = [known_keys(names)]
    if keys & _CHOICES or keys >= _INSIDE or choice_columns(names) or "answers" in keys:
        shapes.append("multiple_choice")
    if "choices" in keys or keys & set(log_names()["response"]):
        shapes.append("logs")
    return tuple(dict.fromkeys(name for name in shapes if name is not None))


@lru_cache(maxsize=1_000)
def known_keys(names: tuple[str, ...]) -> str | None:
    """The shape that field names alone give away; ``None`` for plain columns and for chat."""
    keys = set(names)
    if keys >= _LABEL_STUDIO:
        return "label_studio"
    if keys >= _IFEVAL:
        return "ifeval"
    if keys & _SHAREGPT:
        return "sharegpt"
    spoken_keys = set(map(str.casefold, names))
    if spoken_keys >= {"instruction", "output"} and (
        "input" in spoken_keys or spoken_keys <= _ALPACA | _ROLES
    ):
        return "alpaca"
    if any(keys >= pair for pair in _PAIRS):
        return "preference"
    if "messages" in keys:
        return "logs" if keys & {"response", "choices"} else "openai"
    if "contents" in keys:
        return "gemini"
    return "logs" if len(keys & _LOGGED) > 1 or keys >= _BATCH else None


__all__ = [
    "BY_NUMBER",
    "CHOICES",
    "ENVELOPE",
    "NOTHING",
    "SHAPES",
    "Conversation",
    "Counting",
    "Shape",
    "Turn",
    "WrittenRow",
    "conversation_of",
    "counting_in",
    "have_numbers",
    "known_keys",
    "shape_of",
    "shape_of_row",
]
