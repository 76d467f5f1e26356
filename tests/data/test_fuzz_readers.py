"""Whatever the bytes are: rows, each bad one with a reason, or one line that refuses the file."""

from __future__ import annotations

import gzip
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steelyard.data.conversion import convert
from steelyard.data.formats import RawRow, RowError, reader_for
from steelyard.data.formats.shapes import SHAPES
from steelyard.data.rows import RowParser
from steelyard.errors import SteelyardError

FUZZ = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
GOOD = b'{"input": "a", "output": "A"}'
PIECES = st.sampled_from(
    [
        GOOD,
        b'{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}',
        b'{"input": "x", "output": {"a": [1, 2.5, null, true]}, "id": 7}',
        b'{"input": "\\ud800", "output": "half a pair"}',
        b'{"input": "\\u0000", "output": "\x00"}',
        b'{"input": 1e999, "output": NaN}',
        b'{"input": "never closed',
        b'{"a": ' + b"[" * 3000 + b"]" * 3000 + b"}",
        b"[" * 200_000,
        b"[1, 2]",
        b"7",
        b"null",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"caf\xe9",
        b"\x00" * 50,
        b'"a","b',
        b"a,b,c\td;e|f",
        b'""""',
        b"\xed\xa0\x80",
        b"   ",
        b",",
        b"]",
        b"}",
    ]
)
ENDS = st.sampled_from(
    [b"\n", b"\r\n", b"\r", b"\n\n", b" ", b"", b",\n", b"\xe2\x80\xa8", b"\x85"]
)
HEADS = st.sampled_from(
    [b"", b"", b"[", b"\xef\xbb\xbf", b"input,output\n", b"input;output\r\n", b"\n"]
)
BYTES = st.builds(
    lambda head, lines: head + b"".join(piece + end for piece, end in lines),
    HEADS,
    st.lists(st.tuples(PIECES | st.binary(max_size=20), ENDS), max_size=12),
)
TEXT_NAMES = ("e.jsonl", "e.json", "e.csv", "e.tsv")


def read(path: Path) -> list[RawRow]:
    """Read everything there is; a file as a whole may be refused, in one line."""
    try:
        rows = list(reader_for(path)(path, None))
    except SteelyardError as error:
        assert "\n" not in str(error)
        return []
    lines = [row.line for row in rows]
    assert lines == sorted(set(lines)), "a line stands for one row"
    return rows


def parse(rows: list[RawRow]) -> None:
    """Make examples of them, as all verbs do."""
    parser = RowParser("text", (), {})
    for row in rows:
        try:
            assert parser.parse(row, "e").refusal != ""
        except RowError as error:
            assert str(error)


@pytest.mark.parametrize("name", TEXT_NAMES)
@FUZZ
@given(content=BYTES)
def test_any_bytes_are_rows_or_one_line(name: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        parse(read(path))


@pytest.mark.parametrize("ending", [".gz", ".zip"])
@FUZZ
@given(content=BYTES, cut=st.integers(0, 60), flip=st.integers(0, 200))
def test_damaged_archives_are_rows_or_one_line(
    ending: str, content: bytes, cut: int, flip: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"e.jsonl{ending}"
        if ending == ".gz":
            path.write_bytes(gzip.compress(content))
        else:
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr("e.jsonl", content)
        packed = bytearray(path.read_bytes()[: -cut or None])
        if packed:
            packed[flip % len(packed)] ^= 0x55
        path.write_bytes(bytes(packed))
        read(path)


@FUZZ
@given(
    cut=st.integers(0, 400), flips=st.lists(st.integers(0, 5000), max_size=4), arrow=st.booleans()
)
def test_damaged_columnar_files_are_rows_or_one_line(
    cut: int, flips: list[int], arrow: bool
) -> None:
    packed = bytearray((ARROW if arrow else PARQUET)[: -cut or None])
    for flip in flips:
        packed[flip % len(packed)] ^= 0x55
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ("e.arrow" if arrow else "e.parquet")
        path.write_bytes(bytes(packed))
        read(path)


def columnar(kind: str) -> bytes:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [{"input": f"text {at}", "output": ["a", None], "n": {"a": at}} for at in range(50)]
    table = pyarrow.Table.from_pylist(rows)
    sink = pyarrow.BufferOutputStream()
    if kind == "parquet":
        parquet.write_table(table, sink)
    else:
        with pyarrow.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    return bytes(sink.getvalue())


PARQUET, ARROW = columnar("parquet"), columnar("arrow")

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)
TURN = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(["user", "assistant", "system", "tool", "x"]) | ANY,
        "content": st.text(max_size=3) | ANY,
        "from": st.sampled_from(["human", "gpt", "function_call", "observation"]) | ANY,
        "value": st.text(max_size=3) | ANY,
        "tool_calls": ANY | st.just([{"id": "1", "function": {"name": "f", "arguments": "{}"}}]),
        "weight": ANY,
        "name": ANY,
        "text": ANY,
        "finish_reason": ANY,
        "message": ANY,
    },
)
HOLDER = st.dictionaries(
    st.sampled_from(
        "messages choices output input body prompt model error status message content".split()
    ),
    st.lists(TURN, max_size=2) | TURN | ANY,
    max_size=3,
)
KEYS = st.sampled_from(
    "messages conversations instruction input output system history prompt completion chosen "
    "rejected preferred_output non_preferred_output request response body choices tools functions "
    "split id label text status_code error weight question".split()
)
ROW = st.dictionaries(KEYS, st.lists(TURN, max_size=3) | TURN | HOLDER | ANY, max_size=5)


@settings(FUZZ, max_examples=400)
@given(row=ROW)
def test_any_row_has_a_meaning_or_a_reason(row: dict[str, Any]) -> None:
    parse([RawRow(1, row)])
    for name in SHAPES:
        shape = SHAPES.get(name)
        shape.fits(row)
        try:
            conversation = shape.read(row)
        except RowError as error:
            assert str(error)
            continue
        assert conversation.turns
        for other in SHAPES:
            write = SHAPES.get(other).write
            for is_flat in (False, True):
                try:
                    made = write(conversation, is_flat) if write is not None else None
                except RowError as error:
                    assert str(error)
                else:
                    assert made is None or made.fields


@pytest.mark.parametrize("to", ["openai", "csv", "parquet", "mistral"])
@settings(FUZZ, max_examples=30)
@given(rows=st.lists(ROW, min_size=1, max_size=6), content=BYTES)
def test_a_conversion_loses_no_row_unsaid(
    to: str, rows: list[dict[str, Any]], content: bytes
) -> None:
    lines = [json.dumps(row).encode() for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.jsonl"
        source.write_bytes(GOOD + b"\n" + b"\n".join(lines) + b"\n" + content)
        target = Path(folder) / ("out.parquet" if to == "parquet" else f"out.{to}")
        target = target if to in {"parquet", "csv"} else target.with_suffix(".jsonl")
        count = len(read(source))
        try:
            outcome = convert(source, target, to=to)
        except SteelyardError as error:
            assert "\n" not in str(error)
            assert not target.exists()
            return
        assert outcome.rows == count == outcome.written + outcome.left_out
        assert len(read(target)) == outcome.written
        if outcome.left_out:
            listed = read(outcome.files[1])
            assert len(listed) == outcome.left_out == sum(outcome.reasons.values())
            assert all(row.fields["reason"] for row in listed)
