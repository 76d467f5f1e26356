from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.data.base import CheckOptions, CheckResult, Finding
from steelyard.data.checks.output_hygiene import find
from steelyard.data.dataset import open_dataset
from steelyard.data.outputs.variants import folded, intended
from steelyard.task import build_task

ORDER = {
    "type": "object",
    "required": ["customer", "total"],
    "additionalProperties": False,
    "properties": {
        "customer": {"type": "string", "minLength": 1},
        "total": {"type": "number", "minimum": 0},
        "currency": {"enum": ["EUR", "USD"]},
        "date": {"type": ["string", "null"], "pattern": "^\\d{4}-"},
        "items": {"type": "array", "items": {"type": "object", "required": ["sku"]}},
    },
}


def check(
    folder: Path,
    outputs: Sequence[Any],
    kind: str = "label",
    inputs: Sequence[str] = (),
    **output: Any,
) -> CheckResult:
    asked = inputs or [f"what about number {n}" for n in range(len(outputs))]
    rows = [{"input": a, "output": b} for a, b in zip(asked, outputs, strict=True)]
    (folder / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = {"name": "t", "instruction": "Do.", "output": {"kind": kind, **output}}
    return find(open_dataset(build_task({**config, "examples": "x.jsonl"}, folder)), CheckOptions())


def found(result: CheckResult, name: str) -> Finding:
    """The finding of one kind of trouble, which stands in the facts in the same order."""
    return result.findings[list(result.facts["troubles"]).index(name)]


def replies(count: int) -> list[str]:
    return [f"Your order number {n} is on its way to you." for n in range(count)]


def orders(count: int) -> list[dict[str, Any]]:
    return [{"customer": f"c{n}", "total": n / 4, "date": "2024-03-05"} for n in range(count)]


@pytest.mark.parametrize("kind", ["label", "text"])
def test_clean_outputs_have_no_trouble(tmp_path: Path, kind: str) -> None:
    outputs = ["a", "b"] * 20 if kind == "label" else replies(40)
    result = check(tmp_path, outputs, kind)
    assert result.findings == () and result.reason is None


def test_clean_json_fits_its_schema(tmp_path: Path) -> None:
    result = check(tmp_path, orders(40), "json", schema=ORDER)
    assert result.findings == () and result.reason is None
    assert result.facts["schema"] == {"checked": 40, "failed": 0, "reason": None}


@pytest.mark.parametrize("kind", ["label", "json", "text"])
def test_empty_outputs_are_errors(tmp_path: Path, kind: str) -> None:
    outputs: list[Any] = orders(5) if kind == "json" else ["a", "b", "a", "b", "a"]
    finding = found(check(tmp_path, ["", *outputs, " \n "], kind), "empty")
    assert (finding.severity, finding.rows) == ("error", (1, 7))


def test_constant_outputs_are_an_error(tmp_path: Path) -> None:
    finding = found(check(tmp_path, ["spam"] * 12 + [""]), "constant")
    assert finding.severity == "error" and finding.rows == tuple(range(1, 13))
    assert "constant" not in check(tmp_path, ["spam"] * 12 + ["ham"]).facts["troubles"]


def test_a_canned_reply_is_a_note(tmp_path: Path) -> None:
    result = check(tmp_path, [*replies(40), *["Please call us."] * 12], "text")
    assert found(result, "canned").rows == tuple(range(41, 53))


def test_what_is_no_json_says_why(tmp_path: Path) -> None:
    outputs = [*orders(20), "{'a': 1}", "[1, 2", "12", '{"a": NaN}', "plain words"]
    finding = found(check(tmp_path, outputs, "json"), "not_json")
    assert (finding.severity, finding.rows) == ("error", (21, 22, 23, 24, 25))
    problems = [each["problem"] for each in finding.evidence]
    assert problems[2] == "JSON, but neither an object nor an array"
    assert "NaN" in problems[3]


def test_fenced_json_is_told_apart_from_broken(tmp_path: Path) -> None:
    result = check(tmp_path, [*orders(20), '```json\n{"a": 1}\n```'], "json")
    assert found(result, "fenced").rows == (21,)
    assert "not_json" not in result.facts["troubles"]


def test_outputs_that_fail_the_schema_say_where(tmp_path: Path) -> None:
    wrong = [
        {"customer": "x"},
        {"customer": "x", "total": "3"},
        {"customer": "x", "total": -1},
        {"customer": "x", "total": 1, "extra": 2},
        {"customer": "x", "total": 1, "currency": "GBP"},
        {"customer": "x", "total": 1, "items": [{"sku": 1}, {}]},
        [],
    ]
    result = check(tmp_path, [*orders(20), *wrong], "json", schema=ORDER)
    finding = found(result, "schema")
    assert finding.severity == "error"
    assert finding.rows == tuple(range(21, 28))
    problems = [each["problem"] for each in finding.evidence]
    assert problems[0] == '$: "total" is a required property'
    assert problems[1].startswith('$.total: "3" is not of type')
    assert problems[5].startswith('$.items[1]: "sku"')


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "objekt"},
        {"properties": []},
        {"type": "object", "properties": {"a": {"pattern": "("}}},
        {"$ref": "https://example.com/order.json"},
        {"$ref": "#/$defs/missing"},
    ],
)
def test_a_schema_that_is_wrong_is_a_finding_without_rows(
    tmp_path: Path, schema: dict[str, Any]
) -> None:
    result = check(tmp_path, orders(20), "json", schema=schema)
    finding = found(result, "bad_schema")
    assert (finding.severity, finding.rows) == ("error", ())
    assert "\n" not in finding.message
    assert result.reason is not None


