"""The JSON object or array that an answer gives, wherever it stands in the text."""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import islice
from typing import Any, NamedTuple

from steelyard.words import one_line

DEEPEST = 200
"""Values nested deeper are not read: what compares them recursively could not follow."""

_SHOWN = 60
_LONGEST_LEAD = 400
_MOST_TRIED = 300
_MOST_BRACKETS = 20_000
_BRACKET = re.compile(r"[{}\[\]]")
_OPENING = re.compile(r"[{\[]")
_BEGINS_JSON = re.compile(r'\{\s*"|\[\s*[{\["]')
_FENCED = re.compile(r"(?P<marks>```|~~~)[^\S\n]*\w*(?P<inside>.*?)(?:(?P=marks))?", re.DOTALL)
_SENTENCE_END = re.compile(r"[.!?。！？](?:\s|$)|[{}\[\]]")
_IN_A_FORMAT = re.compile(
    r"\bin (?:(?:the|a|valid) )*(?:json|requested|required|desired|specified)(?: json)? format\b",
    re.I,
)
_NOT = r"\b(?:not|never|cannot|nicht|pas)\b|n['’]t\b|不是"
_NO_ANSWER = re.compile(
    r"\b(?:examples?|e\.g|format|form|template|placeholders?|samples?|sketch|illustrations?|wrong"
    r"|incorrect|instead of|rather than|if|unless|suppose|imagine"
    rf"|please(?! find)|Beispiel|exemple|ejemplo)\b|例如|比如|格式|{_NOT}",
    re.I,
)
"""What says, in the sentence before, that an object is none of the answer's."""
_ASIDE = re.compile(
    rf"(?:(?:{_NOT})(?:(?!{_NOT})[^,;:])*"
    r"(?:[,;:]\s|\s(?:-|–|—)\s|\s(?=(?:but|so|hence|therefore|thus)\b)))+"
    r"(?=(?:(?:and|but)\s)?(?:so|hence|therefore|thus)\b|[^,;:]*\b(?:here(?:['’]s| is| are)|the rest|json"
    r"|result|answer|output|null|left|set|following|below)\b)",
    re.I,
)
"""A clause that denies something else, before one that leads to the answer: ``No date is given, so …``."""
_REFUSES = re.compile(
    r"\b(?:can(?:not|['’]t)|won['’]t|will not)\s+(?!find|see|determine|tell|identify|locate|read|infer)",
    re.I,
)
_OF_ANOTHER = re.compile(
    r"\b(?:no|old|input|question|schema|previous|original|rejected|invalid|bad|given|you sent"
    r"|you gave)[\s:*_`\"-]*$",
    re.I,
)
"""The heading of an object that is another thing than the answer."""
_TAKEN_BACK = re.compile(
    r"[\s`~]*(?:[.,;:(-]+\s*)?(?:\?|(?:wait|actually|no(?=[\s,.]*$|\s*[,.;:!])|correction|scratch that|hmm"
    r"|but|not(?!\s*[{\[])|or|wrong|incorrect|is(?:n['’]t| not| wrong| incorrect)|(?:would|might|could) be"
    r"|(?:this|that|it|which)(?:['’]s| is| was)(?:n['’]t| not| wrong| incorrect|(?: only| just)? an? example)"
    r"|(?:the|this) (?:above|object|json|one|answer) (?:is|was) (?:not|wrong|incorrect|only|just|an example)"
    r"|was|sorry|my mistake|i made|i (?:can['’]t|cannot|refuse)|不对|不是)(?!\w))",
    re.I,
)
"""What says, in the words after, that an object is not the answer after all."""
_COURTESY = re.compile(
    r"[\s`~]*(?:was|is|does|did)\s+(?:this|that|it|the answer)\s+(?:\w+\s+)?(?:help(?:ful|s|ed)?|useful"
    r"|of (?:any )?help|what you (?:were looking for|need(?:ed)?|wanted)|answer(?:s|ed)? your question)\b",
    re.I,
)
"""A question to the reader after the answer, which does not doubt it."""
_OTHER_CASE = re.compile(r"\b(?:otherwise|alternatively|else(?=\W*$))\b", re.I)
_COMMENTED = re.compile(r"(?://|/\*|(?<!~)~~)\s*$")
_FENCE_LINE = re.compile(r"^[^\S\n]*(?:```|~~~)[^\S\n]*(?P<language>\w*)", re.MULTILINE)


