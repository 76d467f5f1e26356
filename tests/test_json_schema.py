"""Schemas that no value can be checked against are refused, and verdicts are those of jsonschema."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.errors import ConfigError
from steelyard.json_schema import BadSchemaError, JsonSchema
from steelyard.score.rules import Reply, build_rules
from steelyard.score.validity import refuse_bad_schema, validity

DRAFT_4 = "http://json-schema.org/draft-04/schema#"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
LATEST = "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"$ref": "#/$defs/missing"}, "'/\\$defs/missing' does not exist"),
        ({"properties": {"a": {"items": {"$ref": "other.json"}}}}, "leads nowhere: .*'other.json'"),
        ({"$ref": "https://example.com/schema.json"}, "leads nowhere"),
        ({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"$ref": "#b"}}}, "'b' does not exist"),
        ({"$dynamicRef": "#nowhere"}, "leads nowhere"),
        ({"$ref": "#/x/y", "x": {"y": {"type": "objekt"}}}, r"^\$\.x\.y\.type: "),
        ({"$ref": "#/x", "x": [1]}, "is not of type"),
        ({"type": "objekt"}, r"^\$\.type: "),
        ({"properties": []}, r"^\$\.properties: \[\] is not of type"),
        ({"properties": {"a": {"pattern": "("}}}, 'not a "regex"'),
        ({"patternProperties": {"[": {}}}, 'not a "regex"'),
        ({"enum": ["\ud800"]}, "surrogates"),
    ],
)
def test_what_cannot_be_followed_is_refused(schema: dict[str, Any], message: str) -> None:
    with pytest.raises(BadSchemaError, match=message):
        JsonSchema(schema)
    with pytest.raises(
        ConfigError, match=r"output\.schema cannot be used to check answers"
    ) as told:
        refuse_bad_schema(json.dumps(schema))
    assert "\n" not in str(told.value)
    with pytest.raises(ConfigError, match="schema is not a valid JSON schema") as told:
        build_rules([{"type": "valid_json", "schema": schema}], "rules")
    assert "\n" not in str(told.value)
    assert validity(["{}"], json.dumps(schema)).reason


def test_a_schema_nested_too_deeply_is_refused() -> None:
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(900):
        schema = {"items": schema}
    with pytest.raises(BadSchemaError, match="Recursion limit"):
        JsonSchema(schema)


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "array", "items": {"$ref": "#"}}, [[], [[]]], [1]),
        ({"properties": {"a": {"$ref": "#"}}, "type": "object"}, {"a": {"a": {}}}, {"a": 1}),
        ({"type": "object", "$defs": {"unused": {"$ref": "#/nowhere"}}}, {}, []),
        (
            {"$ref": "#/$defs/a/$defs/b", "$defs": {"a": {"$defs": {"b": {"type": "null"}}}}},
            None,
            1,
        ),
        ({"enum": [{"$ref": "#/nowhere"}]}, {"$ref": "#/nowhere"}, 1),
        ({"properties": {"$ref": {"type": "string"}}}, {"$ref": "x"}, {"$ref": 1}),
        (
            {"$id": "https://e.org/a", "$ref": "b", "$defs": {"b": {"$id": "b", "type": "null"}}},
            None,
            1,
        ),
        ({"$schema": DRAFT_7, "definitions": {"a": {"const": 1}}, "$ref": "#/definitions/a"}, 1, 2),
        ({"$schema": DRAFT_7, "$ref": "#/a", "a": {"const": 1}, "not": {"$ref": "#"}}, 1, 2),
        ({"$schema": DRAFT_4, "minimum": 0, "exclusiveMinimum": True}, 1, 0),
        ({"$schema": "https://example.com/mine", "type": "null"}, None, 1),
        ({"$ref": LATEST}, {"type": "null"}, {"type": 3}),
        ({"uniqueItems": True}, [1, True, {"a": 1}, {"a": True}], [[1], [1.0]]),
        ({"enum": [1]}, 1.0, True),
        (
            {"unevaluatedProperties": False, "allOf": [{"properties": {"a": True}}]},
            {"a": 1},
            {"b": 1},
        ),
        ({"type": "string", "format": "date"}, "no date", 1),
        ({"maxLength": 1}, "😀", "e\u0301"),
        ({"type": "integer"}, 10**400, 0.5),
        # What jsonschema has wrong.
        ({"pattern": r"^\p{L}+$"}, "é", "1"),
        ({"pattern": r"^\d+$"}, "12", "١٢"),
        ({"pattern": "a$"}, "a", "a\n"),
        ({"multipleOf": 0.01}, 19.99, 19.999),
        ({"type": "number"}, 1e300, float("nan")),
    ],
)
def test_what_can_be_followed_is(schema: dict[str, Any], good: object, bad: object) -> None:
    compiled = JsonSchema(schema)
    assert compiled.is_fitting(good)
    assert not compiled.is_fitting(bad)
    assert compiled.problems(good) == []
    assert compiled.problems(bad)
    refuse_bad_schema(json.dumps(schema))


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}},
        {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"$dynamicRef": "#"},
    ],
)
def test_a_circle_of_references_asks_nothing_and_ends(schema: dict[str, Any]) -> None:
    assert JsonSchema(schema).is_fitting({"a": 1})


def test_a_pattern_that_backtracks_without_end_is_decided() -> None:
    assert not JsonSchema({"pattern": "^(a+)+$"}).is_fitting("a" * 60 + "b")


def test_a_pattern_that_no_linear_engine_follows_is_bounded_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    schema = JsonSchema({"properties": {"n": {"pattern": "^(a|aa)+(?=c)$"}}})
    for _ in range(3):
        assert not schema.is_fitting({"n": "a" * 60})
    assert "backtracking" in schema.problems({"n": "a" * 60})[0]
    (message,) = caplog.messages
    assert "a pattern of the schema" in message


@pytest.mark.parametrize(
    ("pattern", "text", "is_fitting"),
    [
        (r"^([A-Za-z0-9]+ ?)+$", "Maximiliane Alexandrina Featherstonehaugh-Beauclerk", False),
        (r"^([A-Za-z0-9]+ ?)+$", "Maximiliane Alexandrina Featherstonehaugh", True),
        (r"^(\w+\s?)*$", "word " * 20_000 + "!", False),
        (r"^\p{L}+$", "Ünïcödé", True),
        (r"^\p{Lu}", "ünïcödé", False),
        (r"^\w+$", "é", False),
        (r"^\S+$", "a\u00a0b", False),
        (r"^.$", "😀", True),
        (r"a$", "a\n", False),
        (r"\u00e9", "é", True),
    ],
)
def test_patterns_mean_what_ecma_262_says(pattern: str, text: str, is_fitting: bool) -> None:
    assert JsonSchema({"pattern": pattern}).is_fitting(text) == is_fitting


def test_deep_values_are_read_to_the_bottom() -> None:
    schema = {"type": "array", "items": {"$ref": "#"}}
    ((_, rule),) = build_rules([{"type": "valid_json", "schema": schema}], "rules")
    assert rule.is_kept(Reply("[" * 190 + "]" * 190))
    assert not rule.is_kept(Reply("[" * 190 + "1" + "]" * 190))
    assert not rule.is_kept(Reply("[" * 100_000 + "]" * 100_000))


def test_text_that_is_not_unicode_does_not_fit() -> None:
    schema = JsonSchema({"type": "string"})
    assert not schema.is_fitting_text('"\\ud800"')
    assert "surrogates" in schema.problems("\ud800")[0]
    assert not schema.is_fitting_text("{")


def test_problems_name_the_place_outermost_first() -> None:
    schema = JsonSchema(
        {
            "properties": {
                "a b": {"items": {"required": ["n"]}},
                "c": {"anyOf": [{"type": "null"}, {"type": "integer"}]},
            },
            "required": ["d"],
        }
    )
    assert schema.problems({"a b": [{"n": 1}, {}], "c": "x" * 500}) == [
        '$: "d" is a required property',
        "$.c: " + f'"{"x" * 158}…',
        "$['a b'][1]: \"n\" is a required property",
    ]


values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, "", "a", "EUR"]),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "c"]), below, max_size=3)
    ),
    max_leaves=8,
)
kinds = st.sampled_from("object array string boolean null integer number".split())
rules = st.fixed_dictionaries(
    {},
    optional={
        "type": kinds | st.lists(kinds, min_size=1, max_size=2, unique=True),
        "enum": st.lists(values, min_size=1, max_size=3),
        "minimum": st.integers(-2, 2),
        "exclusiveMaximum": st.integers(-2, 2),
        "multipleOf": st.integers(1, 2),
        "minLength": st.integers(0, 2),
        "maxItems": st.integers(0, 2),
        "uniqueItems": st.booleans(),
        "pattern": st.sampled_from(["^a", "R$"]),
        "const": values,
        "required": st.lists(st.sampled_from(["a", "b"]), unique=True),
        "additionalProperties": st.booleans(),
        "propertyNames": st.sampled_from([{"enum": ["a", "b"]}, False]),
        "$ref": st.sampled_from(["#/$defs/n", "#/$defs/o"]),
    },
)
schemas = st.recursive(
    rules,
    lambda below: st.tuples(
        rules,
        st.fixed_dictionaries(
            {},
            optional={
                "items": below,
                "properties": st.dictionaries(st.sampled_from(["a", "b"]), below, max_size=2),
                "not": below,
                "anyOf": st.lists(below, min_size=1, max_size=2),
                "if": below,
                "then": below,
                "contains": below,
            },
        ),
    ).map(lambda pair: {**pair[0], **pair[1]}),
    max_leaves=4,
)
DEFINITIONS = {"n": {"type": ["number", "null"]}, "o": {"required": ["a"], "maxProperties": 2}}


@settings(max_examples=400, deadline=None)
@given(schemas, values)
def test_verdicts_are_those_of_jsonschema(schema: dict[str, Any], value: Any) -> None:
    whole = {**schema, "$defs": DEFINITIONS}
    fits = jsonschema.Draft202012Validator(whole).is_valid(value)
    compiled = JsonSchema(whole)
    assert compiled.is_fitting(value) == fits
    assert (compiled.problems(value) == []) == fits
