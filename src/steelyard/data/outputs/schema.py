"""JSON outputs held against the task's schema: JSON Schema, draft 2020-12 unless it names another."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from steelyard.data.outputs.base import Outputs, Trouble
from steelyard.errors import MissingExtraError
from steelyard.extras import require
from steelyard.score.validity import BadSchemaError, is_fitting, json_validator
from steelyard.words import counted

MOST_VALIDATED = 20_000
"""Values that the validator proper looks at, about 0.1 ms each; beyond, a sample."""

EXPLAINED = 50

Sure = Callable[[Any], bool]

_DRAFTS = ("Draft202012Validator", "Draft201909Validator", "Draft7Validator")
_SAY_NOTHING = frozenset(
    "title description examples default $schema $comment deprecated readOnly writeOnly format".split()
)
_TYPES: Mapping[str, Sure] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}


def misfits(outputs: Outputs) -> Iterator[Trouble]:
    """Outputs that the schema refuses; or a schema that no output can be held against."""
    schema = outputs.data.task.output.json_schema
    if outputs.kind != "json" or schema is None:
        return
    try:
        validator = json_validator(schema)
    except MissingExtraError as error:
        outputs.facts["schema"] = {"checked": 0, "failed": None, "reason": str(error)}
        return
    except BadSchemaError as error:
        yield _bad_schema(outputs, str(error))
        return
    referencing = require("referencing", "data")
    try:
        yield from _failing(outputs, validator, surely(schema, type(validator).__name__))
    except (referencing.exceptions.Unresolvable, RecursionError, re.error) as error:
        # The validator's own wrapper repeats the reference in many words: the last line tells.
        yield _bad_schema(outputs, str(error).strip().splitlines()[-1] or type(error).__name__)


def _bad_schema(outputs: Outputs, why: str) -> Trouble:
    outputs.facts["schema"] = {"checked": 0, "failed": None, "reason": why[:300]}
    return Trouble(
        "bad_schema",
        "error",
        f"the task's schema is wrong, so that no output can be held against it: {why[:300]}; "
        "correct output.schema",
        count=1,
    )


def _failing(outputs: Outputs, validator: Any, sure: Sure) -> Iterator[Trouble]:
    unsure = [index for index, value in outputs.values.items() if not sure(value)]
    step = -(-len(unsure) // MOST_VALIDATED) or 1
    failed = [index for index in unsure[::step] if not is_fitting(validator, outputs.values[index])]
    outputs.facts["schema"] = {
        "checked": len(outputs.values) if step == 1 else len(unsure[::step]),
        "failed": len(failed),
        "reason": None if step == 1 else f"one in {step} of those that are not plainly right",
    }
    if not failed:
        return
    notes = [_problem(validator, outputs.values[index]) for index in failed[:EXPLAINED]]
    do = "output does" if len(failed) == 1 else "outputs do"
    of = "" if step == 1 else f" of a sample of {counted(len(unsure[::step]), 'output')}"
    yield Trouble(
        "schema",
        "error",
        f"{len(failed):,} {do} not fit the task's schema{of}, such as row "
        f"{outputs.data.numbers[failed[0]]}: {notes[0]}",
        failed,
        notes,
    )


def _problem(validator: Any, value: Any) -> str:
    """The gravest error in one line."""
    try:
        best = require("jsonschema.exceptions", "data").best_match(validator.iter_errors(value))
    except ArithmeticError:
        return "holds a number too large to check"
    if best is None:  # the validator's two ways disagree: nothing to quote
        return "does not fit"
    message = best.message if len(best.message) <= 160 else f"{best.message[:159]}…"
    return f"{best.json_path}: {message}"


def surely(schema: Any, draft: str = _DRAFTS[0]) -> Sure:
    """A quick test that is true only for values that fit ``schema`` without doubt.

    It knows the plain keywords; of others, and of drafts in which they mean something else, it is
    never sure, and the validator proper decides. It saves nine tenths of the time on plain schemas.
    """
    test = _compile(schema) if draft in _DRAFTS else None
    return test or (lambda value: False)


def _compile(schema: Any) -> Sure | None:
    if schema is True:
        return lambda value: True
    if not isinstance(schema, Mapping):
        return None
    tests: list[Sure] = []
    for key, rule in schema.items():
        if key in _SAY_NOTHING:
            continue
        test = _RULES[key](rule, schema) if key in _RULES else None
        if test is None:
            return None
        tests.append(test)
    return _all(tests)


def _all(tests: list[Sure]) -> Sure:
    if len(tests) == 1:
        return tests[0]
    return lambda value: all(test(value) for test in tests)


def _type(rule: Any, schema: Mapping[str, Any]) -> Sure | None:
    names = [rule] if isinstance(rule, str) else rule
    if not isinstance(names, list) or not all(name in _TYPES for name in names):
        return None
    tests = [_TYPES[name] for name in names]
    return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)


def _enum(rule: Any, schema: Mapping[str, Any]) -> Sure | None:
    if not isinstance(rule, list):
        return None
    known = frozenset(value for value in rule if isinstance(value, str))
    has_null = None in rule
    # Numbers and booleans equal each other in Python but not in JSON: left to the validator.
    return lambda value: value in known if isinstance(value, str) else value is None and has_null


def _properties(rule: Any, schema: Mapping[str, Any]) -> Sure | None:
    if not isinstance(rule, Mapping):
        return None
    tests = {name: _compile(below) for name, below in rule.items()}
    known = {name: test for name, test in tests.items() if test is not None}
    if len(known) < len(tests):
        return None

    def fits(value: Any) -> bool:
        if not isinstance(value, dict):
            return True
        return all(name not in value or test(value[name]) for name, test in known.items())

    return fits


def _additional(rule: Any, schema: Mapping[str, Any]) -> Sure | None:
    if rule is True:
        return lambda value: True
    if rule is not False or "patternProperties" in schema:
        return None
    known = frozenset(schema.get("properties", ()))
    return lambda value: not isinstance(value, dict) or value.keys() <= known


def _required(rule: Any, schema: Mapping[str, Any]) -> Sure | None:
    if not isinstance(rule, list):
        return None
    names = frozenset(rule)
    return lambda value: not isinstance(value, dict) or names <= value.keys()


def _items(rule: Any, schema: Mapping[str, Any]) -> Sure | None:
    test = _compile(rule)
    if test is None or "prefixItems" in schema:
        return None
    return lambda value: not isinstance(value, list) or all(map(test, value))


def _pattern(rule: Any, schema: Mapping[str, Any]) -> Sure | None:
    if not isinstance(rule, str):
        return None
    search = re.compile(rule).search
    return lambda value: not isinstance(value, str) or search(value) is not None


def _bound(kinds: tuple[type, ...], test: Callable[[Any, Any], bool]) -> Callable[..., Sure | None]:
    """A rule that compares values of ``kinds``, or their lengths, with a number."""

    def compile_bound(rule: Any, schema: Mapping[str, Any]) -> Sure | None:
        if isinstance(rule, bool) or not isinstance(rule, int | float):
            return None
        return lambda value: (
            isinstance(value, bool) or not isinstance(value, kinds) or test(value, rule)
        )

    return compile_bound


_RULES: Mapping[str, Callable[[Any, Mapping[str, Any]], Sure | None]] = {
    "type": _type,
    "enum": _enum,
    "properties": _properties,
    "additionalProperties": _additional,
    "required": _required,
    "items": _items,
    "pattern": _pattern,
    "minimum": _bound((int, float), lambda value, rule: value >= rule),
    "maximum": _bound((int, float), lambda value, rule: value <= rule),
    "exclusiveMinimum": _bound((int, float), lambda value, rule: value > rule),
    "exclusiveMaximum": _bound((int, float), lambda value, rule: value < rule),
    "minLength": _bound((str,), lambda value, rule: len(value) >= rule),
    "maxLength": _bound((str,), lambda value, rule: len(value) <= rule),
    "minItems": _bound((list,), lambda value, rule: len(value) >= rule),
    "maxItems": _bound((list,), lambda value, rule: len(value) <= rule),
}
