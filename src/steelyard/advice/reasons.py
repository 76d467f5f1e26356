"""What speaks for and against each way, one answer after the other, each with the rules that say so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from steelyard.advice.questions import Tries, answer_keys
from steelyard.advice.situation import WORKED_OUT, Situation, interval
from steelyard.rules_of_thumb import Side, ThumbRule, thumb_rules
from steelyard.words import percent

DAYS = 30
"""Of a month, as everywhere in Steelyard."""
_FEW = 10  # a mark below it is not rounded to a whole number


class AdviceReason(NamedTuple):
    """What one answer says of one way, by the rules named: ``for`` it, ``against`` it, or ``open``."""

    text: str
    speaks: Side
    way: str | None
    rules: tuple[str, ...]
    answers: tuple[str, ...]


def reasons_of(case: Situation, deciding: Sequence[str] = ()) -> list[AdviceReason]:
    """Every reason, in the order of the questions; each answer has at least one, if only an open one.

    Where a deciding rule says that everything else is irrelevant, its reason stands alone.
    """
    rules = list(thumb_rules().values())
    if any(thumb_rules()[name].irrelevant == "all" for name in deciding):
        rules = [rule for rule in rules if rule.id in deciding]
    reasons: list[AdviceReason] = []
    for key in case.answers:
        about = [rule for rule in rules if rule.reads == key or key == _beside(rule)]
        reasons += _of_answer(
            case, [rule for rule in about if rule.holds(case.figures) is not None]
        )
    return reasons


def keys_of(rule: ThumbRule) -> tuple[str, ...]:
    """The answers that a rule refers to."""
    read = () if rule.always else WORKED_OUT.get(rule.reads, (rule.reads,))
    return tuple(dict.fromkeys((*read, *rule.needs, *rule.per)))


def side_of(rule: ThumbRule, figures: Mapping[str, Any]) -> Side | None:
    """The side that a rule takes; ``None`` where it is not about the case."""
    holds = rule.holds(figures)
    if holds is None or not holds:
        return None if holds is None else rule.otherwise
    is_silent = rule.silent_from is not None and figures[rule.reads] >= rule.silent_from
    return "open" if is_silent else rule.speaks


def _beside(rule: ThumbRule) -> str | None:
    """The answer beside which a rule on a figure that is worked out is told."""
    return WORKED_OUT[rule.reads][0] if rule.reads in WORKED_OUT else None


def _of_answer(case: Situation, rules: Sequence[ThumbRule]) -> Iterator[AdviceReason]:
    """The reasons of one answer: a line for each way and side; what is open only where nothing else is."""
    groups: dict[tuple[str, str, Side], list[ThumbRule]] = {}
    for rule in rules:
        side = side_of(rule, case.figures)
        if side is not None and side != "open":
            groups.setdefault((_subject(rule), rule.way, side), []).append(rule)
    for (reads, way, side), members in groups.items():
        text = f"{_figure(case, reads)}: {_says(members, side, case)}"
        yield AdviceReason(text, side, way, _ids(members), _answers(case, members))
    if rules and not groups:
        figure = _figure(case, _subject(rules[0]))
        yield AdviceReason(figure, "open", None, _ids(rules), _answers(case, rules))


def _subject(rule: ThumbRule) -> str:
    """The figure whose words a rule is told with: the tries' share and its interval are told at once."""
    return "tries" if WORKED_OUT.get(rule.reads) == ("tries",) else rule.reads


def _ids(rules: Sequence[ThumbRule]) -> tuple[str, ...]:
    return tuple(rule.id for rule in rules)


def _answers(case: Situation, rules: Sequence[ThumbRule]) -> tuple[str, ...]:
    """The answers that rules refer to, as far as they were given."""
    keys = dict.fromkeys(key for rule in rules for key in keys_of(rule))
    return tuple(key for key in keys if key in case.answers)


def _figure(case: Situation, reads: str) -> str:
    """The figure that a rule reads, in words."""
    if reads in ("tokens_per_day", "cached_tokens_per_day"):
        tokens = case.figures[reads]
        cached = " if cached" if reads == "cached_tokens_per_day" else ""
        return f"{tokens:,} prompt tokens a day{cached}, {DAYS * tokens:,} a month"
    if reads == "tries" and case.tries is not None:
        return tries_in_words(case.tries)
    return answer_keys()[reads].says(case.figures[reads])


def tries_in_words(tries: Tries) -> str:
    """The tries with their interval: ``8 of 10 tries were good, 80 % (95 % interval 44 % to 97 %)``."""
    share = interval(tries)
    assert share.value is not None and share.low is not None and share.high is not None
    return (
        f"{tries} tries were good, {percent(share.value)} "
        f"(95 % interval {percent(share.low)} to {percent(share.high)}, {share.method})"
    )


def _says(rules: Sequence[ThumbRule], side: Side, case: Situation) -> str:
    """What rules of one side say; several marks are summed up, with their range."""
    if len(rules) < 2 or rules[0].mark is None or len({rule.reads for rule in rules}) > 1:
        return "; ".join(dict.fromkeys(rule.text for rule in rules))
    alike = [
        rule
        for rule in thumb_rules().values()
        if (rule.reads, rule.way) == (rules[0].reads, rules[0].way)
        and rule.holds(case.figures) is not None
    ]
    by = "would tune" if side == "for" else "ask for more"
    at_case = (rule.mark_at(case.figures) or rule.mark for rule in rules)
    marks = sorted({mark for mark in at_case if mark is not None})
    ends = " to ".join(map(_mark, dict.fromkeys((marks[0], marks[-1]))))
    whose, unit = "mark" if len(marks) == 1 else "marks", _unit(rules[0].reads)
    return f"{len(rules)} of {len(alike)} rules of thumb {by} ({whose} {ends} {unit})"


def _mark(mark: float) -> str:
    return f"{mark:,.0f}" if mark >= _FEW else f"{mark:.2g}"


def _unit(reads: str) -> str:
    """What a mark counts: marks of a month are turned into those of a day."""
    return next(
        r.unit for r in thumb_rules().values() if r.reads == reads and r.days == 1 and r.unit
    )
