"""JSON outputs checked against the task's schema."""

from __future__ import annotations

from collections.abc import Iterator

from steelyard.data.outputs.base import Outputs, Trouble
from steelyard.json_schema import BadSchemaError, JsonSchema
from steelyard.words import counted, one_line

EXPLAINED = 50
_LONGEST_REASON = 300


def misfits(outputs: Outputs) -> Iterator[Trouble]:
    """Outputs that the schema refuses; or a schema that is itself invalid."""
    document = outputs.data.task.output.json_schema
    if outputs.kind != "json" or document is None:
        return
    try:
        schema = JsonSchema(document)
    except BadSchemaError as error:
        reason = one_line(str(error), _LONGEST_REASON)
        outputs.facts["schema"] = {"checked": 0, "failed": None, "reason": reason}
        message = (
            f"the task's schema is invalid, so outputs cannot be checked against it: {reason}; correct "
            "output.schema"
        )
        yield Trouble("bad_schema", "error", message, count=1)
        return
    failed = [index for index, value in outputs.values.items() if not schema.is_fitting(value)]
    counts = {"checked": len(outputs.values), "failed": len(failed), "reason": None}
    outputs.facts["schema"] = counts
    if not failed:
        return
    notes = [schema.problems(outputs.values[index])[0] for index in failed[:EXPLAINED]]
    yield Trouble(
        "schema",
        "error",
        f"{counted(len(failed), 'output does', 'outputs do')} not fit the task's schema, such as row "
        f"{outputs.data.numbers[failed[0]]}: {notes[0]}",
        failed,
        notes,
    )
