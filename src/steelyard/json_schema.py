"""JSON values checked against a JSON Schema: drafts 4 to 2020-12, the last unless it names another.

The validation is jsonschema-rs's. Patterns are ECMA-262 regular expressions, as the standard says;
``format`` is not asserted. References are never fetched.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import jsonschema_rs

from steelyard.files import parse_json
from steelyard.json_text import json_value
from steelyard.words import one_line

log = logging.getLogger("steelyard")

MOST_STEPS = 1_000_000
"""Of going back, in a pattern that no linear engine can follow; a tenth of a second."""
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
            limits = jsonschema_rs.FancyRegexOptions(backtrack_limit=MOST_STEPS)
            self._validator = kind(
                schema, validate_formats=False, offline=True, pattern_options=limits
            )
        except jsonschema_rs.ValidationError as error:
            if error.kind.name == "$ref":  # it does not say where the reference is
                raise BadSchemaError(f"a reference leads nowhere: {error.message}") from None
            raise BadSchemaError(error.message, _json_path(error.instance_path)) from None
        except ValueError as error:  # nested too deeply, or not Unicode
            raise BadSchemaError(str(error)) from None
        self._may_not_end = "pattern" in repr(schema)

    def is_fitting(self, value: Any) -> bool:
        """Whether ``value`` fits; text with lone surrogates, which is not Unicode, never does.

        Nor does text on which a pattern with look-around or back-references does not come to an end
        within `MOST_STEPS`; the log says so once.
        """
        try:
            is_valid: bool = self._validator.is_valid(value)
        except ValueError:
            return False
        if not is_valid and self._may_not_end:
            self._warn_of_endless(value)
        return is_valid

    def _warn_of_endless(self, value: Any) -> None:
        for error in self._validator.iter_errors(value):
            if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.BacktrackLimitExceeded):
                log.warning(
                    "a pattern of the schema at %s does not end on a value within %d steps, which counts "
                    "as not fitting; write the pattern without look-around or nested repeats",
                    _json_path(error.schema_path),
                    MOST_STEPS,
                )
                self._may_not_end = False
                return

    def is_fitting_text(self, text: str) -> bool:
        try:
            return self.is_fitting(json_value(text))
        except ValueError:
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
