from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steelyard.data.base import CheckOptions, CheckResult
from steelyard.data.checks.size import THIN_ROWS, find
from steelyard.data.dataset import Dataset, open_dataset
from steelyard.data.enough import half_width, more_for, parts_of, unseen_reason
from steelyard.data.prepare import prepare
from steelyard.data.splits.allocation import part_sizes
from steelyard.stats import detectable_difference, items_needed, proportion
from steelyard.task import build_task
from steelyard.words import points


def rows(count: int, start: int = 0) -> list[dict[str, str]]:
    return [
        {"input": f"question number {n} of many", "output": "ab"[n % 2]}
        for n in range(start, start + count)
    ]


def dataset(
    folder: Path, parts: dict[str, list[dict[str, str]]], kind: str = "label", **more: Any
) -> Dataset:
    for part, given in parts.items():
        text = "".join(json.dumps(row) + "\n" for row in given)
        (folder / f"{part}.jsonl").write_text(text, encoding="utf-8")
    names = {part: f"{part}.jsonl" for part in parts}
    config = {"name": "t", "instruction": "Say a or b.", "output": {"kind": kind}}
    return open_dataset(build_task({**config, "examples": names, **more}, folder))


def check(data: Dataset) -> CheckResult:
    return find(data, CheckOptions())


def test_one_file_is_planned_as_a_run_splits_it(tmp_path: Path) -> None:
    data = dataset(tmp_path, {"all": rows(300)})
    split = prepare(data.task, seed=0).split
    facts = check(data).facts
    assert facts["is_planned"] is True
    assert {name: part["rows"] for name, part in facts["parts"].items()} == {
        "train": len(split.train),
        "dev": len(split.dev),
        "test": len(split.test),
    }
    assert facts["labels"]["a"]["test"] == sum(row.output == "a" for row in split.test)


def test_given_parts_are_counted_and_dev_is_cut_from_train(tmp_path: Path) -> None:
    data = dataset(tmp_path, {"train": rows(100), "test": rows(60, 100)})
    split = prepare(data.task, seed=0).split
    parts = parts_of(data)
    assert not parts.is_planned
    assert (parts.train.rows, parts.by_name["dev"].rows) == (len(split.train), len(split.dev))
    assert (parts.test.rows, parts.test.labels) == (60, {"a": 30, "b": 30})


def test_the_measured_view_is_the_one_of_a_run(tmp_path: Path) -> None:
    test = check(dataset(tmp_path, {"train": rows(200), "test": rows(150, 200)})).facts["test"]
    assert test["detectable"]["difference"] == detectable_difference(150).difference
    interval = proportion(120, 150)
    assert test["half_width"]["value"] == (interval.high - interval.low) / 2  # type: ignore[operator]
    needed = {each["difference"]: each for each in test["needed"]}
    assert needed[0.05]["items"] == items_needed(0.05).items
    assert needed[0.05]["test_rows"] == items_needed(0.05).items - 150  # type: ignore[operator]


def test_more_rows_in_one_file_give_the_test_part_that_is_needed(tmp_path: Path) -> None:
    data = dataset(tmp_path, {"all": rows(300)}, split={"test": 0.5})
    fractions = data.task.split
    more = more_for(0.05, parts_of(data), fractions)
    assert more.items is not None and more.rows is not None
    assert part_sizes(300 + more.rows, fractions)["test"] == more.items
    assert part_sizes(300 + more.rows - 2, fractions)["test"] < more.items


def test_rows_are_not_asked_for_where_the_split_caps_the_test_part(tmp_path: Path) -> None:
    more = more_for(0.02, parts_of(dataset(tmp_path, {"all": rows(300)})), None)
    assert more.rows is None
    assert more.reason is not None and "split" in more.reason
    assert more.test_rows == items_needed(0.02).items - 90  # type: ignore[operator]


