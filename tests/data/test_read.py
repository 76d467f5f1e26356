from __future__ import annotations

import json
from pathlib import Path

import pytest

from steelyard.core import Message
from steelyard.data.dataset import Dataset
from steelyard.data.formats import BadRow
from steelyard.data.formats.roles import check_roles
from steelyard.data.prepare import read_task
from steelyard.data.read import BadRowsError, read_rows
from steelyard.errors import ConfigError, DataError
from tests.conftest import MakeTask


def unusable(data: Dataset) -> tuple[BadRow, ...]:
    return tuple(row.bad for row in data.unusable)


def test_four_ways_to_write_one_row(make_task: MakeTask) -> None:
    rows = [
        {"prompt": "hi", "completion": "A"},
        {"input": "hi", "output": "A"},
        {"text": "hi", "label": "A"},
        {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "A"}]},
    ]
    examples = read_task(make_task({"e.jsonl": rows})).usable.examples
    assert {(example.input, example.output, example.context) for example in examples} == {
        ("hi", "A", ())
    }
    assert [example.source for example in examples] == [f"e.jsonl:{line}" for line in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({"$oid": "00ff"}, "00ff"),
        ({"$numberInt": "-3"}, -3),
        ({"$numberLong": "9007199254740993"}, 9007199254740993),
        ({"$numberDouble": "1.5"}, 1.5),
        ({"$numberDecimal": "1.10"}, "1.10"),
        ({"$date": "2024-03-01T09:00:00Z"}, "2024-03-01T09:00:00Z"),
        ({"$date": {"$numberLong": "1700000000123"}}, "2023-11-14T22:13:20.123000+00:00"),
        ({"$date": 10**20}, 10**20),
        ({"$numberInt": "many"}, "many"),
        ({"$regex": "a"}, {"$regex": "a"}),
        ({"price": "1"}, {"price": "1"}),
        ([{"$oid": "00ff"}], [{"$oid": "00ff"}]),
    ],
)
@pytest.mark.parametrize("name", ["e.jsonl", "e.json"])
def test_extended_json_of_mongodb_is_read_as_its_value(
    tmp_path: Path, name: str, value: object, plain: object
) -> None:
    line = json.dumps({"text": "a", "cell": value})
    (tmp_path / name).write_text(f"[{line}]" if name == "e.json" else line, encoding="utf-8")
    assert [row.fields["cell"] for row in read_rows(tmp_path / name)] == [plain]


def test_earlier_turns_become_context(make_task: MakeTask) -> None:
    turns = [
        ("system", "s"),
        ("user", "q1"),
        ("assistant", "a1"),
        ("user", "q2"),
        ("assistant", "A"),
    ]
    rows = [{"messages": [{"role": role, "content": text} for role, text in turns]}]
    (example,) = read_task(make_task({"e.jsonl": rows}, kind="text")).usable.examples
    assert example.context == (
        Message("system", "s"),
        Message("user", "q1"),
        Message("assistant", "a1"),
    )
    assert (example.input, example.output) == ("q2", "A")


def test_prompt_and_completion_may_be_chats(make_task: MakeTask) -> None:
    rows = [
        {
            "prompt": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
            "completion": [{"role": "assistant", "content": "A"}],
        }
    ]
    (example,) = read_task(make_task({"e.jsonl": rows})).usable.examples
    assert (example.input, example.output) == ("hi", "A")


def test_optional_keys_are_read_and_others_named_once(make_task: MakeTask) -> None:
    row = {"input": "x", "output": 3, "group": 7, "slice": "eu", "timestamp": "2026-01-01"}
    result = read_task(make_task({"e.jsonl": [{**row, "weight": 2, "id": 5, "foo": 1, "bar": {}}]}))
    (example,) = result.usable.examples
    assert (example.id, example.output, example.group, example.slice) == ("5", "3", "7", "eu")
    assert (example.timestamp, example.weight) == ("2026-01-01", 2.0)
    assert result.ignored_keys == ("bar", "foo")


def test_json_outputs_may_be_objects_or_text(make_task: MakeTask) -> None:
    rows = [{"input": "x", "output": {"a": "é"}}, {"input": "y", "output": '{"a":1}'}]
    examples = read_task(make_task({"e.jsonl": rows}, kind="json")).usable.examples
    assert [example.output for example in examples] == ['{"a": "é"}', '{"a":1}']