class _Document(NamedTuple):
    text: str
    value: Any
    start: int


class _UnusableError(ValueError):
    """What begins as JSON is none: a key stands twice, it is cut off or nested too deeply."""


def read_json(text: str) -> tuple[str | None, str | None]:
    """Return ``(JSON text, None)`` of the object or array that ``text`` gives, or ``(None, reason)``.

    It is the whole text, or a JSON string that holds it; else what stands in code fences, of JSON before
    others; else the only one between other words, where an array without objects is none. What a sentence
    denies, or gives as an example, does not count. Where several differ, fences and what stands after them
    too, or one is cut off, there is none. A key that stands twice, ``NaN``, ``1e999`` and values over 200
    deep are refused.
    """
    why = ""
    try:
        documents = _whole(text) or _among_words(text)
        forms = {json.dumps(one.value, sort_keys=True): one.text for one in documents}
        if len(forms) == 1:
            return next(iter(forms.values())), None
        why = " (it holds several that differ)" if forms else ""
    except (_UnusableError, RecursionError) as error:
        why = f" ({error if isinstance(error, _UnusableError) else 'it is nested too deeply'})"
    return None, f"not a JSON object or array: {one_line(text, _SHOWN)!r}{why}"


def read_whole_json(text: str) -> str | None:
    """Return the object or array that is the whole text, or the whole of its only code fence."""
    fenced = _FENCED.fullmatch(text.strip())
    try:
        documents = _whole(fenced["inside"] if fenced else text)
    except (_UnusableError, RecursionError):
        return None
    return documents[0].text if documents else None


def json_value(text: str) -> Any:
    """Return the JSON value, of any type, that is the whole text, as strictly as `read_json` reads.

    Raises `ValueError` where it is none.
    """
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise _UnusableError("it is nested too deeply") from None
    if not _is_shallow(value):
        raise _UnusableError(f"it is nested over {DEEPEST} deep")
    return value


def _refuse_constant(constant: str) -> float:
    """Refuse ``NaN`` and ``Infinity``, which Python's parser takes for JSON."""
    raise ValueError(f"{constant} is not JSON")


def _is_shallow(value: Any) -> bool:
    """Whether a JSON value nests at most `DEEPEST` deep."""
    level = [value]
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _inner(outer)]
        if not level:
            return True
    return False


def _inner(value: Any) -> Any:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _whole(text: str) -> list[_Document]:
    """The text as one document, or as a JSON string that is one; an empty list where it is neither."""
    for _ in range(2):
        text = text.strip().lstrip("\ufeff").strip()
        try:
            value = _DECODER.decode(text)
        except _UnusableError:
            raise
        except ValueError:
            return []
        if isinstance(value, dict | list):
            return [_checked(_Document(text, value, 0))]
        if not isinstance(value, str):
            return []
        text = value
    return []


def _documents(text: str) -> list[_Document]:
    """The objects and arrays in a text that are in no other. What is no JSON is passed over whole."""
    documents: list[_Document] = []
    closing: dict[int, int] | None = None
    place = 0
    for _ in range(_MOST_TRIED):
        opening = _OPENING.search(text, place)
        if opening is None:
            return documents
        start = opening.start()
        try:
            value, place = _DECODER.raw_decode(text, start)
            documents.append(_checked(_Document(text[start:place], value, start)))
        except _UnusableError:
            raise
        except ValueError:
            closing = _closings(text) if closing is None else closing
            if start not in closing and _BEGINS_JSON.match(text, start):
                raise _UnusableError("it is cut off") from None
            place = closing.get(start, start + 1)
    raise _UnusableError("it holds too many brackets")


def _closings(text: str) -> dict[int, int]:
    """Where the bracket that begins at a place ends, as far as brackets in strings allow to say."""
    ends: dict[int, int] = {}
    stack: list[int] = []
    for bracket in islice(_BRACKET.finditer(text), _MOST_BRACKETS):
        if bracket[0] in "{[":
            stack.append(bracket.start())
        elif stack and text[stack[-1]] == {"}": "{", "]": "["}[bracket[0]]:
            ends[stack.pop()] = bracket.end()
    return ends


