"""Whether answers are JSON that fits the task's schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from steelyard.core import Estimate
from steelyard.errors import MissingExtraError
from steelyard.extras import require
from steelyard.stats.intervals import proportion


class BadSchemaError(ValueError):
    """A JSON schema that is none; ``path`` says where in it."""

    def __init__(self, message: str, path: str = "") -> None:
        self.message = message
        super().__init__(f"{path}: {message}" if path else message)


def validity(outputs: Sequence[str | None], schema: str, level: float = 0.95) -> Estimate:
    """The share of ``outputs`` that are JSON and fit ``schema`` (JSON text), with its interval.

    ``None``, a failed answer, does not fit. JSON Schema, draft 2020-12 unless the schema names
    another. ``None`` with a reason where nothing can be validated.
    """
    try:
        validator = json_validator(json.loads(schema))
    except MissingExtraError as error:
        return Estimate(None, level=level, reason=str(error))
    except BadSchemaError as error:
        reason = f"output.schema is not a JSON schema: {error.message}"
        return Estimate(None, level=level, reason=" ".join(reason.split())[:200])
    try:
        fitting = sum(_fits(output, validator) for output in outputs)
    except require("referencing.exceptions", "data").Unresolvable as error:
        reason = f"output.schema refers to what is not in it: {str(error).splitlines()[-1]}"
        return Estimate(None, level=level, reason=reason[:200])
    return proportion(fitting, len(outputs), level)


def json_validator(schema: Any) -> Any:
    """Return what holds values against ``schema``; what that refers to elsewhere is never fetched.

    Raises `BadSchemaError`, or `MissingExtraError` without jsonschema.
    """
    jsonschema, referencing = require("jsonschema", "data"), require("referencing", "data")
    try:
        kind = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        raise BadSchemaError(error.message, error.json_path) from None
    except (AttributeError, TypeError) as error:  # a $schema that is no address
        raise BadSchemaError(str(error)) from None
    return kind(schema, registry=referencing.Registry())


def is_fitting(validator: Any, value: Any) -> bool:
    """Whether ``value`` fits; a number too large to divide does not."""
    try:
        return bool(validator.is_valid(value))
    except ArithmeticError:
        return False


def _fits(output: str | None, validator: Any) -> bool:
    if output is None:
        return False
    try:
        return is_fitting(validator, json.loads(output))
    except (ValueError, RecursionError):
        return False