def test_another_draft_is_kept_to(tmp_path: Path) -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "properties": {"total": {"minimum": 0, "exclusiveMinimum": True}},
    }
    outputs = [*orders(20)[1:], {"customer": "x", "total": 0}]
    assert found(check(tmp_path, outputs, "json", schema=schema), "schema").rows == (20,)


def test_label_spellings_point_to_the_declared_label(tmp_path: Path) -> None:
    outputs = ["BILLING", "TECHNICAL"] * 10 + ["Billing", "billing.", " BILLING", "Technical"]
    result = check(tmp_path, outputs, labels=["BILLING", "TECHNICAL"])
    finding = found(result, "spellings")
    assert (finding.severity, sorted(finding.rows)) == ("error", [21, 22, 24])
    assert finding.evidence[0]["problem"].startswith("meant: ")
    assert result.facts["spellings"] == {
        "Billing": "BILLING",
        "billing.": "BILLING",
        "Technical": "TECHNICAL",
    }


def test_undeclared_spellings_point_to_the_most_frequent(tmp_path: Path) -> None:
    result = check(tmp_path, ["card_lost"] * 10 + ["refund"] * 10 + ["Card lost", "card-lost"])
    assert set(result.facts["spellings"].values()) == {"card_lost"}
    assert found(result, "spellings").severity == "warning"


@pytest.mark.parametrize(
    ("a", "b"), [("C", "C++"), ("C", "C#"), ("1.5", "15"), ("+", "-"), ("-1", "1"), ("A-", "A")]
)
def test_labels_that_signs_tell_apart_are_different(a: str, b: str) -> None:
    assert folded(a) != folded(b)


def test_two_declared_labels_so_alike_are_left() -> None:
    assert intended(Counter(["no show", "noshow"]), ("no show", "noshow")) == {}


def test_spaces_around_outputs_are_shown(tmp_path: Path) -> None:
    finding = found(check(tmp_path, ["a", "b"] * 10 + ["a \n", "\tb"]), "spaces")
    assert (finding.severity, finding.rows) == ("warning", (21, 22))
    assert finding.evidence[0]["problem"] == "ends with ' \\n'"
    assert "steelyard data fix" in finding.message


def test_a_leading_space_that_all_have_is_a_habit(tmp_path: Path) -> None:
    result = check(tmp_path, [" a", " b"] * 20 + [" a\n"])
    assert found(result, "leading_space").severity == "note"
    assert found(result, "spaces").rows == (41,)


def test_characters_that_do_not_show(tmp_path: Path) -> None:
    outputs = replies(20)
    outputs[2] = "Your\u200b order is on its way.\ufeff"
    finding = found(check(tmp_path, outputs, "text"), "invisible")
    assert finding.rows == (3,) and finding.evidence[0]["problem"] == "U+200B, U+FEFF"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("<|im_start|>Your order is on its way.", "template_remains"),
        ("Assistant: your order is on its way.", "template_remains"),
        ("As an AI language model, I do not know.", "refusals"),
        ("I'm sorry, but I can't help with that.", "refusals"),
        ("TBD", "placeholders"),
    ],
)
def test_what_nobody_meant_to_write(tmp_path: Path, text: str, name: str) -> None:
    assert found(check(tmp_path, [*replies(20), text], "text"), name).rows == (21,)


def test_a_rightful_apology_is_no_refusal(tmp_path: Path) -> None:
    outputs = [*replies(20), "I'm sorry that your parcel is late; we will look into it."]
    assert check(tmp_path, outputs, "text").findings == ()


@pytest.mark.parametrize(
    "text",
    ["I lost it.\nLabel: BILLING", "I lost it => billing", "I lost it\nBILLING", "x\t**BILLING**"],
)
def test_inputs_that_end_in_their_label(tmp_path: Path, text: str) -> None:
    inputs = [*(f"text number {n}" for n in range(20)), text]
    result = check(tmp_path, ["BILLING", "OTHER"] * 10 + ["BILLING"], inputs=inputs)
    finding = found(result, "leaked")
    assert (finding.severity, finding.rows) == ("error", (21,))


