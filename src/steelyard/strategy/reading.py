"""What a model wrote, read as an answer: after reasoning, against a schema, and as a vote."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from steelyard.core import Completion
from steelyard.errors import MissingExtraError
from steelyard.score import parse_output
from steelyard.score.exact import normalise
from steelyard.score.numeric import last_number
from steelyard.score.validity import BadSchemaError, json_validator
from steelyard.strategy.base import Brief

_MARKER = re.compile(
    r"(?:\bfinal\s+)?\banswer\b(?:\s+is\b)?[*_]*\s*[:：]\s*[*_]*|\bthe\s+answer\s+is\b|####", re.I
)
"""What final answers are announced by: ours, what models write unasked, and GSM8K's."""
_LISTED_ERRORS = 3

Reading = tuple[str | None, str | None]
"""``(output, None)``, or ``(None, reason)``."""


def read_completion(brief: Brief, completion: Completion, *, reasoned: bool) -> Reading:
    """Return the answer a completion gives; ``reasoned`` when it stands after reasoning."""
    if completion.failure is not None:
        return None, completion.failure
    if completion.finish_reason == "choice":
        return completion.text, None
    if reasoned:
        return _read_reasoned(brief, completion)
    return parse_output(brief, completion.text)


def split_reasoned(text: str) -> tuple[str, str] | None:
    """Split a text at its last answer marker into reasoning and answer; ``None`` without one.

    A marker after which nothing stands does not count.
    """
    for marker in reversed(list(_MARKER.finditer(text))):
        answer = text[marker.end() :].strip().strip("*_").strip()
        if answer:
            return text[: marker.start()].strip(), answer
    return None


def _read_reasoned(brief: Brief, completion: Completion) -> Reading:
    text = completion.text
    found = split_reasoned(text)
    if found is None and completion.finish_reason == "length":
        return None, f"cut after {completion.output_tokens} tokens, before an answer was given"
    if found is None:  # no marker: the last line is what was said last
        lines = [line for line in text.splitlines() if line.strip()]
        answer = text if brief.kind == "json" else "".join(lines[-1:])
    else:
        answer = found[1] if brief.kind == "json" else found[1].splitlines()[0]
    return parse_output(brief, answer.strip().strip("*_").strip())


def misfit(brief: Brief, output: str) -> str | None:
    """Say where ``output`` (JSON text) breaks the brief's schema; ``None`` where it fits.

    ``None`` too where nothing can be validated: no schema, a bad one, or no jsonschema installed.
    """
    validator = None if brief.schema is None else _validator(brief.schema)
    if validator is None:
        return None
    try:
        errors = list(validator.iter_errors(json.loads(output)))[:_LISTED_ERRORS]
    except (ArithmeticError, RecursionError):
        return "a number in it is too large, or it is nested too deeply"
    return "; ".join(f"{error.json_path}: {_short(error.message)}" for error in errors) or None


@lru_cache(maxsize=16)
def _validator(schema: str) -> Any:
    try:
        return json_validator(json.loads(schema))
    except (MissingExtraError, BadSchemaError):
        return None


def _short(message: str) -> str:
    flat = " ".join(message.split())
    return flat if len(flat) <= 160 else flat[:159] + "…"


def canonical(brief: Brief, output: str) -> str:
    """Return one text for all outputs that are the same answer, so that votes can be counted.

    Labels as they are; numbers by value, where the metric compares numbers; JSON whatever the order
    of its keys; other text but for case and white space.
    """
    if brief.kind == "label":
        return output
    if brief.kind == "json":
        return json.dumps(json.loads(output), sort_keys=True)
    number = last_number(output) if brief.metric == "numeric" else None
    return normalise(output) if number is None else str(number.normalize())
