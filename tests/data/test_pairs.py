"""Pairs of a better and a worse answer: read from every shape, checked, kept by every verb."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.core import Message, OutputKind
from steelyard.data import convert, fix, split
from steelyard.data.base import CheckOptions
from steelyard.data.checks import CHECKS
from steelyard.data.dataset import open_dataset
from steelyard.data.formats.base import RawRow, RowError
from steelyard.data.pairs import pair_state
from steelyard.data.rows import ParsedRow, RowParser, content_id
from steelyard.planning.identity import _fields

USER, GOOD, BAD = (
    {"role": "user", "content": "Where is it?"},
    {"role": "assistant", "content": "On its way."},
    {"role": "assistant", "content": "No idea."},
)
SYSTEM = {"role": "system", "content": "Be kind."}


def parsed(fields: dict[str, Any], kind: OutputKind = "text", **columns: str) -> ParsedRow:
    labels = ("A", "B") if kind in ("label", "labels") else ()
    return RowParser(kind, labels, columns).parse(RawRow(1, fields), "f")


@pytest.mark.parametrize(
    "fields",
    [
        {"input": "Where is it?", "output": "On its way.", "rejected": "No idea."},
        {"prompt": "Where is it?", "completion": "On its way.", "rejected": "No idea."},
        {"prompt": "Where is it?", "chosen": "On its way.", "rejected": "No idea."},
        {"prompt": [USER], "chosen": [GOOD], "rejected": [BAD]},
        {
            "prompt": "Where is it?",
            "chosen": [USER, GOOD],
            "rejected": [USER, BAD],
            "score_chosen": 8,
        },
        {"chosen": [USER, GOOD], "rejected": [USER, BAD]},
        {"input": {"messages": [USER]}, "preferred_output": [GOOD], "non_preferred_output": [BAD]},
        {
            "conversations": [{"from": "human", "value": "Where is it?"}],
            "chosen": {"from": "gpt", "value": "On its way."},
            "rejected": {"from": "gpt", "value": "No idea."},
        },
    ],
    ids=[
        "ours",
        "completion",
        "texts",
        "messages",
        "ultrafeedback",
        "implicit",
        "openai",
        "sharegpt",
    ],
)
def test_a_pair_is_read_from_every_shape(fields: dict[str, Any]) -> None:
    row = parsed(fields)
    example = row.example
    assert (example.input, example.output, example.rejected) == (
        "Where is it?",
        "On its way.",
        "No idea.",
    )
    assert row.refusal is None and pair_state(example) == "pair"


def test_turns_before_the_answers_are_shared() -> None:
    before = [SYSTEM, USER, GOOD, {"role": "user", "content": "When?"}]
    row = parsed({"chosen": [*before, GOOD], "rejected": [*before, BAD]})
    assert row.example.context[0] == Message("system", "Be kind.")
    assert (row.example.input, row.example.rejected) == ("When?", "No idea.")


@pytest.mark.parametrize(
    ("chosen", "rejected"),
    [
        ([USER, GOOD], [{"role": "user", "content": "Where is IT?"}, BAD]),
        ([USER, GOOD, USER, GOOD], [USER, BAD, USER, BAD]),
        ([SYSTEM, USER, GOOD], [USER, BAD]),
        ([USER, GOOD], [USER, BAD, USER, BAD]),
    ],
)
def test_sides_with_other_prompts_are_refused(chosen: list[Any], rejected: list[Any]) -> None:
    with pytest.raises(RowError, match=r"differ before their last answers|must be"):
        parsed({"chosen": chosen, "rejected": rejected})


def test_a_named_column_holds_the_rejected_answer() -> None:
    row = {"q": "a", "good": "b", "worse": "c"}
    assert parsed(row, input="q", output="good", rejected="worse").example.rejected == "c"
    assert parsed(row, input="q", output="good").example.rejected is None


@pytest.mark.parametrize(
    ("kind", "value", "rejected"),
    [
        ("text", True, None),
        ("text", 0, None),
        ("text", None, None),
        ("text", "", ""),
        ("label", "yes", None),
        ("label", " B ", "B"),
        ("labels", '["B"]', '["B"]'),
        ("labels", "no", None),
        ("json", "{broken", "{broken"),
    ],
)
def test_a_column_that_only_has_the_name_is_ignored(
    kind: OutputKind, value: Any, rejected: str | None
) -> None:
    output = {"label": "A", "labels": ["A"], "json": "{}", "text": "x"}[kind]
    assert (
        parsed({"input": "a", "output": output, "rejected": value}, kind).example.rejected
        == rejected
    )


def test_a_label_that_is_called_rejected_stays_a_label() -> None:
    row = {"text": "my loan", "rejected": "A"}
    example = parsed(row, "label", input="text", output="rejected").example
    assert (example.output, example.rejected) == ("A", None)


def test_what_has_no_pair_keeps_its_identity() -> None:
    plain = parsed({"input": "a", "output": "b"}).example
    empty = parsed({"input": "a", "output": "b", "rejected": ""}).example
    pair = parsed({"input": "a", "output": "b", "rejected": "c"}).example
    assert "rejected" not in _fields(plain) and _fields(plain) == _fields(empty)
    assert content_id(plain) == content_id(empty) != content_id(pair)
    assert _fields(pair)["rejected"] == "c"


ROWS = [
    {"input": "a", "output": "yes", "rejected": "no"},
    {"input": "b", "output": "yes", "rejected": " yes"},
    {"input": "c", "output": "yes", "rejected": " "},
    {"input": "d", "output": "yes"},
    {"input": "e", "output": "up", "rejected": "down"},
    {"input": "e", "output": "down", "rejected": "up"},
]


def task(folder: Path, rows: list[dict[str, Any]]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "task.yaml").write_text(
        "name: pairs\ninstruction: Answer.\noutput: {kind: text}\nexamples: rows.jsonl\nmodel: fake:smart\n",
        encoding="utf-8",
    )
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "rows.jsonl").write_text(lines, encoding="utf-8")
    return folder


def test_the_check_counts_pairs_and_what_is_none(tmp_path: Path) -> None:
    data = open_dataset(task(tmp_path / "task", ROWS))
    result = CHECKS.get("format")(data, CheckOptions())
    assert result.facts["pairs"] == {"pair": 3, "equal": 1, "empty": 1, "no_output": 0, "none": 1}
    messages = {finding.rows: finding.message for finding in result.findings}
    assert "3 rows have a rejected answer beside the output" in messages[1, 5, 6]
    assert messages[1, 5, 6].endswith("; 1 row has none")
    assert "rejected answer that is the output" in messages[2,]
    assert "empty rejected answer" in messages[3,]
    assert "the other way round" in messages[5, 6]


def test_without_pairs_the_check_says_nothing(tmp_path: Path) -> None:
    data = open_dataset(task(tmp_path / "task", [{"input": "a", "output": "b"}] * 2))
    result = CHECKS.get("format")(data, CheckOptions())
    assert "pairs" not in result.facts
    assert not any("rejected" in finding.message for finding in result.findings)


def test_private_data_in_a_rejected_answer_is_said(tmp_path: Path) -> None:
    row = {"input": "a", "output": "b", "rejected": "write to jane.doe@example.com"}
    data = open_dataset(task(tmp_path / "task", [row]))
    [finding] = CHECKS.get("private_data")(data, CheckOptions()).findings
    assert "1 in the rejected answers" in finding.message


def rejected_in(path: Path) -> list[Any]:
    return [json.loads(line).get("rejected") for line in path.read_text("utf-8").splitlines()]


def test_fix_and_split_keep_it_and_drop_only_equal_pairs(tmp_path: Path) -> None:
    rows = [
        {"input": f"question {n}", "output": "yes", "rejected": f"no {n} \u00e2\u20ac\u201c never"}
        for n in range(30)
    ]
    more = [dict(rows[0]), {**rows[0], "rejected": "another"}]
    source = task(tmp_path / "task", [*rows, *more])
    fix(source, tmp_path / "fixed")
    kept = rejected_in(tmp_path / "fixed" / "examples.jsonl")
    assert len(kept) == 31 and "another" in kept
    assert kept[0] == "no 0 – never", "it is repaired as outputs are"
    split(source, tmp_path / "split")
    parts = [rejected_in(path) for path in (tmp_path / "split").glob("*.jsonl")]
    assert sum(map(len, parts)) == 32 and all(value for part in parts for value in part)


@pytest.mark.parametrize("to", ["preference", "hf", "prompt_completion", "sharegpt"])
def test_convert_keeps_it_there_and_back(to: str, tmp_path: Path) -> None:
    source = tmp_path / "rows.jsonl"
    rows = [{"input": f"q {n}", "output": "yes", "rejected": f"no {n}"} for n in range(3)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    result = convert(source, tmp_path / "there.jsonl", to=to)
    assert (result.written, result.lost) == (3, {})
    back = convert(tmp_path / "there.jsonl", tmp_path / "back.jsonl", to="prompt_completion")
    assert (back.written, back.lost) == (3, {})
    expected = [
        {"prompt": r["input"], "completion": "yes", "rejected": r["rejected"]} for r in rows
    ]
    text = (tmp_path / "back.jsonl").read_text("utf-8")
    assert [json.loads(line) for line in text.splitlines()] == expected


def test_repeats_that_are_other_pairs_are_said_and_leaks_are_not_kept(tmp_path: Path) -> None:
    row = {"input": "a", "output": "b", "rejected": "c"}
    data = open_dataset(task(tmp_path / "task", [row, {**row, "rejected": "d"}, dict(row)]))
    [finding] = CHECKS.get("exact_duplicates")(data, CheckOptions()).findings
    assert finding.message.endswith("; 1 with another rejected answer, which data fix keeps")
    parts = tmp_path / "parts"
    for part, worse in (("train", ["c", "d"]), ("dev", ["e"]), ("test", ["f"])):
        task(parts, [{**row, "rejected": one} for one in worse])
        (parts / "rows.jsonl").rename(parts / f"{part}.jsonl")
    text = (parts / "task.yaml").read_text("utf-8")
    files = "{train: train.jsonl, dev: dev.jsonl, test: test.jsonl}"
    (parts / "task.yaml").write_text(text.replace("rows.jsonl", files), encoding="utf-8")
    repairs = fix(parts, tmp_path / "fixed")
    actions = [(one.row, one.action) for one in repairs.changes]
    assert len(actions) == 3 and {action for _, action in actions} == {"leak"}


CHAT = {"messages": [USER, GOOD]}
ALPACA = {"instruction": "Answer.", "input": "Where is it?", "output": "On its way."}
PLAIN = {"prompt": "Where is it?", "completion": "On its way."}


@pytest.mark.parametrize("row", [CHAT, ALPACA, PLAIN], ids=["chat", "alpaca", "plain"])
@pytest.mark.parametrize(("key", "columns"), [("rejected", {}), ("worse", {"rejected": "worse"})])
def test_every_shape_may_have_a_rejected_answer_beside_it(
    row: dict[str, Any], key: str, columns: dict[str, str]
) -> None:
    read = parsed({**row, key: "No idea."}, **columns).example
    assert (read.output, read.rejected) == ("On its way.", "No idea.")


@pytest.mark.parametrize("columns", [{}, {"rejected": "rejected"}], ids=["guessed", "named"])
@pytest.mark.parametrize(
    ("kind", "output", "rejected", "written"),
    [
        ("json", {"a": 1}, {"a": 2}, '{"a": 2}'),
        ("labels", ["A", "B"], ["A"], '["A"]'),
        ("label", "A", "B", "B"),
    ],
)
def test_a_rejected_answer_is_read_as_an_output_of_its_kind_is(
    kind: OutputKind, output: Any, rejected: Any, written: str, columns: dict[str, str]
) -> None:
    row = {"input": "q", "output": output, "rejected": rejected}
    example = parsed(row, kind, **columns).example
    assert example.rejected == written and pair_state(example) == "pair"


def test_labels_that_are_not_declared_make_pairs_and_numbers_are_labels() -> None:
    parser = RowParser("label", (), {})
    row = RawRow(1, {"input": "q", "output": "A", "rejected": "B"})
    assert parser.parse(row, "f").example.rejected == "B"
    numbers = RowParser("label", ("0", "1"), {})
    row = RawRow(1, {"input": "q", "output": 1, "rejected": 0})
    assert numbers.parse(row, "f").example.rejected == "0"


@pytest.mark.parametrize("flag", ["yes", "False", "0", True, None])
@pytest.mark.parametrize("row", [PLAIN, CHAT, {"input": "q", "output": "hello"}])
def test_a_flag_says_whether_something_was_rejected_and_is_no_answer(
    row: dict[str, Any], flag: Any
) -> None:
    assert parsed({**row, "rejected": flag}).example.rejected is None


def test_what_is_right_too_is_not_to_be_learnt_against() -> None:
    accepted = {"input": "q", "output": "yes", "accepted": ["ja"], "rejected": "ja"}
    assert pair_state(parsed(accepted).example) == "equal"
    spaced = {"input": "q", "output": '{"a":1, "b":2}', "rejected": '{"b": 2, "a": 1}'}
    assert pair_state(parsed(spaced, "json").example) == "equal"


def test_a_rejected_answer_that_would_read_as_a_flag_is_not_written_as_a_column(
    tmp_path: Path,
) -> None:
    path = tmp_path / "pairs.jsonl"
    rows = [
        {"prompt": f"Is {n} right?", "chosen": "It is.", "rejected": answer}
        for n, answer in enumerate(["It is not.", "no"])
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = convert(path, tmp_path / "out.jsonl", to="prompt_completion")
    [kept] = (tmp_path / "out.jsonl").read_text().splitlines()
    assert json.loads(kept)["rejected"] == "It is not."
    assert "'no', which in a column would say" in str(told)
