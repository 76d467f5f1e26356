"""What the summaries for CI tell of a run."""

from __future__ import annotations

from dataclasses import dataclass, field

from steelyard.gates.rules import Gating
from steelyard.result import Result


@dataclass(frozen=True)
class RunSummary:
    """A run of ``task``: its result and gates, or the ``error`` that it ended with."""

    task: str
    result: Result | None = None
    gating: Gating = field(default_factory=Gating)
    error: str | None = None
