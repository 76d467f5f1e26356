"""The figures of a run's examples at the head of its audit: counts, lengths, duplicates, leaks.

All of them come from what a data set computes once for its checks and its split.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from steelyard.core import Example
from steelyard.data.dataset import Dataset, Unreadable
from steelyard.data.likeness.alike import TEXT_REASON
from steelyard.data.likeness.near import THRESHOLD, NearPair
from steelyard.data.likeness.rows import groups_of, normalise
from steelyard.data.splits.leaks import SHOWN, split_leaks
from steelyard.words import counted

KEYS_SHOWN = 50
MIN_TEST = 30
NEAR_MANY = 0.05


def overview(data: Dataset) -> dict[str, Any]:
    """Return the figures of split rows as JSON-able data; ``warnings`` says what a reader must know.

    Rows are listed part by part, as a run takes them.
    """
    rows = data.usable
    result: dict[str, Any] = {
        "examples": len(rows.examples),
        "parts": {
            name: _part(part, rows)
            for name, part in zip(rows.split._fields, rows.split, strict=True)
        },
        "duplicates": {
            "exact": _duplicates(rows, rows.exact_keys),
            "normalised": _duplicates(rows, rows.normalised_keys),
            "near": _near(rows),
        },
        "conflicts": _conflicts(rows),
        "accuracy_ceiling": _ceiling(rows),
        "leaks": split_leaks(rows),
        "skipped": _skipped(data.unusable),
        "ignored_keys": list(data.ignored_keys[:KEYS_SHOWN]),
    }
    result["warnings"] = _warnings(result)
    return result


def _part(examples: Sequence[Example], data: Dataset) -> dict[str, Any]:
    counts = Counter(example.output for example in examples)
    return {
        "n": len(examples),
        "labels": {label: counts[label] for label in data.labels} if data.kind == "label" else None,
        "input_characters": lengths([len(example.input) for example in examples]),
        "output_characters": lengths([len(example.output) for example in examples]),
    }


def lengths(values: Sequence[int]) -> dict[str, int] | None:
    """Percentiles by the inverted empirical distribution: each is a length that occurs."""
    if not values:
        return None
    p5, p50, p95 = np.percentile(values, [5, 50, 95], method="inverted_cdf")
    return {"p5": int(p5), "p50": int(p50), "p95": int(p95), "max": max(values)}


def _groups(data: Dataset, keys: Sequence[str]) -> list[list[int]]:
    """Rows with the same key, part by part."""
    order = data.by_part
    return [[order[at] for at in group] for group in groups_of([keys[index] for index in order])]


def _duplicates(data: Dataset, keys: Sequence[str]) -> dict[str, Any]:
    """``rows`` counts the rows that repeat an earlier one."""
    groups = _groups(data, keys)
    return {
        "rows": sum(len(group) - 1 for group in groups),
        "clusters": len(groups),
        "sources": [
            [data.examples[index].source for index in group[:SHOWN]] for group in groups[:SHOWN]
        ],
    }


def _near(data: Dataset) -> dict[str, Any]:
    """``rows`` counts the rows that have a different text nearly like theirs."""
    first: dict[str, int] = {}
    for place, index in enumerate(data.by_part):
        first.setdefault(data.texts[index], place)
    pairs = []
    for pair in data.near:
        a, b = sorted(first[data.texts[index]] for index in (pair.a, pair.b))
        pairs.append(NearPair(a, b, pair.similarity))
    pairs.sort(key=lambda pair: (-pair.similarity, pair))
    sources = [data.examples[index].source for index in data.by_part]
    alike = {data.texts[index] for pair in data.near for index in (pair.a, pair.b)}
    rows = sum(text in alike for text in data.texts)
    return {
        "rows": rows,
        "rate": rows / len(data.texts) if data.texts else None,
        "threshold": THRESHOLD,
        "method": "Jaccard of 5-character shingles, MinHash candidates",
        "sources": [
            [sources[pair.a], sources[pair.b], round(pair.similarity, 3)] for pair in pairs[:SHOWN]
        ],
    }


def _conflicts(data: Dataset) -> dict[str, Any]:
    """The same normalised input with different outputs. For text, several may be right."""
    if data.kind == "text":
        return {"inputs": None, "rows": None, "reason": TEXT_REASON, "found": []}
    outputs = [example.output for example in data.examples]
    answers = outputs if data.kind == "label" else [normalise(output) for output in outputs]
    groups = [
        group
        for group in _groups(data, data.normalised_keys)
        if len({answers[index] for index in group}) > 1
    ]
    return {
        "inputs": len(groups),
        "rows": sum(map(len, groups)),
        "reason": None,
        "found": [
            {
                "input": data.examples[group[0]].input[:200],
                "rows": [
                    {"source": data.examples[index].source, "output": outputs[index][:200]}
                    for index in group[:SHOWN]
                ],
            }
            for group in groups[:SHOWN]
        ],
    }


def _ceiling(data: Dataset) -> dict[str, Any]:
    """The best accuracy of any rule that answers the same input always the same way."""
    if data.kind != "label" or not data.examples:
        return {"value": None, "reason": "defined for labels only"}
    outputs: dict[str, Counter[str]] = {}
    for key, example in zip(data.normalised_keys, data.examples, strict=True):
        outputs.setdefault(key, Counter())[example.output] += 1
    right = sum(max(counts.values()) for counts in outputs.values())
    return {"value": right / len(data.examples), "reason": None}


def _skipped(rows: Sequence[Unreadable]) -> dict[str, Any]:
    return {
        "count": len(rows),
        "rows": [row.bad._asdict() for row in rows],
    }


def _warnings(result: dict[str, Any]) -> list[str]:
    leaks, conflicts = result["leaks"], result["conflicts"]
    leaking = max(leaks["normalised"]["test_count"], leaks["group"]["test_count"])
    nearly = leaks["near"]["test_count"] - leaks["normalised"]["test_count"]
    absent = [label for label, n in (result["parts"]["test"]["labels"] or {}).items() if n == 0]
    near, skipped = result["duplicates"]["near"], result["skipped"]["count"]
    tested = result["parts"]["test"]["n"]
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
        (skipped, f"left out: {counted(skipped, 'bad row')}"),
        (
            conflicts["inputs"],
            f"{counted(conflicts['inputs'] or 0, 'input')} with different outputs: no arm can get "
            "them all right",
        ),
        (
            tested < MIN_TEST,
            f"only {counted(tested, 'test row')}: only large differences will show",
        ),
        (absent, f"no test row has the label {', '.join(absent[:5])}: it is not measured"),
        (
            (near["rate"] or 0) > NEAR_MANY,
            f"{counted(near['rows'], 'row')} nearly repeat another: fewer independent examples than rows",
        ),
    ]
    return [text for flag, text in warnings if flag]
