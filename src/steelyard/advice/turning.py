"""What would change the advice: every answer put otherwise, the rest as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import groupby
from math import ceil, floor
from typing import Any, NamedTuple

from steelyard.advice.decide import choose
from steelyard.advice.questions import AnswerKey, Tries, answer_keys
from steelyard.advice.situation import WORKED_OUT, Situation
from steelyard.rules_of_thumb import ThumbRule, thumb_rules

TRIES = (Tries(20, 20), Tries(8, 10), Tries(5, 20))
"""What stands for the many outcomes of tries: good, too few to tell, poor."""


class TurningAnswer(NamedTuple):
    """An answer that decides: which values of it lead to which other way.

    ``values`` reads ``daily or weekly`` or ``500 or more``.
    """

    key: str
    values: str
    way: str

    @property
    def text(self) -> str:
        return f"{self.key} {self.values}: {self.way}"


def turning_answers(case: Situation, keys: Sequence[str]) -> list[TurningAnswer]:
    """For each of ``keys``, the values that would change the recommendation. Found by trying them.

    Numbers are tried on both sides of each rule's mark, choices all, tries by three outcomes.
    """
    now = choose(case).way
    turning = []
    for key in keys:
        values = _values(answer_keys()[key], case)
        ways = [choose(case.with_answer(key, value)).way for value in values]
        turning += [
            TurningAnswer(key, text, way)
            for way, text in _by_way(answer_keys()[key], values, ways)
            if way != now
        ]
    return turning


def rules_of_marks(case: Situation, turning: Sequence[TurningAnswer]) -> list[str]:
    """The rules whose mark moves with an answer, where what turns the advice may rest on that mark."""
    turned = {answer.key for answer in turning} | case.answers.keys()
    return [
        rule.id
        for rule in thumb_rules().values()
        if rule.per and rule.mark_at(case.figures) is not None and rule.reads in turned
    ]


def _values(key: AnswerKey, case: Situation) -> list[Any]:
    match key.type:
        case "yes_no":
            return [True, False]
        case "choice":
            return list(key.words)
        case "tries":
            return list(TRIES)
        case "dollars":
            return sorted({0, *map(ceil, _dollar_marks(key, case))})
        case _:
            return sorted(set(_counts(key, case)))


def _dollar_marks(key: AnswerKey, case: Situation) -> Iterator[float]:
    """Every mark on an amount at the case's size, and on the size that an amount that grows buys."""
    rules = thumb_rules().values()
    for rule in rules:
        if rule.reads != key.name or rule.mark is None:
            continue
        yield rule.mark_at(case.figures) or rule.mark
        for other, count in rule.per.items():
            sizes = (one.mark for one in rules if one.reads == other)
            yield from (rule.mark * size / count for size in sizes if size is not None)


def _counts(key: AnswerKey, case: Situation) -> Iterator[int]:
    """The least value, and both sides of every mark on the count or on what is worked out from it."""
    yield key.least
    for rule in thumb_rules().values():
        if rule.mark is not None and key.name in rule.per:
            yield from _fits(rule, rule.mark, key, case)
        mark = rule.mark_at(case.figures)
        if mark is None or key.name not in WORKED_OUT.get(rule.reads, (rule.reads,)):
            continue
        if "prompt_tokens" in WORKED_OUT.get(rule.reads, ()):
            other = next(name for name in WORKED_OUT[rule.reads] if name != key.name)
            factor = getattr(case, other)
            if not factor:
                continue
            mark /= factor
        edge = ceil(mark) + (1 if rule.at_most is not None and ceil(mark) == mark else 0)
        yield from (value for value in (edge - 1, edge) if value >= key.least)


def _fits(rule: ThumbRule, mark: float, key: AnswerKey, case: Situation) -> Iterator[int]:
    """The most that the answer to a rule whose mark grows with the count suffices for, and one more."""
    answer = case.figures.get(rule.reads)
    if answer:
        most = floor(Fraction(answer) / Fraction(mark) * rule.per[key.name])
        yield from (value for value in (most, most + 1) if value >= key.least)


def _by_way(
    key: AnswerKey, values: Sequence[Any], ways: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Yield each way with the values that lead there, in words; counts as stretches."""
    if key.type not in ("count", "dollars"):
        for way in dict.fromkeys(ways):
            matching = [value for value, other in zip(values, ways, strict=True) if other == way]
            yield way, _either([key.plain(value) for value in matching])
        return
    start = 0
    for way, group in groupby(ways):
        end = start + len(list(group))
        low = f"{values[start]:,}"
        high = None if end == len(values) else f"{values[end] - 1:,}"
        if start == 0:
            yield way, "at any value" if high is None else low if low == high else f"up to {high}"
        else:
            yield way, f"{low} or more" if high is None else f"{low} to {high}"
        start = end


def _either(names: Sequence[str]) -> str:
    """``a, b or c``."""
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
