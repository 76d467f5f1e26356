"""The audit of a run's examples, in the parts in which they are used."""

from __future__ import annotations

from steelyard.data import Audit, CheckOptions, check
from steelyard.data.dataset import open_dataset
from steelyard.planning.plan import Plan
from steelyard.progress import Display


def look_over(plan: Plan, display: Display) -> Audit:
    """Look over the examples before anything is spent, and say what is wrong.

    Meanings are not compared here: the sentence encoder would take longer than it tells.
    """
    data = open_dataset(plan.task).with_parts(plan.split)
    with display.job("audit") as job:
        audit = check(
            data,
            CheckOptions(encoder=False, seed=plan.seed),
            on_check=lambda _, done, total: job(done, total),
        )
    for finding in audit.findings:
        if finding.severity == "error":
            display.say(f"audit: {finding.check}: {finding.message}")
    return audit
