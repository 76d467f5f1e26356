"""Enough rows? The rules of thumb beside what the test part can tell, and labels that are thin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from steelyard.data.base import CheckOptions, CheckResult, Finding, Severity
from steelyard.data.dataset import Dataset
from steelyard.data.enough import (
    ACCURACY,
    DIFFERENCES,
    More,
    Parts,
    as_facts,
    first_indices,
    half_width,
    more_for,
    parts_of,
    shown_by,
    unseen_reason,
)
from steelyard.data.overview import lengths
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
"""A label's recall that is known to no better than this, on either side, is as good as unknown:
the interval around 80 % then reaches from good to poor."""

POOR_DIFFERENCE, FAIR_DIFFERENCE = 0.10, 0.05
"""Arms that are worth choosing between often lie closer than ten points; five are fair."""

MARKS: tuple[tuple[int, Severity], ...] = ((20, "error"), (50, "warning"), (100, "warning"))


def find(data: Dataset, options: CheckOptions) -> CheckResult:
    """Hold the distinct rows of each part against the rules of thumb and the measured view."""
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
    test, shown, more = _test(data, parts)
    facts |= {
        "thumbs": [asdict(thumb) for thumb in thumbs],
        "test": test,
        "labels": _labels(data, parts),
    }
    findings = [
        *_by_thumb(parts, thumbs),
        *_by_measure(parts, shown, more),
        *_unmeasured(data, parts),
        *_thin(data, parts),
        *_wide(facts["labels"]),
    ]
    thin = [label for label in _counted_labels(data) if _train(parts, label) < THIN_ROWS]
    return CheckResult(tuple(findings), facts | {"thin_labels": thin, "thin_below": THIN_ROWS})


def _test(data: Dataset, parts: Parts) -> tuple[dict[str, Any], Detectable | None, list[More]]:
    """What the test part can tell, as facts; the difference and what is needed for smaller ones."""
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
    shown = shown_by(parts.test.distinct)
    more = [more_for(difference, parts, data.task.split) for difference in DIFFERENCES]
    facts["half_width"]["value"] = half_width(parts.test.distinct)
    facts["detectable"] = asdict(shown)
    facts["needed"] = [each._asdict() for each in more]
    return facts, shown, more


def _counted_labels(data: Dataset) -> list[str]:
    """Labels declared or seen, the rarest first."""
    counts = dict.fromkeys(data.labels, 0)
    for example in data.examples if data.kind == "label" else ():
        if example.output:
            counts[example.output] = counts.get(example.output, 0) + 1
    return sorted(counts, key=lambda label: (counts[label], label))


def _train(parts: Parts, label: str) -> int:
    return parts.train.labels.get(label, 0)


def _labels(data: Dataset, parts: Parts) -> dict[str, Any] | None:
    if data.kind != "label":
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
    mark = next(((least, grave) for least, grave in MARKS if train.distinct < least), None)
    if mark is None:
        return
    missed = [thumb.rule for thumb in thumbs if not thumb.is_reached]
    yield Finding(
        CHECK,
        mark[1],
        f"{_rows_for(parts, 'train')} to learn from: rules of thumb ask for more "
        f"({'; '.join(reversed(missed))})",
        count=train.distinct,
    )


def _rows_for(parts: Parts, name: str) -> str:
    part = parts.by_name[name]
    repeats = f" ({part.rows:,} with repeats)" if part.rows != part.distinct else ""
    return f"{counted(part.distinct, f'{name} row')}{repeats}"


def _by_measure(parts: Parts, shown: Detectable | None, more: Sequence[More]) -> Iterator[Finding]:
    if shown is None:
        return
    difference = shown.difference
    if difference is not None and difference <= FAIR_DIFFERENCE:
        return
    whose = "that Steelyard's own split would give" if parts.is_planned else "as given"
    severity: Severity = "note"
    what = "cannot show any difference between two arms"
    if difference is not None:
        what = f"can only show differences between two arms from {points(difference)} up"
    if difference is None or difference > POOR_DIFFERENCE:
        severity = "warning" if difference is not None else "error"
    yield Finding(
        CHECK,
        severity,
        f"{_rows_for(parts, 'test')} {whose} {what} (power {shown.power:.0%}, if they differ on "
        f"{shown.discordant:.0%} of the rows){_accuracy(parts)}; {_need(parts, more)}",
        count=parts.test.distinct,
    )


def _accuracy(parts: Parts) -> str:
    half = half_width(parts.test.distinct)
    if half is None:
        return ""
    return f", and an accuracy of {ACCURACY:.0%} is known to ±{points(half)}"


def _need(parts: Parts, more: Sequence[More]) -> str:
    said = []
    for each in more:
        size = points(each.difference)
        if each.rows is not None and parts.is_planned:
            said.append(f"{size} would need {counted(each.rows, 'more row')} in all")
        elif each.test_rows is not None:
            said.append(f"{size} would need {counted(each.test_rows, 'more test row')}")
    return ", ".join(said) or "no practical number of rows would show less"


def _unmeasured(data: Dataset, parts: Parts) -> Iterator[Finding]:
    absent = [label for label in _counted_labels(data) if not parts.test.labels.get(label)]
    if not absent or not parts.test.rows:
        return
    them = "it is" if len(absent) == 1 else "they are"
    yield _of_labels(
        data,
        absent,
        "warning",
        f"{_have(len(absent))} no test row ({listed(absent)}): how well {them} found is not measured",
    )


def _thin(data: Dataset, parts: Parts) -> Iterator[Finding]:
    thin = [label for label in _counted_labels(data) if _train(parts, label) < THIN_ROWS]
    if not thin:
        return
    named = [f"{label} ({_train(parts, label)})" for label in thin]
    yield _of_labels(
        data,
        thin,
        "warning",
        f"{_have(len(thin))} fewer than {THIN_ROWS} distinct train rows, too few to learn: "
        f"{listed(named)}",
    )


def _of_labels(data: Dataset, labels: Sequence[str], severity: Severity, message: str) -> Finding:
    """A finding with the rows of ``labels``, in the order of the labels."""
    order = {label: place for place, label in enumerate(labels)}
    found = [i for i, example in enumerate(data.examples) if example.output in order]
    indices = sorted(found, key=lambda index: order[data.examples[index].output])
    return Finding(CHECK, severity, message, data.rows_of(indices), data.evidence(indices))


def _wide(labels: Mapping[str, Any] | None) -> Iterator[Finding]:
    halves = {name: each["half_width"] for name, each in (labels or {}).items()}
    wide = {name: half for name, half in halves.items() if half is not None and half > WIDE}
    if not wide or labels is None:
        return
    worst = max(wide, key=lambda name: (wide[name], name))
    yield Finding(
        CHECK,
        "note",
        f"{_have(len(wide))} so few test rows that a recall of {ACCURACY:.0%} would be known to no "
        f"better than ±{points(WIDE)}; the least known is {worst}, to ±{points(wide[worst])} on "
        f"{counted(labels[worst]['test'], 'row')}",
        count=len(wide),
    )


def _have(labels: int) -> str:
    return "1 label has" if labels == 1 else f"{labels} labels have"
