"""A small task in which words tell the label."""

from __future__ import annotations

from steelyard.core import Example
from steelyard.model.base import ModelSpec
from steelyard.model.planned import PlannedModel

TOPICS = {
    "BILLING": ["invoice", "refund", "payment", "charged", "card", "receipt"],
    "TECHNICAL": ["crash", "error", "slow", "screen", "bug", "freezes"],
    "ACCOUNT": ["password", "login", "email", "profile", "username", "locked"],
}
FILLER = ["please", "today", "again", "my", "the", "really", "since", "monday", "help", "now"]
SPEC = ModelSpec("fake", "smart")


def listed(*specs: ModelSpec, tags: tuple[str, ...] = ()) -> tuple[PlannedModel, ...]:
    """The task's models, called by ``tags`` or by their names."""
    names = tags or tuple(spec.name for spec in specs)
    return tuple(PlannedModel(tag, spec) for tag, spec in zip(names, specs, strict=True))


def tickets(count: int, offset: int = 0) -> tuple[Example, ...]:
    """Tickets of two topical words among filler, labels in turn."""
    labels = list(TOPICS)
    made = []
    for number in range(offset, offset + count):
        label = labels[number % len(labels)]
        words = TOPICS[label]
        first, second = words[number % 6], words[(number * 5 + 1) % 6]
        filler = [FILLER[(number * step + step) % 10] for step in (3, 7, 9)]
        text = f"{filler[0]} {first} {filler[1]} {second} {filler[2]} {number}"
        made.append(Example(id=str(number), input=text, output=label))
    return tuple(made)
