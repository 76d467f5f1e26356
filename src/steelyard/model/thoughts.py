"""What a model thought before it answered, taken off its text: ``<think>…</think>`` and its kin."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from steelyard.core import Completion, Example
from steelyard.layout import trimmed
from steelyard.packaged import packaged


class Thoughts(NamedTuple):
    """A text in two: what was thought, and the answer. ``is_open``: the last thought has no end."""

    reasoning: str
    answer: str
    is_open: bool = False


def split_thoughts(text: str) -> Thoughts:
    """Take the thoughts off a text; ``data/thoughts.yaml`` says how they are marked.

    A thought begins the text or a line. In the middle of a line it is closed, and its marks stand tight
    around it, neither quoted, in code, nor named by the sentence. One never closed goes on to the end,
    and no answer follows it. Where a template has opened the thought already, all before its end is thought.
    """
    reasoning: list[str] = []
    answer = text
    is_open = False
    if any(sign in text for sign in _SIGNS):
        for marks in _marks():
            thoughts, answer, is_open = _taken_off(answer, marks)
            reasoning += thoughts
            if is_open:
                break
    if answer == text:
        return Thoughts("", _shelled(text) if text.startswith("<|") else text)
    told = "\n\n".join(thought.strip() for thought in reasoning if thought.strip())
    return Thoughts(told, _shelled(trimmed(answer)), is_open)


_SIGNS = ("<", "[", "◁", "assistantfinal")
"""Without one of these there is no mark in a text."""


class _Marks(NamedTuple):
    """What opens one kind of thought, and what closes it.

    What closes one ``is_paired``, or ends a thought that has no beginning.
    """

    opening: re.Pattern[str]
    closing: re.Pattern[str]
    is_paired: bool


def _taken_off(text: str, marks: _Marks) -> tuple[list[str], str, bool]:
    """The thoughts between one kind of marks, the text without them, and whether one is open."""
    thoughts: list[str] = []
    kept: list[str] = []
    place = 0
    while (begin := _next_opening(text, place, marks)) is not None:
        end = _end_of(text, begin.end(), marks)
        before = text[place : begin.start()].rstrip(" \t")
        kept.append(before)
        if end is None:
            return [*thoughts, text[begin.end() :]], "".join(kept), True
        thoughts.append(text[begin.end() : end.start()])
        place = end.end()
        if before[-1:].strip() and text[place : place + 1].isalnum():
            kept.append(" ")
    rest = "".join([*kept, text[place:]])
    is_told_of = marks.is_paired or marks.opening.search(rest) is not None
    alone = () if is_told_of else marks.closing.finditer(rest)
    if ends := [end for end in alone if _ends_thought(rest, end)]:
        thoughts.append(rest[: ends[-1].start()])
        rest = rest[ends[-1].end() :]
    return thoughts, rest, False


def _next_opening(text: str, place: int, marks: _Marks) -> re.Match[str] | None:
    """The next mark that opens a thought: where a line begins, behind another thought, or in a line."""
    looked_at = place
    for opening in marks.opening.finditer(text, place):
        start = before = opening.start()
        while before > place and text[before - 1].isspace() and text[before - 1] != "\n":
            before -= 1
        if before == place or text[before - 1] == "\n":
            return opening
        if start < looked_at or not marks.closing.pattern:
            continue
        end = _end_of(text, opening.end(), marks)
        if end is not None and _is_markup(text, opening, end):
            return opening
        looked_at = len(text) if end is None else end.end()
    return None


def _is_markup(text: str, opening: re.Match[str], end: re.Match[str]) -> bool:
    """Whether marks in the middle of a line stand around a thought; what only speaks of them does not."""
    before, thought = text[: opening.start()], text[opening.end() : end.start()]
    line = before[before.rfind("\n") + 1 :]
    is_tight = thought == thought.strip() or "\n" in thought
    is_quoted = line.endswith((*_QUOTES, ">")) or text[end.end() :].startswith(_CLOSING_QUOTES)
    is_code = before.count("```") % 2 == 1 or line.count("`") % 2 == 1
    is_data = text.lstrip().startswith(("{", "[", '"', "<"))
    is_named = _NAMED.search(line[-40:]) or _NAMED_BEHIND.match(text, end.end())
    is_said = re.search(r"\w", thought) is not None and not is_named
    return is_tight and is_said and not (is_quoted or is_code or is_data)


_NAMED = re.compile(
    r"\b(?:tags?|marks?|e\.g|i\.e|examples?|like|as|uses?|using|writes?|wraps?|(?:out)?puts?"
    r"|emits?|produces?|returns?|prints?|generates?|shows?|adds?|inserts?|contains?|has|have|see|are|is|form|format|syntax|style|inside|in|within"
    r"|with|by|the|(?-i:an?)|and|or|to|called|named|elements?|html|xml)\b[\s.,:(]*$",
    re.IGNORECASE,
)
"""Before marks that a sentence names."""
_NAMED_BEHIND = re.compile(r"\s*(?:tags?|marks?|elements?|blocks?|pairs?)\b", re.IGNORECASE)


def _ends_thought(text: str, end: re.Match[str]) -> bool:
    """Whether a mark without a beginning closes a thought; one in the middle of a line is quoted."""
    before = text[text.rfind("\n", 0, end.start()) + 1 : end.start()]
    after = text[end.end() :].partition("\n")[0]
    is_quoted = before[-1:] in _QUOTES or text.lstrip().startswith(("{", "[", '"'))
    is_glued = bool(before[-1:].strip()) and not is_quoted
    return not before.strip() or not after.strip() or is_glued


_QUOTES = tuple("`'\"“‘«")
_CLOSING_QUOTES = tuple("`'\"”’»")


def _end_of(text: str, place: int, marks: _Marks) -> re.Match[str] | None:
    """The mark that closes the thought open at ``place``; thoughts may hold thoughts.

    One that only names the opening mark leaves a thought open for ever: then it is the last mark.
    """
    depth, last = 1, None
    while (end := marks.closing.search(text, place)) is not None:
        depth += len(marks.opening.findall(text, place, end.start())) - 1
        if depth <= 0:
            return end
        place, last = end.end(), end
    return last


def _shelled(answer: str) -> str:
    """The answer without what models put around it after a thought."""
    for shell in _shells():
        if (match := shell.fullmatch(answer)) is not None:
            return trimmed(match["answer"])
    return answer


class OpenThought(NamedTuple):
    """The mark that a prompt ends with, where its template opens a thought, and what closes that."""

    opening: str
    closing: str


def open_thought(prompt: str) -> OpenThought | None:
    """The thought that a rendered prompt has begun for the model; ``None`` where there is none."""
    for marks in _marks():
        openings = list(marks.opening.finditer(prompt))
        if openings and not prompt[openings[-1].end() :].strip():
            mark = openings[-1][0]
            closing = mark.replace("START", "END") if "START" in mark else f"{mark[0]}/{mark[1:]}"
            return OpenThought(f"{mark}\n", f"{closing}\n\n")
    return None


def is_thought_mark(token: str) -> bool:
    """Whether a special token belongs to the marks of thoughts, so that decoding must keep it."""
    marks = packaged("model/data/thoughts.yaml")
    for kind in _marks():
        if kind.opening.fullmatch(token) or kind.closing.fullmatch(token):
            return True
    sources = [source for pair in (*marks["marks"], *marks["shells"]) for source in pair]
    return len(token) > _SHORTEST_MARK and any(re.escape(token) in source for source in sources)


_SHORTEST_MARK = 3


@cache
def _marks() -> tuple[_Marks, ...]:
    return tuple(
        _Marks(
            re.compile(opening, _FLAGS),
            re.compile(closing, _FLAGS),
            is_paired=bool(paired),
        )
        for opening, closing, *paired in packaged("model/data/thoughts.yaml")["marks"]
    )


@cache
def _shells() -> tuple[re.Pattern[str], ...]:
    return tuple(
        re.compile(rf"{opening}(?P<answer>.*?){closing}", _FLAGS | re.DOTALL)
        for opening, closing in packaged("model/data/thoughts.yaml")["shells"]
    )


_FLAGS = re.IGNORECASE | re.MULTILINE


def without_thoughts(completion: Completion) -> Completion:
    """Return the completion with its thoughts in ``reasoning`` and its answer alone in ``text``.

    One without thoughts, or whose thoughts were told apart, stays as it is. Where the last thought has
    no end there is no answer: the text is empty.
    """
    if completion.failure is not None or not completion.text:
        return completion
    thoughts = split_thoughts(completion.text)
    told = [told for told in (completion.reasoning, thoughts.reasoning) if told]
    answer = "" if thoughts.is_open else thoughts.answer
    return replace(completion, text=answer, reasoning="\n\n".join(told))


def with_plain_reference(example: Example) -> Example:
    """Return the example with the answer alone for its reference, read as answers are to be compared."""
    answer = trimmed(split_thoughts(example.output).answer)
    return example if answer == example.output else replace(example, output=answer)


def why_unanswered(completion: Completion) -> str | None:
    """Say why a model that thought, or was cut, gave no answer; ``None`` where it gave one."""
    if completion.failure is not None or completion.text.strip():
        return None
    if completion.is_cut:
        return cut_reason(completion)
    return "it reasoned and gave no answer" if completion.is_reasoned else None


def cut_reason(completion: Completion) -> str:
    """Say that an answer was cut at its limit, how far the model had come, and what to do."""
    is_thinking = completion.is_reasoned and not completion.text.strip()
    when = "while it was still reasoning" if is_thinking else "before the answer was complete"
    return f"cut after {completion.output_tokens:,} tokens, {when}: raise max_output_tokens"
