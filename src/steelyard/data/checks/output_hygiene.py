"""Outputs that are empty, broken, inconsistently spelled or styled, or given away by the input."""

from __future__ import annotations

from dataclasses import replace

from steelyard.data.base import CheckOptions, CheckResult, Finding
from steelyard.data.dataset import SHOWN, Dataset
from steelyard.data.outputs import echo, plain, style, variants
from steelyard.data.outputs.base import OutputProblem, Outputs, Search

CHECK = "output_hygiene"

SEARCHES: tuple[Search, ...] = (
    plain.empty,
    plain.constant,
    style.not_json,
    style.not_labels,
    style.misfits,
    variants.spellings,
    echo.leaked,
    echo.repeated,
    plain.spaces,
    plain.invisible,
    plain.remains,
    plain.placeholders,
    style.mixed,
    variants.mixed,
    variants.keys,
    plain.too_long,
)


def find(data: Dataset, options: CheckOptions) -> CheckResult:
    """Search the outputs for each kind of trouble; one finding for each that there is."""
    outputs = Outputs(data)
    problems = [problem for search in SEARCHES for problem in search(outputs)]
    facts = {
        "troubles": {
            problem.name: len(problem.indices) if problem.count is None else problem.count
            for problem in problems
        },
        **outputs.facts,
    }
    schema = outputs.facts.get("schema", {})
    reason = schema.get("reason") if schema.get("failed", 0) is None else None
    return CheckResult(
        tuple(_finding(data, problem) for problem in problems),
        facts,
        f"outputs are not checked against the schema: {reason}" if reason else None,
    )


def _finding(data: Dataset, problem: OutputProblem) -> Finding:
    notes = list(problem.notes[:SHOWN])
    more = {"problem": notes} if len(notes) >= min(SHOWN, len(problem.indices)) > 0 else {}
    finding = Finding.of_rows(
        data, problem.indices, CHECK, problem.severity, problem.message, **more
    )
    return replace(finding, count=problem.count)
