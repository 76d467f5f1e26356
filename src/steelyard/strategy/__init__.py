"""Strategies: ways to adapt a model, fitted on train and dev into arms that answer."""

from __future__ import annotations

from steelyard.strategy.auto import Selection, auto
from steelyard.strategy.base import Arm, Brief, FitContext, Progress, Strategy
from steelyard.strategy.catalogue import ARMS, STRATEGIES, StrategySpec, build_strategy
from steelyard.strategy.saved import load_arm, save_arm

__all__ = [
    "ARMS",
    "STRATEGIES",
    "Arm",
    "Brief",
    "FitContext",
    "Progress",
    "Selection",
    "Strategy",
    "StrategySpec",
    "auto",
    "build_strategy",
    "load_arm",
    "save_arm",
]
