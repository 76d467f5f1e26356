"""What a judge reads: a rubric, the material in fences that no text can close, and a question."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from steelyard.core import Example, Message
from steelyard.packaged import packaged
from steelyard.score.judge.options import JudgeOptions

_MARKER_LENGTH = 12


def _texts() -> Mapping[str, Any]:
    texts: Mapping[str, Any] = packaged("score/data/judge.yaml")
    return texts


def _support() -> Mapping[str, str]:
    texts: Mapping[str, str] = packaged("score/data/support.yaml")
    return texts


@lru_cache(maxsize=1)
def prompts_digest() -> str:
    """A digest of the prompts: other words make other judgements."""
    return hashlib.sha256(repr(sorted(_texts().items())).encode()).hexdigest()[:16]


def compare_messages(
    options: JudgeOptions, example: Example, reply: str, is_first: bool
) -> tuple[Message, ...]:
    """Ask which is better, the reply (shown as A where ``is_first``, else as B) or the reference."""
    marker = marker_for(*_shown(example), example.output, reply)
    replies = (reply, example.output) if is_first else (example.output, reply)
    material = [*_input(example, marker)]
    material += [
        fenced(f"REPLY {letter}", text, marker) for letter, text in zip("AB", replies, strict=True)
    ]
    return _messages(options, material)


def rate_messages(options: JudgeOptions, example: Example, reply: str) -> tuple[Message, ...]:
    """Ask for the mark of a reply; a reference is shown as one that is known to be good."""
    marker = marker_for(*_shown(example), example.output, reply)
    material = [*_input(example, marker)]
    if example.output.strip():
        material.append(fenced("A REPLY KNOWN TO BE GOOD", example.output, marker))
    material.append(fenced("THE REPLY TO MARK", reply, marker))
    return _messages(options, material)


def support_messages(
    options: JudgeOptions, example: Example, passages: Sequence[str], answer: str
) -> tuple[Message, ...]:
    """Ask whether ``passages`` support every claim of ``answer``; all of it is shown as data."""
    marker = marker_for(*_shown(example), answer, *passages)
    texts = _support()
    material = _input(example, marker)
    material += [
        fenced(f"PASSAGE {number}", text, marker) for number, text in enumerate(passages, 1)
    ]
    material.append(fenced("ANSWER", answer, marker))
    ending = texts["reasoned" if options.reasoning else "question"]
    user = "\n\n".join([texts["opening"], *material, ending])
    return Message("system", _texts()["system"]), Message("user", user)


def asked_again(options: JudgeOptions, messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """The same question with a plainer last line, for an answer that could not be read."""
    texts = _support() if options.mode == "support" else _texts()[options.mode]
    again = texts["again"].format(scale=options.scale)
    *before, last = messages
    return (*before, Message(last.role, f"{last.content}\n\n{again}"))


def fenced(name: str, text: str, marker: str) -> str:
    """Put ``text`` between two lines with ``marker``, without the control tokens of chat templates."""
    return str(_texts()["fence"]).format(name=name, marker=marker, text=defused(text))


def defused(text: str) -> str:
    """Break up what a tokenizer would read as the end of a turn."""
    pattern = "|".join(_texts()["control_tokens"])
    return re.sub(pattern, lambda match: f"{match[0][0]} {match[0][1:]}", text)


def marker_for(*texts: str) -> str:
    """A marker that none of ``texts`` holds, the same for the same texts in any order.

    It is a digest of the texts themselves: who writes one of them cannot know it beforehand, and the
    same judgement is the same request on every day.
    """
    joined = "\0".join(sorted(texts))
    for attempt in range(1_000):
        digest = hashlib.sha256(f"{attempt}\0{joined}".encode("utf-8", "surrogatepass"))
        marker = digest.hexdigest()[:_MARKER_LENGTH]
        if not any(marker in text for text in texts):
            return marker
    raise AssertionError("a thousand digests of a text were all in it")


def _messages(options: JudgeOptions, material: list[str]) -> tuple[Message, ...]:
    texts = _texts()
    mode = texts[options.mode]
    rubric = options.rubric or mode["rubric"].format(scale=options.scale)
    opening = texts["opening"].format(rubric=rubric, instruction=options.instruction)
    question = mode["reasoned" if options.reasoning else "question"].format(scale=options.scale)
    # What all items share stands first, so that a model computes it once.
    user = "\n\n".join([opening, *material, question])
    return Message("system", texts["system"]), Message("user", user)


def _input(example: Example, marker: str) -> list[str]:
    turns = [f"{turn.role}: {turn.content}" for turn in example.context]
    before = [fenced("EARLIER TURNS", "\n\n".join(turns), marker)] if turns else []
    return [*before, fenced("INPUT", example.input, marker)]


def _shown(example: Example) -> list[str]:
    return [example.input, *(turn.content for turn in example.context)]