def test_duplicates_do_not_count(tmp_path: Path) -> None:
    repeated = [dict(row, input=row["input"].upper() + "!") for row in rows(60)]
    facts = check(dataset(tmp_path, {"train": rows(60) + repeated, "test": rows(40, 100)})).facts
    assert (facts["rows"], facts["distinct"]) == (160, 100)
    train, dev = facts["parts"]["train"], facts["parts"]["dev"]
    assert train["rows"] + dev["rows"] == 120
    assert train["distinct"] + dev["distinct"] == 60


@pytest.mark.parametrize(
    ("train", "severity"), [(12, "error"), (40, "warning"), (90, "warning"), (400, None)]
)
def test_the_rules_of_thumb_grade_the_train_rows(
    tmp_path: Path, train: int, severity: str | None
) -> None:
    parts = {"train": rows(train), "dev": rows(20, 1000), "test": rows(1000, 2000)}
    result = check(dataset(tmp_path, parts))
    by_thumb = [each for each in result.findings if "rules of thumb" in each.message]
    assert [each.severity for each in by_thumb] == ([severity] if severity else [])
    reached = {thumb["at_least"]: thumb["is_reached"] for thumb in result.facts["thumbs"]}
    assert reached == {least: train >= least for least in (20, 50, 100, 500)}
    assert all(thumb["source"] for thumb in result.facts["thumbs"])


@pytest.mark.parametrize(
    ("test", "severity"), [(15, "error"), (120, "warning"), (400, "note"), (1100, None)]
)
def test_the_test_part_is_graded_by_what_it_shows(
    tmp_path: Path, test: int, severity: str | None
) -> None:
    result = check(dataset(tmp_path, {"train": rows(400), "test": rows(test, 1000)}))
    shown = [each for each in result.findings if "between two arms" in each.message]
    assert [each.severity for each in shown] == ([severity] if severity else [])
    assert all("before correction for several comparisons" in each.message for each in shown)


def test_thin_labels_are_listed_the_rarest_first(tmp_path: Path) -> None:
    rare = [{"input": f"rare {n}", "output": "c"} for n in range(THIN_ROWS - 1)]
    rarer = [{"input": f"rarer {n}", "output": "d"} for n in range(3)]
    parts = {
        "train": [*rows(100), *rare, *rarer],
        "dev": rows(20, 100),
        "test": [*rows(100, 200), *({"input": f"t {n}", "output": "c"} for n in range(30))],
    }
    result = check(dataset(tmp_path, parts))
    assert result.facts["thin_labels"] == ["d", "c"]
    thin = next(each for each in result.findings if "too few to learn" in each.message)
    assert thin.rows[:3] == (110, 111, 112)
    assert "d (3), c (9)" in thin.message or "d (3) and c (9)" in thin.message
    assert thin.message.endswith("without a test row, the recall of d is not measured")


def test_exactly_enough_rows_make_no_thin_label(tmp_path: Path) -> None:
    enough = [{"input": f"rare {n}", "output": "c"} for n in range(THIN_ROWS)]
    parts = {"train": rows(100) + enough, "dev": rows(20, 100), "test": rows(100, 200)}
    assert check(dataset(tmp_path, parts)).facts["thin_labels"] == []


def test_a_label_known_only_roughly_is_said(tmp_path: Path) -> None:
    few = [{"input": f"few {n}", "output": "c"} for n in range(30)]
    parts = {"train": rows(100) + few[:20], "dev": rows(20, 100), "test": rows(900, 200) + few[20:]}
    result = check(dataset(tmp_path, parts))
    note = next(each for each in result.findings if "recall" in each.message)
    assert (note.severity, note.count) == ("note", 1)
    assert "1 label has" in note.message and "c, ±" in note.message
    assert result.facts["labels"]["c"]["half_width"] == half_width(10)


def test_too_few_rows_to_split_is_an_error_with_the_reason(tmp_path: Path) -> None:
    result = check(dataset(tmp_path, {"all": rows(6)}))
    assert [each.severity for each in result.findings] == ["error"]
    assert "at least 10" in result.findings[0].message
    assert result.reason == result.findings[0].message


