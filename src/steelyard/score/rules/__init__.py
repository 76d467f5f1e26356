"""Rules: what every reply must and must never do, each a check with a name."""

from __future__ import annotations

from steelyard.score.rules.base import RULES, NamedRule, Reply, Rule, build_rules
from steelyard.score.rules.metric import RulesMetric

__all__ = ["RULES", "NamedRule", "Reply", "Rule", "RulesMetric", "build_rules"]
