"""The shapes a prompt can take: data, so that one more is an entry in ``data/formats.json``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, NamedTuple

from steelyard.core import Message, OutputKind, Question
from steelyard.errors import ConfigError, closest
from steelyard.output_kinds import KINDS
from steelyard.packaged import packaged


class Shot(NamedTuple):
    """One solved example shown to the model."""

    input: str
    output: str


@dataclass(frozen=True)
class Format:
    """A prompt's shape. Whatever does not depend on the input comes first, the input last.

    ``lead`` opens the first user turn; a block of shots stands at the end of the system message or
    after ``lead``. Templates know ``{instruction}``, ``{input}``, ``{output}`` and ``{field}``.
    ``usual`` formats are tried where a search names none.
    """

    about: str
    shots: Literal["turns", "user_block", "system_block"]
    input: str
    output: str
    system: str = ""
    lead: str = ""
    heading: str = ""
    shot: str = ""
    usual: bool = True

    def render(
        self, instruction: str, kind: OutputKind, shots: Sequence[Shot], question: Question
    ) -> tuple[Message, ...]:
        """Return the chat that asks ``question`` after showing ``shots``."""
        texts = {"instruction": instruction, "field": KINDS[kind].field}
        block = self._block(shots, texts)
        turns = self._shot_turns(shots, texts)
        turns += [message for message in question.context if message.role != "system"]
        turns.append(Message("user", fill(self.input, {**texts, "input": question.input})))
        opening = fill(self.lead, texts) + (block if self.shots == "user_block" else "")
        system = fill(self.system, texts) + (block if self.shots == "system_block" else "")
        system = "\n\n".join(filter(None, [system.rstrip(), *_row_system(question, instruction)]))
        head = [Message("system", system)] if system else []
        return (*head, *_open_first_user_turn(turns, opening))

    def _block(self, shots: Sequence[Shot], texts: Mapping[str, str]) -> str:
        if not shots or self.shots == "turns":
            return ""
        items = [fill(self.shot, {**texts, **shot._asdict()}) for shot in shots]
        return self.heading + "".join(items)

    def _shot_turns(self, shots: Sequence[Shot], texts: Mapping[str, str]) -> list[Message]:
        if self.shots != "turns":
            return []
        return [
            message
            for shot in shots
            for message in (
                Message("user", fill(self.input, {**texts, "input": shot.input})),
                Message("assistant", fill(self.output, {**texts, "output": shot.output})),
            )
        ]


def fill(template: str, values: Mapping[str, str]) -> str:
    """Replace ``{name}`` in one pass, so that braces inside a value stay as they are."""
    return re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], match[0]), template)


@cache
def load_formats() -> Mapping[str, Format]:
    """Return every format by name, in the order of the data file."""
    return {name: Format(**shape) for name, shape in packaged("strategy/data/formats.json").items()}


def get_format(name: str) -> Format:
    """Return the format called ``name``; an unknown name raises `ConfigError`."""
    formats = load_formats()
    if name not in formats:
        raise ConfigError(
            f"unknown prompt format {name!r}{closest(name, formats)}; known: {', '.join(formats)}"
        )
    return formats[name]


def _row_system(question: Question, instruction: str) -> list[str]:
    """The row's own system messages, unless they only repeat the instruction."""
    systems = [message.content.strip() for message in question.context if message.role == "system"]
    return [text for text in systems if text and text != instruction.strip()]


def _open_first_user_turn(turns: Sequence[Message], opening: str) -> list[Message]:
    first = next(index for index, turn in enumerate(turns) if turn.role == "user")
    opened = turns[first]._replace(content=opening + turns[first].content)
    return [*turns[:first], opened, *turns[first + 1 :]]
