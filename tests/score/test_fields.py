"""Typed comparison of JSON documents."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.core import Example
from steelyard.errors import ConfigError
from steelyard.score import build_metric
from steelyard.score.fields import Likeness, as_date, count_fields, same, types_of
from tests.score.tasks import task_with

SCHEMA = {
    "type": "object",
    "properties": {
        "customer": {"type": ["string", "null"]},
        "code": {"type": "string", "pattern": "^PB"},
        "day": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
        "items": {"type": "array", "items": {"$ref": "#/$defs/item"}},
        "tags": {"type": "array", "uniqueItems": True, "items": {"enum": ["a", "b"]}},
    },
    "$defs": {
        "item": {
            "type": "object",
            "properties": {"product": {"type": "string"}, "quantity": {"type": "number"}},
        }
    },
}
TASK = task_with(output={"kind": "json", "schema": SCHEMA})


def score(said: object, wanted: object, **options: object) -> float:
    metric = build_metric("field_f1", options, TASK)
    return metric.score(json.dumps(said), json.dumps(wanted))


def test_a_schema_says_what_text_holds_and_which_fields_there_are() -> None:
    kinds, known = types_of(SCHEMA)
    assert kinds == {"code": "verbatim", "day": "date", "tags[]": "verbatim"}
    assert known == {"customer", "code", "day", "items[].product", "items[].quantity", "tags[]"}


@pytest.mark.parametrize(
    ("said", "wanted", "is_right"),
    [
        ({"customer": " The  Oak"}, {"customer": "the oak"}, True),
        ({"customer": "The Oak"}, {"customer": "Oak"}, False),
        ({"customer": "12"}, {"customer": 12}, False),
        ({"code": "pb-1"}, {"code": "PB-1"}, False),
        ({"day": "2026-03-05"}, {"day": "5 March 2026"}, True),
        ({"day": "March 5th, 2026"}, {"day": "2026-03-05"}, True),
        ({"day": "2026-03-05T00:00:00"}, {"day": "2026-03-05"}, True),
        ({"day": "2026-03-05T01:00:00+01:00"}, {"day": "2026-03-05T00:00:00Z"}, True),
        ({"day": "2026-05-03"}, {"day": "2026-03-05"}, False),
        ({"day": "soon"}, {"day": "2026-03-05"}, False),
        ({"day": "As soon as possible"}, {"day": "as soon as possible"}, True),
        ({"tags": ["b", "a"]}, {"tags": ["a", "b"]}, True),
        ({"n": 0.1 + 0.2}, {"n": 0.3}, True),
        ({"id": 4150000001}, {"id": 4150000002}, False),
        ({"id": 4150000001.0}, {"id": 4150000002}, False),
        ({"n": 4150000001.5}, {"n": 4150000001.6}, True),
        ({"n": True}, {"n": 1}, False),
        ({"n": 10**400}, {"n": 1}, False),
        ({"n": 10**400}, {"n": 10**400}, True),
    ],
)
def test_values_are_compared_by_their_type(said: object, wanted: object, is_right: bool) -> None:
    assert score(said, wanted) == float(is_right)


def test_a_tolerance_that_is_given_holds_for_whole_numbers_too() -> None:
    assert score({"n": 1001}, {"n": 1000}, tolerance=0.01) == 1
    assert score({"n": 1.001}, {"n": 1.0011}, tolerance=0) == 0


def test_nothing_said_where_nothing_is_wanted_neither_helps_nor_harms() -> None:
    assert score({"code": "x", "tags": [], "customer": None}, {"code": "x"}) == 1
    assert score({"code": "x", "customer": "Oak"}, {"code": "x", "customer": None}) == 2 / 3
    assert score({}, {"customer": None}) == 1


def test_items_are_paired_whatever_their_order_and_keep_their_fields_together() -> None:
    wanted = {"items": [{"product": "pea", "quantity": 2}, {"product": "oat", "quantity": 3}]}
    turned = {"items": list(reversed(wanted["items"]))}
    mixed = {"items": [{"product": "pea", "quantity": 3}, {"product": "oat", "quantity": 2}]}
    assert score(turned, wanted) == 1
    assert score(mixed, wanted) == 0.5
    assert score(turned, wanted, ordered=["items"]) == 0
    one_missing = {"items": wanted["items"][:1]}
    assert score(one_missing, wanted) == pytest.approx(2 * 2 / (2 + 4))


def test_every_field_is_a_part() -> None:
    metric = build_metric("field_f1", task=TASK)
    wanted = {"code": "PB", "customer": None, "items": [{"product": "pea", "quantity": 2}]}
    said = {"code": "PB", "customer": "Oak", "items": [{"product": "pea", "quantity": 1}]}
    example = Example("1", "x", json.dumps(wanted))
    right = metric.grade(example, json.dumps(said))
    parts = {"code": 1, "customer": 0, "items[].product": 1, "items[].quantity": 0}
    assert dict(right.parts) == parts
    failed = metric.grade(example, None)
    assert failed.score == 0
    assert dict(failed.parts) == {"code": 0, "items[].product": 0, "items[].quantity": 0}


@pytest.mark.parametrize(
    ("said", "wanted", "f1", "parts"),
    [
        ([{"a": 1}, {"a": 2}], [{"a": 2}, {"a": 1}], 1.0, {"[].a": 1.0}),
        ([{"a": 1, "b": 2}], [{"a": 1, "b": 3}], 0.5, {"[].a": 1.0, "[].b": 0.0}),
        (["x", "y"], ["y", "z"], 0.5, {"[]": 0.5}),
        ([], [], 1.0, {}),
        ([], [{"a": 1}], 0.0, {"[].a": 0.0}),
        ({"a": 1}, [{"a": 1}], 0.0, {"[].a": 0.0, "a": 0.0}),
    ],
)
@pytest.mark.parametrize("schema", [None, {"type": "array"}])
def test_an_array_is_a_document(
    said: object, wanted: object, f1: float, parts: dict[str, float], schema: object
) -> None:
    output = {"kind": "json"} | ({"schema": schema} if schema else {})
    metric = build_metric("field_f1", {}, task_with(output=output))
    grade = metric.grade(Example("1", "a", json.dumps(wanted)), json.dumps(said))
    assert (grade.score, grade.parts) == (f1, parts)
    whole = build_metric("json_match")
    assert whole.score(json.dumps(said), json.dumps(wanted)) == float(said == wanted)
    assert build_metric("json_match", {"typed": True}).score(
        json.dumps(said), json.dumps(wanted)
    ) == float(f1 == 1)


def test_the_fields_of_an_arrays_items_are_those_of_its_schema() -> None:
    item = {"type": "object", "properties": {"name": {"enum": ["A"]}, "n": {"type": "number"}}}
    assert types_of({"type": "array", "items": item}) == (
        {"[].name": "verbatim"},
        frozenset({"[].name", "[].n"}),
    )


def test_exact_match_can_be_typed() -> None:
    strict = build_metric("json_match", task=TASK)
    typed = build_metric("json_match", {"typed": True}, TASK)
    pair = '{"tags": ["b", "a"]}', '{"tags": ["a", "b"]}'
    assert (strict.score(*pair), typed.score(*pair)) == (0, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tolerence": 1}, "did you mean 'tolerance'"),
        ({"tolerance": "small"}, "tolerance must be a number, not 'small'"),
        ({"tolerance": 2}, "tolerance must be below 1, not 2"),
        ({"ordered": 3}, "must be text, not 3"),
        ({"case": 1}, "must be true or false"),
    ],
)
def test_wrong_options_are_one_line(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        score({}, {}, **options)


def test_nesting_beyond_reason_scores_nothing() -> None:
    deep = "[" * 500 + "]" * 500
    assert build_metric("field_f1", task=TASK).score(deep, deep) == 0


def test_a_schema_that_refers_to_itself_is_read_so_far() -> None:
    tree = {"$ref": "#/$defs/n", "$defs": {"n": {"properties": {"a": {"$ref": "#/$defs/n"}}}}}
    (path,) = types_of(tree)[1]
    assert path.startswith("a.a.a")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["x", "y"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=8,
)


@settings(deadline=None, max_examples=60)
@given(JSON, JSON)
def test_a_document_is_itself_and_f1_is_symmetric(one: object, other: object) -> None:
    likeness = Likeness()
    assert count_fields(one, one, likeness).f1 == 1
    there, back = count_fields(one, other, likeness), count_fields(other, one, likeness)
    assert there.right.total() <= min(there.answer.total(), there.reference.total())
    assert (there.answer, there.reference) == (back.reference, back.answer)
    assert 0 <= there.f1 <= 1


@pytest.mark.parametrize("edge", ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+01:00"])
def test_moments_beyond_the_calendar_are_compared_as_text(edge: str) -> None:
    dates = Likeness({"day": "date"})
    assert as_date(edge) is None
    assert same(edge, edge, "day", dates)
    assert not same(edge, "2024-01-01", "day", dates)
    assert not same("2024-01-01", edge, "day", dates)
    assert same("2024-01-01T01:00:00+01:00", "2024-01-01T00:00:00Z", "day", dates)


DATES = Likeness({"day": "date"})


@pytest.mark.parametrize(
    "written",
    [
        "1 December 2026",
        "December 1, 2026",
        "1. december 2026",
        "1 Dec 2026",
        "Dec. 1, 2026",
        "DEC 1st 2026",
        "2026/12/01",
        "2026-12-01T00:00:00",
    ],
)
def test_a_day_is_the_same_however_it_is_written(written: str) -> None:
    assert same(written, "2026-12-01", "day", DATES)
    assert same("2026-12-01", written, "day", DATES)


@pytest.mark.parametrize(
    "written",
    [
        "1 Marble 2026",
        "1 Marc 2026",
        "1 Mars 2026",
        "Mayor 3, 2026",
        "1 Decimal 2026",
        "Augury 1, 2026",
        "1 Septem 2026",
        "1 Novel 2026",
        "1 Ma 2026",
        "32 March 2026",
        "12/01/2026",
    ],
)
def test_what_only_begins_like_a_month_is_no_date(written: str) -> None:
    assert as_date(written) is None
    assert same(written, written, "day", DATES)


def test_september_has_two_abbreviations() -> None:
    assert {as_date(f"3 {name} 2026") for name in ("Sep", "Sept", "Sept.", "September")} == {
        as_date("2026-09-03")
    }
