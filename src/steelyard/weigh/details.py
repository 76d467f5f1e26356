"""What the report shows beside the figures: confusion, labels, slices, failures, real examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from steelyard.core import Example, Record
from steelyard.words import shortened

_SAMPLES = 30
_MISSED = 20
"""So many of the samples are mistakes of the arm that is shown first, where it made so many."""
_FAILURES = 50
_SUMMARIES = ("all", "each", "win", "tie", "loss", "flipped", "failed")
"""Parts that sum others up, or that no answer can lack."""
_SHOWN_CHARACTERS = 2000


def details(
    examples: Sequence[Example],
    records: Mapping[str, Sequence[Record]],
    labels: Sequence[str],
    first: str | None = None,
) -> dict[str, Any]:
    """Return the report's details; ``records`` holds each arm's in the order of ``examples``.

    ``first`` is the arm whose mistakes come first among the samples.
    """
    return {
        "confusion": {arm: _confusion(rows, labels) for arm, rows in records.items()}
        if labels
        else {},
        "per_label": {arm: _per_label(rows, labels) for arm, rows in records.items()}
        if labels
        else {},
        "per_slice": {arm: _per_slice(rows, examples) for arm, rows in records.items()},
        "failures": {arm: _failures(rows, examples) for arm, rows in records.items()},
        "samples": _samples(examples, records, records.get(first or "", ())),
    }


def _confusion(records: Sequence[Record], labels: Sequence[str]) -> dict[str, Any]:
    """Rows are references, columns answers, both in the order of ``labels``; failed apart."""
    pairs = Counter((record.reference, record.answer.output) for record in records)
    return {
        "labels": list(labels),
        "counts": [[pairs[reference, answer] for answer in labels] for reference in labels],
        "failed": [pairs[reference, None] for reference in labels],
    }


def _per_label(records: Sequence[Record], labels: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"label": label, **_share([record for record in records if record.reference == label])}
        for label in labels
    ]


def _per_slice(records: Sequence[Record], examples: Sequence[Example]) -> list[dict[str, Any]]:
    slices = sorted({example.slice for example in examples if example.slice is not None})
    return [
        {
            "slice": name,
            **_share([r for r, e in zip(records, examples, strict=True) if e.slice == name]),
        }
        for name in slices
    ]


def _share(records: Sequence[Record]) -> dict[str, Any]:
    if not records:
        return {"n": 0, "score": None, "reason": "no test example"}
    return {"n": len(records), "score": sum(record.score for record in records) / len(records)}


def _failures(records: Sequence[Record], examples: Sequence[Example]) -> list[dict[str, Any]]:
    failed = [
        {
            "example_id": record.example_id,
            "source": example.source,
            "input": _shown(example.input),
            "reason": record.reason or "no reason given",
        }
        for record, example in zip(records, examples, strict=True)
        if record.outcome == "failed"
    ]
    return failed[:_FAILURES]


def _samples(
    examples: Sequence[Example],
    records: Mapping[str, Sequence[Record]],
    first: Sequence[Record],
) -> list[dict[str, Any]]:
    """Test examples with every arm's answer: the worst of ``first``, then where the arms differ most."""

    def disagreement(index: int) -> float:
        scores = [rows[index].score for rows in records.values()]
        mean = sum(scores) / len(scores) if scores else 0.0
        return -sum((score - mean) ** 2 for score in scores)

    missed = [index for index, record in enumerate(first) if record.score < 1]
    missed.sort(key=lambda index: (first[index].score, disagreement(index), index))
    ranked = sorted(range(len(examples)), key=lambda index: (disagreement(index), index))
    chosen = list(dict.fromkeys([*missed[:_MISSED], *ranked]))[:_SAMPLES]
    return [
        {
            "example_id": examples[index].id,
            "input": _shown(examples[index].input),
            "reference": examples[index].output,
            "slice": examples[index].slice,
            "answers": {arm: _answer(rows[index]) for arm, rows in records.items()},
        }
        for index in chosen
    ]


def _answer(record: Record) -> dict[str, Any]:
    return {
        "output": None if record.answer.output is None else _shown(record.answer.output),
        "text": _shown(record.answer.completion.text),
        "score": record.score,
        "reason": record.reason,
        **_missed(record),
    }


def _shown(text: str) -> str:
    return shortened(text, _SHOWN_CHARACTERS)


def _missed(record: Record) -> dict[str, Any]:
    """The parts (rules, fields) that an answer has not right, where its metric has parts."""
    parts = {name.partition("/")[2]: s for name, s in record.scores.items() if "/" in name}
    lacking = [name for name, score in parts.items() if score < 1 and name not in _SUMMARIES]
    return {"missed": lacking} if lacking and record.answer.output is not None else {}
