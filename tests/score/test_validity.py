from __future__ import annotations

import json

import pytest

from steelyard.core import Example
from steelyard.errors import ConfigError
from steelyard.score.validity import refuse_unmet_schema, validity

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"n": {"type": "integer"}, "kind": {"enum": ["a", "b"]}},
        "required": ["n"],
        "additionalProperties": False,
    }
)


def test_what_does_not_parse_or_fit_and_what_failed_is_not_valid() -> None:
    outputs = ['{"n": 1}', '{"n": 2, "kind": "b"}', '{"n": "1"}', '{"kind": "a"}', "{", None, "[]"]
    found = validity(outputs, SCHEMA)
    assert found.value == pytest.approx(2 / 7)
    assert found.n == 7
    assert found.low is not None
    assert found.high is not None
    assert found.low < 2 / 7 < found.high


def test_a_schema_that_no_output_fits_is_refused_with_the_first_misfit() -> None:
    rows = [Example(str(n), "x", json.dumps({"m": n}), source=f"e.jsonl:{n}") for n in (1, 2)]
    with pytest.raises(ConfigError, match=r"none of the 2 outputs fits it \(the first, e\.jsonl:1"):
        refuse_unmet_schema(SCHEMA, rows)
    refuse_unmet_schema(SCHEMA, [*rows, Example("3", "x", '{"n": 3}')])
    refuse_unmet_schema(SCHEMA, [Example("4", "x", "")])


def test_what_cannot_be_said_has_a_reason() -> None:
    assert validity([], SCHEMA).reason == "no items"
    bad = validity(["{}"], '{"type": 3}')
    assert bad.value is None
    assert bad.reason is not None
    assert "not a JSON schema" in bad.reason


def test_references_are_not_fetched() -> None:
    found = validity(["{}"], '{"$ref": "https://example.com/schema.json"}')
    assert found.value is None
    assert found.reason is not None
    assert "a reference leads nowhere" in found.reason
