from __future__ import annotations

import json
from collections import Counter
from math import exp, log
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.data.base import CheckOptions, CheckResult
from steelyard.data.checks.imbalance import balance, find
from steelyard.data.dataset import open_dataset
from steelyard.task import build_task


def check(folder: Path, outputs: list[str], kind: str = "label", **output: Any) -> CheckResult:
    rows = ({"input": f"text {n}", "output": text} for n, text in enumerate(outputs))
    (folder / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = {"name": "t", "instruction": "Do.", "output": {"kind": kind, **output}}
    task = build_task({**config, "examples": "x.jsonl"}, folder)
    return find(open_dataset(task), CheckOptions())


def test_the_figures_of_a_known_set(tmp_path: Path) -> None:
    result = check(tmp_path, ["a"] * 6 + ["b"] * 3 + ["c"])
    facts = result.facts
    assert facts["counts"] == {"a": 6, "b": 3, "c": 1}
    assert (facts["labels"], facts["ratio"]) == (3, 6)
    entropy = -(0.6 * log(0.6) + 0.3 * log(0.3) + 0.1 * log(0.1))
    assert facts["effective"] == pytest.approx(exp(entropy))
    assert facts["evenness"] == pytest.approx(entropy / log(3))
    assert (facts["majority"]["label"], facts["majority"]["share"]) == ("a", 0.6)
    assert facts["majority"]["low"] < 0.6 < facts["majority"]["high"]


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.integers(1, 500), min_size=1))
def test_effective_labels_lie_between_one_and_all(counts: dict[str, int]) -> None:
    facts = balance(counts)
    assert 1 - 1e-9 <= facts["effective"] <= len(counts) + 1e-9
    if len(set(counts.values())) == 1:
        assert facts["effective"] == pytest.approx(len(counts))


def test_no_label_at_all_is_undefined_not_zero() -> None:
    facts = balance(Counter())
    assert facts["majority"] is None and facts["reason"] == "no row has a label"


def test_undeclared_labels_are_errors_with_their_rows_and_the_closest(tmp_path: Path) -> None:
    outputs = ["BILLING", "TECHNICAL"] * 5 + ["TECHNICL", "spam", "spam"]
    result = check(tmp_path, outputs, labels=["BILLING", "TECHNICAL"])
    finding = result.findings[0]
    assert (finding.severity, finding.rows) == ("error", (11, 12, 13))
    assert "did you mean 'TECHNICAL'?" in finding.message


def test_nothing_is_undeclared_where_nothing_is_declared(tmp_path: Path) -> None:
    assert check(tmp_path, ["a", "b"] * 5).findings == ()


def test_a_declared_label_without_rows_is_an_error(tmp_path: Path) -> None:
    result = check(tmp_path, ["a", "b"] * 5, labels=["a", "b", "c"])
    assert [each.severity for each in result.findings] == ["error"]
    assert "1 declared label has no row (c)" in result.findings[0].message


def test_a_label_only_in_the_test_file_is_an_error(tmp_path: Path) -> None:
    train = [{"input": f"t {n}", "output": "ab"[n % 2]} for n in range(12)]
    test = [{"input": f"u {n}", "output": "abc"[n % 3]} for n in range(9)]
    for name, rows in (("train", train), ("test", test)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    config = {"name": "t", "instruction": "Do.", "output": {"kind": "label"}}
    files = {"train": "train.jsonl", "test": "test.jsonl"}
    result = find(open_dataset(build_task({**config, "examples": files}, tmp_path)), CheckOptions())
    assert result.findings[0].severity == "error"
    assert result.findings[0].rows == (15, 18, 21)


def test_a_large_majority_is_a_warning(tmp_path: Path) -> None:
    result = check(tmp_path, ["ham"] * 87 + ["spam"] * 13)
    assert [each.severity for each in result.findings] == ["warning"]
    assert "'ham' is right in 87 %" in result.findings[0].message
    assert check(tmp_path, ["ham"] * 79 + ["spam"] * 21).findings == ()


def test_rare_labels_are_listed_the_rarest_first(tmp_path: Path) -> None:
    outputs = ["a"] * 50 + ["b"] * 50 + ["d"] + ["c"] * 2 + ["e"] * 50
    finding = check(tmp_path, outputs).findings[0]
    assert finding.rows == (101, 102, 103)
    assert "d (1 row) and c (2 rows)" in finding.message


def test_listed_values_of_json_fields_are_balanced(tmp_path: Path) -> None:
    schema = {
        "type": "object",
        "properties": {
            "size": {"enum": ["s", "m", "l"]},
            "items": {"type": "array", "items": {"properties": {"unit": {"enum": ["kg", 1]}}}},
        },
    }
    outputs = ['{"size": "s", "items": [{"unit": "kg"}, {"unit": 1}]}'] * 8
    outputs += ['{"size": "m", "items": []}', "not json"]
    result = check(tmp_path, outputs, "json", schema=schema)
    assert result.facts["fields"]["size"]["counts"] == {"s": 8, "m": 1, "l": 0}
    assert result.facts["fields"]["items.[].unit"]["counts"] == {"1": 8, "kg": 8}
    assert any("(l)" in each.message for each in result.findings)


@pytest.mark.parametrize(
    ("kind", "output", "why"), [("text", "hi", "free text"), ("json", "{}", "no schema")]
)
def test_what_has_no_balance_says_so(tmp_path: Path, kind: str, output: str, why: str) -> None:
    result = check(tmp_path, [output] * 12, kind)
    assert result.findings == () and result.reason is not None and why in result.reason


def test_what_is_misspelt_is_said_by_output_hygiene_alone(tmp_path: Path) -> None:
    outputs = ["BILLING", "OTHER"] * 10 + ["Billing", "billing.", "tickets"]
    result = check(tmp_path, outputs, labels=["BILLING", "OTHER"])
    (finding,) = [finding for finding in result.findings if "does not declare" in finding.message]
    assert finding.rows == (23,)
