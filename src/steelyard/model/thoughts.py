"""What a model thought before it answered, taken off its text: ``<think>…</think>`` and its kin."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import replace
from functools import cache, cached_property
from typing import NamedTuple

from steelyard.core import Completion, Example
from steelyard.layout import trimmed
from steelyard.model.turns import bare_answer
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
    and no answer follows it. Where a template has opened the thought already, all before its end is
    thought. The marks of turns around the answer go too (`bare_answer`).
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
        return Thoughts(
            "", _shelled(bare_answer(text)) if text.startswith("<|") else bare_answer(text)
        )
    joined = "\n\n".join(thought.strip() for thought in reasoning if thought.strip())
    return Thoughts(joined, _shelled(bare_answer(trimmed(answer))), is_open)


_SIGNS = ("<", "[", "◁", "&lt;", "assistantfinal", "ere is my", "ere's my", "ere are my")
"""Without one of these there is no mark in a text."""


class _Marks(NamedTuple):
    """What opens one kind of thought, and what closes it.

    What closes one ``is_paired``, or ends a thought that has no beginning. What opens one that
    ``must_close`` is no mark without its end.
    """

    opening: re.Pattern[str]
    closing: re.Pattern[str]
    is_paired: bool
    must_close: bool


class _Surroundings:
    """Where a text has line breaks and marks of code, found once, so that each mark is judged at once."""

    def __init__(self, text: str) -> None:
        self._text = text

    def line_start(self, place: int) -> int:
        count = bisect_right(self._breaks, place)
        return self._breaks[count - 1] if count else 0

    def line_end(self, place: int) -> int:
        count = bisect_right(self._breaks, place)
        return self._breaks[count] - 1 if count < len(self._breaks) else len(self._text)

    def is_code(self, place: int) -> bool:
        """Whether ``place`` stands in a fence, or in code on its line."""
        before_line = bisect_right(self._ticks, self.line_start(place))
        ticks = bisect_right(self._ticks, place) - before_line
        return bisect_right(self._fences, place) % 2 == 1 or ticks % 2 == 1

    def begins_with(self, signs: tuple[str, ...]) -> bool:
        return self._first.startswith(signs)

    @cached_property
    def _first(self) -> str:
        match = re.search(r"\S", self._text)
        return match[0] if match else ""

    @cached_property
    def _breaks(self) -> list[int]:
        return _ends(r"\n", self._text)

    @cached_property
    def _ticks(self) -> list[int]:
        return _ends("`", self._text)

    @cached_property
    def _fences(self) -> list[int]:
        return _ends("```", self._text)


def _ends(sign: str, text: str) -> list[int]:
    return [match.end() for match in re.finditer(sign, text)]


def _taken_off(text: str, marks: _Marks) -> tuple[list[str], str, bool]:
    """The thoughts between one kind of marks, the text without them, and whether one is open."""
    outside = _Surroundings(text)
    thoughts: list[str] = []
    pieces: list[str] = []
    place = 0
    while (begin := _next_opening(text, place, marks, outside)) is not None:
        end = _end_of(text, begin.end(), marks)
        if end is None and marks.must_close:
            break
        before = text[place : begin.start()].rstrip(" \t")
        pieces.append(before)
        if end is None:
            return [*thoughts, text[begin.end() :]], "".join(pieces), True
        thoughts.append(text[begin.end() : end.start()])
        place = end.end()
        if before[-1:].strip() and text[place : place + 1].isalnum():
            pieces.append(" ")
    rest = "".join([*pieces, text[place:]])
    is_told_of = marks.is_paired or marks.opening.search(rest) is not None
    alone = () if is_told_of else marks.closing.finditer(rest)
    outside = _Surroundings(rest)
    if ends := [end for end in alone if _ends_thought(rest, end, outside)]:
        thoughts.append(rest[: ends[-1].start()])
        rest = rest[ends[-1].end() :]
    return thoughts, rest, False


def _next_opening(
    text: str, place: int, marks: _Marks, outside: _Surroundings
) -> re.Match[str] | None:
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
        if end is not None and _is_markup(text, opening, end, outside):
            return opening
        looked_at = len(text) if end is None else end.end()
    return None


def _is_markup(
    text: str, opening: re.Match[str], end: re.Match[str], outside: _Surroundings
) -> bool:
    """Whether marks in the middle of a line stand around a thought; what only speaks of them does not."""
    start, thought = opening.start(), text[opening.end() : end.start()]
    near = text[max(outside.line_start(start), start - _NEAR) : start]
    is_tight = thought == thought.strip() or "\n" in thought
    is_quoted = near.endswith((*_QUOTES, ">")) or text.startswith(_CLOSING_QUOTES, end.end())
    is_data = outside.begins_with(("{", "[", '"', "<"))
    is_named = _NAMED.search(near) or _NAMED_BEHIND.match(text, end.end())
    is_said = re.search(r"\w", thought) is not None and not is_named
    return is_tight and is_said and not (is_quoted or is_data or outside.is_code(start))


_NEAR = 40
"""So many characters before a mark may name it."""


_NAMED = re.compile(
    r"\b(?:tags?|marks?|e\.g|i\.e|examples?|like|as|uses?|using|writes?|wraps?|(?:out)?puts?"
    r"|emits?|produces?|returns?|prints?|generates?|shows?|adds?|inserts?|contains?|has|have|see|are|is|form|format|syntax|style|inside|in|within"
    r"|with|by|the|(?-i:an?)|and|or|to|called|named|elements?|html|xml)\b[\s.,:(]*$",
    re.IGNORECASE,
)
"""Before marks that a sentence names."""
_NAMED_BEHIND = re.compile(r"\s*(?:tags?|marks?|elements?|blocks?|pairs?)\b", re.IGNORECASE)


def _ends_thought(text: str, end: re.Match[str], outside: _Surroundings) -> bool:
    """Whether a mark without a beginning closes a thought; one in the middle of a line is quoted."""
    last = text[end.start() - 1] if end.start() > outside.line_start(end.start()) else ""
    is_quoted = last in _QUOTES or outside.begins_with(("{", "[", '"'))
    is_glued = bool(last.strip()) and not is_quoted
    is_first = _BLANK.fullmatch(text, outside.line_start(end.start()), end.start())
    is_last = _BLANK.fullmatch(text, end.end(), outside.line_end(end.end()))
    return is_first is not None or is_last is not None or is_glued


_BLANK = re.compile(r"\s*+")


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
            return OpenThought(f"{mark}\n", f"{_closing_of(mark)}\n\n")
    return None


def opens_thought(text: str) -> bool:
    """Whether a thought is begun anywhere in ``text``."""
    return any(marks.opening.search(text) for marks in _marks())


def _closing_of(mark: str) -> str:
    for opening, closing in packaged("model/data/thoughts.yaml")["closings"].items():
        if opening in mark:
            return mark.replace(opening, closing)
    return f"{mark[0]}/{mark[1:]}"


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
            is_paired=bool(kind),
            must_close="closed" in kind,
        )
        for opening, closing, *kind in packaged("model/data/thoughts.yaml")["marks"]
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
    if (
        completion.failure is not None
        or not completion.text
        or completion.finish_reason == "choice"
    ):
        return completion
    thoughts = split_thoughts(completion.text)
    parts = [parts for parts in (completion.reasoning, thoughts.reasoning) if parts]
    answer = "" if thoughts.is_open else thoughts.answer
    return replace(completion, text=answer, reasoning="\n\n".join(parts))


def with_plain_reference(example: Example) -> Example:
    """Return the example with the answer alone for its reference, read as answers are to be compared."""
    answer = trimmed(split_thoughts(example.output).answer)
    return example if answer in (example.output, "") else replace(example, output=answer)


def why_unanswered(completion: Completion) -> str | None:
    """Say why a model that thought, or was cut, gave no answer; ``None`` where it gave one."""
    if completion.failure is not None or completion.text.strip():
        return None
    if completion.is_cut:
        return cut_reason(completion)
    return "it reasoned and gave no answer" if completion.is_reasoned else None


def cut_reason(completion: Completion) -> str:
    """Say that an answer was cut, how far the model had come, by whose limit, and what to do."""
    when = "before the answer was complete"
    if not completion.text.strip():
        is_thinking = completion.reasoning or completion.reasoning_tokens
        when = "while it was still reasoning" if is_thinking else "before any text came"
    tokens = f"{completion.output_tokens:,}"
    if completion.is_cut_early:
        limit = completion.output_tokens + completion.tokens_left
        return (
            f"cut after {tokens} of {limit:,} tokens allowed, {when}: the server's own limit or context "
            "is full, and raising max_output_tokens cannot help"
        )
    return f"cut after {tokens} tokens, {when}: raise max_output_tokens"
