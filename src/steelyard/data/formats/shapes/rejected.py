"""The rejected answer of a row whose shape has no place of its own for it: a plain column beside it."""

from __future__ import annotations

from steelyard.data.formats.base import RowError
from steelyard.data.formats.roles import rejected_name
from steelyard.data.formats.shapes.base import Conversation
from steelyard.data.formats.shapes.turns import answer_of

_FLAGS = frozenset({"yes", "no", "true", "false", "y", "n", "0", "1"})


def with_rejected(row: Conversation) -> Conversation:
    """The row with what a plain column of the usual name holds as its rejected answer."""
    name = rejected_column(row)
    if name is None or not str(row.fields[name]).strip():
        return row
    rest = {key: value for key, value in row.fields.items() if key != name}
    return row._replace(rejected=[answer_of(row.fields[name], name)], fields=rest)


def rejected_column(row: Conversation) -> str | None:
    """The plain column whose name says that it holds the rejected answer, where its value may be one.

    ``yes`` and ``false`` say whether something was rejected, unless the answer is such a word itself.
    """
    name = None if row.rejected is not None else rejected_name(tuple(row.fields))
    value = None if name is None else row.fields[name]
    if value is None or isinstance(value, bool):
        return None
    answer = row.turns[-1].get("content") if row.answer else None
    is_flag = str(value).strip().casefold() in _FLAGS
    return None if is_flag and str(answer).strip().casefold() not in _FLAGS else name


def refuse_rejected(row: Conversation, shape: str) -> None:
    """Raise `RowError` for a row with a rejected answer, where there is no place for one."""
    if row.rejected is not None:
        raise RowError(
            f"has a rejected answer, which {shape} cannot hold; preference, prompt_completion or sharegpt can"
        )
