"""Rules: what every reply must and must never do, each a check with a name."""

from __future__ import annotations

from steelyard.score.rules.base import NamedRule, Reply, Rule, build_rules, rule_types
from steelyard.score.rules.metric import RulesMetric

__all__ = ["NamedRule", "Reply", "Rule", "RulesMetric", "build_rules", "rule_types"]
