"""What follows from a kind of output alone: one record for each, read by every room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from steelyard.core import OutputKind


@dataclass(frozen=True)
class KindFacts:
    """Facts of a kind of output.

    ``default_metric`` scores it where the task names none. ``field`` is what an output is called inside a
    prompt. ``longest_answer`` is how many tokens an answer that is cut may be given at most, where the
    model does not reason. ``is_labelled``: an output is made of the task's labels, of one or of several.
    ``can_cite``: there is room in an answer for the number of a passage; a label or JSON has none.
    """

    default_metric: str
    field: str
    longest_answer: int
    is_labelled: bool = False
    can_cite: bool = False


KINDS: Mapping[OutputKind, KindFacts] = {
    "label": KindFacts("accuracy", "Label", longest_answer=128, is_labelled=True),
    "labels": KindFacts("set_f1", "Labels", longest_answer=256, is_labelled=True),
    "json": KindFacts("json_match", "JSON", longest_answer=256),
    "text": KindFacts("exact_match", "Answer", longest_answer=512, can_cite=True),
}
LABELLED: tuple[OutputKind, ...] = tuple(kind for kind, facts in KINDS.items() if facts.is_labelled)
"""The kinds whose outputs are made of the task's labels."""
