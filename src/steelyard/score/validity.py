"""Whether answers are JSON that fits the task's schema."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from steelyard.core import Estimate, Example
from steelyard.errors import ConfigError, MissingExtraError
from steelyard.extras import require
from steelyard.score.references import flaw
from steelyard.stats.intervals import proportion
from steelyard.words import shortened

_SHOWN = 200


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
    return proportion(sum(_fits(output, validator) for output in outputs), len(outputs), level)


def refuse_bad_schema(schema: str) -> None:
    """Raise `ConfigError` where no answer can be held against ``schema``, JSON text of the task's.

    Without jsonschema nothing can be said, and nothing is.
    """
    try:
        json_validator(json.loads(schema))
    except MissingExtraError:
        return
    except BadSchemaError as error:
        said = " ".join(str(error).split())[:300]
        raise ConfigError(
            f"output.schema: no answer can be held against it: {said}: correct the schema"
        ) from None


def refuse_unmet_schema(schema: str, examples: Sequence[Example]) -> None:
    """Raise `ConfigError` where none of the examples' outputs fits ``schema``: all would score 0."""
    try:
        validator = json_validator(json.loads(schema))
    except MissingExtraError:
        return
    given = [example for example in examples if example.output]
    if not given or any(_fits(example.output, validator) for example in given):
        return
    first = given[0]
    raise ConfigError(
        f"output.schema: none of the {len(given):,} outputs fits it (the first, "
        f"{first.source or first.id}: {_misfit(first.output, validator)}): correct the schema or the "
        "examples"
    )


def _misfit(output: str, validator: Any) -> str:
    """What is wrong with an output, in a few words."""
    best_match = require("jsonschema.exceptions", "data").best_match
    try:
        found = best_match(validator.iter_errors(json.loads(output)))
    except (ValueError, RecursionError, ArithmeticError, unresolvable()) as error:
        return shortened(" ".join(str(error).split()), _SHOWN)
    if found is None:
        return "it cannot be held against it"
    wanted = f"{found.validator} {json.dumps(found.validator_value, ensure_ascii=False)}"
    return shortened(f"{found.json_path} is not as {wanted} asks", _SHOWN)


def json_validator(schema: Any) -> Any:
    """Return what holds values against ``schema``; what that refers to elsewhere is never fetched.

    Raises `BadSchemaError`, also for what would stop it midway, or `MissingExtraError` without
    jsonschema.
    """
    jsonschema, referencing = require("jsonschema", "data"), require("referencing", "data")
    try:
        kind = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
        kind.check_schema(schema)
        found = flaw(schema, kind)
    except jsonschema.SchemaError as error:
        raise BadSchemaError(error.message, error.json_path) from None
    except (AttributeError, TypeError) as error:  # a $schema that is no address
        raise BadSchemaError(str(error)) from None
    if found is not None:
        raise BadSchemaError(found)
    return kind(schema, registry=referencing.Registry())


def is_fitting(validator: Any, value: Any) -> bool:
    """Whether ``value`` fits; what cannot be held against it does not.

    That is a number too large to divide, a value nested too deeply, and what is left of dead
    references: dynamic ones are known only here.
    """
    try:
        return bool(validator.is_valid(value))
    except (ArithmeticError, RecursionError, unresolvable()):
        return False


def unresolvable() -> type[Exception]:
    """The exception for a reference to nothing."""
    found: type[Exception] = require("referencing.exceptions", "data").Unresolvable
    return found


def _fits(output: str | None, validator: Any) -> bool:
    if output is None:
        return False
    try:
        return is_fitting(validator, json.loads(output))
    except (ValueError, RecursionError):  # of the parser
        return False
