"""Every strategy and every arm by name; importing happens when one is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from steelyard.registry import Registry
from steelyard.strategy.base import Arm, Strategy

STRATEGIES: Registry[type[Strategy]] = Registry(
    "strategy",
    {
        "majority": "steelyard.strategy.majority:Majority",
        "tfidf_linear": "steelyard.strategy.tfidf_linear:TfidfLinear",
        "nearest_neighbour": "steelyard.strategy.nearest_neighbour:NearestNeighbour",
        "zero_shot": "steelyard.strategy.zero_shot:ZeroShot",
        "few_shot": "steelyard.strategy.few_shot:FewShot",
        "retrieved_few_shot": "steelyard.strategy.retrieved_few_shot:RetrievedFewShot",
        "optimized_prompt": "steelyard.strategy.optimized_prompt:OptimizedPrompt",
        "chain_of_thought": "steelyard.strategy.chain_of_thought:ChainOfThought",
        "self_consistency": "steelyard.strategy.self_consistency:SelfConsistency",
        "cascade": "steelyard.strategy.cascade:Cascade",
        "lora": "steelyard.strategy.lora:Lora",
    },
)
ARMS: Registry[type[Arm]] = Registry(
    "strategy",
    {
        "majority": "steelyard.strategy.majority:MajorityArm",
        "tfidf_linear": "steelyard.strategy.tfidf_linear:TfidfLinearArm",
        "nearest_neighbour": "steelyard.strategy.nearest_neighbour:NearestNeighbourArm",
        "zero_shot": "steelyard.strategy.zero_shot:ZeroShotArm",
        "few_shot": "steelyard.strategy.few_shot:FewShotArm",
        "retrieved_few_shot": "steelyard.strategy.retrieved_few_shot:RetrievedFewShotArm",
        "optimized_prompt": "steelyard.strategy.optimized_prompt:OptimizedPromptArm",
        "chain_of_thought": "steelyard.strategy.chain_of_thought:ChainOfThoughtArm",
        "self_consistency": "steelyard.strategy.self_consistency:SelfConsistencyArm",
        "cascade": "steelyard.strategy.cascade_arm:CascadeArm",
        "lora": "steelyard.strategy.lora:LoraArm",
    },
)
"""Who restores an arm that a strategy saved."""


class StrategySpec(NamedTuple):
    """A strategy by name with its options: plain data."""

    name: str
    options: Mapping[str, Any] = {}


class _Named(Protocol):
    """Anything that names a strategy and its options, such as a line of ``task.yaml``."""

    @property
    def name(self) -> str: ...

    @property
    def options(self) -> Mapping[str, Any]: ...


def build_strategy(spec: _Named) -> Strategy:
    """Build the strategy that ``spec`` names; unknown names and options raise `ConfigError`."""
    return STRATEGIES.get(spec.name)(**spec.options)