@pytest.mark.parametrize(
    "text",
    [
        "I have a question about billing",
        "Choose one: OTHER, BILLING",
        "Choose one:\n- OTHER\n- BILLING",
        "BILLING",
        "Label: OTHER",
    ],
)
def test_labels_that_stand_there_by_right(tmp_path: Path, text: str) -> None:
    inputs = [*(f"text number {n}" for n in range(20)), text]
    result = check(tmp_path, ["BILLING", "OTHER"] * 10 + ["BILLING"], inputs=inputs)
    assert result.facts["leaked"] == 0


def test_replies_given_away_and_replies_that_echo(tmp_path: Path) -> None:
    outputs = replies(20)
    inputs = [f"Where is order {n} of mine now?" for n in range(20)]
    inputs[3] += f" Thank you. {outputs[3]}"
    outputs[5] = inputs[5]
    outputs[6] = inputs[6] + " It is on its way."
    result = check(tmp_path, outputs, "text", inputs)
    assert found(result, "leaked").rows == (4,)
    assert found(result, "repeats_input").rows == (6, 7)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('{"reply": "It is on its way."}', "mixed_json"),
        ("```\nIt is on its way.\n```", "mixed_fences"),
        ('"It is on its way."', "mixed_quotes"),
        ("It is on its w", "mixed_closing"),
    ],
)
def test_the_odd_one_out_in_style(tmp_path: Path, text: str, name: str) -> None:
    assert found(check(tmp_path, [*replies(30), text], "text"), name).rows == (31,)


def test_curly_and_straight_quotation_marks(tmp_path: Path) -> None:
    outputs = [f"It's number {n}." for n in range(20)]
    outputs[4] = "It’s number 4."
    assert found(check(tmp_path, outputs, "text"), "mixed_quote_marks").rows == (5,)


@pytest.mark.parametrize(
    ("usual", "odd", "name"),
    [
        ("1,000.50", "1.000,50", "mixed_numbers"),
        ("€ 12.50", "12,50 €", "mixed_numbers"),
        ("2024-03-05", "05.03.2024", "mixed_dates"),
        ("5 March 2024", "March 5, 2024", "mixed_dates"),
        ("14:30", "2:30 pm", "mixed_times"),
        ("25/03/2024", "03/25/2024", "mixed_date_orders"),
        (3, "3", "mixed_types"),
    ],
)
def test_one_field_written_in_two_ways(tmp_path: Path, usual: Any, odd: Any, name: str) -> None:
    outputs = [{"a": {"b": [usual]}, "n": n} for n in range(20)]
    outputs[7]["a"] = {"b": [odd]}
    result = check(tmp_path, outputs, "json")
    finding = found(result, name)
    assert finding.rows == (8,) and "a.b[]" in finding.message


def test_what_cannot_be_told_is_not_mixed(tmp_path: Path) -> None:
    fields = ["1,000", "1.000", "12", "n/a", "v1.2.3", None]
    outputs = [{"a": fields[n % 6], "n": n} for n in range(24)]
    assert check(tmp_path, outputs, "json").findings == ()


def test_keys_out_of_order_misspelled_and_missing(tmp_path: Path) -> None:
    outputs: list[dict[str, Any]] = [{"orderId": n, "total": 1, "note": n} for n in range(30)]
    outputs[2] = {"total": 1, "orderId": 2, "note": 2}
    outputs[5] = {"order_id": 5, "total": 1, "note": 5}
    outputs[9] = {"orderId": 9, "total": 1}
    result = check(tmp_path, outputs, "json")
    assert found(result, "key_order").rows == (3,)
    assert found(result, "key_spellings").rows == (6,)
    assert set(found(result, "missing_keys").rows) == {6, 10}


def test_far_too_long_outputs_are_listed_the_longest_first(tmp_path: Path) -> None:
    outputs = replies(60)
    outputs[3], outputs[8] = "Really. " * 100, "Really. " * 200
    finding = found(check(tmp_path, outputs, "text"), "too_long")
    assert (finding.severity, finding.rows) == ("note", (9, 4))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=12), st.sampled_from(["text", "json"]))
def test_whatever_outputs_hold_the_check_ends_with_plain_facts(
    tmp_path_factory: pytest.TempPathFactory, outputs: list[str], kind: str
) -> None:
    given = [text.replace("\x00", "").encode("utf-8", "ignore").decode() for text in outputs]
    result = check(tmp_path_factory.mktemp("any"), given, kind)
    json.dumps(dict(result.facts), allow_nan=False)
    for finding in result.findings:
        assert all(1 <= row <= len(outputs) for row in finding.rows)
        assert len(set(finding.rows)) == len(finding.rows)


def test_white_space_around_code_is_no_flaw(tmp_path: Path) -> None:
    code = [f"    x = {n}\n    return x\n" for n in range(20)]
    assert "spaces" not in check(tmp_path, code, "text").facts["troubles"]
    assert found(check(tmp_path, [*code, "So be it.\n"], "text"), "spaces").rows == (21,)