def test_a_test_file_without_a_readable_row_is_not_planned_around(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows(40)))
    (tmp_path / "test.jsonl").write_text("broken\n")
    config = {"name": "t", "instruction": "Say a or b.", "output": {"kind": "label"}}
    files = {"train": "train.jsonl", "test": "test.jsonl"}
    result = check(open_dataset(build_task({**config, "examples": files}, tmp_path)))
    assert result.facts["is_planned"] is False
    shown = next(each for each in result.findings if "between two arms" in each.message)
    assert shown.severity == "error" and shown.message.startswith("0 test rows cannot show")


def test_a_metric_that_is_no_share_of_right_answers_has_a_reason(tmp_path: Path) -> None:
    result = check(dataset(tmp_path, {"all": rows(300)}, metric="macro_f1"))
    assert result.facts["test"]["detectable"]["difference"] is None
    assert "macro_f1" in result.facts["test"]["detectable"]["reason"]
    assert not [each for each in result.findings if "between two arms" in each.message]


def test_text_has_no_labels_and_lengths_are_lengths_that_occur(tmp_path: Path) -> None:
    given = [{"input": f"question {n}", "output": "word " * n + "end"} for n in range(40)]
    facts = check(dataset(tmp_path, {"all": given}, kind="text")).facts
    assert facts["labels"] is None
    assert facts["output_characters"]["max"] == len("word " * 39 + "end")
    json.dumps(facts, allow_nan=False)


@pytest.mark.parametrize(
    ("kind", "metric", "more"),
    [
        ("text", "judge", {"judge": {"mode": "rate"}}),
        ("text", "scorers.py:score", {}),
        ("json", "field_f1", {}),
    ],
)
def test_what_a_metric_shows_is_said_without_running_it(
    tmp_path: Path, kind: str, metric: str, more: dict[str, Any]
) -> None:
    written = [{"input": f"q {n}", "output": json.dumps({"a": n})} for n in range(60)]
    data = dataset(tmp_path, {"train": written, "test": written[:9]}, kind, metric=metric, **more)
    assert (
        unseen_reason(data) == f"depends on the spread of {metric}, which is known only after a run"
    )


def test_a_misspelt_label_is_no_label_of_its_own(tmp_path: Path) -> None:
    outputs = ["BILLING", "OTHER"] * 30 + ["Billing", "billing."]
    rows = [{"text": f"text number {n}", "label": label} for n, label in enumerate(outputs)]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = find(open_dataset(path), CheckOptions())
    assert set(result.facts["labels"]) == {"BILLING", "OTHER"}
    assert result.facts["thin_labels"] == []


def test_a_label_of_few_rows_makes_one_finding(tmp_path: Path) -> None:
    outputs = ["BILLING", "OTHER"] * 30 + ["RARE"]
    rows = [{"text": f"text number {n}", "label": label} for n, label in enumerate(outputs)]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    findings = find(open_dataset(path), CheckOptions()).findings
    (message,) = [finding.message for finding in findings if "RARE" in finding.message]
    assert message.endswith("without a test row, the recall of RARE is not measured")


def test_rows_of_groups_show_a_range(tmp_path: Path) -> None:
    words = np.random.default_rng(0).integers(10**6, 10**7, size=(200, 6))
    grouped = [
        {"input": " ".join(map(str, words[n])), "output": "ab"[n % 2], "group": f"g{n // 4}"}
        for n in range(200)
    ]
    test = dataset(tmp_path, {"train": rows(200, 200), "test": grouped})
    result = check(test)
    shown = result.facts["test"]["detectable"]
    assert (shown["n"], shown["clusters"]) == (200, 50)
    assert shown["if_dependent"] == detectable_difference(50).difference
    message = next(each.message for each in result.findings if "between two arms" in each.message)
    assert f"{points(shown['if_dependent'])} if each of the 50 clusters" in message
