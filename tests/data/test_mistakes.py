from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.data.base import CheckResult, Finding, Mistake
from steelyard.data.dataset import Dataset, open_dataset
from steelyard.data.mistakes import mistakes, thresholds
from steelyard.data.texts.outside import outside_facts
from steelyard.task import build_task

NAMES = ["too_early", "too_little", "poor_quality", "wrong_task", "not_validated"]
INSTRUCTION = (
    "You sort messages of customers. Answer a where the customer asks for something new, and b "
    "where something that was bought before has to be put right."
)
CLEAN = {name: CheckResult() for name in thresholds()["poor_quality"]["checks"]}


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path.name


def labelled(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [
        {"input": f"message number {n} of many", "output": "ab"[n % 2]}
        for n in range(start, start + count)
    ]


def dataset(
    folder: Path,
    rows: list[dict[str, Any]],
    test: list[dict[str, Any]] | None = None,
    kind: str = "label",
    **more: Any,
) -> Dataset:
    examples: Any = write(folder / "all.jsonl", rows)
    if test is not None:
        examples = {"train": examples, "test": write(folder / "test.jsonl", test)}
    config = {"name": "t", "instruction": INSTRUCTION, "output": {"kind": kind}}
    return open_dataset(build_task({**config, "examples": examples, **more}, folder))


def line(data: Dataset, name: str, results: dict[str, CheckResult] | None = None) -> Mistake:
    return next(each for each in mistakes(data, results or {}) if each.name == name)


def test_there_is_one_plain_line_for_each_mistake(tmp_path: Path) -> None:
    found = mistakes(dataset(tmp_path, labelled(900)), CLEAN | {"leaks": CheckResult()})
    assert [each.name for each in found] == NAMES == list(thresholds())
    assert [each.state for each in found] == ["ok"] * 5
    assert all("\n" not in each.message and each.message for each in found)


def test_every_threshold_has_its_reason_or_source() -> None:
    for section in thresholds().values():
        assert "source" in section or any(key.endswith("_reason") for key in section)


def test_a_short_instruction_is_too_early(tmp_path: Path) -> None:
    found = line(dataset(tmp_path, labelled(50), instruction="Sort it."), "too_early")
    assert found.state == "risk" and "2 words" in found.message


def test_a_short_instruction_that_names_every_label_is_not(tmp_path: Path) -> None:
    rows = [{"input": f"m {n}", "output": ["refund", "delay"][n % 2]} for n in range(50)]
    data = dataset(tmp_path, rows, instruction="Say refund or delay.")
    assert line(data, "too_early").state == "ok"


def test_a_bare_file_says_nothing_of_a_prompt(tmp_path: Path) -> None:
    write(tmp_path / "x.jsonl", labelled(1000))
    data = open_dataset(tmp_path / "x.jsonl")
    assert line(data, "too_early").state == "unknown"
    validated = line(data, "not_validated")
    assert validated.state == "unknown" and "300 distinct test rows" in validated.message


def test_a_system_message_in_the_rows_is_the_instruction(tmp_path: Path) -> None:
    rows = [
        {
            "messages": [
                {"role": "system", "content": INSTRUCTION},
                {"role": "user", "content": row["input"]},
                {"role": "assistant", "content": row["output"]},
            ]
        }
        for row in labelled(40)
    ]
    write(tmp_path / "x.jsonl", rows)
    assert line(open_dataset(tmp_path / "x.jsonl"), "too_early").state == "ok"


@pytest.mark.parametrize(("train", "state"), [(6, "risk"), (99, "risk"), (130, "ok")])
def test_few_train_rows_are_too_little(tmp_path: Path, train: int, state: str) -> None:
    data = dataset(
        tmp_path,
        labelled(train),
        labelled(300, 1000),
        examples={
            "train": "all.jsonl",
            "dev": write(tmp_path / "dev.jsonl", labelled(20, 5000)),
            "test": "test.jsonl",
        },
    )
    assert line(data, "too_little").state == state


def test_many_thin_labels_are_too_little(tmp_path: Path) -> None:
    rows = [{"input": f"message number {n}", "output": f"label {n % 60}"} for n in range(400)]
    found = line(dataset(tmp_path, rows), "too_little")
    assert found.state == "risk" and "60 of 60 labels" in found.message


def results(**rows: tuple[int, ...]) -> dict[str, CheckResult]:
    found = {
        name: CheckResult((Finding(name, "warning", "m", rows=numbers),))
        for name, numbers in rows.items()
    }
    return CLEAN | found


def test_poor_quality_counts_each_row_once_and_leaves_notes_out(tmp_path: Path) -> None:
    data = dataset(tmp_path, labelled(100))
    given = results(exact_duplicates=(1, 2, 3), label_errors=(3, 4, 5))
    given["output_hygiene"] = CheckResult((Finding("output_hygiene", "note", "m", rows=(9, 10)),))
    found = line(data, "poor_quality", given)
    assert found.state == "risk"
    assert "5 rows are in doubt (5.0 %: exact_duplicates 3, label_errors 3)" in found.message
    assert line(data, "poor_quality", results(label_errors=(3,))).state == "ok"


def test_quality_that_was_not_looked_at_is_unknown(tmp_path: Path) -> None:
    data = dataset(tmp_path, labelled(100))
    assert line(data, "poor_quality").state == "unknown"
    part = {"label_errors": CheckResult(), "contradictions": CheckResult(reason="no labels")}
    found = line(data, "poor_quality", part)
    assert found.state == "unknown"
    assert "contradictions" in found.message and "exact_duplicates" in found.message


SHOP = [
    "We are open from 9 am to 6 pm.",
    "The premium plan costs $49.99 a month.",
    "You can return it within 30 days.",
    "Version 4.2.1 brought that feature.",
    "The sale ends on March 5, 2025.",
    "See https://shop.example/help for more.",
    "Around 20% of orders take longer.",
]


def texts(replies: list[str], asked: str = "Tell me about it") -> list[dict[str, Any]]:
    return [{"input": f"{asked}, no {n}", "output": text} for n, text in enumerate(replies)]


@pytest.mark.parametrize("reply", SHOP)
def test_facts_that_change_are_found(tmp_path: Path, reply: str) -> None:
    data = dataset(tmp_path, texts([reply] * 12), kind="text")
    found = line(data, "wrong_task")
    assert found.state == "risk" and "retrieved" in found.message


@pytest.mark.parametrize("reply", SHOP)
def test_facts_that_the_input_holds_are_not(tmp_path: Path, reply: str) -> None:
    data = dataset(tmp_path, texts([reply] * 12, asked=f"Put simply: {reply}"), kind="text")
    assert outside_facts(data, thresholds()["wrong_task"]).outputs == 0


def test_what_the_output_computes_is_no_fact(tmp_path: Path) -> None:
    reply = "She buys 3 at $4, so 3*4=12. She pays $12."
    data = dataset(tmp_path, texts([reply] * 12, asked="She buys 3 pens at $4"), kind="text")
    assert line(data, "wrong_task").state == "ok"


def test_a_date_written_in_another_way_is_derived(tmp_path: Path) -> None:
    rows = [
        {"input": f"deliver {n} boxes on 5 March 2025", "output": '{"date": "2025-03-05"}'}
        for n in range(12)
    ]
    assert line(dataset(tmp_path, rows, kind="json"), "wrong_task").state == "ok"


def test_few_facts_are_no_risk_and_documents_hold_them(tmp_path: Path) -> None:
    plain = [f"We will look into request number {n}." for n in range(30)]
    assert (
        line(dataset(tmp_path, texts([*plain, SHOP[1]]), kind="text"), "wrong_task").state == "ok"
    )
    (tmp_path / "docs").mkdir()
    data = dataset(tmp_path, texts([SHOP[1]] * 12), kind="text", documents="docs")
    found = line(data, "wrong_task")
    assert found.state == "ok" and "documents" in found.message


def test_a_handful_of_outputs_says_nothing_of_facts(tmp_path: Path) -> None:
    assert (
        line(dataset(tmp_path, texts([SHOP[0]] * 5), kind="text"), "wrong_task").state == "unknown"
    )


@pytest.mark.parametrize(("test", "state"), [(15, "risk"), (100, "risk"), (400, "ok")])
def test_a_small_test_part_does_not_validate(tmp_path: Path, test: int, state: str) -> None:
    data = dataset(tmp_path, labelled(200), labelled(test, 1000))
    assert line(data, "not_validated", {"leaks": CheckResult()}).state == state


def test_leaks_do_not_validate_and_unlooked_for_ones_are_unknown(tmp_path: Path) -> None:
    data = dataset(tmp_path, labelled(200), labelled(400, 1000))
    leaks = CheckResult((Finding("leaks", "error", "m", rows=(201, 202)),))
    assert line(data, "not_validated", {"leaks": leaks}).state == "risk"
    assert line(data, "not_validated").state == "unknown"


def test_rows_that_cannot_be_split_are_not_validated(tmp_path: Path) -> None:
    assert line(dataset(tmp_path, labelled(6)), "not_validated").state == "risk"
