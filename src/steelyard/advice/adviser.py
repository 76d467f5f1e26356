"""``steelyard.advise``: which way to try first, from a few answers and the field's rules of thumb."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from math import ceil, floor
from typing import Any

from steelyard.advice.base import Advice, cited, range_of
from steelyard.advice.bills import bill_note
from steelyard.advice.choices import WayChoice
from steelyard.advice.decide import choose
from steelyard.advice.mistakes import likely_mistakes
from steelyard.advice.obstacles import training_bill
from steelyard.advice.questions import Tries, answer_keys
from steelyard.advice.reasons import reasons_of
from steelyard.advice.situation import Situation, situation_of
from steelyard.advice.steps import Subject, next_steps
from steelyard.advice.task_file import task_yaml
from steelyard.advice.turning import rules_of_marks, turning_answers
from steelyard.rules_of_thumb import thumb_rules
from steelyard.words import counted

_NO_PRICE = (
    "prices: rules of thumb on volume lie far apart ({range}) because none of them knows your prices; "
    "`steelyard cost` works out from what volume a way pays at the prices that you give"
)
_MORE_TRIES = "tries: at this share, {tries} would show that {shows}"
_TRAINING = (
    "budget: at the $4 for 500 pairs of Azure's example, training on {what} costs about {bill}; "
    "labels and hosting are extra"
)
MOST_TRIES = 400
_NO_LABELS = "labels: not used, because answers are {kind}: leave it out, or correct kind"
_NOTHING_ANSWERED = "nothing was answered: each answer makes the advice better"
_NOTHING_ELSE = "everything else can wait: no other answer changes this advice"


def advise(
    answers: Mapping[str, Any] | Situation | None = None,
    *,
    today: date | None = None,
    subject: Subject | None = None,
) -> Advice:
    """Advise before anything is measured: what to try first, why, and what would change that.

    ``answers`` are those of `steelyard advise`, by key (``examples``, ``need``, …); what is left out or
    ``None`` was skipped, and is named where it matters. ``today`` decides which rules are old; ``subject`` is
    the task or the file that the answers are about. Raises `ConfigError` for unknown keys or unfit values.
    """
    case = situation_of(answers or {})
    subject = subject or Subject()
    choice = choose(case)
    reasons = reasons_of(case, choice.rules)
    stands = not case.answers or _stands_alone(choice)
    skipped = [key for key in answer_keys() if key not in case.answers]
    unknown, flips = (
        () if stands else tuple(turning_answers(case, keys))
        for keys in (skipped, list(case.answers))
    )
    ids = [*choice.rules, *(rule for reason in reasons for rule in reason.rules)]
    ids += [] if stands else rules_of_marks(case, [*unknown, *flips])
    return Advice(
        choice.way,
        choice.why,
        choice.rules,
        tuple(reasons),
        tuple(cited(ids, today or date.today())),
        tuple(likely_mistakes(case, choice.way)),
        tuple(next_steps(case, choice.way, subject)),
        unknown,
        flips,
        tuple(_notes(case, choice)),
        None if subject.task else task_yaml(case, choice.way, subject.metric),
        case,
    )


def _stands_alone(choice: WayChoice) -> bool:
    """Whether the choice stands whatever else is answered."""
    return any(thumb_rules()[rule].irrelevant == "all" for rule in choice.rules)


def _notes(case: Situation, choice: WayChoice) -> list[str]:
    if not case.answers:
        return [_NOTHING_ANSWERED]
    if _stands_alone(choice):
        return [_NOTHING_ELSE]
    notes = []
    if case.labels is not None and not case.uses_labels:
        notes.append(_NO_LABELS.format(kind="JSON" if case.kind == "json" else case.kind))
    if case.is_unsettled:
        notes.append(_more_tries(case))
    if (bill_of_day := bill_note(case)) is not None:
        notes.append(bill_of_day)
    if case.budget is not None and (bill := training_bill(case)) is not None:
        what = counted(case.examples or 0, "example")
        notes.append(_TRAINING.format(bill=bill, what=what))
    volumes = range_of(thumb_rules()["volume_10000"])
    if case.requests_per_day is not None and volumes is not None:
        notes.append(_NO_PRICE.format(range=volumes.text))
    return notes


def _more_tries(case: Situation) -> str:
    """How many tries at today's share, up to `MOST_TRIES`, would settle it, and which way.

    The good ones are rounded against what they would show.
    """
    share, tries = case.figures["tries_share"], case.tries
    assert tries is not None
    falls_short = case.fails("eight_of_ten")
    shows = (
        "the prompt stops short of 8 of 10" if falls_short else "more answers are right than wrong"
    )
    for of in range(tries.of + 1, MOST_TRIES + 1):
        good = round(share * of, 9)
        more = Tries(ceil(good) if falls_short else floor(good), of)
        at_more = case.with_answer("tries", more)
        if not at_more.is_unsettled and at_more.does_well == case.holds("eight_of_ten"):
            return _MORE_TRIES.format(tries=more, shows=shows)
    most = max(MOST_TRIES, tries.of)
    return _MORE_TRIES.format(tries=f"more than {most:,} tries", shows=shows)
