"""Inputs that already end with the answer, and outputs that repeat the input."""

from __future__ import annotations

import re
from collections.abc import Iterator

from steelyard.data.outputs.base import OutputProblem, Outputs
from steelyard.output_kinds import KINDS
from steelyard.words import counted

LEAST_REPLY = 12
"""A sentence of so many characters that ends the input and is the reply is no coincidence."""

LEAST_ECHO = 20

_AFTER_MARK = re.compile(r"(?:^|[\n\t:=>|]|->|→)[ \t*_`\"'“(\[]*$")
_AFTER_SENTENCE = re.compile(r"[.!?][)\]\"'”’]*\s+$")
_CLOSING = " \t\r\n.!?*_`\"'”)]"


def leaked(outputs: Outputs) -> Iterator[OutputProblem]:
    """Inputs that end with their answer.

    The answer must be separate: on a line of its own, after a mark such as ``Label:``, or a sentence.
    As the last word of one it may belong there, so only a label of several words, or with an
    underscore, counts.
    """
    labels = set(outputs.data.labels)
    indices = [index for index in outputs.filled if _is_leaked(outputs, index, labels)]
    outputs.facts["leaked"] = len(indices)
    if not indices:
        return
    yield OutputProblem(
        "leaked",
        "error",
        f"{counted(len(indices), 'input ends', 'inputs end')} with the answer: scores will look too "
        "high and nothing is learned; remove the answer from the input",
        indices,
        [f"…{outputs.data.examples[index].input.rstrip()[-60:]}" for index in indices],
    )


def _is_leaked(outputs: Outputs, index: int, labels: set[str]) -> bool:
    answer, text = outputs.texts[index], outputs.data.examples[index].input.rstrip(_CLOSING)
    bare = answer.rstrip(_CLOSING)
    # Most rows end here: the tails differ.
    if not bare or text[-len(bare) :].casefold() != bare.casefold():
        return False
    before = text[: -len(bare)]
    if not before.strip():
        return False  # the whole input: an echo, not a leak
    if outputs.kind != "label":
        is_sentence = len(bare) >= LEAST_REPLY and _AFTER_SENTENCE.search(before[-8:]) is not None
        return is_sentence or _is_separate(before)
    if _lists_labels(before, labels):
        return False
    telling = len(bare.split()) > 1 or "_" in bare
    return _is_separate(before) or (telling and not before[-1:].isalnum())


def _is_separate(before: str) -> bool:
    return _AFTER_MARK.search(before[-40:]) is not None


def _lists_labels(before: str, labels: set[str]) -> bool:
    """Whether another label comes right before: the input offers labels to choose from."""
    line = next((line for line in reversed(before.splitlines()) if line.strip(" -*•\t")), "")
    pieces = re.split(r"[,;|/:]|\bor\b|\band\b", line[-400:])
    return any(piece.strip(" -*•.()[]\"'") in labels for piece in pieces)


def repeated(outputs: Outputs) -> Iterator[OutputProblem]:
    """Outputs that are the input, or begin with all of it."""
    if KINDS[outputs.kind].is_labelled:
        return
    notes: dict[int, str] = {i: how for i in outputs.filled if (how := _echo(outputs, i))}
    if not notes:
        return
    yield OutputProblem(
        "repeats_input",
        "warning",
        f"{counted(len(notes), 'output repeats', 'outputs repeat')} the whole input: a tuned model "
        "learns to echo; fine only where nothing had to change",
        list(notes),
        list(notes.values()),
    )


def _echo(outputs: Outputs, index: int) -> str | None:
    text, question = outputs.texts[index], outputs.data.examples[index].input.strip()
    if text == question:
        return "is the input"
    if len(question) >= LEAST_ECHO and text.startswith(question):
        return "begins with the input"
    return None
