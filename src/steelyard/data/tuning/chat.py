"""Examples as the chat rows that providers train on."""

from __future__ import annotations

import json
from collections.abc import Sequence

from steelyard.core import Example, Message
from steelyard.data.dataset import Dataset


def training_rows(data: Dataset) -> list[int]:
    """Indices of what would be trained on: train, or all rows before a split."""
    train = [index for index, part in enumerate(data.parts) if part == "train"]
    return train or list(range(len(data.examples)))


def chat_row(example: Example, answer: str, instruction: str) -> tuple[Message, ...]:
    """The instruction as system message, the row's turns, its answer.

    A system message with which the row itself begins follows the instruction in the same message,
    as when a model is asked.
    """
    turns = list(example.context)
    heads = [instruction.strip()]
    while turns and turns[0].role == "system":
        heads.append(turns.pop(0).content)
    head = "\n\n".join(dict.fromkeys(text for text in heads if text))
    system = [Message("system", head)] if head else []
    return (*system, *turns, Message("user", example.input), Message("assistant", answer))


def row_bytes(messages: Sequence[Message]) -> int:
    """The size of a chat row as one line of JSON in UTF-8."""
    line = json.dumps({"messages": [turn._asdict() for turn in messages]}, ensure_ascii=False)
    return len(line.encode()) + 1


def system_first(messages: Sequence[Message]) -> bool:
    """Whether the only system message is the first message, if there is one."""
    return all(turn.role != "system" for turn in messages[1:])


def alternates(messages: Sequence[Message]) -> bool:
    """Whether user and assistant take turns, the user first; system messages are ignored."""
    roles = [turn.role for turn in messages if turn.role != "system"]
    expected = ["user", "assistant"] * (len(roles) // 2)
    return roles == expected
