"""A schema that cannot be held to is told of before anything is asked."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from steelyard.errors import ConfigError
from steelyard.model import ModelSpec, check_schema
from steelyard.model.hosted.dialect import strict_troubles

EMBEDDED = ModelSpec("embedded", "smollm2-135m")
HOSTED = ModelSpec("openai", "small")
GOOD: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": "string"}, "b": {"type": "array", "items": {"type": "integer"}}},
    "required": ["a", "b"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("spec", [EMBEDDED, HOSTED, ModelSpec("fake", "smart")])
def test_a_plain_schema_is_fine(spec: ModelSpec) -> None:
    assert check_schema(json.dumps(GOOD), spec) == ()


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "oops"}, "Invalid type: oops"),
        ({"$ref": "#/nowhere"}, "does not exist"),
        ({"type": "string", "pattern": "(?=a)b"}, "look-around"),
        ({"type": "object", "properties": {"a": False}, "required": ["a"]}, "nsatisfiable"),
    ],
)
def test_a_local_model_cannot_be_held_to_it(schema: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=f"cannot be constrained to output.schema.*{reason}"):
        check_schema(json.dumps(schema), EMBEDDED)


def test_what_only_the_validation_can_hold_is_no_reason_to_refuse() -> None:
    assert check_schema('{"type": "array", "uniqueItems": true}', EMBEDDED) == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"additionalProperties": True}, "the whole schema lacks additionalProperties: false"),
        ({"required": ["a"]}, "the whole schema does not require b"),
        ({"oneOf": []}, "the whole schema uses oneOf"),
        ({"type": "string"}, "the whole schema is not an object"),
        (
            {"properties": {"a": {"type": "object", "properties": {}}, "b": {"not": {}}}},
            "a lacks additionalProperties: false and b uses not",
        ),
    ],
)
def test_an_endpoint_is_asked_without_strict_mode_and_a_warning_says_why(
    change: dict[str, Any], said: str
) -> None:
    [warning] = check_schema(json.dumps(GOOD | change), HOSTED)
    assert "answers may not follow it" in warning
    assert said in warning


def test_names_and_values_are_no_keywords() -> None:
    schema = GOOD | {
        "properties": {"not": {"enum": ["if", {"then": 1}]}, "allOf": {"const": {"oneOf": 2}}},
        "required": ["not", "allOf"],
    }
    assert strict_troubles(schema) == []


def test_it_needs_no_torch() -> None:
    code = (
        "import sys; from steelyard.model import ModelSpec, check_schema;"
        "check_schema('{}', ModelSpec('embedded', 'smollm2-135m'));"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
