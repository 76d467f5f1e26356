"""Fit for hosted fine-tuning: the providers' documented rules, and what training would cost."""

from __future__ import annotations

from steelyard.data.tuning.estimate import Training, estimate_training
from steelyard.data.tuning.judge import Judgement, judge
from steelyard.data.tuning.rules import PROVIDERS, Provider, Rule, get_provider

__all__ = [
    "PROVIDERS",
    "Judgement",
    "Provider",
    "Rule",
    "Training",
    "estimate_training",
    "get_provider",
    "judge",
]
