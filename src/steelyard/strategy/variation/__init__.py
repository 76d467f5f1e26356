"""Changes that mean the same: of a prompt's form, of its shots' order, of how an input is typed."""

from __future__ import annotations

from steelyard.strategy.variation.inputs import CASES, TYPO_EVERY, in_case, mistyped
from steelyard.strategy.variation.prompts import PROMPT_KINDS, vary_prompt

__all__ = [
    "CASES",
    "PROMPT_KINDS",
    "TYPO_EVERY",
    "in_case",
    "mistyped",
    "vary_prompt",
]
