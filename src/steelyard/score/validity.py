"""Whether answers are JSON that fits the task's schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from steelyard.core import Estimate
from steelyard.errors import MissingExtraError
from steelyard.extras import require
from steelyard.stats.intervals import proportion


def validity(outputs: Sequence[str | None], schema: str, level: float = 0.95) -> Estimate:
    """The share of ``outputs`` that are JSON and fit ``schema`` (JSON text), with its interval.

    ``None``, a failed answer, does not fit. JSON Schema, draft 2020-12 unless the schema names
    another. ``None`` with a reason where nothing can be validated.
    """
    try:
        jsonschema = require("jsonschema", "data")
        referencing = require("referencing", "data")
    except MissingExtraError as error:
        return Estimate(None, level=level, reason=str(error))
    parsed = json.loads(schema)
    try:
        kind = jsonschema.validators.validator_for(parsed, jsonschema.Draft202012Validator)
        kind.check_schema(parsed)
    except (jsonschema.SchemaError, AttributeError, TypeError) as error:
        reason = f"output.schema is not a JSON schema: {getattr(error, 'message', error)}"
        return Estimate(None, level=level, reason=" ".join(reason.split())[:200])
    # An empty registry: what the schema refers to is never fetched.
    validator = kind(parsed, registry=referencing.Registry())
    try:
        fitting = sum(_fits(output, validator) for output in outputs)
    except referencing.exceptions.Unresolvable as error:
        reason = f"output.schema refers to what is not in it: {str(error).splitlines()[-1]}"
        return Estimate(None, level=level, reason=reason[:200])
    return proportion(fitting, len(outputs), level)


def _fits(output: str | None, validator: Any) -> bool:
    if output is None:
        return False
    try:
        return bool(validator.is_valid(json.loads(output)))
    except (ValueError, RecursionError, ArithmeticError):  # a number too large to divide
        return False
