"""The checks of the audit, a file each, in the order in which they are shown."""

from __future__ import annotations

from steelyard.data.base import Check
from steelyard.registry import Registry

CHECKS: Registry[Check] = Registry(
    "check",
    {
        name: f"steelyard.data.checks.{name}:find"
        for name in (
            "format",
            "size",
            "imbalance",
            "exact_duplicates",
            "near_duplicates",
            "paraphrases",
            "leaks",
            "contradictions",
            "label_errors",
            "output_hygiene",
            "over_context",
            "languages",
            "private_data",
        )
    },
)

__all__ = ["CHECKS"]
