"""JSON values checked against a JSON Schema: drafts 4 to 2020-12, the last unless it names another.

The validation is jsonschema-rs's. Patterns are ECMA-262 regular expressions, as the standard says;
``format`` is not asserted. References are never fetched.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import jsonschema_rs

from steelyard.files import parse_json
from steelyard.words import one_line

_LONGEST_PROBLEM = 160
_VAGUE = ("anyOf", "oneOf")
"""Keywords whose errors only say that several others failed."""


class BadSchemaError(ValueError):
    """What was given is not a usable JSON Schema; ``path`` says where in it."""

    def __init__(self, message: str, path: str = "") -> None:
        self.message = message
        super().__init__(f"{path}: {message}" if path else message)


class JsonSchema:
    """A compiled schema. Raises `BadSchemaError` where no value can be checked against it."""

    def __init__(self, schema: Any) -> None:
        try:
            kind = jsonschema_rs.validator_cls_for(schema)
        except ValueError:  # a ``$schema`` of no known draft
            kind = jsonschema_rs.Draft202012Validator
        try:
            self._validator = kind(schema, validate_formats=False, offline=True)
        except jsonschema_rs.ValidationError as error:
            if error.kind.name == "$ref":  # it does not say where the reference is
                raise BadSchemaError(f"a reference leads nowhere: {error.message}") from None
            raise BadSchemaError(error.message, _json_path(error.instance_path)) from None
        except ValueError as error:  # nested too deeply, or not Unicode
            raise BadSchemaError(str(error)) from None

    def is_fitting(self, value: Any) -> bool:
        """Whether ``value`` fits; text with lone surrogates, which is not Unicode, never does."""
        try:
            return self._validator.is_valid(value)
        except ValueError:
            return False

    def is_fitting_text(self, text: str) -> bool:
        try:
            return self.is_fitting(json.loads(text))
        except (ValueError, RecursionError):  # of the parser
            return False

    def problems(self, value: Any) -> list[str]:
        """Say in a line each where ``value`` does not fit, the outermost places first."""
        try:
            errors = list(self._validator.iter_errors(value))
        except ValueError as error:
            return [one_line(str(error), _LONGEST_PROBLEM)]
        errors.sort(key=lambda error: (len(error.instance_path), error.kind.name in _VAGUE))
        return [
            f"{_json_path(error.instance_path)}: {one_line(error.message, _LONGEST_PROBLEM)}"
            for error in errors
        ]


def check_schema_text(schema: str | None) -> None:
    """Raise `ValueError` where ``schema`` (JSON text), if any, is not a usable JSON schema."""
    if schema is not None:
        JsonSchema(parse_json(schema))


def _json_path(path: Sequence[str | int]) -> str:
    return "$" + "".join(
        f".{step}" if isinstance(step, str) and step.isidentifier() else f"[{step!r}]"
        for step in path
    )
