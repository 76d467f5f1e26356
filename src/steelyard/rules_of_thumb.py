"""The field's rules of thumb, to compare with the measured answer. They decide nothing here."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.packaged import packaged


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
    """Compare a task's figures with the rules."""
    figures = {"train_examples": train_examples, "requests_per_day": requests_per_day}
    return [
        Thumb(
            **entry,
            yours=figures[entry["quantity"]],
            is_reached=figures[entry["quantity"]] >= entry["at_least"],
        )
        for entry in packaged("rules_of_thumb.json")
    ]
