"""Alpaca: instruction, input and output; earlier turns under history, the system message as system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.data.formats.base import RowError
from steelyard.data.formats.shapes import turns as of
from steelyard.data.formats.shapes.base import (
    TAKEN,
    VALUE_KEY,
    Conversation,
    Shape,
    Turn,
    WrittenRow,
    put_rest,
    refuse_tools,
    rest_of,
)
from steelyard.data.formats.shapes.rejected import refuse_rejected

NAME = "alpaca"
KEYS = frozenset({"instruction", "input", "output", "system", "history"})
_ROLES = frozenset({"system", "user", "assistant"})


def fits(fields: Mapping[str, Any]) -> bool:
    """Whether there are an instruction and an output."""
    keys = fields if "output" in fields else _lower(fields)
    return "instruction" in keys and "output" in keys


def read(fields: Mapping[str, Any]) -> Conversation:
    """Read a row; the question is instruction, newline, input. Raises `RowError`."""
    if "output" not in fields or "instruction" not in fields:
        fields = _lower(fields)
    question, input_at = question_of(fields)
    turns: list[Turn] = []
    system, history = fields.get("system"), fields.get("history")
    if system:
        if not isinstance(system, str):
            raise RowError("system is not text")
        turns.append({"role": "system", "content": system})
    if history:
        turns += _history(history)
    turns += [of.user(question), of.answer_of(fields.get("output"), "output")]
    return Conversation(turns, fields=rest_of(fields, KEYS), input_at=input_at)


def _lower(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields with Alpaca's names in small letters: spreadsheets write capitals."""
    return {key.casefold() if key.casefold() in KEYS else key: fields[key] for key in fields}


def question_of(fields: Mapping[str, Any]) -> tuple[str, int | None]:
    """The user's turn, and where the input begins in it; ``None`` where there is no input."""
    instruction, text = fields.get("instruction"), fields.get("input")
    if instruction is None:
        raise RowError("no instruction")
    if not isinstance(instruction, str) or not isinstance(text, str | None):
        raise RowError("instruction and input must be text")
    if not text:
        return instruction, None
    return (f"{instruction}\n{text}", len(instruction) + 1) if instruction else (text, 0)


def _history(history: Any) -> list[Turn]:
    turns: list[Turn] = []
    for pair in of.listed(history, "history"):
        if not (
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(x, str) for x in pair)
        ):
            raise RowError("history must be a list of pairs of texts")
        turns += [of.user(pair[0]), of.assistant(pair[1])]
    return turns


def write(row: Conversation, is_flat: bool) -> WrittenRow:
    """Write a row of texts that take turns. Raises `RowError` for any other."""
    refuse_rejected(row, NAME)
    refuse_tools(row, NAME)
    lost: list[str] = list(row.tools)
    of.check_roles(row.turns, NAME, _ROLES, lost)
    turns = list(row.turns)
    system = turns.pop(0) if turns and turns[0]["role"] in {"system", "developer"} else None
    roles = [turn["role"] for turn in turns]
    if not turns or roles != ["user", "assistant"] * (len(turns) // 2):
        raise RowError(f"its turns do not alternate between user and assistant, as {NAME} requires")
    if is_flat and len(turns) > 2:
        raise RowError(
            f"has {len(turns) - 2} turns before the last question, which a table cannot hold; "
            "write .jsonl or .parquet"
        )
    texts = [of.text_of(turn, NAME, lost) for turn in turns]
    at = row.input_at
    question, answer = texts[-2], turns[-1]
    fields: dict[str, Any] = {
        "instruction": question if at is None else question[: max(at - 1, 0)],
        "input": "" if at is None else question[at:],
        "output": answer.get(VALUE_KEY, texts[-1]),
    }
    if system is not None:
        fields["system"] = of.text_of(system, NAME, lost)
        lost += [] if fields["system"] else ["empty system message"]
    if len(turns) > 2:
        pairs = zip(texts[:-2:2], texts[1:-2:2], strict=True)
        fields["history"] = [list(pair) for pair in pairs]
    lost += [TAKEN.format(name) for name in sorted(KEYS & row.fields.keys() - fields.keys())]
    put_rest(fields, rest_of(row.fields, KEYS), lost)
    return WrittenRow(fields, tuple(lost))


SHAPE = Shape(NAME, "Alpaca", fits, read, write)
