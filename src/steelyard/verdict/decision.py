"""What is found on the way to a verdict, and how it becomes one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from steelyard.result.verdict import MoreLabels, VerdictDetails, VerdictResult
from steelyard.verdict.base import Candidate, Case
from steelyard.verdict.limits import WithinLimits
from steelyard.verdict.warn import find_warnings


@dataclass
class Decision:
    """What has been found on the way to a verdict."""

    case: Case
    limits: WithinLimits
    details: VerdictDetails
    reasons: list[str] = field(default_factory=list)

    def verdict(
        self, choice: Candidate, confidence: str, flips: Sequence[str], **more: Any
    ) -> VerdictResult:
        """Recommend ``choice``; ``more`` are further fields of the result."""
        return VerdictResult(
            recommendation=choice.family,
            arm=choice.name,
            confidence=confidence,
            reasons=tuple(self.reasons),
            flips=tuple(flips),
            warnings=tuple(find_warnings(self.case, choice, self.limits)),
            details=self.details,
            **more,
        )

    def undecided(
        self, reason: str, leading: Candidate | None, labels: MoreLabels
    ) -> VerdictResult:
        """Recommend nothing: ``leading`` is ahead so far, and ``labels`` say how many more would tell."""
        return VerdictResult(
            confidence="low",
            reasons=(reason, *self.reasons),
            warnings=tuple(find_warnings(self.case, leading, self.limits, "leads so far")),
            more_labels=labels,
            details=self.details.updated(
                leading=leading.name if leading else None, more_items=labels.n
            ),
        )
