"""Fit for hosted fine-tuning: the providers' documented rules, and what training would cost."""

from __future__ import annotations

from steelyard.data.tuning.estimate import Training, estimate_training
from steelyard.data.tuning.judge import TuningReview, judge
from steelyard.data.tuning.rules import PROVIDERS, Provider, TuningRule, get_provider

__all__ = [
    "PROVIDERS",
    "Provider",
    "Training",
    "TuningReview",
    "TuningRule",
    "estimate_training",
    "get_provider",
    "judge",
]
