"""The audit of a run's rows, made once before anything is spent, as ``result.json`` has it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from steelyard.core import Example
from steelyard.data import Audit, CheckOptions, check
from steelyard.data.audit import OnCheck
from steelyard.data.checks.duplicates import MANY_NEAR
from steelyard.data.checks.size import lengths
from steelyard.data.dataset import Dataset
from steelyard.data.likeness.alike import TEXT_REASON
from steelyard.data.placeholders import placeholder_warning
from steelyard.label_sets import labels_of
from steelyard.planning.detectable import detectable_text
from steelyard.planning.documents_audit import MOST_LISTED, review_documents
from steelyard.planning.plan import Plan
from steelyard.progress import Display
from steelyard.result import AuditResult
from steelyard.result.audit import DetectableDifference
from steelyard.retrieve.grounds import Grounds
from steelyard.stats import Detectable
from steelyard.words import counted, listed

MOST_KEYS, MOST_CHARACTERS = 50, 200
MIN_TEST = 30
_LIKENESS = ("exact_duplicates", "near_duplicates", "contradictions", "leaks")
Facts = Mapping[str, Any]
Examples = Mapping[int, Example]
"""The rows that a run takes, by row number."""


def audit_plan(plan: Plan, display: Display) -> AuditResult:
    """Audit the rows of a plan, and say what its test split can show."""
    with display.job("audit") as job:
        audit = audit_rows(
            plan.data,
            plan.seed,
            lambda _, done, total: job(done, total),
            plan.detectable,
            plan.grounds,
        )
    detectable = DetectableDifference(reason=detectable_text(None, plan.metrics[0].name))
    if plan.detectable is not None:
        detectable = DetectableDifference(**asdict(plan.detectable))
    return audit.updated(detectable=detectable)


def audit_rows(
    data: Dataset,
    seed: int = 0,
    on_check: OnCheck | None = None,
    detectable: Detectable | None = None,
    grounds: Grounds | None = None,
) -> AuditResult:
    """Make every check on the divided rows that a run takes, and on the documents where there are some.

    ``warnings`` say what a reader of their figures must know. Rows that are left out are in no figure
    but ``rows`` and ``skipped``, and the format check names them. Meanings are not compared: the
    sentence encoder would take longer than it tells. How long a check took is left out, so that the
    same data gives the same result. ``detectable`` is what the plan says that its test split can show.
    """
    options = CheckOptions(encoder=False, seed=seed, detectable=detectable)
    audit = check(data.usable, options, on_check=on_check)
    facts = audit.to_dict()
    if grounds is not None:
        facts = review_documents(audit.dataset, grounds, most=MOST_LISTED).added_to(facts)
    result = AuditResult.model_validate({**facts, **_figures(audit)})
    checks = {name: outcome.updated(seconds=None) for name, outcome in result.checks.items()}
    warnings = (*_warnings(result, detectable), *_of_reading(audit.dataset))
    return result.updated(checks=checks, warnings=warnings)


def _of_reading(rows: Dataset) -> Iterator[str]:
    """What a person should know of the instruction, and of how the rows were read."""
    if (warning := placeholder_warning(rows.task)) is not None:
        yield warning
    if rows.left_out:
        reasons = dict.fromkeys(row.bad.reason for row in rows.left_out)
        yield f"left out: {counted(len(rows.left_out), 'row')}: {'; '.join(list(reasons)[:3])}"
    if rows.ignored_keys:
        keys = [repr(key) if key else "one without a name" for key in rows.ignored_keys]
        yield f"columns not used: {listed(keys)}"
    yield from rows.notes


def _figures(audit: Audit) -> dict[str, Any]:
    """What ``result.json`` says of the rows beside findings and facts."""
    rows = audit.dataset
    exact, near, same, leaks = (audit.results[name].facts for name in _LIKENESS)
    examples = dict(zip(rows.numbers, rows.examples, strict=True))
    parts = dict(zip(rows.numbers, rows.parts, strict=True))
    ceiling = {"value": None, "reason": "defined for single labels only"}
    return {
        "examples": len(examples),
        "parts": {name: _part(part, rows) for name, part in rows.split._asdict().items()},
        "duplicates": {
            "exact": _repeated(exact, examples),
            "normalised": _repeated(near["equal"], examples),
            "near": _near(near, examples),
        },
        "conflicts": _conflicts(same, rows, examples),
        "accuracy_ceiling": same["accuracy_ceiling"] if rows.kind == "label" else ceiling,
        "leaks": _leaks(leaks["likeness"], parts, examples),
        "skipped": {
            "count": len(rows.bad),
            "rows": [row.bad._asdict() for row in rows.bad],
        },
        "ignored_keys": rows.ignored_keys[:MOST_KEYS],
    }


def _part(examples: Sequence[Example], rows: Dataset) -> dict[str, Any]:
    counts = Counter(label for one in examples for label in labels_of(one.output, rows.kind))
    return {
        "n": len(examples),
        "labels": {label: counts[label] for label in rows.labels} or None,
        "input_characters": lengths([len(example.input) for example in examples]),
        "output_characters": lengths([len(example.output) for example in examples]),
    }


def _repeated(facts: Facts, examples: Examples) -> dict[str, Any]:
    sources = [[examples[number].source for number in group] for group in facts["groups"]]
    return {"rows": facts["rows"], "clusters": facts["clusters"], "sources": sources}


def _near(facts: Facts, examples: Examples) -> dict[str, Any]:
    alike = facts["alike"]
    return {
        "rows": alike["rows"],
        "rate": alike["rate"],
        "threshold": facts["threshold"],
        "method": facts["method"],
        "sources": [
            [examples[a].source, examples[b].source, similarity]
            for a, b, similarity in alike["pairs"]
        ],
    }


def _conflicts(facts: Facts, rows: Dataset, examples: Examples) -> dict[str, Any]:
    """The same input with different outputs. For text, several may be right."""
    if rows.kind == "text":
        return {"reason": TEXT_REASON}
    inputs = [[examples[number] for number in group] for group in facts["groups"]]
    return {
        "inputs": facts["inputs"],
        "rows": facts["rows"],
        "found": [
            {
                "input": group[0].input[:MOST_CHARACTERS],
                "rows": [
                    {"source": example.source, "output": example.output[:MOST_CHARACTERS]}
                    for example in group
                ],
            }
            for group in inputs
        ],
    }


def _leaks(
    likeness: Mapping[str, Facts], parts: Mapping[int, str], examples: Examples
) -> dict[str, Any]:
    return {
        name: {
            "count": facts["rows"],
            "test_count": facts["test_rows"],
            "rows": [
                {
                    "part": parts[number],
                    "source": examples[number].source,
                    "also_in": parts[also],
                    "also_source": examples[also].source,
                    **({"similarity": similarity} if name == "near" else {}),
                }
                for number, also, similarity in facts["pairs"]
            ],
        }
        for name, facts in likeness.items()
    }


def _is(count: int) -> str:
    return "it is" if count == 1 else "they are"


def _warnings(audit: AuditResult, detectable: Detectable | None) -> list[str]:
    conflicts, leaks = audit.conflicts.inputs or 0, audit.leaks
    near, test = audit.near_repeats, audit.parts["test"]
    skipped = audit.skipped.count if audit.skipped else 0
    leaking = max(leaks["normalised"].test_count, leaks["group"].test_count)
    nearly = leaks["near"].test_count - leaks["normalised"].test_count
    shows_none = detectable is not None and detectable.difference is None
    will_show = "hardly any difference between arms" if shows_none else "only large differences"
    absent = [label for label, count in (test.labels or {}).items() if count == 0]
    warnings = [
        (
            leaking,
            f"{counted(leaking, 'test row also appears', 'test rows also appear')} in train or dev; "
            "scores will look too high",
        ),
        (
            nearly,
            f"{counted(nearly, 'test row nearly repeats', 'test rows nearly repeat')} a train or dev "
            "row; scores may look too high",
        ),
        (skipped, f"left out: {counted(skipped, 'bad row')}, which steelyard data check lists"),
        (
            conflicts,
            f"{counted(conflicts, 'input')} with different outputs: no arm can get them all right",
        ),
        (
            test.n < MIN_TEST,
            f"only {counted(test.n, 'test row')}: {will_show} will show",
        ),
        (absent, f"no test row has the label {listed(absent)}: {_is(len(absent))} not measured"),
        (
            near and near >= MANY_NEAR * (audit.examples or 0),
            f"{counted(near, 'row nearly repeats', 'rows nearly repeat')} another: there are fewer "
            "independent examples than rows",
        ),
    ]
    return [text for flag, text in warnings if flag]
