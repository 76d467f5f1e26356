"""The rows that the audit doubts most, each once, in the order in which a person should see them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, zip_longest

from steelyard.data.base import CheckResult
from steelyard.data.dataset import Dataset
from steelyard.data.likeness.alike import (
    answers,
    closest_pairs,
    firsts,
    near_conflicts,
    same_conflicts,
)
from steelyard.data.likeness.rows import groups_of
from steelyard.words import one_line

CHECKS = ("label_errors", "contradictions", "near_duplicates")


@dataclass(frozen=True)
class Doubt:
    """A row to review: its index, the check that doubts it, why, and a suggested output.

    ``suggested`` is an output, or ``None``; ``suggests_drop`` says that the row may go. ``like`` are
    indices of rows to compare it with.
    """

    index: int
    check: str
    why: str
    suggested: str | None = None
    suggests_drop: bool = False
    like: tuple[int, ...] = ()


Lists = Callable[[Dataset, CheckResult], Iterator[Doubt]]


def doubts(data: Dataset, results: Mapping[str, CheckResult]) -> list[Doubt]:
    """The doubts of each check in turn, the most serious of each first; a row comes once."""
    lists = [_LISTS[name](data, results[name]) for name in CHECKS if name in results]
    indices: set[int] = set()
    unique = []
    for doubt in chain.from_iterable(zip_longest(*lists)):
        if doubt is not None and doubt.index not in indices:
            indices.add(doubt.index)
            unique.append(doubt)
    return unique


def _label_errors(data: Dataset, result: CheckResult) -> Iterator[Doubt]:
    places = {number: index for index, number in enumerate(data.numbers)}
    suggested = {
        number: label
        for label, numbers in result.facts.get("suggested", {}).items()
        for number in numbers
    }
    for finding in result.findings:
        for number in finding.rows:
            label = suggested.get(number)
            why = finding.message
            if label is not None:
                why = f"a model trained on the other rows finds {one_line(label, 40)!r} more likely"
            yield Doubt(places[number], "label_errors", why, label)


def _contradictions(data: Dataset, result: CheckResult) -> Iterator[Doubt]:
    if data.kind == "text":  # several texts may be right: nobody can decide on one
        return
    outputs = answers(data)
    groups = [
        group
        for group in groups_of(data.normalised_keys)
        if len({outputs[index] for index in group}) > 1
    ]
    same = {conflict.row: conflict for conflict in same_conflicts(groups, outputs)}
    near = {conflict.row: conflict for conflict in near_conflicts(data, outputs)}
    for index in _rows(data, result):
        conflict = same.get(index) or near.get(index)
        if conflict is None:
            continue
        counts = conflict.outputs
        most = max(counts, key=lambda output: counts[output])
        wins = counts[most] > counts[outputs[index]] and data.kind == "label"
        votes = ", ".join(f"{one_line(output, 40)!r} {n}x" for output, n in counts.items())
        which = "the same input" if index in same else "nearly the same input"
        why = f"{which} has several outputs: {votes}"
        yield Doubt(index, "contradictions", why, most if wins else None, like=(conflict.also,))


def _near_duplicates(data: Dataset, result: CheckResult) -> Iterator[Doubt]:
    outputs, texts, pairs = answers(data), firsts(data.texts), closest_pairs(data.near)
    for index in _rows(data, result):
        other, likeness = texts[index], "the same apart from case, punctuation and spaces"
        if other == index:
            pair = pairs.get(index)
            if pair is None:
                continue
            other = pair.a + pair.b - index
            likeness = f"nearly the same (similarity {pair.similarity:.2f})"
        differs = outputs[other] != outputs[index]
        yield Doubt(
            index,
            "near_duplicates",
            f"{likeness} as row {data.numbers[other]}, "
            f"{'which has a different output' if differs else 'with the same output'}",
            suggests_drop=not differs,
            like=(other,),
        )


def _rows(data: Dataset, result: CheckResult) -> Iterable[int]:
    places = {number: index for index, number in enumerate(data.numbers)}
    return dict.fromkeys(places[number] for finding in result.findings for number in finding.rows)


_LISTS: dict[str, Lists] = {
    "label_errors": _label_errors,
    "contradictions": _contradictions,
    "near_duplicates": _near_duplicates,
}
