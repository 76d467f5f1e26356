"""The field's rules of thumb, to stand beside the measured answer. They decide nothing here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class Thumb:
    """One rule with its source, the task's own figure, and whether the rule's mark is reached."""

    rule: str
    source: str
    quantity: str
    at_least: int
    yours: int
    is_reached: bool


def rules_of_thumb(train_examples: int, requests_per_day: int) -> list[Thumb]:
    """Hold a task's figures against the rules."""
    figures = {"train_examples": train_examples, "requests_per_day": requests_per_day}
    text = files("steelyard.verdict").joinpath("data/rules_of_thumb.json").read_text("utf-8")
    return [
        Thumb(
            **entry,
            yours=figures[entry["quantity"]],
            is_reached=figures[entry["quantity"]] >= entry["at_least"],
        )
        for entry in json.loads(text)
    ]
