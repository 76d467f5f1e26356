"""How a review looks: one doubtful row at a time, in 80 columns of plain text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from steelyard.data.dataset import SHOWN_CHARACTERS, Dataset
from steelyard.data.reviews.answers import ReviewAnswer
from steelyard.data.reviews.doubts import Doubt
from steelyard.words import counted, one_line

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH = 80
_LINES = 12
_DIGITS = 9
_HELP = """\
k    keep the output as it is
s    take the suggestion
1-9  choose that label (up to nine labels)
/    find a label: type a part of it, tab for the next match, enter to take it
d    drop the row
e    flag the row to edit later
n    not now: show it again at the next start
u    back to the previous row, undoing its answer
m    show the whole row
q    stop; every answer is saved, and the next start resumes here"""


class ReviewScreen:
    """Writes the rows, the questions and the answers of a review to a console."""

    def __init__(self, console: Console, data: Dataset) -> None:
        self._console = console
        self._data = data
        self._width = min(console.width, _WIDTH)

    def show(
        self,
        doubt: Doubt,
        place: tuple[int, int],
        answers: Mapping[int, ReviewAnswer],
        *,
        whole: bool = False,
    ) -> None:
        """Show a row as the ``place[0]``-th of ``place[1]``; ``answers`` by index."""
        example = self._data.examples[doubt.index]
        head = f"{place[0]} of {place[1]}  row {self._data.numbers[doubt.index]}  {example.source}"
        self._say(f"\n{head}\n{'-' * self._width}", "bold")
        for turn in example.context:
            self._field(turn.role, turn.content, whole=whole)
        self._field("input", example.input, whole=whole)
        self._field("given", self._data.written[doubt.index], "bold", whole=whole)
        suggestion = "drop the row" if doubt.suggests_drop else doubt.suggested
        if suggestion is not None:
            self._field("suggested", suggestion, "bold green", whole=whole)
        self._field("why", f"{doubt.check}: {doubt.why}", whole=True)
        for index in doubt.like:
            self._field(f"row {self._data.numbers[index]}", self._like(index, answers), whole=whole)

    def ask(self, labels: Sequence[str], doubt: Doubt) -> None:
        if 0 < len(labels) <= _DIGITS:
            self._say(wrap_items(f"{n} {label}" for n, label in enumerate(labels, 1)), "cyan")
        keys = ["k keep"]
        keys += ["s suggested"] if doubt.suggested is not None or doubt.suggests_drop else []
        keys += ["/ label"] if labels else []
        keys += ["d drop", "e edit later", "n not now", "u back", "m more", "? help", "q quit"]
        self._say(wrap_items(keys), "dim")

    def matches(self, typed: str, labels: Sequence[str], place: int) -> None:
        """Show what was typed and the labels that match, the one that enter takes in brackets."""
        window = labels[place : place + 5]
        line = "  ".join([f"[{window[0]}]", *window[1:]]) if window else "no label matches"
        self._say(f"/{typed}  {one_line(line, self._width - len(typed) - 3)}", "cyan")

    def help(self) -> None:
        self._say(_HELP)

    def note(self, text: str) -> None:
        self._say(f"  {text}")

    def confirm(self, answer: ReviewAnswer) -> None:
        self._say(f"  {_outcome(answer)}", "green")

    def _like(self, index: int, answers: Mapping[int, ReviewAnswer]) -> str:
        example = self._data.examples[index]
        answer = answers.get(index)
        now = "" if answer is None else f" (you: {_outcome(answer)})"
        return f"{one_line(self._data.written[index], 60)}{now}: {one_line(example.input, SHOWN_CHARACTERS)}"

    def _field(self, name: str, text: str, style: str = "", *, whole: bool) -> None:
        from rich.text import Text

        wrapped = Text(visible(text)).wrap(self._console, self._width - 11)
        lines = [line.plain.rstrip() for line in wrapped]
        more = len(lines) - _LINES
        if more > 0 and not whole:
            lines = [*lines[:_LINES], f"… {counted(more, 'more line')}: press m"]
        for number, line in enumerate(lines or [""]):
            self._say(f"{name[:9] if number == 0 else '':<10} {line}", style)

    def _say(self, text: str, style: str = "") -> None:
        from rich.text import Text

        self._console.print(Text(text, style=style), soft_wrap=True)


def _outcome(answer: ReviewAnswer) -> str:
    plain = {"keep": "kept", "drop": "to be dropped", "later": "flagged to edit later"}
    return plain.get(answer.action, f"now {answer.new}")


def visible(text: str) -> str:
    """The text with control and direction characters written out: data must not steer a terminal."""
    return "".join(
        character
        if character == "\n"
        or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        else "    "
        if character == "\t"
        else f"<U+{ord(character):04X}>"
        for character in text.replace("\r\n", "\n")
    )


def wrap_items(items: Iterable[str]) -> str:
    """Items on as few lines as fit, two spaces between them."""
    lines = [""]
    for item in items:
        longer = f"{lines[-1]}  {item}" if lines[-1] else item
        if len(longer) <= _WIDTH or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(item)
    return "\n".join(lines)
