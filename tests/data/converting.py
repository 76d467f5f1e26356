"""Rows, and what makes, reads and converts files of them, for the tests of conversions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from steelyard.data import convert
from steelyard.data.formats import reader_for

CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
CHATS: list[dict[str, Any]] = [
    {
        "messages": [
            {"role": "system", "content": "be kind"},
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "A", "weight": 1},
        ],
        "id": 1,
    },
    {
        "messages": [
            {"role": "user", "content": "q1"},
            {"role": "assistant", "content": "a1", "weight": 0},
            {"role": "user", "content": "q2", "name": "bo"},
            {"role": "assistant", "content": "Ä"},
        ]
    },
    {
        "messages": [
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": None, "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": "42"},
            {"role": "assistant", "content": "done"},
        ],
        "tools": TOOLS,
    },
    {"messages": [{"role": "user", "content": "plain"}, {"role": "assistant", "content": "x"}]},
]


def lines(path: Path, rows: Sequence[Any]) -> Path:
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [dict(row.fields) for row in reader_for(path)(path, None) if row.reason is None]


def converted(tmp_path: Path, row: Any, to: str, ending: str = ".jsonl") -> dict[str, Any]:
    source = lines(tmp_path / "in.jsonl", [row])
    target = tmp_path / f"out{ending}"
    convert(source, target, to=to, force=True)
    (found,) = read(target)
    return found


def pair(question: str, answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


ASKED = pair("q", "")[:1]
ANSWER = pair("", "a")[1]
CHOICES = {"choices": [{"message": ANSWER, "finish_reason": "stop"}]}
SHARED = [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]
ITEM = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "a"}]}
