"""Rules: what every reply must and must never do, each a check with a name."""

from __future__ import annotations

from steelyard.score.rules.base import RULES, Reply, build_rules

__all__ = ["RULES", "Reply", "build_rules"]
