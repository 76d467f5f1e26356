from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.data.outputs.schema import surely

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
        "minLength": st.integers(0, 2),
        "maxItems": st.integers(0, 2),
        "pattern": st.sampled_from(["^a", "R$"]),
        "const": values,
        "required": st.lists(st.sampled_from(["a", "b"]), unique=True),
        "additionalProperties": st.booleans(),
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
            },
        ),
    ).map(lambda pair: {**pair[0], **pair[1]}),
    max_leaves=4,
)


@settings(max_examples=400, deadline=None)
@given(schemas, values)
def test_the_quick_test_is_never_sure_of_what_does_not_fit(schema: Any, value: Any) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    fits = jsonschema.Draft202012Validator(schema).is_valid(value)
    assert fits or not surely(schema)(value)


def test_the_quick_test_is_sure_of_plain_values() -> None:
    order = {"customer": "c", "total": 2.5, "items": [{"sku": "a"}], "date": None}
    assert surely(ORDER)(order)
    assert not surely({"anyOf": [{}]})({})
    assert not surely(ORDER, "Draft4Validator")(order)