def test_a_byte_order_mark_and_windows_line_ends_are_fine(make_task: MakeTask) -> None:
    text = '\ufeff{"input": "a\u2028b", "output": "A"}\r\n\r\n{"input": "b", "output": "B"}\r\n'
    examples = read_task(make_task({"e.jsonl": text})).usable.examples
    assert [(example.input, example.source) for example in examples] == [
        ("a\u2028b", "e.jsonl:1"),
        ("b", "e.jsonl:3"),
    ]


BAD = [
    ("{bad", "not JSON (Expecting property name enclosed in double quotes at column 2)"),
    ("[1]", "a JSON array, not an object"),
    ('{"input": "", "output": "A"}', "empty input"),
    ('{"input": "x", "output": " "}', "empty output"),
    ('{"input": "x"}', "no output; keys: input"),
    ('{"input": "x", "output": null}', "no output; keys: input, output"),
    ('{"input": 3, "output": "A"}', "the input is a JSON number, not text"),
    ('{"input": "x\\u0000", "output": "A"}', "the input holds a NUL character at character 2"),
    (
        '{"input": "x\\ud800", "output": "A"}',
        "the input holds half a surrogate pair at character 2",
    ),
    ('{"input": "x", "output": "AB"}', "label 'AB' is not in output.labels"),
    ('{"input": "x", "output": "biling"}', "is not in output.labels (did you mean 'BILLING'?)"),
    ('{"input": "x", "output": "billing"}', "is not in output.labels (did you mean 'BILLING'?)"),
    ('{"input": "x", "output": {"a": 1}}', "the output is a JSON object, not text"),
    ('{"input": "x", "output": "A", "weight": -1}', "weight must be a number above 0, not '-1'"),
    ('{"input": "x", "output": "A", "group": []}', "group must be text or a number"),
    ('{"input": "x", "output": Infinity}', "not JSON (Infinity is not a JSON number)"),
    ('{"input": "x", "output": NaN}', "no output; keys: input, output"),
    ('{"input": "x", "input": "y", "output": "A"}', "the key 'input' stands twice"),
    ('{"input": ' + "1" * 5000 + "}", "not JSON (Exceeds the limit"),
    ('{"a": ' + "[" * 100_000, "JSON nested too deeply"),
    ('{"messages": []}', "messages is empty"),
    (
        '{"messages": [{"role": "user", "content": "x"}]}',
        "the last message must be the assistant's",
    ),
    ('{"messages": [{"role": "tool", "content": "x"}]}', "calls a tool, which cannot be"),
    (
        '{"input": ["a", "b"], "output": "A"}',
        "the input is a JSON array, not text: write it as text, or name it in braces",
    ),
    ('{"chosen": "a b", "rejected": "a c"}', "write what both begin with as the prompt"),
    ('{"messages": [{"role": "user", "content": 3}]}', "message 1 has no content"),
    ('{"messages": [{"role": "assistant", "content": "x"}]}', "before the last must be the user's"),
    ('{"id": "1", "input": "x", "output": "A"}', "id '1' is already used on line 1"),
]


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": 1e999}', "1e999 is too large a number for JSON"),
        ('{"a": 1, "a": 2}', "the key 'a' stands twice"),
        ("[" * 300 + "]" * 300, "it is nested over 200 deep"),
    ],
)
def test_json_that_no_answer_could_equal_is_no_output(
    make_task: MakeTask, output: str, reason: str
) -> None:
    rows = [{"input": "x", "output": one} for one in ('{"a": 1}', output)]
    task = make_task({"e.jsonl": "\n".join(map(json.dumps, rows))}, kind="json")
    with pytest.raises(BadRowsError) as caught:
        read_task(task)
    assert [bad.reason for bad in caught.value.bad] == [f"the output is not JSON ({reason})"]


@pytest.mark.parametrize(("line", "reason"), BAD, ids=[reason for _, reason in BAD])
def test_a_bad_row_says_why(make_task: MakeTask, line: str, reason: str) -> None:
    text = '{"id": "1", "input": "x", "output": "A", "group": "g"}\n' + line + "\n"
    task = make_task({"e.jsonl": text}, labels=["A", "BILLING"])
    with pytest.raises(BadRowsError) as caught:
        read_task(task)
    (bad,) = caught.value.bad
    assert (bad.file, bad.line) == ("e.jsonl", 2)
    assert reason in bad.reason
    assert "\n" not in str(caught.value)
    result = read_task(task, skip_bad_rows=True)
    assert len(result.usable.examples) == 1
    assert unusable(result) == (bad,)


