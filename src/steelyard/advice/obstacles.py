"""What keeps a case from tuning for now, whatever its tries say, each with the rule that says so."""

from __future__ import annotations

from fractions import Fraction
from math import floor

from steelyard.advice.situation import Situation
from steelyard.rules_of_thumb import thumb_rules
from steelyard.words import counted

NOT_FOR_CLASSIFIERS = ("training_4", "prompts_by_anybody", "results_this_week")
"""Obstacles to tuning alone: a plain classifier is trained in seconds, for nothing."""
_WORDS = {
    "change_weekly": "the requirements change faster than a model can be tuned and tested",
    "results_this_week": "there is no time to tune and to test it",
    "labels_50": "there are too few examples to tune on",
    "training_4": "the budget pays for no training",
    "prompts_by_anybody": "there is nobody to tune a model",
}


def obstacles(case: Situation) -> tuple[str, ...]:
    """The rules by which tuning is out of reach for now, the weightiest first."""
    at_hand = {
        "change_weekly": case.holds("change_weekly"),
        "results_this_week": case.holds("results_this_week"),
        "labels_50": case.fails("labels_50"),
        "training_4": case.fails("training_4"),
        "prompts_by_anybody": case.holds("prompts_by_anybody"),
    }
    return tuple(rule for rule, stands in at_hand.items() if stands)


def in_words(case: Situation, obstacle: str) -> str:
    """An obstacle in a clause; what training costs is told at the case's size."""
    bill = training_bill(case) if obstacle == "training_4" else None
    if bill is None or case.examples is None or not case.budget:
        return _WORDS[obstacle]
    what = counted(case.examples, "example")
    return f"a budget of ${case.budget:,} does not pay for training on {what}, about {bill}"


def affordable(case: Situation) -> int | None:
    """How many examples the budget pays training on, by Azure's example; ``None`` without a budget."""
    rule = thumb_rules()["training_4"]
    if case.budget is None or rule.at_least is None:
        return None
    return floor(Fraction(case.budget) / Fraction(rule.at_least) * rule.per["examples"])


def training_bill(case: Situation) -> str | None:
    """What training on all examples costs by Azure's example, in words; ``None`` without examples."""
    bill = thumb_rules()["training_4"].mark_at(case.figures)
    if bill is None:
        return None
    return f"${bill:,.0f}" if bill >= 10 else f"${bill:,.2f}"
