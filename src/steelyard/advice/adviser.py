"""``steelyard.advise``: which way to try first, from a few answers and the field's rules of thumb."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from steelyard.advice.base import Advice, cited
from steelyard.advice.decide import Choice, choose
from steelyard.advice.mistakes import likely_mistakes
from steelyard.advice.questions import answer_keys
from steelyard.advice.reasons import reasons_of
from steelyard.advice.situation import Situation, situation_of
from steelyard.advice.steps import Subject, next_steps, task_yaml
from steelyard.advice.turning import turning_answers
from steelyard.rules_of_thumb import thumb_rules

_NO_PRICE = (
    "prices: no rule of thumb on volume knows yours (they lie between 1,000 requests a day and 10,000,000 a month); "
    "`steelyard cost` works out from what volume a way pays at the prices that you give"
)
_NOTHING_ELSE = "everything else can wait: no other answer changes this advice"


def advise(
    answers: Mapping[str, Any] | Situation | None = None,
    *,
    today: date | None = None,
    subject: Subject | None = None,
) -> Advice:
    """Advise before anything is measured: what to try first, why, and what would change that.

    ``answers`` are those of `steelyard advise`, by key (``examples``, ``need``, …); what is left out or ``None``
    was skipped, and is named where it matters. ``today`` decides which rules are old; ``subject`` is the task or
    the file that the answers are about. Raises `ConfigError` for an unknown key or an unfit value.
    """
    case = situation_of(answers or {})
    subject = subject or Subject()
    choice = choose(case)
    reasons = reasons_of(case, choice.rules)
    ids = [*choice.rules, *(rule for reason in reasons for rule in reason.rules)]
    ends_it = _ends_it(choice)
    skipped = [key for key in answer_keys() if key not in case.answers]
    return Advice(
        choice.way,
        choice.why,
        choice.rules,
        tuple(reasons),
        tuple(cited(ids, today or date.today())),
        tuple(likely_mistakes(case, choice.way)),
        tuple(next_steps(case, choice.way, subject)),
        () if ends_it else tuple(turning_answers(case, skipped)),
        tuple(turning_answers(case, ["can_judge"] if ends_it else list(case.answers))),
        tuple(_notes(case, ends_it)),
        None if subject.task else task_yaml(case, choice.way),
        case,
    )


def _ends_it(choice: Choice) -> bool:
    """Whether the choice stands whatever else is answered."""
    return any(thumb_rules()[rule].irrelevant == "all" for rule in choice.rules)


def _notes(case: Situation, ends_it: bool) -> list[str]:
    if ends_it:
        return [_NOTHING_ELSE]
    return [] if case.requests_per_day is None else [_NO_PRICE]
