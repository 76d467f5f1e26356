"""The JSON Schema of ``result.json``: what is always there, what it is, and what is left out."""

from __future__ import annotations

import json
from typing import Any

from steelyard.result.run import Result

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_text() -> str:
    """Return the schema as it stands in ``docs/result.schema.json``."""
    schema = Result.model_json_schema(mode="serialization")
    document = {"$schema": DIALECT, **_concise(schema)}
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _concise(schema: Any, is_named: bool = False) -> Any:
    """Leave out titles, which repeat the names, and defaults, and join plain types that may be null.

    ``is_named``: the keys of ``schema`` are names of fields or records, not words of JSON Schema.
    """
    if isinstance(schema, list):
        return [_concise(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    concise = {
        key: _concise(inner, is_named=not is_named and key in ("properties", "$defs"))
        for key, inner in schema.items()
        if is_named or key not in ("title", "default")
    }
    options = () if is_named else concise.get("anyOf", ())
    if options and all(option.keys() == {"type"} for option in options):
        del concise["anyOf"]
        concise["type"] = [option["type"] for option in options]
    return concise