def _among_words(text: str) -> list[_Document]:
    """Those in code fences, of JSON before others, and what differs after them; else all but footnotes."""
    fences = list(_FENCE_LINE.finditer(text))
    starts = [fence.start() for fence in fences]
    documents = _documents(text)
    found = [(one, bisect_left(starts, one.start + 1)) for one in documents]
    found = [
        (one, count)
        for one, count in found
        if not _is_denied(text, one, _lead_end(starts, one, count))
    ]
    if documents and not found:
        raise _UnusableError("it is said not to be the answer")
    if found and all(_is_other_case(text, starts, one, count) for one, count in found):
        raise _UnusableError("it is given for one case of several")
    inside = [count for _, count in found if count % 2]
    named = [count for count in inside if fences[count - 1]["language"].lower().startswith("json")]
    if inside:
        counts = set(named or inside)
        last = max(counts)
        later = [one for one, count in found if count > last and not count % 2]
        fenced = [one for one, count in found if count in counts]
        _refuse_another(text, starts[last - 1])
        return fenced + [one for one in later if not _is_list(one.value)]
    answers = [one for one, _ in found if not _is_footnote(one.value)] or [one for one, _ in found]
    for one in answers:
        _refuse_another(text, one.start)
    if any(_is_list(one.value) and not _is_first_line(text, one) for one in answers):
        raise _UnusableError("a list among other words may be no answer")
    return answers


def _lead_end(fences: Sequence[int], document: _Document, count: int) -> int:
    """Where the words that lead to a document end: at its fence, ``count`` of which are before it."""
    return fences[count - 1] if count % 2 else document.start


def _is_other_case(text: str, fences: Sequence[int], document: _Document, count: int) -> bool:
    before = _sentence_before(text, _lead_end(fences, document, count))
    return _OTHER_CASE.search(before) is not None


def _is_denied(text: str, document: _Document, start: int) -> bool:
    """Whether the sentence that leads to a document says that it is no answer."""
    after = text[document.start + len(document.text) :][:_SHOWN]
    if _TAKEN_BACK.match(after) and not _COURTESY.match(after):
        raise _UnusableError("it is taken back")
    before = _IN_A_FORMAT.sub("", _sentence_before(text, start))
    if not _REFUSES.search(before):
        before = _ASIDE.sub("", before[-_LONGEST_LEAD:])
    return _NO_ANSWER.search(before) is not None or _is_commented(text, document.start)


def _is_commented(text: str, start: int) -> bool:
    """Whether a document stands in a comment of HTML or code, or is struck out."""
    is_hidden = text.rfind("<!--", 0, start) > text.rfind("-->", 0, start)
    return is_hidden or _COMMENTED.search(text[max(0, start - _SHOWN) : start]) is not None


def _refuse_another(text: str, start: int) -> None:
    """Refuse what stands under the heading of another thing than the answer."""
    if _OF_ANOTHER.search(_sentence_before(text, start)):
        raise _UnusableError("it stands under another heading than an answer")


def _sentence_before(text: str, start: int) -> str:
    """The sentence that leads to a place, as far as it stands on one line."""
    return _SENTENCE_END.split(text[:start].rstrip().rpartition("\n")[2])[-1]


def _is_first_line(text: str, document: _Document) -> bool:
    """Whether the text begins with a document and goes on, if at all, on another line."""
    rest = text[document.start + len(document.text) :].partition("\n")[0]
    is_alone = not text[: document.start].strip() and not rest.strip()
    return is_alone and (not document.value or not _is_footnote(document.value))


def _is_list(value: Any) -> bool:
    """Whether it is an array without objects, as footnotes and enumerations are written too."""
    return isinstance(value, list) and not any(isinstance(one, dict) for one in value)


def _is_footnote(value: Any) -> bool:
    return not value or (isinstance(value, list) and len(value) == 1 and isinstance(value[0], int))


def _checked(document: _Document) -> _Document:
    if not _is_shallow(document.value):
        raise _UnusableError(f"it is nested over {DEEPEST} deep")
    return document


def _one_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for key, value in pairs:
        if key in fields:
            raise _UnusableError(f"the key {key[:_SHOWN]!r} stands twice")
        fields[key] = value
    return fields


def _finite(number: str) -> float:
    value = float(number)
    if math.isinf(value):
        raise ValueError(f"{number[:_SHOWN]} is too large a number for JSON")
    return value


_DECODER = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_one_each
)
