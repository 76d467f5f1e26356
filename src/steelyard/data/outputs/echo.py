"""Inputs that already end in the answer, and outputs that repeat the input."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from steelyard.data.outputs.base import Outputs, Trouble

LEAST_REPLY = 12
"""Characters from which a reply that ends the input verbatim, as a sentence, is no chance."""

LEAST_ECHO = 20

_AFTER_MARK = re.compile(r"(?:^|[\n\t:=>|]|->|→)[ \t*_`\"'“(\[]*$")
_AFTER_SENTENCE = re.compile(r"[.!?][)\]\"'”’]*\s+$")
_CLOSING = " \t\r\n.!?*_`\"'”)]"


def leaked(outputs: Outputs) -> Iterator[Trouble]:
    """Inputs that end in their answer.

    It must stand apart: on a line of its own, after a mark such as ``Label:``, or as a sentence. As
    the last word of one it may be there by right, and only a label of several words, or with an
    underscore, counts.
    """
    labels = set(outputs.data.labels)
    found = [index for index in outputs.filled if _is_leaked(outputs, index, labels)]
    outputs.facts["leaked"] = len(found)
    if not found:
        return
    ends = "input ends" if len(found) == 1 else "inputs end"
    yield Trouble(
        "leaked",
        "error",
        f"{len(found):,} {ends} in the answer: quality is overstated and nothing is learned; cut "
        "the answer off the input",
        found,
        [f"…{outputs.data.examples[index].input.rstrip()[-60:]}" for index in found],
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
        return is_sentence or _stands_apart(before)
    if _lists_labels(before, labels):
        return False
    telling = len(bare.split()) > 1 or "_" in bare
    return _stands_apart(before) or (telling and not before[-1:].isalnum())


def _stands_apart(before: str) -> bool:
    return _AFTER_MARK.search(before[-40:]) is not None


def _lists_labels(before: str, labels: set[str]) -> bool:
    """Whether another label stands right before: the input offers labels to choose from."""
    line = next((line for line in reversed(before.splitlines()) if line.strip(" -*•\t")), "")
    pieces = re.split(r"[,;|/:]|\bor\b|\band\b", line[-400:])
    return any(piece.strip(" -*•.()[]\"'") in labels for piece in pieces)


def repeated(outputs: Outputs) -> Iterator[Trouble]:
    """Outputs that are the input, or begin with all of it."""
    if outputs.kind == "label":
        return
    notes: Mapping[int, str] = {
        index: what for index in outputs.filled if (what := _echo(outputs, index)) is not None
    }
    if not notes:
        return
    repeat = "output repeats" if len(notes) == 1 else "outputs repeat"
    yield Trouble(
        "repeats_input",
        "warning",
        f"{len(notes):,} {repeat} the whole input: a tuned model learns to echo; right only where "
        "nothing was to change",
        list(notes),
        list(notes.values()),
    )


def _echo(outputs: Outputs, index: int) -> str | None:
    text, asked = outputs.texts[index], outputs.data.examples[index].input.strip()
    if text == asked:
        return "is the input"
    if len(asked) >= LEAST_ECHO and text.startswith(asked):
        return "begins with the input"
    return None
