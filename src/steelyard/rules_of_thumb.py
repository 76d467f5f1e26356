"""The field's rules of thumb, each with its source, date and strength (``rules_of_thumb.yaml``).

A run shows some of them beside its measured answer, where they decide nothing; `steelyard.advice` reasons
with all of them before there is anything to measure.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Any, Literal, get_args

from steelyard.packaged import packaged

Strength = Literal["word", "vendor", "paper", "measured"]
"""What a rule rests on, weakest first: ``word`` of mouth, a vendor's page, a paper, a measurement."""
Side = Literal["for", "against", "open"]
STRENGTHS: tuple[str, ...] = get_args(Strength)
RUN_FIGURES = ("labels", "volume", "cost", "format", "consistency", "latency", "data", "quality")
"""What a rule may be ``about`` that a run measures."""
OTHER_MATTERS = ("judging", "knowledge", "change", "time", "people")
OLD_MONTHS = 18
_DATE = re.compile(r"(\d{4})-(\d{2})(?:-\d{2})?")


@dataclass(frozen=True)
class ThumbRule:
    """One rule: its condition on the figure ``reads``, and which ``way`` it speaks for or against.

    ``about`` is one of ``RUN_FIGURES`` or ``OTHER_MATTERS``. Just one of ``at_least``, ``at_most``,
    ``below``, ``one_of`` and ``always`` is the condition, in ``unit``; a threshold counts ``days`` days where
    the figure counts one. ``needs`` are answers without which the rule is not about the case. ``otherwise``
    is the side it takes where the condition does not hold. ``per`` are answers that the threshold grows with:
    it is for so many of each. From ``silent_from`` on the rule says nothing more. ``date`` is that of the
    source (``YYYY-MM`` or ``YYYY-MM-DD``), or of the day it was ``read``. ``irrelevant`` names answers that
    by its own source change nothing, or is ``all``. ``claim`` is what a run can judge it by; ``None`` where
    no run does.
    """

    id: str
    about: str
    reads: str
    way: str
    speaks: Side
    text: str
    source: str
    date: str
    strength: Strength
    otherwise: Side = "open"
    at_least: float | None = None
    at_most: float | None = None
    below: float | None = None
    up_to: float | None = None
    one_of: tuple[Any, ...] = ()
    unit: str = ""
    days: int = 1
    per: Mapping[str, int] = field(default_factory=dict)
    silent_from: float | None = None
    needs: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    url: str | None = None
    read: bool = False
    irrelevant: tuple[str, ...] | Literal["all"] = ()
    always: bool = False
    claim: str | None = None
    beside_runs: bool = False

    def __post_init__(self) -> None:
        conditions = (
            self.at_least,
            self.at_most,
            self.below,
            self.one_of or None,
            self.always or None,
        )
        if sum(condition is not None for condition in conditions) != 1:
            raise ValueError(f"rule {self.id}: give one condition")
        if not _DATE.fullmatch(self.date):
            raise ValueError(f"rule {self.id}: give a date as YYYY-MM, not {self.date!r}")
        if self.strength not in STRENGTHS or self.about not in (*RUN_FIGURES, *OTHER_MATTERS):
            raise ValueError(f"rule {self.id}: unknown strength or matter")

    @property
    def mark(self) -> float | None:
        """The threshold, in what the figure counts; ``None`` where the condition is no number."""
        marks = (self.at_least, self.at_most, self.below)
        return next((mark / self.days for mark in marks if mark is not None), None)

    def mark_at(self, figures: Mapping[str, Any]) -> float | None:
        """The mark of this case: in proportion to the answers in ``per``, ``None`` where one is not known."""
        times = self._times(figures)
        return None if self.mark is None or times is None else float(self.mark * times)

    def _times(self, figures: Mapping[str, Any]) -> Fraction | None:
        """How many times the threshold is due, exactly; 1 where it does not grow."""
        times = Fraction(1)
        for key, count in self.per.items():
            if not figures.get(key):
                return None
            times *= Fraction(figures[key], count)
        return times

    def holds(self, figures: Mapping[str, Any]) -> bool | None:
        """Whether the condition holds; ``None`` where the figure is not known or ``needs`` are not met.

        Nothing at all is below every mark that is not known.
        """
        if self.always:
            return True
        figure = figures.get(self.reads)
        if figure is None or any(figures.get(key) not in few for key, few in self.needs.items()):
            return None
        if self.one_of:
            return bool(figure in self.one_of)
        mark, times = self.mark, self._times(figures)
        assert mark is not None
        if times is None:
            return False if figure <= 0 and self.at_least is not None else None
        if self.per:
            figure = Fraction(figure) / times
        if self.at_least is not None:
            return bool(figure >= mark)
        return bool(figure <= mark if self.at_most is not None else figure < mark)

    def is_old(self, today: datetime.date) -> bool:
        """Whether the source is more than 18 months old."""
        year, month = map(int, self.date.split("-")[:2])
        return 12 * (today.year - year) + today.month - month > OLD_MONTHS


@dataclass(frozen=True)
class Thumb:
    """One rule with its source, the task's own figure, and whether the rule's mark is reached."""

    rule: str
    source: str
    quantity: str
    at_least: int
    yours: int
    is_reached: bool


@cache
def thumb_rules() -> Mapping[str, ThumbRule]:
    """Every rule by its id, in the order of the file. Raises `ValueError` for one without a date."""
    rules = [_rule(entry) for entry in packaged("rules_of_thumb.yaml")]
    return {rule.id: rule for rule in rules}


def _rule(entry: Mapping[str, Any]) -> ThumbRule:
    plain = {**entry, "date": str(entry.get("date", ""))}
    for key in ("one_of", "irrelevant"):
        if isinstance(plain.get(key), list):
            plain[key] = tuple(plain[key])
    plain["needs"] = {key: tuple(few) for key, few in entry.get("needs", {}).items()}
    return ThumbRule(**plain)


_QUANTITIES = {"examples": "train_examples", "requests_per_day": "requests_per_day"}


def rules_of_thumb(train_examples: int, requests_per_day: int) -> list[Thumb]:
    """Compare a task's figures with the rules that are shown beside a run, the highest marks first."""
    figures = {"train_examples": train_examples, "requests_per_day": requests_per_day}
    beside = [rule for rule in thumb_rules().values() if rule.beside_runs]
    thumbs = []
    for rule in sorted(beside, key=lambda rule: -(rule.mark or 0)):
        quantity, mark = _QUANTITIES[rule.reads], int(rule.mark or 0)
        yours = figures[quantity]
        thumbs.append(Thumb(rule.text, _source(rule), quantity, mark, yours, yours >= mark))
    return thumbs


def _source(rule: ThumbRule) -> str:
    return f"{rule.source} ({'read ' if rule.read else ''}{rule.date})"
