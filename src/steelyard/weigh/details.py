"""The answers behind the figures: confusion, labels, slices, failures, real examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from steelyard.core import Example, OutputKind, Record
from steelyard.label_sets import labels_in
from steelyard.result.answers import (
    ConfusionTable,
    FailedAnswer,
    LabelScore,
    SampleAnswer,
    SampleResult,
    SliceScore,
)
from steelyard.words import shortened

_SAMPLES = 30
_MISSED = 20
"""At most this many samples are mistakes of the arm that is shown first."""
_FAILURES = 50
_SUMMARIES = ("all", "each", "win", "tie", "loss", "flipped", "failed")
"""Parts that sum others up, or that no answer can lack."""
_SHOWN_CHARACTERS = 2000


class Details(NamedTuple):
    """Fields of a `Result`, by their names; all but ``samples`` by arm."""

    confusion: Mapping[str, ConfusionTable]
    per_label: Mapping[str, tuple[LabelScore, ...]]
    per_slice: Mapping[str, tuple[SliceScore, ...]]
    failures: Mapping[str, tuple[FailedAnswer, ...]]
    samples: tuple[SampleResult, ...]
    missed: Mapping[str, int]


def details(
    examples: Sequence[Example],
    records: Mapping[str, Sequence[Record]],
    labels: Sequence[str],
    first: str | None = None,
    kind: OutputKind = "label",
) -> Details:
    """Return the details of a result; ``records`` holds each arm's in the order of ``examples``.

    ``first`` is the arm whose mistakes come first among the samples. Sets of labels have no confusion.
    """
    by_arm = records.items()
    per_label = _per_member if kind == "labels" else _per_label
    is_single = labels and kind == "label"
    return Details(
        confusion={arm: _confusion(rows, labels) for arm, rows in by_arm} if is_single else {},
        per_label={arm: per_label(rows, labels) for arm, rows in by_arm} if labels else {},
        per_slice={arm: _per_slice(rows, examples) for arm, rows in by_arm},
        failures={arm: _failures(rows, examples) for arm, rows in by_arm},
        samples=_samples(examples, records, records.get(first or "", ())),
        missed={arm: _missed_of(rows) for arm, rows in by_arm},
    )


def _missed_of(records: Sequence[Record]) -> int:
    """How many answers failed or were not wholly right."""
    return sum(record.outcome == "failed" or record.score != 1 for record in records)


def _confusion(records: Sequence[Record], labels: Sequence[str]) -> ConfusionTable:
    """Rows are references, columns answers, both in the order of ``labels``; failed apart."""
    pairs = Counter((record.reference, record.answer.output) for record in records)
    return ConfusionTable(
        labels=tuple(labels),
        counts=tuple(tuple(pairs[reference, answer] for answer in labels) for reference in labels),
        failed=tuple(pairs[reference, None] for reference in labels),
    )


def _per_label(records: Sequence[Record], labels: Sequence[str]) -> tuple[LabelScore, ...]:
    return tuple(
        LabelScore(
            label=label, **_mean([record for record in records if record.reference == label])
        )
        for label in labels
    )


def _per_member(records: Sequence[Record], labels: Sequence[str]) -> tuple[LabelScore, ...]:
    """F1 of each label of sets over all records; ``n`` of them expect it, ``missed`` have it wrong."""
    expected = [set(labels_in(record.reference)) for record in records]
    answered = [set(labels_in(record.answer.output or "")) for record in records]
    scores = []
    for label in labels:
        pairs = Counter(
            (label in one, label in other) for one, other in zip(expected, answered, strict=True)
        )
        scores.append(LabelScore(label=label, **_f1(pairs)))
    return tuple(scores)


def _f1(pairs: Mapping[tuple[bool, bool], int]) -> dict[str, Any]:
    """F1 by how often a label is (expected, answered)."""
    right, wrong = pairs[True, True], pairs[True, False] + pairs[False, True]
    if not (count := right + pairs[True, False]):
        return {"reason": "no test example"}
    return {"n": count, "score": 2 * right / (2 * right + wrong), "missed": wrong}


def _per_slice(records: Sequence[Record], examples: Sequence[Example]) -> tuple[SliceScore, ...]:
    slices = sorted({example.slice for example in examples if example.slice is not None})
    return tuple(
        SliceScore(
            slice=name,
            **_mean([r for r, e in zip(records, examples, strict=True) if e.slice == name]),
        )
        for name in slices
    )


def _mean(records: Sequence[Record]) -> dict[str, Any]:
    if not records:
        return {"reason": "no test example"}
    score = sum(record.score for record in records) / len(records)
    return {"n": len(records), "score": score, "missed": _missed_of(records)}


def _failures(records: Sequence[Record], examples: Sequence[Example]) -> tuple[FailedAnswer, ...]:
    failed = (
        FailedAnswer(
            example_id=record.example_id,
            source=example.source,
            input=_cut(example.input),
            reason=record.reason or "no reason given",
        )
        for record, example in zip(records, examples, strict=True)
        if record.outcome == "failed"
    )
    return tuple(islice(failed, _FAILURES))


def _samples(
    examples: Sequence[Example],
    records: Mapping[str, Sequence[Record]],
    first: Sequence[Record],
) -> tuple[SampleResult, ...]:
    """Test examples with every arm's answer: the worst of ``first``, then where the arms differ most."""

    def disagreement(index: int) -> float:
        scores = [rows[index].score for rows in records.values()]
        mean = sum(scores) / len(scores) if scores else 0.0
        return -sum((score - mean) ** 2 for score in scores)

    missed = [index for index, record in enumerate(first) if record.score < 1]
    missed.sort(key=lambda index: (first[index].score, disagreement(index), index))
    ranked = sorted(range(len(examples)), key=lambda index: (disagreement(index), index))
    indices = list(dict.fromkeys([*missed[:_MISSED], *ranked]))[:_SAMPLES]
    return tuple(
        SampleResult(
            example_id=examples[index].id,
            input=_cut(examples[index].input),
            reference=examples[index].output,
            slice=examples[index].slice,
            answers={arm: _answer(rows[index]) for arm, rows in records.items()},
        )
        for index in indices
    )


def _answer(record: Record) -> SampleAnswer:
    return SampleAnswer(
        output=_cut(record.answer.output or "") if record.outcome == "scored" else None,
        text=_cut(record.answer.completion.text),
        reasoning=_cut(record.answer.completion.reasoning) or None,
        score=record.score,
        reason=record.reason,
        missed=_missed(record),
    )


def _cut(text: str) -> str:
    return shortened(text, _SHOWN_CHARACTERS)


def _missed(record: Record) -> tuple[str, ...] | None:
    """The parts (rules, fields) that an answer gets wrong, if its metric has parts."""
    parts = {name.partition("/")[2]: s for name, s in record.scores.items() if "/" in name}
    lacking = [name for name, score in parts.items() if score < 1 and name not in _SUMMARIES]
    return tuple(lacking) if lacking and record.answer.output is not None else None
