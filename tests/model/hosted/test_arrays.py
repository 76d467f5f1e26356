"""Lists as answers: an endpoint is asked for an object that holds them, and read without it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steelyard.core import Message, Request
from steelyard.model import ModelSpec
from steelyard.model.hosted.client import HostedModel
from steelyard.model.hosted.dialect import schema_format, sent_schema, unwrapped
from steelyard.model.schema_check import check_strict
from tests.model import endpoint as wire

LABELS = {"type": "array", "items": {"type": "string", "enum": ["A", "B"]}, "maxItems": 2}
TREE = {
    "type": "array",
    "items": {"$ref": "#/$defs/row"},
    "$defs": {"row": {"type": "object", "properties": {}, "additionalProperties": False}},
}


def test_an_array_is_sent_inside_an_object_and_strictly() -> None:
    sent = schema_format(json.dumps(LABELS))["json_schema"]
    assert sent["strict"] is True
    assert sent["schema"] == {
        "type": "object",
        "properties": {"answer": LABELS},
        "required": ["answer"],
        "additionalProperties": False,
    }
    assert check_strict(json.dumps(LABELS)) == ()


def test_definitions_stay_where_references_find_them() -> None:
    sent = sent_schema(TREE)
    assert sent["$defs"] == TREE["$defs"]
    assert sent["properties"]["answer"] == {"type": "array", "items": TREE["items"]}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('{"answer": ["A", "B"]}', '["A", "B"]'),
        ('{"answer": []}', "[]"),
        (' {\n "answer" : [1.10, {"a": 1, "a": 2}]\n}\n', '[1.10, {"a": 1, "a": 2}]'),
        ('["A"]', '["A"]'),
        ("A, B", "A, B"),
        ('{"labels": ["A"]}', '{"labels": ["A"]}'),
        ('{"answer": ["A"]', '{"answer": ["A"]'),
    ],
)
def test_the_array_is_taken_out_of_the_object(text: str, read: str) -> None:
    assert unwrapped(text, json.dumps(LABELS)) == read


@pytest.mark.parametrize("target", ["#", "#/items", "#/items/properties/a"])
def test_a_schema_that_refers_to_its_own_parts_is_sent_as_it_is(target: str) -> None:
    schema = {"type": "array", "items": {"$ref": target}}
    assert sent_schema(schema) == schema
    assert unwrapped('{"answer": []}', json.dumps(schema)) == '{"answer": []}'


def test_an_object_of_the_users_own_stays_whole() -> None:
    schema = json.dumps({"type": "object", "properties": {"answer": {"type": "string"}}})
    assert unwrapped('{"answer": "x"}', schema) == '{"answer": "x"}'
    assert sent_schema(json.loads(schema)) == json.loads(schema)


def test_an_endpoint_answers_with_the_list() -> None:
    def script(sent: dict[str, Any], before: int) -> wire.Reply:
        assert sent["max_tokens"] > 8
        return wire.stream('{"answer": ["B"]}')

    with wire.serving(script) as endpoint:
        model = HostedModel(ModelSpec("openai", "m", endpoint.base_url))
        request = Request((Message("user", "hi"),), 8, schema=json.dumps(LABELS))
        (completion,) = model.generate([request])
    assert completion is not None
    assert completion.text == '["B"]'
