"""What is found on the way to a verdict, and how it becomes one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from steelyard.core import Verdict
from steelyard.verdict.base import Candidate, Case
from steelyard.verdict.limits import WithinLimits
from steelyard.verdict.warn import find_warnings


@dataclass
class Decision:
    """What has been found on the way to a verdict."""

    case: Case
    limits: WithinLimits
    reasons: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)

    def verdict(
        self, choice: Candidate, confidence: str, flips: Sequence[str], warnings: Sequence[str] = ()
    ) -> Verdict:
        return Verdict(
            choice.family,
            choice.name,
            confidence,
            tuple(self.reasons),
            tuple(flips),
            (*warnings, *find_warnings(self.case, choice, self.limits)),
            self.details,
        )

    def undecided(self, reason: str, leading: Candidate | None, more: int | None) -> Verdict:
        """Recommend nothing: ``leading`` is ahead so far, ``more`` test items would settle it."""
        self.details |= {"leading": leading.name if leading else None, "more_items": more}
        return Verdict(
            "undecided",
            None,
            "low",
            (reason, *self.reasons),
            (),
            tuple(find_warnings(self.case, leading, self.limits)),
            self.details,
        )