def test_bad_rows_of_all_files_are_reported_together(make_task: MakeTask) -> None:
    good = '{"input": "x", "output": "A"}\n'
    files = {"train.jsonl": good + "x\n", "test.jsonl": "y\n" + good}
    task = make_task(files, examples={"train": "train.jsonl", "test": "test.jsonl"})
    with pytest.raises(BadRowsError, match=r"2 bad rows in test\.jsonl, train\.jsonl") as caught:
        read_task(task)
    assert [(row.file, row.line) for row in caught.value.bad] == [
        ("train.jsonl", 2),
        ("test.jsonl", 1),
    ]
    assert "--skip-bad-rows" in str(caught.value)


def test_many_bad_rows_still_fit_a_line(make_task: MakeTask) -> None:
    rows = [{"input": "x", "output": f"label {n}"} for n in range(500)]
    with pytest.raises(BadRowsError, match="and 490 more") as caught:
        read_task(make_task({"e.jsonl": rows}, labels=["A", "B"]))
    assert len(caught.value.bad) == 500
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}\n" * 120, "120 bad rows in e.jsonl: no input; keys: none (first lines 1, 2 and 3) ("),
        ("{}\n{}\nx\n", ": 2 rows: no input; keys: none (lines 1 and 2); line 3: not JSON ("),
        ("x\n" + "{}\n" * 4, "; 4 rows: no input; keys: none (first lines 2, 3 and 4) ("),
    ],
)
def test_rows_that_are_bad_for_one_reason_are_told_together(
    make_task: MakeTask, text: str, said: str
) -> None:
    with pytest.raises(BadRowsError) as caught:
        read_task(make_task({"e.jsonl": text}))
    assert said in str(caught.value)


def test_a_file_without_any_usable_row_is_an_error_even_when_skipping(make_task: MakeTask) -> None:
    with pytest.raises(DataError, match="no usable example; 1 bad row"):
        read_task(make_task({"e.jsonl": "x\n"}), skip_bad_rows=True)
    with pytest.raises(DataError, match="holds no examples"):
        read_task(make_task({"e.jsonl": "\n\n"}))


def test_a_json_array_under_another_name_is_named(make_task: MakeTask) -> None:
    text = '[{"input": "x", "output": "A"}]'
    with pytest.raises(DataError, match=r"name it \.json, or write one object per line instead"):
        read_task(make_task({"e.jsonl": text}))
    (example,) = read_task(make_task({"e.json": text})).usable.examples
    assert (example.input, example.output, example.source) == ("x", "A", "e.json:1")


@pytest.mark.parametrize("name", ["e.jsonl", "e.csv"])
def test_another_encoding_is_named_with_its_place(make_task: MakeTask, name: str) -> None:
    line = b"text,label\n" if name == "e.csv" else b'{"input": "a", "output": "b"}\n'
    with pytest.raises(DataError) as caught:
        read_task(make_task({name: line + b"caf\xe9,A\n"}))
    assert f"byte 0xe9 at offset {len(line) + 3}, line 2; save it as UTF-8" in str(caught.value)
    with pytest.raises(DataError, match="looks like UTF-16"):
        read_task(make_task({name: "text,label\nx,A".encode("utf-16")}))


def test_an_unknown_format_says_what_can_be_read(make_task: MakeTask) -> None:
    with pytest.raises(DataError, match=r"cannot read \.xlsx; save it as JSON Lines"):
        read_task(make_task({"e.xlsx": "x"}))


def test_csv_columns_are_guessed_or_named(make_task: MakeTask) -> None:
    text = 'Message,Category,Team\n"hi, ""you""\nthere",A,t1\nbye,B,t2\n'
    result = read_task(make_task({"e.csv": text}))
    assert [(example.input, example.output) for example in result.usable.examples] == [
        ('hi, "you"\nthere', "A"),
        ("bye", "B"),
    ]
    assert [example.source for example in result.usable.examples] == ["e.csv:2", "e.csv:4"]
    assert result.ignored_keys == ("Team",)
    columns = {"output": "Category", "group": "Team"}
    named = read_task(make_task({"e.csv": text}, columns=columns))
    assert [example.group for example in named.usable.examples] == ["t1", "t2"]


