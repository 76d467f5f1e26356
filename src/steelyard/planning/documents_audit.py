"""The audit of a task's documents: how they were read, whether rows fit them, what is private in them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from steelyard.data.audit import SEVERITIES
from steelyard.data.base import CheckResult
from steelyard.data.dataset import Dataset
from steelyard.data.private.traffic import is_hosted
from steelyard.planning.change_check import CHECK as CHANGES
from steelyard.planning.change_check import change_findings
from steelyard.planning.evidence import CHECK as EVIDENCE
from steelyard.planning.evidence import evidence_findings
from steelyard.retrieve.documents.findings import CHECK as DOCUMENTS
from steelyard.retrieve.documents.findings import documents_findings
from steelyard.retrieve.documents.private import CHECK as PRIVATE
from steelyard.retrieve.documents.private import private_findings
from steelyard.retrieve.grounds import Grounds
from steelyard.strategy import STRATEGIES, StrategySpec, build_strategy, traits_of
from steelyard.words import listed

CHECKS = (DOCUMENTS, EVIDENCE, CHANGES, PRIVATE)
"""The checks of documents by their names, in the order in which they are made."""
MOST_LISTED = 100
"""Files of one state, and hidden texts, that a run's result lists."""


@dataclass(frozen=True)
class DocumentsReview:
    """What the checks found, how long each took, and the figures of what was read."""

    results: Mapping[str, CheckResult] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    figures: Mapping[str, Any] | None = None

    def added_to(self, audit: Mapping[str, Any]) -> dict[str, Any]:
        """An audit of the rows, as `Audit.to_dict` has it, with what is said of the documents."""
        findings = [*audit["findings"]]
        checks = {**audit["checks"]}
        for name, result in self.results.items():
            findings += [finding.to_dict() for finding in result.findings]
            state = "not measured" if result.reason else "clean"
            checks[name] = {
                "state": "found" if result.findings else state,
                "reason": result.reason,
                "seconds": round(self.seconds[name], 3),
                "facts": dict(result.facts),
            }
        findings.sort(key=lambda finding: SEVERITIES.index(finding["severity"]))
        documents = {} if self.figures is None else {"documents": dict(self.figures)}
        return {**audit, "findings": findings, "checks": checks, **documents}


def review_documents(
    data: Dataset,
    grounds: Grounds,
    only: Sequence[str] = CHECKS,
    most: int | None = None,
) -> DocumentsReview:
    """Make the checks ``only`` on a task's documents; ``most`` files and hidden texts are listed."""
    figures: dict[str, Any] = {}

    def read() -> CheckResult:
        facts, findings = documents_findings(grounds.corpus, most)
        figures.update(facts)
        return CheckResult(findings)

    makers: dict[str, Callable[[], CheckResult | None]] = {
        DOCUMENTS: read,
        EVIDENCE: lambda: evidence_findings(data, grounds),
        CHANGES: lambda: change_findings(data, grounds.corpus),
        PRIVATE: lambda: _private(data, grounds),
    }
    results: dict[str, CheckResult] = {}
    seconds: dict[str, float] = {}
    for name in (name for name in CHECKS if name in only):
        started = time.perf_counter()
        result = makers[name]()
        if result is not None:
            results[name] = result
            seconds[name] = time.perf_counter() - started
    return DocumentsReview(results, seconds, figures or None)


def _private(data: Dataset, grounds: Grounds) -> CheckResult:
    """Private data in the documents, and which strategies would send it where."""
    result = private_findings(grounds.corpus)
    carriers, encoders, learners = _carriers(data), _encoders(data), _learners(data)
    hosted = [spec for spec in data.models if is_hosted(spec)]
    redacted = bool(hosted) and all(spec.redact for spec in hosted)
    facts = {
        **result.facts,
        "carried_by": carriers,
        "encoded_by": encoders,
        "is_hosted_today": bool(hosted),
        "is_redacted": redacted,
    }
    findings = list(result.findings)
    in_texts = [kind for kind, n in result.facts["kinds"].items() if n["values"] > n["not_shown"]]
    weighty = [
        at
        for at, finding in enumerate(findings)
        if finding.severity != "note" and finding.evidence[0]["kind"] in in_texts
    ]
    if weighty:
        first = findings[weighty[0]]
        texts = (
            [_sent_text(carriers, is_hosted=bool(hosted), is_redacted=redacted)] if carriers else []
        )
        texts += [f"every passage is sent to {listed(encoders)} to be encoded"] if encoders else []
        texts += [f"{listed(learners)} would hold such text in tuned weights"] if learners else []
        findings[weighty[0]] = replace(first, message="; ".join([first.message, *texts]))
    return CheckResult(tuple(findings), facts, result.reason)


def _carriers(data: Dataset) -> list[str]:
    """The strategies that send text of the documents to a model, of those that the task asks for."""
    configs = data.task.strategies
    names = STRATEGIES if configs == "auto" else dict.fromkeys(config.name for config in configs)
    return [name for name in names if traits_of(name).carries == "documents"]


def _learners(data: Dataset) -> list[str]:
    """The strategies that the task names and that learn the text of the documents; ``auto`` takes none."""
    configs = () if data.task.strategies == "auto" else data.task.strategies
    names = dict.fromkeys(config.name for config in configs)
    return [name for name in names if traits_of(name).learns_documents]


def _encoders(data: Dataset) -> list[str]:
    """The embedding models of endpoints that the task's strategies have passages encoded by, as they are."""
    configs = () if data.task.strategies == "auto" else data.task.strategies
    strategies = [build_strategy(StrategySpec(one.name, one.options)) for one in configs]
    specs = [spec for strategy in strategies for spec in strategy.encoders]
    names = (spec.name for spec in specs if is_hosted(spec) and not spec.redact)
    return list(dict.fromkeys(names))


def _sent_text(carriers: Sequence[str], *, is_hosted: bool, is_redacted: bool) -> str:
    """As `steelyard.data.private.traffic.largest` says it of rows; which passages are sent is not known."""
    s = "s" if len(carriers) == 1 else ""
    if not is_hosted:
        return (
            f"{listed(carriers)} would send such text to a hosted provider, in passages; today no request "
            "leaves the machine"
        )
    if is_redacted:
        return f"{listed(carriers)} send{s} passages to a hosted provider, with such values replaced (redact)"
    return f"{listed(carriers)} send{s} such text to a hosted provider, in passages"
