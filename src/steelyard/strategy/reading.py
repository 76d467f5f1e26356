"""What a model wrote, read as an answer: after reasoning, against a schema, and as a vote."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import islice, pairwise

from steelyard.core import Completion
from steelyard.json_schema import BadSchemaError, JsonSchema
from steelyard.json_text import json_value
from steelyard.label_text import is_in_doubt
from steelyard.model.thoughts import cut_reason, why_unanswered
from steelyard.next_item import next_items
from steelyard.output_kinds import KINDS
from steelyard.score import parse_output
from steelyard.score.text import as_laid_out, is_laid_out, normalise
from steelyard.score.values import answer_line, final_value
from steelyard.strategy.base import Brief

_MARKER = re.compile(
    r"(?:\bfinal\s+)?\banswer\b(?:\s+is\b)?[*_]*\s*[:：]\s*[*_]*"
    r"|\bthe\s+(?:final\s+|correct\s+)?answer\s+is\b[*_]*\s*[:：]?\s*[*_]*"
    r"|^[^\S\n]*(?P<hashes>####)(?!#)",
    re.IGNORECASE | re.MULTILINE,
)
"""What final answers are announced by: ours, what models write unasked, and GSM8K's."""
_FINAL = re.compile(r"\bfinal\s+answer\b|^[^\S\n]*####(?!#)", re.IGNORECASE | re.MULTILINE)
_ANNOUNCED = re.compile(
    r"^[^\S\n]*[*_]{0,3}(?P<final>final\s)?\s*answer[*_]{0,3}[^\S\n]*[:：]",
    re.IGNORECASE | re.MULTILINE,
)
_MOST_ANNOUNCED = 20
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
_REVISES = re.compile(
    r"^\W*(?:wait|actually|correction|corrected|however|but|so|therefore|thus|hence|hmm|oops|sorry|no"
    r"|on (?:second|reflection)|let me|let['’]s|re-?\w+|step|final(?:ly)?|in conclusion|conclusion|double"
    r"|looking|upon|note|the (?:answer|above|correct|first|previous)|that (?:is|was)|this (?:is|was)"
    r"|i (?:made|was|think|should|need))\b",
    re.IGNORECASE | re.MULTILINE,
)
"""What begins a line that goes on with the same item."""
_CLOSING = re.compile(r"[*_]+[.!,;:]*$")
_HAS_HEADING = re.compile(r"^[^\n:：]{1,40}[:：]", re.MULTILINE)
_HEADING = re.compile(r"^#{1,6}\s+")
_OPENING = re.compile(r"[{\[]")
_CLAUSE = re.compile(r"[,.;:!?]")
_DECODER = json.JSONDecoder()
_LISTED_ERRORS = 3

Reading = tuple[str | None, str | None]
"""``(output, None)``, or ``(None, reason)``."""


def read_completion(
    brief: Brief, completion: Completion, *, reasoned: bool, question: str = ""
) -> Reading:
    """Return the answer a completion gives; ``reasoned`` when it stands after reasoning.

    ``question`` is the text it answers: under a heading of it, or another question's, a model answers a next
    item of its own, which is not read. Its thoughts are off its text. Of one that was cut, an exact answer
    is read only where what would have followed cannot change it.
    """
    if completion.failure is not None:
        return None, completion.failure
    if completion.finish_reason == "choice":
        return completion.text, None
    if (why := why_unanswered(completion)) is not None:
        return None, why
    text = completion.text
    if completion.is_cut and brief.is_exact:
        settled = _settled(brief, text, question, reasoned=reasoned)
        if settled is None:
            return None, cut_reason(completion)
        text = settled
    if not reasoned:
        return _read_own(brief, text, question)
    reading = _read_reasoned(brief, text, question)
    if reading[0] is not None and _says_another(brief, _own_text(text, question), reading[0]):
        return None, "it announces several answers that differ"
    return reading


def _says_another(brief: Brief, text: str, output: str) -> bool:
    """Whether another answer is announced on a line, and what follows after a blank one takes none back.

    A model does so that goes on to a next item: which of the two is the answer is not certain.
    """
    markers = list(islice(_ANNOUNCED.finditer(text), _MOST_ANNOUNCED))
    for marker, after in pairwise(markers):
        between = text[marker.end() : after.start()]
        line, _, rest = between.partition("\n")
        if not _BLANK_LINE.search(between.rstrip(" \t")) or _REVISES.search(rest) or after["final"]:
            continue
        answer_text = (
            _BLANK_LINE.split(between.strip())[0] if brief.kind == "labels" else _unmarked(line)
        )
        other = parse_output(brief, between if brief.kind == "json" else answer_text)[0]
        if other is not None and canonical(brief, other) != canonical(brief, output):
            return True
    return False


def _read_own(brief: Brief, text: str, question: str) -> Reading:
    """Read what stands before a next item of the model's own, where that is an answer; else all.

    Text is cut there only behind a blank line, where the metric compares a final answer that is no list of
    headings: another text may have such lines, and what it holds is counted (`leftover_warnings`).
    """
    if brief.kind == "text":
        is_final = (
            brief.metric_type.compares_final_answers and not brief.metric_type.compares_numbers
        )
        whole = text[: next(next_items(text), None)] if is_final else text
        is_apart = text.startswith("\n", len(whole)) and text.startswith(
            "\n\n", len(whole.rstrip())
        )
        return parse_output(brief, whole if is_apart and not _HAS_HEADING.search(whole) else text)
    readings = (parse_output(brief, text[:place]) for place in next_items(text, question))
    certain = next((reading for reading in readings if reading[0] is not None), None)
    return certain or parse_output(brief, text)


