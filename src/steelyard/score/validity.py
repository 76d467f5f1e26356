"""Whether answers are JSON that fits the task's schema."""

from __future__ import annotations

import json
from collections.abc import Sequence

from steelyard.core import Estimate, Example
from steelyard.errors import ConfigError
from steelyard.json_schema import BadSchemaError, JsonSchema
from steelyard.json_text import json_value
from steelyard.stats.intervals import share
from steelyard.stats.resample import Clusters
from steelyard.words import one_line

_LONGEST_REASON = 200


def validity(
    outputs: Sequence[str | None], schema: str, clusters: Clusters | None = None
) -> Estimate:
    """The share of ``outputs`` that are JSON and fit ``schema`` (JSON text), with its interval.

    ``None``, a failed answer, does not fit; ``clusters`` runs along ``outputs``. ``None`` with
    a reason where the schema is unusable.
    """
    try:
        compiled = JsonSchema(json.loads(schema))
    except BadSchemaError as error:
        reason = f"output.schema is not a JSON schema: {error.message}"
        return Estimate(None, reason=one_line(reason, _LONGEST_REASON))
    fitting = [float(text is not None and compiled.is_fitting_text(text)) for text in outputs]
    return share(fitting, clusters=clusters)


def refuse_bad_schema(schema: str) -> None:
    """Raise `ConfigError` where ``schema``, the task's as JSON text, cannot be used to check answers."""
    try:
        JsonSchema(json.loads(schema))
    except BadSchemaError as error:
        raise ConfigError(
            f"output.schema cannot be used to check answers: {one_line(str(error), 300)}; correct "
            "the schema"
        ) from None


def refuse_unmet_schema(schema: str, examples: Sequence[Example]) -> None:
    """Raise `ConfigError` where none of the examples' outputs fits ``schema``: all would score 0."""
    compiled = JsonSchema(json.loads(schema))
    answered = [example for example in examples if example.output]
    if not answered or any(compiled.is_fitting_text(example.output) for example in answered):
        return
    first = answered[0]
    raise ConfigError(
        f"output.schema: none of the {len(answered):,} outputs fits it (the first, "
        f"{first.source or first.id}: {_problem(first.output, compiled)}): correct the schema or the "
        "examples"
    )


def _problem(output: str, schema: JsonSchema) -> str:
    try:
        return schema.problems(json_value(output))[0]
    except ValueError as error:
        return one_line(str(error), _LONGEST_REASON)
