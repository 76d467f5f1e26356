from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.data.formats.write import WRITERS
from steelyard.data.private.files import redact_file
from steelyard.errors import DataError, StorageError
from steelyard.private.find import find_private, find_within
from steelyard.private.redact import PlaceholderBook, hide, redact, redact_fields

PARTS = [
    "jo@example.com", "JO@example.com", "+44 20 7946 0018", "020 7946 0018", "4242 4242 4242 4242",
    "GB29 NWBK 6016 1331 9268 19", "078-05-1120", "12 Main Street", "password: ", "hunter2x", "token=",
    "203.0.113.45", "born on ", "12 March 1985", "[EMAIL_1]", "[PHONE_7]", "call ", "4155550132", "order ",
    "zip code ", "90210", "ssn ", "AKIAIOSFODNN7EXAMPLE", "://u:", "@", ":", "{", "}", '"', "[", "]", ",",
    "\n", "\\", " ", "é", "1", "-",
]  # fmt: skip
texts = st.lists(st.sampled_from(PARTS), max_size=12).map("".join)
values = st.recursive(
    texts | st.none() | st.booleans() | st.integers() | st.just(4155550132),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["phone", "password", "text", "ssn", "n"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)


def test_the_same_value_gets_the_same_placeholder_in_order_of_appearance() -> None:
    book = PlaceholderBook()
    first = redact("b@example.com wrote to a@example.com, B@Example.com", book)
    assert first == "[EMAIL_1] wrote to [EMAIL_2], [EMAIL_1]"
    assert redact("a@example.com, +44 20 7946 0018", book) == "[EMAIL_2], [PHONE_1]"
    assert redact("or 020 7946 0018 or 020 7946 0019", book) == "or [PHONE_1] or [PHONE_2]"
    assert book.counts == {"email": 4, "phone": 3}


def test_what_is_not_private_stays_as_it_is() -> None:
    text = 'order 4155550132 of {"a": 1}  costs $5\n'
    assert redact(text, PlaceholderBook()) == text


def test_placeholders_that_are_there_keep_their_numbers() -> None:
    assert redact("[EMAIL_3] and jo@example.com", PlaceholderBook()) == "[EMAIL_3] and [EMAIL_4]"


@given(texts)
def test_a_second_pass_changes_nothing(text: str) -> None:
    once = redact(text, PlaceholderBook())
    assert redact(once, PlaceholderBook()) == once
    assert find_within(once) == []


@settings(max_examples=200)
@given(values, st.sampled_from([None, 2]), st.booleans())
def test_json_stays_json_of_the_same_shape(
    value: Any, indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    redacted = redact(text, PlaceholderBook())
    if isinstance(value, dict | list):
        assert shape(json.loads(redacted)) == shape(value)
        assert redact(redacted, PlaceholderBook()) == redacted


def shape(value: Any) -> Any:
    """Keys and lengths; texts and numbers count alike, since a private number becomes a text."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in value.items()}
    return [shape(each) for each in value] if isinstance(value, list) else value is None


def test_json_keeps_its_spacing_and_what_is_not_private() -> None:
    text = '{ "mail":"\\njo@example.com",  "phone": 4155550132, "n": 4155550132, "x": 1.50 }'
    redacted = redact(text, PlaceholderBook())
    assert (
        redacted == '{ "mail":"\\n[EMAIL_1]",  "phone": "[PHONE_1]", "n": 4155550132, "x": 1.50 }'
    )


def test_json_inside_json_stays_json() -> None:
    inner = json.dumps({"mail": "jo@example.com"})
    redacted = redact(json.dumps({"arguments": inner}), PlaceholderBook())
    assert json.loads(json.loads(redacted)["arguments"]) == {"mail": "[EMAIL_1]"}


def test_fields_are_redacted_at_every_depth_and_keys_stay() -> None:
    fields = {
        "messages": [
            {"role": "user", "content": "I am jo@example.com"},
            {"role": "assistant", "content": [{"type": "text", "text": "Hello jo@example.com"}]},
        ],
        "jo@example.com": 4155550132,
        "phone_number": 4155550132,
        "text": "4155550132",
        "score": 0.25,
        "flag": True,
        "none": None,
    }
    new, kinds = redact_fields(fields, PlaceholderBook())
    assert kinds == ["email", "email", "phone"]
    assert new["messages"][0] == {"role": "user", "content": "I am [EMAIL_1]"}
    assert new["messages"][1]["content"][0]["text"] == "Hello [EMAIL_1]"
    assert new["phone_number"] == "[PHONE_1]"
    for same in ("jo@example.com", "text", "score", "flag", "none"):
        assert new[same] is fields[same] or new[same] == fields[same]
    assert redact_fields(new, PlaceholderBook()) == (new, [])


def test_the_book_holds_no_value() -> None:
    book = PlaceholderBook()
    redact("jo@example.com", book)
    assert "example" not in repr(vars(book))


def test_hidden_text_has_no_numbers() -> None:
    assert hide("jo@example.com or 078-05-1120") == "[EMAIL] or [NATIONAL_ID]"
    assert hide(json.dumps({"password": "hunter2x"})) == '{"password": "[SECRET]"}'
    assert find_private(hide("jo@example.com")) == []


def rows_file(folder: Path, name: str, rows: list[dict[str, Any]]) -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_file_is_copied_row_by_row(tmp_path: Path) -> None:
    rows = [
        {"input": "mail jo@example.com", "output": {"to": "jo@example.com"}, "id": 7},
        {"input": "nothing here", "output": {"to": None}, "id": 8},
    ]
    source = rows_file(tmp_path, "in.jsonl", rows)
    done = redact_file(source, tmp_path / "out.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text("utf-8").splitlines()]
    assert lines[0] == {"input": "mail [EMAIL_1]", "output": {"to": "[EMAIL_1]"}, "id": 7}
    assert lines[1] == rows[1]
    assert (done.rows, done.changed, done.counts, done.left_out) == (2, 1, {"email": 2}, ())
    assert str(done) == "2 rows written, 1 of them changed; replaced: email 2"
    again = redact_file(tmp_path / "out.jsonl", tmp_path / "twice.jsonl")
    assert again.changed == 0
    assert (tmp_path / "twice.jsonl").read_bytes() == (tmp_path / "out.jsonl").read_bytes()


def test_files_share_a_book(tmp_path: Path) -> None:
    book = PlaceholderBook()
    train = rows_file(tmp_path, "train.jsonl", [{"input": "a@example.com", "output": "x"}])
    test = rows_file(
        tmp_path, "test.jsonl", [{"input": "b@example.com a@example.com", "output": "x"}]
    )
    redact_file(train, tmp_path / "1.jsonl", book)
    second = redact_file(test, tmp_path / "2.jsonl", book)
    assert json.loads((tmp_path / "2.jsonl").read_text("utf-8"))["input"] == "[EMAIL_2] [EMAIL_1]"
    assert second.counts == {"email": 2}


def test_a_table_stays_a_table_whatever_its_columns(tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text('who,note\njo@example.com,"a, b"\nx,y,z\n', encoding="utf-8")
    done = redact_file(source, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text("utf-8") == 'who,note\n[EMAIL_1],"a, b"\n'
    assert [(bad.file, bad.line) for bad in done.left_out] == [("in.csv", 3)]
    assert str(done).endswith("; 1 row left out")


def test_rows_that_cannot_be_read_or_written_are_named(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"input": "a"}\n{broken\n{"input": "\\ud800"}\n', encoding="utf-8")
    done = redact_file(source, tmp_path / "out.jsonl")
    kept = (tmp_path / "out.jsonl").read_text("utf-8").splitlines()
    assert done.rows + len(done.left_out) == 3
    assert len(kept) == done.rows
    assert 2 in [bad.line for bad in done.left_out]


def test_what_cannot_be_done_is_one_line(tmp_path: Path) -> None:
    source = rows_file(tmp_path, "in.jsonl", [{"input": "a", "output": "b"}])
    with pytest.raises(DataError, match="the file itself"):
        redact_file(source, tmp_path / "." / "in.jsonl")
    with pytest.raises(DataError, match="is a table"):
        redact_file(source, tmp_path / "out.csv")
    with pytest.raises(DataError):
        redact_file(source, tmp_path / "out.docx")
    with pytest.raises(DataError, match="cannot read"):
        redact_file(tmp_path / "none.jsonl", tmp_path / "out.jsonl")
    with pytest.raises(StorageError, match="cannot write"):
        redact_file(source, tmp_path / "no" / "folder" / "out.jsonl")
    assert ".jsonl" in WRITERS
