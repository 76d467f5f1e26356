"""What the examples are like: counts, lengths, duplicates, conflicts, leaks. The narrow version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from steelyard.core import Example, OutputKind, Split
from steelyard.data.formats import BadRow
from steelyard.data.likeness.near import THRESHOLD, near_pairs
from steelyard.data.likeness.normalise import (
    asked_text,
    exact_key,
    groups_of,
    normalise,
    normalised_key,
)
from steelyard.data.splits.leaks import SHOWN, check_split
from steelyard.words import counted

KEYS_SHOWN = 50
MIN_TEST = 30
NEAR_MANY = 0.05


@dataclass(frozen=True)
class AuditInput:
    """What the audit must know besides the split."""

    kind: OutputKind
    labels: tuple[str, ...] = ()
    bad: tuple[BadRow, ...] = ()
    ignored_keys: tuple[str, ...] = ()


def audit(split: Split, given: AuditInput) -> dict[str, Any]:
    """Return the audit as JSON-able data; ``warnings`` says in words what a reader must know."""
    examples = [example for part in split for example in part]
    conflicts = _conflicts(examples, given.kind)
    result: dict[str, Any] = {
        "examples": len(examples),
        "parts": {
            name: _part(part, given) for name, part in zip(split._fields, split, strict=True)
        },
        "duplicates": {
            "exact": _duplicates(examples, [exact_key(example) for example in examples]),
            "normalised": _duplicates(examples, [normalised_key(example) for example in examples]),
            "near": _near(examples),
        },
        "conflicts": conflicts,
        "accuracy_ceiling": _ceiling(examples, given.kind),
        "leaks": check_split(split),
        "skipped": _skipped(given.bad),
        "ignored_keys": list(given.ignored_keys[:KEYS_SHOWN]),
    }
    result["warnings"] = _warnings(result, split, given)
    return result


def _part(examples: Sequence[Example], given: AuditInput) -> dict[str, Any]:
    counts = Counter(example.output for example in examples)
    labels = given.labels or tuple(sorted(counts))
    return {
        "n": len(examples),
        "labels": {label: counts[label] for label in labels} if given.kind == "label" else None,
        "input_characters": lengths([len(example.input) for example in examples]),
        "output_characters": lengths([len(example.output) for example in examples]),
    }


def lengths(values: Sequence[int]) -> dict[str, int] | None:
    """Percentiles by the inverted empirical distribution: each is a length that occurs."""
    if not values:
        return None
    p5, p50, p95 = np.percentile(values, [5, 50, 95], method="inverted_cdf")
    return {"p5": int(p5), "p50": int(p50), "p95": int(p95), "max": max(values)}


def _duplicates(examples: Sequence[Example], keys: Sequence[str]) -> dict[str, Any]:
    """``rows`` counts the rows that repeat an earlier one."""
    groups = groups_of(keys)
    return {
        "rows": sum(len(group) - 1 for group in groups),
        "clusters": len(groups),
        "sources": [
            [examples[index].source for index in group[:SHOWN]] for group in groups[:SHOWN]
        ],
    }


def _near(examples: Sequence[Example]) -> dict[str, Any]:
    """``rows`` counts the rows that have a different text nearly like theirs."""
    texts = [asked_text(example) for example in examples]
    pairs = near_pairs(texts)
    alike = {texts[index] for pair in pairs for index in (pair.a, pair.b)}
    rows = sum(text in alike for text in texts)
    return {
        "rows": rows,
        "rate": rows / len(examples) if examples else None,
        "threshold": THRESHOLD,
        "method": "Jaccard of 5-character shingles, MinHash candidates",
        "sources": [
            [examples[pair.a].source, examples[pair.b].source, round(pair.similarity, 3)]
            for pair in sorted(pairs, key=lambda pair: -pair.similarity)[:SHOWN]
        ],
    }


def _conflicts(examples: Sequence[Example], kind: OutputKind) -> dict[str, Any]:
    """The same normalised input with different outputs. For text, outputs often differ rightly."""
    if kind == "text":
        return {"inputs": None, "rows": None, "reason": "texts may differ rightly", "found": []}
    groups = [
        group
        for group in groups_of([normalised_key(example) for example in examples])
        if len({_answer(examples[index].output, kind) for index in group}) > 1
    ]
    return {
        "inputs": len(groups),
        "rows": sum(len(group) for group in groups),
        "reason": None,
        "found": [
            {
                "input": examples[group[0]].input[:200],
                "rows": [
                    {"source": examples[index].source, "output": examples[index].output[:200]}
                    for index in group[:SHOWN]
                ],
            }
            for group in groups[:SHOWN]
        ],
    }


def _answer(output: str, kind: OutputKind) -> str:
    return output if kind == "label" else normalise(output)


def _ceiling(examples: Sequence[Example], kind: OutputKind) -> dict[str, Any]:
    """The best accuracy of any rule that answers the same input always the same way."""
    if kind != "label" or not examples:
        return {"value": None, "reason": "defined for labels only"}
    outputs: dict[str, Counter[str]] = {}
    for example in examples:
        outputs.setdefault(normalised_key(example), Counter())[example.output] += 1
    right = sum(max(counts.values()) for counts in outputs.values())
    return {"value": right / len(examples), "reason": None}


def _skipped(bad: Sequence[BadRow]) -> dict[str, Any]:
    return {
        "count": len(bad),
        "rows": [{"file": row.file, "line": row.line, "reason": row.reason} for row in bad],
    }


def _warnings(result: dict[str, Any], split: Split, given: AuditInput) -> list[str]:
    leaks, conflicts = result["leaks"], result["conflicts"]
    leaking = max(leaks["normalised"]["test_count"], leaks["group"]["test_count"])
    nearly = leaks["near"]["test_count"] - leaks["normalised"]["test_count"]
    absent = [label for label, n in (result["parts"]["test"]["labels"] or {}).items() if n == 0]
    near = result["duplicates"]["near"]
    said = [
        (leaking, f"in train or dev too: {counted(leaking, 'test row')}, which overstates quality"),
        (
            nearly,
            f"nearly in train or dev too: {counted(nearly, 'test row')}, which may overstate quality",
        ),
        (given.bad, f"left out: {counted(len(given.bad), 'bad row')}"),
        (
            conflicts["inputs"],
            f"{counted(conflicts['inputs'] or 0, 'input')} with different outputs: no arm gets all right",
        ),
        (
            len(split.test) < MIN_TEST,
            f"only {counted(len(split.test), 'test row')}: only large differences can be seen",
        ),
        (absent, f"no test row has the label {', '.join(absent[:5])}: it is not measured"),
        (
            (near["rate"] or 0) > NEAR_MANY,
            f"{counted(near['rows'], 'row')} nearly repeat another: fewer independent examples than rows",
        ),
    ]
    return [text for flag, text in said if flag]
