"""Schemas that would stop a validator midway are found before it starts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steelyard.errors import ConfigError
from steelyard.score.rules import Reply, build_rules
from steelyard.score.validity import (
    BadSchemaError,
    is_fitting,
    json_validator,
    refuse_bad_schema,
    validity,
)

LEGACY = "http://json-schema.org/draft-07/schema#"


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"$ref": "#/$defs/missing"}, "refers to what is not in it"),
        ({"properties": {"a": {"items": {"$ref": "other.json"}}}}, r"\$ref 'other.json' refers to"),
        ({"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"$ref": "#b"}}}, "'#b' refers to"),
        ({"$ref": "#"}, r"\$ref '#' leads back to itself without end"),
        (
            {"$ref": "#/$defs/a", "$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}},
            "without end",
        ),
        ({"dependentSchemas": {"a": {"not": {"$ref": "#"}}}}, "without end"),
        ({"$ref": "#/x/y", "x": {"y": {"type": "objekt"}}}, "objekt"),
        ({"$ref": "#/x", "x": [1]}, "is not of type"),
        ({"properties": {"a": {"pattern": "("}}}, "'regex'"),
        ({"patternProperties": {"[": {}}}, "'regex'"),
    ],
)
def test_what_cannot_be_followed_is_refused(schema: dict[str, Any], message: str) -> None:
    with pytest.raises(BadSchemaError, match=message):
        json_validator(schema)
    with pytest.raises(
        ConfigError, match=r"output\.schema: no answer can be held against it"
    ) as told:
        refuse_bad_schema(json.dumps(schema))
    assert "\n" not in str(told.value)
    with pytest.raises(ConfigError, match="schema is no JSON schema") as told:
        build_rules([{"type": "valid_json", "schema": schema}], "rules")
    assert "\n" not in str(told.value)
    assert validity(["{}"], json.dumps(schema)).reason


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
        ({"$schema": LEGACY, "definitions": {"a": {"const": 1}}, "$ref": "#/definitions/a"}, 1, 2),
        ({"$schema": LEGACY, "$ref": "#/a", "a": {"const": 1}, "not": {"$ref": "#"}}, 1, 2),
        ({"$ref": "https://json-schema.org/draft/2020-12/schema"}, {"type": "null"}, {"type": 3}),
        ({"$ref": LEGACY}, {"type": "null"}, {"type": 3}),
    ],
)
def test_what_can_be_followed_is(schema: dict[str, Any], good: object, bad: object) -> None:
    validator = json_validator(schema)
    assert is_fitting(validator, good)
    assert not is_fitting(validator, bad)
    refuse_bad_schema(json.dumps(schema))


def test_a_value_nested_too_deeply_does_not_fit() -> None:
    deep = "[" * 900 + "]" * 900
    schema = {"type": "array", "items": {"$ref": "#"}}
    assert not is_fitting(json_validator(schema), json.loads(deep))
    ((_, rule),) = build_rules([{"type": "valid_json", "schema": schema}], "rules")
    assert not rule.is_kept(Reply(deep))
    assert rule.is_kept(Reply("[[]]"))
