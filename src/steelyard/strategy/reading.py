"""What a model wrote, read as an answer: after reasoning, against a schema, and as a vote."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache

from steelyard.core import Completion
from steelyard.json_schema import BadSchemaError, JsonSchema
from steelyard.score import parse_output
from steelyard.score.text import normalise
from steelyard.score.values import final_value
from steelyard.strategy.announced import last_line, split_reasoned, splits, unmarked
from steelyard.strategy.base import Brief

__all__ = ["Reading", "canonical", "misfit", "read_completion", "split_reasoned"]

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


def _read_reasoned(brief: Brief, completion: Completion) -> Reading:
    text = completion.text
    answers = [answer for _, answer in splits(text)]
    if not answers and completion.finish_reason == "length":
        return None, f"cut after {completion.output_tokens} tokens, before an answer was given"
    if brief.kind == "json":
        readings = [parse_output(brief, answer) for answer in answers or [unmarked(text)]]
        return next((reading for reading in readings if reading[0] is not None), readings[0])
    if brief.metric == "numeric":
        return parse_output(brief, _numeric(text, answers))
    line = unmarked(answers[0].splitlines()[0]) if answers else last_line(text)
    return parse_output(brief, line)


def _numeric(text: str, answers: Sequence[str]) -> str:
    """The line that says the number: the first with one after the last marker that has one.

    Without a marker it is the last line where that says what the text does, else the whole text.
    """
    for answer in answers:
        for line in answer.splitlines():
            if final_value(line) is not None:
                return unmarked(line)
    if answers:
        return unmarked(answers[0].splitlines()[0])
    last = last_line(text)
    return last if final_value(last) == final_value(text) else text


def misfit(brief: Brief, output: str) -> str | None:
    """Say where ``output`` (JSON text) breaks the brief's schema; ``None`` where it fits.

    ``None`` too where there is no schema, or a bad one.
    """
    schema = None if brief.schema is None else _compiled(brief.schema)
    if schema is None:
        return None
    return "; ".join(schema.problems(json.loads(output))[:_LISTED_ERRORS]) or None


@lru_cache(maxsize=16)
def _compiled(schema: str) -> JsonSchema | None:
    try:
        return JsonSchema(json.loads(schema))
    except BadSchemaError:
        return None


def canonical(brief: Brief, output: str) -> str:
    """Return one text for all outputs that are the same answer, so that votes can be counted.

    Labels as they are; numbers by value, where the metric compares numbers; JSON whatever the order
    of its keys; other text but for case and white space.
    """
    if brief.kind == "label":
        return output
    if brief.kind == "json":
        return json.dumps(json.loads(output), sort_keys=True)
    value = final_value(output) if brief.metric == "numeric" else None
    return normalise(output) if value is None else str(value.number.normalize())
