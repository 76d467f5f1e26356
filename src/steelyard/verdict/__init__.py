"""The measured decision."""

from __future__ import annotations

from steelyard.verdict.base import Candidate, Case, Limits, Notes, family_of
from steelyard.verdict.crossover import crossover
from steelyard.verdict.decide import decide

__all__ = ["Candidate", "Case", "Limits", "Notes", "crossover", "decide", "family_of"]
