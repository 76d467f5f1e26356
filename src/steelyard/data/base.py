"""What a check gets and what it returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from steelyard.data.dataset import Dataset
from steelyard.stats import Detectable

Severity = Literal["error", "warning", "note"]
"""``error``: measuring or training on it misleads or fails; ``warning``: it costs quality or
certainty; ``note``: worth knowing."""


@dataclass(frozen=True)
class CheckOptions:
    """Options of a check.

    ``encoder`` compares meanings with the sentence encoder: ``None`` where it is installed and the
    rows are few, ``True`` always, ``False`` never. ``tuning`` names the provider whose fine-tuning
    rules to check; ``None`` checks all that are known. ``detectable`` is the smallest difference that
    a run will find in its test part; ``None`` where no run is planned: then that of two arms alone.
    """

    encoder: bool | None = None
    tuning: str | None = None
    seed: int = 0
    detectable: Detectable | None = None


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or worth knowing, with its rows.

    ``rows`` are row numbers from 1, the most suspect first, all of them. ``evidence`` has one
    mapping for each of the first rows (`Dataset.evidence`). ``count`` is the number of rows unless
    the finding counts something else.
    """

    check: str
    severity: Severity
    message: str
    rows: tuple[int, ...] = ()
    evidence: tuple[Mapping[str, Any], ...] = ()
    count: int | None = None

    @classmethod
    def of_rows(
        cls,
        data: Dataset,
        indices: Sequence[int],
        check: str,
        severity: Severity,
        message: str,
        **evidence: Sequence[Any],
    ) -> Finding:
        """A finding about the rows ``indices``; ``evidence`` runs along them (`Dataset.evidence`)."""
        first_rows = data.evidence(indices, **evidence)
        return cls(check, severity, message, data.rows_of(indices), first_rows)

    def to_dict(self) -> dict[str, Any]:
        return {
            "check": self.check,
            "severity": self.severity,
            "count": len(self.rows) if self.count is None else self.count,
            "rows": list(self.rows),
            "message": self.message,
            "evidence": [dict(row) for row in self.evidence],
        }


@dataclass(frozen=True)
class CheckResult:
    """Result of one check: its findings, none where all is well, and the figures it computed.

    ``facts`` is JSON-able. ``reason`` says why nothing (or not all) could be looked at.
    """

    findings: tuple[Finding, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None


class Check(Protocol):
    """Looks at a data set for one kind of problem."""

    def __call__(self, data: Dataset, options: CheckOptions) -> CheckResult:
        """Return the findings. Raises nothing for what the rows hold: that is a finding."""
        ...


class Mistake(NamedTuple):
    """One of the common mistakes, and whether this data makes it.

    ``state`` is ``ok``, ``risk`` or ``unknown``; ``message`` gives the grounds.
    """

    name: str
    state: Literal["ok", "risk", "unknown"]
    message: str