@pytest.mark.parametrize(("name", "mark"), [("e.csv", ";"), ("e.csv", "\t"), ("e.tsv", "\t")])
def test_other_delimiters_are_seen_in_the_header(make_task: MakeTask, name: str, mark: str) -> None:
    task = make_task({name: f"\ufefftext{mark}label\na, b{mark}A\n"})
    assert [example.input for example in read_task(task).usable.examples] == ["a, b"]


def test_bad_csv_rows_are_found_without_losing_the_others(make_task: MakeTask) -> None:
    text = 'text,label\na,A\nb\nc,B,C\n"d"x,A\n,A\ne,B\n"open,A\nf,A\n'
    result = read_task(make_task({"e.csv": text}), skip_bad_rows=True)
    assert [example.input for example in result.usable.examples] == ["a", "e"]
    assert [(row.line, row.reason) for row in unusable(result)] == [
        (3, "has 1 of 2 cells: fill in the others, empty ones too, with one delimiter"),
        (4, "has 3 of 2 cells: quote cells that hold the delimiter"),
        (5, "not CSV (',' expected after '\"')"),
        (6, "empty input"),
        (8, "a quote opened here is never closed"),
    ]


@pytest.mark.parametrize(
    ("header", "columns", "said"),
    [
        (
            "a,b",
            {},
            "cannot tell which column of e.csv holds the input and the output; it has: a, b",
        ),
        ("text,b", {}, "holds the output"),
        (
            "text,label",
            {"input": "txt"},
            "no column 'txt' for the input (did you mean 'text'?)",
        ),
        ("text,text", {}, "two columns named 'text'"),
        ("1.json,0,0", {}, "seems to have no header: its first line holds 0 twice"),
    ],
)
def test_an_unclear_header_is_an_error(
    make_task: MakeTask, header: str, columns: dict[str, str], said: str
) -> None:
    with pytest.raises(DataError) as caught:
        read_task(make_task({"e.csv": f"{header}\n1,2\n"}, columns=columns))
    assert said in str(caught.value)


def test_a_huge_input_is_read_whole(make_task: MakeTask) -> None:
    for name, text in {
        "e.csv": "text,label\n" + "a" * 300_000 + ",A\n",
        "e.jsonl": json.dumps({"input": "a" * 300_000, "output": "A"}),
    }.items():
        (example,) = read_task(make_task({name: text})).usable.examples
        assert len(example.input) == 300_000


def test_ids_do_not_depend_on_the_order_of_rows(make_task: MakeTask) -> None:
    rows = [{"input": f"x{i % 5}", "output": "AB"[i % 2], "group": str(i % 3)} for i in range(40)]

    def ids(ordered: list[dict[str, str]]) -> list[tuple[str, str, str]]:
        examples = read_task(make_task({"e.jsonl": ordered})).usable.examples
        return sorted((example.id, example.input, example.group or "") for example in examples)

    assert ids(rows) == ids(rows[::-1])
    assert len(set(ids(rows))) == 40


def test_ids_that_two_files_share_are_told_apart(make_task: MakeTask) -> None:
    row = '{"id": "1", "input": "x", "output": "A"}\n'
    files = {"train.jsonl": row, "test.jsonl": row}
    task = make_task(files, examples={"train": "train.jsonl", "test": "test.jsonl"})
    assert [example.id for example in read_task(task).usable.examples] == ["train/1", "test/1"]


def test_a_file_that_vanished_is_an_error(make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task({"e.jsonl": '{"input": "x", "output": "A"}\n'})
    (tmp_path / "e.jsonl").unlink()
    with pytest.raises(DataError, match="cannot read"):
        read_task(task)


def test_a_bad_row_prints_as_place_and_reason() -> None:
    assert str(BadRow("e.csv", 3, "empty input")) == "e.csv line 3: empty input"


def test_columns_without_a_name_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "spam.csv"
    path.write_text("v1,v2,,,\nham,see you, the rest,,\nspam,won,,,x\n", encoding="utf-8")
    first, second = (row.fields for row in read_rows(path))
    assert list(first) == ["v1", "v2", "Unnamed: 2", "Unnamed: 3", "Unnamed: 4"]
    assert (first["Unnamed: 2"].strip(), second["Unnamed: 4"]) == ("the rest", "x")


@pytest.mark.parametrize("name", ["{v2} {}", "{ }"])
def test_a_template_without_a_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="names no column"):
        check_roles({"input": name})
