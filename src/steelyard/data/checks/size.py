"""Enough rows? The rules of thumb, what the test part can show, and labels with few rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from steelyard.data.base import CheckOptions, CheckResult, Finding, Severity
from steelyard.data.checks.imbalance import labels_meant, rows_with
from steelyard.data.dataset import Dataset
from steelyard.data.enough import (
    ACCURACY,
    DIFFERENCES,
    MoreRows,
    Parts,
    as_facts,
    first_indices,
    half_width,
    more_for,
    parts_of,
    shown_by,
    unseen_reason,
)
from steelyard.output_kinds import KINDS
from steelyard.rules_of_thumb import Thumb, rules_of_thumb
from steelyard.stats import Detectable
from steelyard.words import counted, listed, points

CHECK = "size"

THIN_ROWS = 10
"""A label with fewer distinct training rows is hardly learned. With 10 rows kept, an intent of
banking77 is found with recall 0.32, against 0.89 with all of them (5: 0.18, 20: 0.53;
``benchmarks/thin_labels.py``). Ten a label is also the smallest set that the authors of banking77
train on (Casanueva et al., 2020, "Efficient Intent Detection with Dual Sentence Encoders")."""

WIDE = 0.15
"""A label's recall known only to within this, on either side, is as good as unknown: the interval
around 80 % then reaches from good to poor."""

POOR_DIFFERENCE, FAIR_DIFFERENCE = 0.10, 0.05
"""Arms worth choosing between are often closer than ten points; five are fair."""

_UNCORRECTED = ", before correction for several comparisons"

MARKS: tuple[tuple[int, Severity], ...] = ((20, "error"), (50, "warning"), (100, "warning"))


def find(data: Dataset, options: CheckOptions) -> CheckResult:
    """Compare the distinct rows of each part with the rules of thumb and with what a test can show."""
    parts = parts_of(data)
    distinct = len(first_indices(data))
    facts: dict[str, Any] = {
        "rows": data.rows,
        "readable": len(data.examples),
        "distinct": distinct,
        "is_planned": parts.is_planned,
        "parts": as_facts(parts),
        "input_characters": lengths([len(example.input) for example in data.examples]),
        "output_characters": lengths([len(output) for output in data.written]),
    }
    if parts.reason is not None:
        finding = Finding(CHECK, "error", parts.reason, count=len(data.examples))
        return CheckResult((finding,), facts, parts.reason)
    thumbs = rules_of_thumb(parts.train.distinct, data.task.traffic.requests_per_day)
    thumbs = [thumb for thumb in thumbs if thumb.quantity == "train_examples"]
    test, detectable, more = _test(data, parts, options.detectable)
    facts |= {
        "thumbs": [asdict(thumb) for thumb in thumbs],
        "test": test,
        "labels": _labels(data, parts),
    }
    findings = [
        *_by_thumb(parts, thumbs),
        *_by_measure(parts, detectable, more),
        *_unmeasured(data, parts),
        *_thin(data, parts),
        *_wide(facts["labels"]),
    ]
    facts |= {"thin_labels": _thin_labels(data, parts), "thin_below": THIN_ROWS}
    return CheckResult(tuple(findings), facts)


def lengths(values: Sequence[int]) -> dict[str, int] | None:
    """Percentiles by the inverted empirical distribution: each is a length that occurs."""
    if not values:
        return None
    p5, p50, p95 = np.percentile(values, [5, 50, 95], method="inverted_cdf")
    return {"p5": int(p5), "p50": int(p50), "p95": int(p95), "max": max(values)}


def _test(
    data: Dataset, parts: Parts, planned: Detectable | None
) -> tuple[dict[str, Any], Detectable | None, list[MoreRows]]:
    """What the test part can show, as facts; the difference, and what smaller ones need.

    ``planned`` is what a run says that it can show.
    """
    reason = unseen_reason(data)
    facts: dict[str, Any] = {
        "rows": parts.test.rows,
        "distinct": parts.test.distinct,
        "half_width": {"at": ACCURACY, "value": None, "reason": reason},
        "detectable": {"difference": None, "reason": reason},
        "needed": [],
    }
    if reason is not None:
        return facts, None, []
    detectable = planned or shown_by(data, parts)
    more = [
        more_for(difference, parts, data.task.split, detectable.comparisons)
        for difference in DIFFERENCES
    ]
    facts["half_width"]["value"] = half_width(parts.test.distinct)
    facts["detectable"] = asdict(detectable)
    facts["needed"] = [need._asdict() for need in more]
    return facts, detectable, more


def _counted_labels(data: Dataset) -> list[str]:
    """Labels declared, else those seen without what is another one misspelt; the rarest first."""
    counts = Counter(dict.fromkeys(data.labels, 0))
    counts.update(label for labels in data.label_sets for label in labels)
    return sorted(labels_meant(data, counts), key=lambda label: (counts[label], label))


def _train(parts: Parts, label: str) -> int:
    return parts.train.labels.get(label, 0)


def _labels(data: Dataset, parts: Parts) -> dict[str, Any] | None:
    if not KINDS[data.kind].is_labelled:
        return None
    return {
        label: {
            "train": _train(parts, label),
            "test": parts.test.labels.get(label, 0),
            "half_width": half_width(parts.test.labels.get(label, 0)),
        }
        for label in _counted_labels(data)
    }


def _by_thumb(parts: Parts, thumbs: Sequence[Thumb]) -> Iterator[Finding]:
    train = parts.train
    severity = next((severity for least, severity in MARKS if train.distinct < least), None)
    if severity is None:
        return
    missed = [thumb.rule for thumb in thumbs if not thumb.is_reached]
    yield Finding(
        CHECK,
        severity,
        f"{_rows_for(parts, 'train')} to learn from: rules of thumb ask for more "
        f"({'; '.join(reversed(missed))})",
        count=train.distinct,
    )


def _rows_for(parts: Parts, name: str) -> str:
    part = parts.by_name[name]
    repeats = f" ({part.rows:,} with repeats)" if part.rows != part.distinct else ""
    return f"{counted(part.distinct, f'{name} row')}{repeats}"


def _by_measure(
    parts: Parts, detectable: Detectable | None, more: Sequence[MoreRows]
) -> Iterator[Finding]:
    if detectable is None:
        return
    difference = detectable.difference
    if difference is not None and difference <= FAIR_DIFFERENCE:
        return
    whose = " from Steelyard's own split" if parts.is_planned else ""
    severity: Severity = "error"
    what = "cannot show any difference between two arms"
    if difference is not None:
        severity = "warning" if difference > POOR_DIFFERENCE else "note"
        what = f"can only show differences of {points(difference)} or more between two arms"
    yield Finding(
        CHECK,
        severity,
        f"{_rows_for(parts, 'test')}{whose} {what} (power {detectable.power:.0%}, if they differ on "
        f"{detectable.discordant:.0%} of the rows{detectable.correction or _UNCORRECTED}"
        f"{detectable.dependence})"
        f"{_accuracy(parts)}; {_need(parts, more)}{_independent(detectable)}",
        count=parts.test.distinct,
    )


def _accuracy(parts: Parts) -> str:
    half = half_width(parts.test.distinct)
    if half is None:
        return ""
    return f", and an accuracy of {ACCURACY:.0%} is known to ±{points(half)}"


def _independent(detectable: Detectable) -> str:
    return ", each row independent of the others" if detectable.clusters is not None else ""


def _need(parts: Parts, more: Sequence[MoreRows]) -> str:
    clauses = []
    for need in more:
        size = points(need.difference)
        if need.rows is not None and parts.is_planned:
            clauses.append(f"{size} would need {counted(need.rows, 'more row')} in total")
        elif need.test_rows is not None:
            clauses.append(f"{size} would need {counted(need.test_rows, 'more test row')}")
    return ", ".join(clauses) or "no practical number of rows could show a smaller one"


def _unmeasured(data: Dataset, parts: Parts) -> Iterator[Finding]:
    thin = _thin_labels(data, parts)  # says of these already that they have too few rows
    absent = [
        label
        for label in _counted_labels(data)
        if not parts.test.labels.get(label) and label not in thin
    ]
    if not absent or not parts.test.rows:
        return
    message = f"{_have(absent)} no test row ({listed(absent)}): their recall is not measured"
    yield Finding.of_rows(data, rows_with(data, absent), CHECK, "warning", message)


def _thin(data: Dataset, parts: Parts) -> Iterator[Finding]:
    thin = _thin_labels(data, parts)
    if not thin:
        return
    named = [f"{label} ({_train(parts, label)})" for label in thin]
    unmeasured = [label for label in thin if parts.test.rows and not parts.test.labels.get(label)]
    message = f"{_have(thin)} fewer than {THIN_ROWS} distinct train rows, too few to learn: {listed(named)}"
    if unmeasured:
        message += f"; without a test row, the recall of {listed(unmeasured)} is not measured"
    yield Finding.of_rows(data, rows_with(data, thin), CHECK, "warning", message)


def _thin_labels(data: Dataset, parts: Parts) -> list[str]:
    return [label for label in _counted_labels(data) if _train(parts, label) < THIN_ROWS]


def _wide(labels: Mapping[str, Any] | None) -> Iterator[Finding]:
    halves = {name: figures["half_width"] for name, figures in (labels or {}).items()}
    wide = {name: half for name, half in halves.items() if half is not None and half > WIDE}
    if not wide or labels is None:
        return
    worst = max(wide, key=lambda name: (wide[name], name))
    yield Finding(
        CHECK,
        "note",
        f"{_have(wide)} so few test rows that a recall of {ACCURACY:.0%} would not even be known to "
        f"±{points(WIDE)}; the least certain is {worst}, ±{points(wide[worst])} on "
        f"{counted(labels[worst]['test'], 'row')}",
        count=len(wide),
    )


def _have(labels: Collection[str]) -> str:
    return counted(len(labels), "label has", "labels have")
