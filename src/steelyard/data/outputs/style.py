"""Outputs in the wrong form: not JSON, against the schema, or in a style unlike the others."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from steelyard.data.outputs.base import OutputProblem, Outputs
from steelyard.json_schema import BadSchemaError, JsonSchema
from steelyard.label_sets import labels_among
from steelyard.words import counted, one_line, percent

LEAST_OUTPUTS = 20
EXPLAINED = 50
_LONGEST_REASON = 300
RULE = 0.8
"""A style of at least this share of the outputs is the rule; the rest are exceptions."""

_FENCED = re.compile(r"```")
_QUOTED = re.compile(r"""(?:"[^"]*"|“[^”]*”|'[^']*'|«[^»]*»|„[^“]*“)""", re.DOTALL)
_CLOSED = re.compile(r"""[.!?…。！？:;][)\]"'”’»*_`]*$""")
_CURLY = re.compile("[“”‘’]")
_STRAIGHT = re.compile(r"""["']""")


def not_json(outputs: Outputs) -> Iterator[OutputProblem]:
    """For kind json: outputs that are not JSON; those in a code fence get a repair of their own."""
    if outputs.kind != "json":
        return
    reasons = {index: output.reason for index, output in outputs.parsed.items() if output.reason}
    fenced = [index for index, why in reasons.items() if why == "in a code fence"]
    if fenced:
        message = (
            f"{counted(len(fenced), 'output is', 'outputs are')} in a code fence, which is not JSON: a "
            "run refuses them; remove the fence"
        )
        yield OutputProblem("fenced", "error", message, fenced)
    broken = {index: reasons[index] for index in sorted(set(reasons).difference(fenced))}
    if broken:
        first = next(iter(broken))
        yield OutputProblem(
            "not_json",
            "error",
            f"{counted(len(broken), 'output is', 'outputs are')} not a JSON object or array, such as "
            f"row {outputs.data.numbers[first]}: {broken[first]}",
            list(broken),
            list(broken.values()),
        )


def not_labels(outputs: Outputs) -> Iterator[OutputProblem]:
    """For kind labels: outputs that are no list of labels."""
    if outputs.kind != "labels":
        return
    reasons: dict[int, str] = {}
    for index in outputs.filled:
        try:
            labels_among(outputs.texts[index])
        except ValueError as error:
            reasons[index] = str(error)
    if reasons:
        yield OutputProblem(
            "not_labels",
            "error",
            f"{counted(len(reasons), 'output is', 'outputs are')} not a JSON array of labels: a run "
            'refuses them; write ["A", "B"], or [] for none',
            list(reasons),
            list(reasons.values()),
        )


def misfits(outputs: Outputs) -> Iterator[OutputProblem]:
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
        yield OutputProblem("bad_schema", "error", message, count=1)
        return
    failed = [index for index, value in outputs.values.items() if not schema.is_fitting(value)]
    counts = {"checked": len(outputs.values), "failed": len(failed), "reason": None}
    outputs.facts["schema"] = counts
    if not failed:
        return
    notes = [schema.problems(outputs.values[index])[0] for index in failed[:EXPLAINED]]
    yield OutputProblem(
        "schema",
        "error",
        f"{counted(len(failed), 'output does', 'outputs do')} not fit the task's schema, such as row "
        f"{outputs.data.numbers[failed[0]]}: {notes[0]}",
        failed,
        notes,
    )


def mixed(outputs: Outputs) -> Iterator[OutputProblem]:
    """For text: the outputs in a different style from the others."""
    if outputs.kind != "text" or len(outputs.filled) < 2:
        return
    texts = outputs.texts
    yield from _fewer(outputs, "mixed_json", "JSON", list(outputs.values))
    fenced = [index for index in outputs.filled if _FENCED.match(texts[index])]
    yield from _fewer(outputs, "mixed_fences", "text in a code fence", fenced)
    quoted = [index for index in outputs.filled if _QUOTED.fullmatch(texts[index])]
    yield from _fewer(outputs, "mixed_quotes", "text in quotation marks", quoted)
    yield from _closing(outputs)
    yield from _quote_marks(outputs)


def _fewer(
    outputs: Outputs, name: str, what: str, having: Sequence[int]
) -> Iterator[OutputProblem]:
    """The smaller of the two groups, with the mark and without it, if there are both."""
    total = len(outputs.filled)
    if not 0 < len(having) < total:
        return
    odd, negation = having, ""
    if len(having) > total / 2:
        has = set(having)
        odd = [index for index in outputs.filled if index not in has]
        negation = "not "
    message = (
        f"{counted(len(odd), 'output')} of {total:,} {'is' if len(odd) == 1 else 'are'} {negation}{what}, "
        "unlike the others: a tuned model may write either"
    )
    yield OutputProblem(name, "warning", message, odd)


def _closing(outputs: Outputs) -> Iterator[OutputProblem]:
    """Outputs that end unlike nearly all others, with or without closing punctuation."""
    total = len(outputs.filled)
    if total < LEAST_OUTPUTS:
        return
    texts = outputs.texts
    closed = {index for index in outputs.filled if _CLOSED.search(texts[index][-8:])}
    most = max(len(closed), total - len(closed))
    if most < RULE * total or most == total:
        return
    is_rule = len(closed) == most
    odd = [index for index in outputs.filled if (index in closed) != is_rule]
    how = "without" if is_rule else "with"
    rest = "have it: they may be cut off" if is_rule else "do not: exact matches will fail"
    message = (
        f"{counted(len(odd), 'output ends', 'outputs end')} {how} closing punctuation, while "
        f"{percent(most / total)} {rest}"
    )
    yield OutputProblem("mixed_closing", "note", message, odd)


def _quote_marks(outputs: Outputs) -> Iterator[OutputProblem]:
    texts = outputs.texts
    curly = [i for i in outputs.filled if not texts[i].isascii() and _CURLY.search(texts[i])]
    straight = [i for i in outputs.filled if _STRAIGHT.search(texts[i])] if curly else []
    if not curly or not straight:
        return
    odd, how = (curly, "curly") if len(curly) <= len(straight) else (straight, "straight")
    other = "straight" if how == "curly" else "curly"
    message = (
        f"{counted(len(odd), 'output has', 'outputs have')} {how} quotation marks or apostrophes, "
        f"while {max(len(curly), len(straight)):,} have {other} ones: use one kind"
    )
    yield OutputProblem("mixed_quote_marks", "note", message, odd)
