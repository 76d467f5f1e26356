"""JSON outputs checked against the task's schema."""

from __future__ import annotations

from collections.abc import Iterator

from steelyard.data.outputs.base import Outputs, Trouble
from steelyard.json_schema import BadSchemaError, JsonSchema
from steelyard.words import one_line

EXPLAINED = 50
_LONGEST_REASON = 300


def misfits(outputs: Outputs) -> Iterator[Trouble]:
    """Outputs that the schema refuses; or a schema that no output can be held against."""
    document = outputs.data.task.output.json_schema
    if outputs.kind != "json" or document is None:
        return
    try:
        schema = JsonSchema(document)
    except BadSchemaError as error:
        yield _bad_schema(outputs, one_line(str(error), _LONGEST_REASON))
        return
    failed = [index for index, value in outputs.values.items() if not schema.is_fitting(value)]
    outputs.facts["schema"] = {
        "checked": len(outputs.values),
        "failed": len(failed),
        "reason": None,
    }
    if not failed:
        return
    notes = [schema.problems(outputs.values[index])[0] for index in failed[:EXPLAINED]]
    do = "output does" if len(failed) == 1 else "outputs do"
    yield Trouble(
        "schema",
        "error",
        f"{len(failed):,} {do} not fit the task's schema, such as row "
        f"{outputs.data.numbers[failed[0]]}: {notes[0]}",
        failed,
        notes,
    )


def _bad_schema(outputs: Outputs, reason: str) -> Trouble:
    outputs.facts["schema"] = {"checked": 0, "failed": None, "reason": reason}
    return Trouble(
        "bad_schema",
        "error",
        f"the task's schema is wrong, so that no output can be held against it: {reason}; "
        "correct output.schema",
        count=1,
    )
