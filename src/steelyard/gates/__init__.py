"""Gates for CI: what a run must keep, and the summaries that CI shows."""

from __future__ import annotations

from steelyard.gates.files import SummaryFiles
from steelyard.gates.gated import GatedRun, run_gated
from steelyard.gates.rules import FAIL_ON, GateRules

__all__ = ["FAIL_ON", "GateRules", "GatedRun", "SummaryFiles", "run_gated"]
