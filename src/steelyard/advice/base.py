"""Advice before any data: what it consists of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from steelyard.advice.choices import AdvisedWay
from steelyard.advice.mistakes import LikelyMistake
from steelyard.advice.reasons import AdviceReason, keys_of
from steelyard.advice.situation import Situation
from steelyard.advice.steps import NextStep
from steelyard.advice.turning import TurningAnswer
from steelyard.rules_of_thumb import ThumbRule, thumb_rules


class RuleRange(NamedTuple):
    """How far the marks of all rules on one figure lie apart, each in the unit of its source."""

    low: float
    low_unit: str
    high: float
    high_unit: str
    rules: int

    @property
    def text(self) -> str:
        low = f"{self.low:,g}" if self.low < 1000 else f"{self.low:,.0f}"
        unit = "" if self.low_unit == self.high_unit else f" {self.low_unit}"
        return f"{low}{unit} to {self.high:,.0f} {self.high_unit} in {self.rules} rules"


class CitedRule(NamedTuple):
    """A rule that a reason cites, with the range where sources differ; ``old`` from 18 months on."""

    rule: ThumbRule
    old: bool
    range: RuleRange | None

    def to_dict(self) -> dict[str, Any]:
        rule = self.rule
        return {
            "id": rule.id,
            "about": rule.about,
            "way": rule.way,
            "text": rule.text,
            "threshold": _threshold(rule),
            "answers": list(keys_of(rule)),
            "source": rule.source,
            "url": rule.url,
            "date": rule.date,
            "date_is_of_reading": rule.read,
            "strength": rule.strength,
            "old": self.old,
            "range": None if self.range is None else self.range._asdict(),
        }


@dataclass(frozen=True)
class Advice:
    """A recommendation from answers and rules of thumb; nothing here is measured on the user's data.

    ``unknown`` are skipped answers that would change it, ``flips`` answers that would if they were others;
    ``notes`` say what else is not known. ``task_yaml`` is a task to run, ``None`` where there is one already.
    """

    recommendation: AdvisedWay
    why: str
    deciding_rules: tuple[str, ...]
    reasons: tuple[AdviceReason, ...]
    rules: tuple[CitedRule, ...]
    mistakes: tuple[LikelyMistake, ...]
    next: tuple[NextStep, ...]
    unknown: tuple[TurningAnswer, ...]
    flips: tuple[TurningAnswer, ...]
    notes: tuple[str, ...]
    task_yaml: str | None
    situation: Situation

    def to_dict(self) -> dict[str, Any]:
        """The advice as ``advise --json`` prints it."""
        return {
            "recommendation": self.recommendation,
            "why": self.why,
            "deciding_rules": list(self.deciding_rules),
            "answers": self.situation.to_dict(),
            "reasons": [_listed(reason) for reason in self.reasons],
            "rules": [cited.to_dict() for cited in self.rules],
            "mistakes": [mistake._asdict() for mistake in self.mistakes],
            "next": [step._asdict() for step in self.next],
            "unknown": [answer._asdict() for answer in self.unknown],
            "flips": [answer._asdict() for answer in self.flips],
            "notes": list(self.notes),
            "task_yaml": self.task_yaml,
        }


def _listed(reason: AdviceReason) -> dict[str, Any]:
    plain = reason._asdict()
    return {**plain, "rules": list(reason.rules), "answers": list(reason.answers)}


def _threshold(rule: ThumbRule) -> dict[str, Any]:
    """The condition as plain data: only what the rule has."""
    named = {
        "reads": None if rule.always else rule.reads,
        "at_least": rule.at_least,
        "at_most": rule.at_most,
        "below": rule.below,
        "up_to": rule.up_to,
        "one_of": list(rule.one_of) or None,
        "unit": rule.unit or None,
        "per": dict(rule.per) or None,
        "silent_from": rule.silent_from,
    }
    return {key: value for key, value in named.items() if value is not None}


def cited(ids: list[str], today: date) -> list[CitedRule]:
    """The rules by their ids, in the order of the file."""
    rules = thumb_rules()
    return [
        CitedRule(rule, rule.is_old(today), range_of(rule))
        for rule in rules.values()
        if rule.id in ids
    ]


def range_of(rule: ThumbRule) -> RuleRange | None:
    """The range of the marks on the figure that a rule reads; ``None`` where its sources do not differ."""
    if rule.mark is None:
        return None
    alike = [r for r in thumb_rules().values() if (r.about, r.reads) == (rule.about, rule.reads)]
    marked = sorted((r for r in alike if r.mark), key=lambda r: r.mark or 0)
    if not marked or marked[0].mark == marked[-1].mark or len({r.source for r in marked}) == 1:
        return None
    (low, low_unit), (high, high_unit) = _end(marked[0]), _end(marked[-1])
    return RuleRange(low, low_unit, high, high_unit, len(marked))


def _end(rule: ThumbRule) -> tuple[float, str]:
    mark = next(m for m in (rule.at_least, rule.at_most, rule.below) if m is not None)
    return mark, rule.unit
