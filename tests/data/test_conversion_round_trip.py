"""What a format can hold comes back as it was: hypothesis, for each format and ending."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.data.conversion import ENDINGS, FOLDER, target_for
from steelyard.data.formats import RowError, reader_for
from steelyard.data.formats.shapes import SHAPES, Conversation
from steelyard.data.formats.shapes.base import VALUE_KEY
from steelyard.data.guess import look
from steelyard.errors import DataError

LETTERS = st.characters(exclude_categories=("Cs",))
TEXT = st.text(LETTERS, max_size=12)
SHORT = st.text("ab :,\"'\n\r\t{[é", max_size=6)
NAMES = st.sampled_from(["id", "tags", "meta", "score", "note", "category"])
SCALARS = st.one_of(
    TEXT, st.integers(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SHORT, inner, max_size=3),
    max_leaves=6,
)
EXTRAS = st.dictionaries(NAMES, VALUES.filter(lambda value: value is not None), max_size=2)
CALLS = st.lists(
    st.builds(
        lambda number, name, text: {
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": name, "arguments": text},
        },
        st.integers(1, 9),
        st.sampled_from(["find", "book"]),
        st.sampled_from(["{}", '{"a": 1}', '{"a":1}', "broken", "[1]"]),
    ),
    min_size=1,
    max_size=2,
)
TOOLS = st.sampled_from(
    [
        {},
        {},
        {"tools": [{"type": "function", "function": {"name": "find", "parameters": {"a": {}}}}]},
        {"parallel_tool_calls": False},
    ]
)


def turn(role: str, text: str, more: dict[str, Any]) -> dict[str, Any]:
    return {"role": role, "content": text, **more}


SYSTEM = st.builds(turn, st.sampled_from(["system", "developer"]), TEXT, st.just({}))
USER = st.builds(turn, st.just("user"), TEXT, st.sampled_from([{}, {}, {}, {"name": "bo"}]))
ANSWER = st.builds(
    turn, st.just("assistant"), TEXT, st.sampled_from([{}, {}, {}, {"weight": 0}, {"name": "bing"}])
)
CALL = st.builds(lambda calls: {"role": "assistant", "tool_calls": calls}, CALLS)
RESULT = st.builds(
    lambda number, text: {"role": "tool", "tool_call_id": f"call_{number}", "content": text},
    st.integers(1, 9),
    TEXT,
)
EXCHANGE = st.builds(lambda question, answer: [question, answer], USER, ANSWER)
TOOL_USE = st.builds(lambda *turns: list(turns), USER, CALL, RESULT, ANSWER)
PROMPTS = st.builds(
    lambda system, before, last: [*system, *chain.from_iterable(before), last],
    st.lists(SYSTEM, max_size=1),
    st.lists(EXCHANGE | TOOL_USE, max_size=1),
    USER,
)
PLAIN = st.builds(lambda text: [{"role": "user", "content": text}], TEXT)


@st.composite
def conversations(draw: st.DrawFn) -> Conversation:
    prompt = draw(PLAIN | PROMPTS)
    answer = draw(st.builds(turn, st.just("assistant"), TEXT, st.just({})) | ANSWER)
    at = None
    if draw(st.integers(0, 4)) == 0:
        instruction, text = draw(TEXT), draw(TEXT.filter(bool))
        joined = f"{instruction}\n{text}" if instruction else text
        prompt = [*prompt[:-1], {"role": "user", "content": joined}]
        at = len(instruction) + bool(instruction)
    if draw(st.integers(0, 6)) == 0:
        value = draw(st.dictionaries(SHORT, SCALARS, max_size=2) | st.integers())
        text = json.dumps(value, ensure_ascii=False)
        answer = {"role": "assistant", "content": text, VALUE_KEY: value}
    rejected = draw(st.none() | st.none() | st.lists(ANSWER, min_size=1, max_size=1))
    return Conversation([*prompt, answer], 1, rejected, draw(TOOLS), draw(EXTRAS), at)


def plain(row: Conversation, *, is_table: bool) -> Any:
    fields = {k: v for k, v in row.fields.items() if not (is_table and v == "")}
    rejected = None if row.rejected is None else [dict(each) for each in row.rejected]
    turns = [dict(each) for each in row.turns]
    return turns, row.answer, rejected, dict(row.tools), fields, row.input_at


KEEP = ("hf", "parquet", "csv", "tsv")  # what these write depends on the source's shape
CASES = [("openai", to, ending) for to, endings in ENDINGS.items() for ending in endings] + [
    (source, to, ENDINGS[to][0])
    for source in ("alpaca", "preference", "sharegpt", "prompt_completion")
    for to in KEEP
]


@contextmanager
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@pytest.mark.parametrize(("source", "to", "ending"), CASES, ids=["-".join(case) for case in CASES])
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(rows=st.lists(conversations(), min_size=1, max_size=6))
def test_what_is_written_without_loss_comes_back(
    source: str, to: str, ending: str, rows: list[Conversation]
) -> None:
    with folder() as at:
        path = at / ("out" if ending == FOLDER else f"out{ending}")
        target = target_for(path, to, SHAPES.get(source))
        is_table = ending.startswith((".csv", ".tsv"))
        expected: list[Any] = []
        written = 0
        try:
            with target.open(path, ()) as write:
                for row in rows:
                    try:
                        fields, lost = target.to_fields(row)
                        write(fields)
                    except (RowError, ValueError):
                        continue
                    written += 1
                    expected.append(None if lost else plain(row, is_table=is_table))
        except DataError:
            assert not written  # a columnar file needs a column
            return
        if not written:
            return
        found = look(path)
        back = [
            plain(found.shape.read(row.fields), is_table=is_table)
            for row in reader_for(path)(path, None)
        ]
    assert len(back) == written
    for was, now in zip(expected, back, strict=True):
        assert was is None or was == now
