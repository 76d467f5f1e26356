"""A run's summary as JUnit XML: what GitHub's actions, GitLab, Jenkins and others show of a test run.

The elements and attributes are those of the Ant task's format that these readers have in common
(``testsuites``, ``testsuite``, ``testcase``, ``failure``, ``error``, ``skipped``, ``properties``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from steelyard._version import __version__
from steelyard.changes.records import ArmChange
from steelyard.gates.rules import GateResult
from steelyard.gates.summary import RunSummary
from steelyard.printing import printable
from steelyard.result import ArmResult

_ILLEGAL = re.compile("[\ufffe\uffff]")
"""What XML 1.0 has no form for and `printable` leaves."""
_STATUSES = {"failed": "failure", "error": "error"}


def junit(summary: RunSummary) -> str:
    """Return one test suite for the run: a case for the run, each gate, and each arm.

    An arm passes where it was measured, and is skipped where its model failed or it stopped on dev:
    only gates fail.
    """
    suite = Element("testsuite", name=_text(f"steelyard {summary.task}"))
    _properties(suite, _about(summary))
    for case in _cases(summary):  # readers tell cases apart by both names, over all runs of a job
        case.set("classname", _text(f"steelyard.{summary.task}.{case.get('classname')}"))
        suite.append(case)
    counts = {
        "tests": "testcase",
        "failures": "testcase/failure",
        "errors": "testcase/error",
        "skipped": "testcase/skipped",
    }
    totals = {name: str(len(suite.findall(path))) for name, path in counts.items()}
    for name, total in totals.items():
        suite.set(name, total)
    if summary.result is not None:
        suite.set("timestamp", _text(summary.result.created))
    root = Element("testsuites", {"name": "steelyard", **totals})
    root.append(suite)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _about(summary: RunSummary) -> dict[str, object]:
    about: dict[str, object] = {"steelyard": __version__}
    if (result := summary.result) is not None:
        verdict = result.verdict
        about |= {
            "recommendation": verdict.recommendation,
            "arm": verdict.arm,
            "confidence": verdict.confidence,
            "metric": result.task.metric,
            "seed": result.seed,
            "test_examples": result.split.test,
        }
    return about


def _cases(summary: RunSummary) -> Iterator[Element]:
    run = _case("run", summary.task)
    if summary.error is not None:
        _outcome(run, "error", summary.error)
    yield run
    yield from map(_gate, summary.gating.gates)
    if summary.result is not None:
        changes = summary.gating.changes
        yield from (_arm(arm, changes.get(arm.name)) for arm in summary.result.arms)
        yield from (_skipped(arm.title, arm.reason) for arm in summary.result.ended)
        yield from (_skipped(arm.arm, arm.end) for arm in summary.result.stopped)


def _gate(gate: GateResult) -> Element:
    case = _case("gate", gate.gate)
    if gate.status == "passed":
        SubElement(case, "system-out").text = _text(gate.reason)
    else:
        _outcome(case, _STATUSES[gate.status], gate.reason)
    return case


def _arm(arm: ArmResult, change: ArmChange | None) -> Element:
    quality, cost, latency = arm.quality, arm.cost, arm.latency_seconds
    case = _case("arm", arm.name)
    _properties(
        case,
        {
            quality.metric or "quality": quality.value,
            "low": quality.low,
            "high": quality.high,
            "level": quality.level,
            "test_examples": quality.n,
            "failed_answers": arm.outcomes.failed,
            f"cost_per_request_{cost.currency}": cost.per_request,
            f"cost_per_month_{cost.currency}": cost.monthly,
            "latency_p50_seconds": latency.p50,
            "latency_p95_seconds": latency.p95,
            "input_tokens": arm.tokens.input_mean,
            "output_tokens": arm.tokens.output_mean,
            "breaks": ", ".join(arm.breaks) or None,
            **_changes(change),
        },
    )
    return case


def _changes(change: ArmChange | None) -> dict[str, object]:
    """The paired difference with the same arm of the baseline."""
    if change is None:
        return {}
    tested = change.comparison
    figures = (tested.difference, tested.low, tested.high, tested.p_adjusted)
    names = ("change", "change_low", "change_high", "change_p")
    return dict(zip(names, figures, strict=True))


def _skipped(name: str, reason: str) -> Element:
    case = _case("arm", name)
    SubElement(case, "skipped", message=_text(reason))
    return case


def _case(kind: str, name: str) -> Element:
    return Element("testcase", classname=kind, name=_text(name))


def _outcome(case: Element, status: str, reason: str) -> None:
    outcome = SubElement(case, status, type=f"steelyard.{status}", message=_text(reason))
    outcome.text = _text(reason)


def _properties(parent: Element, values: Mapping[str, object]) -> None:
    """Add the figures there are; one that is not known is left out."""
    values = {name: value for name, value in values.items() if value is not None}
    if values:
        properties = SubElement(parent, "properties")
        for name, value in values.items():
            SubElement(properties, "property", name=_text(name), value=_text(str(value)))


def _text(text: str) -> str:
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", printable(text))
