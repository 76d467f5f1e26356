"""The measured decision, and the field's rules of thumb beside it."""

from __future__ import annotations

from steelyard.verdict.base import Candidate, Case, Limits, Notes, family_of
from steelyard.verdict.crossover import crossover
from steelyard.verdict.decide import decide
from steelyard.verdict.thumbs import Thumb, rules_of_thumb

__all__ = [
    "Candidate",
    "Case",
    "Limits",
    "Notes",
    "Thumb",
    "crossover",
    "decide",
    "family_of",
    "rules_of_thumb",
]
