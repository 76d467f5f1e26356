"""Strategies: ways to adapt a model, fitted on train and dev into arms that answer."""

from __future__ import annotations

from steelyard.families import STRATEGIES
from steelyard.strategy.auto import Selection, auto
from steelyard.strategy.base import (
    Arm,
    ArmFacts,
    Brief,
    FitContext,
    Progress,
    Strategy,
    TaskFacts,
    build_strategy,
    traits_of,
)
from steelyard.strategy.saved import load_arm, save_arm
from steelyard.strategy.traits import ShotLimits, StrategySpec, Traits

__all__ = [
    "STRATEGIES",
    "Arm",
    "ArmFacts",
    "Brief",
    "FitContext",
    "Progress",
    "Selection",
    "ShotLimits",
    "Strategy",
    "StrategySpec",
    "TaskFacts",
    "Traits",
    "auto",
    "build_strategy",
    "load_arm",
    "save_arm",
    "traits_of",
]