def _settled(brief: Brief, text: str, question: str, *, reasoned: bool) -> str | None:
    """The lines of a cut text that say the answer whatever follows; ``None`` where they do not.

    An announced answer stands where its line is whole, and so does a label that the first line gives.
    """
    whole, is_whole, _ = text.strip("\n").rpartition("\n")
    if not is_whole or brief.kind == "labels":  # a list may go on
        return None
    if reasoned:
        return whole if _splits(whole, question) else None
    first = whole.strip().partition("\n")[0]
    says = brief.kind == "label" and parse_output(brief, first)[0] is not None
    return first if says else None


def _read_reasoned(brief: Brief, text: str, question: str) -> Reading:
    answers = [answer for _, answer in _splits(text, question)]
    if brief.kind == "json":
        readings = [parse_output(brief, answer) for answer in answers or [_unmarked(text)]]
        return next((reading for reading in readings if reading[0] is not None), readings[0])
    if brief.kind == "labels":  # over as many lines as it takes
        return parse_output(brief, answers[0] if answers else text)
    if brief.metric_type.compares_numbers:
        return parse_output(brief, _numeric(text, answers))
    line = _unmarked(answers[0].splitlines()[0]) if answers else _last_line(text)
    return parse_output(brief, line)


def _numeric(text: str, answers: Sequence[str]) -> str:
    """The line that says the number: the first with one after the last marker that has one.

    Without a marker it is the last line where that says what the text does, else the whole text.
    """
    for answer in answers:
        for line in answer.splitlines():
            if final_value(line) is not None:
                return _unmarked(line)
    if answers:
        return _unmarked(answers[0].splitlines()[0])
    last = _last_line(text)
    return last if final_value(last) == final_value(text) else text


def misfit(brief: Brief, output: str) -> str | None:
    """Say where ``output`` (JSON text) breaks the brief's schema; ``None`` where it fits.

    ``None`` too where there is no schema, or a bad one.
    """
    schema = None if brief.schema is None else _compiled(brief.schema)
    if schema is None:
        return None
    return "; ".join(schema.problems(json_value(output))[:_LISTED_ERRORS]) or None


@lru_cache(maxsize=16)
def _compiled(schema: str) -> JsonSchema | None:
    try:
        return JsonSchema(json.loads(schema))
    except BadSchemaError:
        return None


def canonical(brief: Brief, output: str) -> str:
    """Return one text for all outputs that are the same answer, so that votes can be counted.

    Labels and sets of them as they are; numbers by value, where the metric compares numbers; JSON
    whatever the order of its keys; other text as `exact_match` compares it.
    """
    if KINDS[brief.kind].is_labelled:
        return output
    if brief.kind == "json":
        return json.dumps(json_value(output), sort_keys=True)
    value = final_value(output) if brief.metric_type.compares_numbers else None
    if value is not None:
        return str(value.number.normalize())
    return as_laid_out(output) if is_laid_out(output) else normalise(output)


def split_reasoned(text: str) -> tuple[str, str] | None:
    """Split a text at its last answer marker into reasoning and answer; ``None`` without one."""
    return next(iter(_splits(text)), None)


def _splits(text: str, question: str = "") -> list[tuple[str, str]]:
    """Split at its answer markers what stands before a next item of the model's own; see `_all_splits`."""
    return _all_splits(_own_text(text, question))


def _own_text(text: str, question: str) -> str:
    """What stands before a next item of the model's own, where it has an answer; else all.

    Where a question stands before the first answer too, and only what follows announces a final one,
    the questions were steps to it.
    """
    for place in next_items(text, question):
        head, rest = text[:place], text[place:]
        if splits := _all_splits(head):
            is_final = _FINAL.search(rest) is not None and _FINAL.search(head) is None
            is_step = is_final and next(next_items(f"-\n{splits[-1][0]}"), None) is not None
            return text if is_step else head
    return text


def _all_splits(text: str) -> list[tuple[str, str]]:
    """Split a text at each of its answer markers into reasoning and answer, the last one first.

    A marker after which nothing stands does not count, nor one inside of JSON, nor a heading of the
    fourth level, which only looks like GSM8K's ``#### 42``, nor one in doubt (``I don't think …``).
    """
    markers = list(_MARKER.finditer(text))
    inside = _json_spans(text) if markers else []
    pairs = []
    for marker in reversed(markers):
        answer = _unmarked(text[marker.end() :])
        if not answer or any(start < marker.start() < end for start, end in inside):
            continue
        if _is_doubted(text[: marker.start()]):
            continue
        if marker["hashes"] and not _is_answer(text[marker.end() :]):
            continue
        pairs.append((text[: marker.start()].strip(), answer))
    return pairs


def _is_doubted(before: str) -> bool:
    """Whether the clause that leads to an answer marker denies it, or makes it a condition."""
    return is_in_doubt(_CLAUSE.split(before.rpartition("\n")[2])[-1])


def _unmarked(text: str) -> str:
    """A text without Markdown's emphasis around it, and without what follows such emphasis."""
    return _CLOSING.sub("", text.strip().strip("*_").strip()).strip()


def _last_line(text: str) -> str:
    """The last line that says something, without a heading's marks."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return _unmarked(_HEADING.sub("", "".join(lines[-1:])))


def _is_answer(rest: str) -> bool:
    """Whether what follows ``####`` is a number with its unit, or ends the text."""
    return "\n" not in rest.strip() or answer_line(rest.partition("\n")[0]) is not None


def _json_spans(text: str) -> list[tuple[int, int]]:
    """From where to where the objects and arrays in a text go."""
    spans: list[tuple[int, int]] = []
    end = 0
    for opening in _OPENING.finditer(text):
        if opening.start() < end:
            continue
        try:
            _, end = _DECODER.raw_decode(text, opening.start())
        except (ValueError, RecursionError):
            continue
        spans.append((opening.start(), end))
    return spans
