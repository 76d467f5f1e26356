"""The decision: steps in a fixed order, the first that fits decides; conditions stand in the rules.

Each step reads the answers through rules alone, so that whatever it turns on can be cited.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

from steelyard.advice.situation import Situation

AdvisedWay = Literal[
    "measure", "prompt", "few_shot", "retrieval", "fine_tune", "hybrid", "classical"
]
WAYS: tuple[str, ...] = get_args(AdvisedWay)


class WayChoice(NamedTuple):
    """A way, the one sentence why, and the rules that decided."""

    way: AdvisedWay
    why: str
    rules: tuple[str, ...]


def choose(case: Situation) -> WayChoice:
    """Return what to do by the answers. Pure: it depends on nothing else."""
    choices = (step(case) for step in STEPS)
    choice = next(choice for choice in choices if choice is not None)
    return _with_what_changes(case, choice) if choice.way == "fine_tune" else choice


def _nothing_known(case: Situation) -> WayChoice | None:
    if case.answers:
        return None
    return WayChoice(
        "measure", "nothing is known yet, and a first measurement costs least", ("measure_first",)
    )


def _unjudged(case: Situation) -> WayChoice | None:
    if not case.holds("evals_first"):
        return None
    why = "while right cannot be told from wrong, nobody can say that anything helped"
    return WayChoice("measure", why, ("evals_first", "no_eval_stop"))


def _facts(case: Situation) -> WayChoice | None:
    if not case.holds("facts_retrieval"):
        return None
    if _does_well(case) and case.fails("facts_change"):
        why = "today's prompt knows the facts it needs, and they hardly change"
        return WayChoice("prompt", why, ("eight_of_ten", "more_right_than_wrong", "facts_change"))
    why = "facts are looked up and shown to the model, where they can be corrected in a minute"
    return WayChoice("retrieval", why, ("facts_retrieval", "facts_context"))


def _changing_facts(case: Situation) -> WayChoice | None:
    """Facts that change and nothing said of what is missing: they are what will be."""
    if case.need is not None or not case.holds("facts_change") or case.holds("labels_classifier"):
        return None
    return WayChoice(
        "retrieval", "facts that change so often have to be looked up", ("facts_change",)
    )


def _plain_classifier(case: Situation) -> WayChoice | None:
    if not (case.holds("labels_classifier") and case.holds("labels_500")):
        return None
    rules = ("labels_classifier", "labels_500")
    if case.holds("change_weekly"):
        return _handing_over(case, rules)
    if case.holds("volume_10m_month"):
        why = "so many labels a day are cheapest from a plain classifier, and the examples suffice for one"
        return WayChoice("classical", why, (*rules, "volume_10m_month"))
    if case.holds("latency_classifier"):
        why = "the examples suffice for a plain classifier, which answers within any such limit"
        return WayChoice("classical", why, (*rules, "latency_classifier"))
    if case.holds("need_cost") and case.holds("volume_10000"):
        why = "the examples suffice for a plain classifier, the cheapest that gives labels"
        return WayChoice("classical", why, (*rules, "need_cost", "volume_10000"))
    return None


def _handing_over(case: Situation, rules: tuple[str, ...]) -> WayChoice | None:
    """At the largest volumes even requirements that keep changing do not leave all of it to a prompt."""
    if not case.holds("volume_10m_month"):
        return None
    why = "a plain classifier answers what it is sure of, and a prompt with this week's rules the rest"
    return WayChoice("hybrid", why, (*rules, "volume_10m_month", "change_weekly"))


def _cost(case: Situation) -> WayChoice | None:
    if not case.holds("need_cost"):
        return None
    paid, unpaid = "volume_10m_month", "volume_10000"
    if "tokens_per_day" in case.figures:
        paid, unpaid = "hosting_tokens_mini", "hosting_tokens"
    if case.fails(unpaid):
        why = "there is too little traffic for a tuned model to earn its keep: shorten and cache the prompt"
        return WayChoice("prompt", why, (unpaid, "cached_input"))
    if not case.holds(paid):
        why = "whether a shorter prompt pays turns on traffic, tokens and prices that are not all known"
        return WayChoice("measure", why, ("need_cost", "tuned_tokens_dearer", paid))
    if _no_weights(case) is not None:
        why = "the traffic may pay for tuning, but it is too soon for that: shorten and cache the prompt"
        return WayChoice("prompt", why, (paid, "cached_input", *_obstacles(case)))
    if not case.holds("labels_100_parity"):
        why = "the traffic may pay for tuning, if there are examples enough to tune and to test it"
        return WayChoice("measure", why, (paid, "labels_100_parity"))
    why = "by list prices such traffic pays for a tuned model that does without the long prompt"
    return WayChoice("fine_tune", why, (paid, "labels_100_parity"))


def _fast_answers(case: Situation) -> WayChoice | None:
    ready = case.holds("latency_tuned") and case.holds("labels_100_parity")
    if not ready or _no_weights(case) is not None:
        return None
    why = "the limit leaves no room for a long prompt, and the examples suffice to put it into the weights"
    return WayChoice("fine_tune", why, ("latency_tuned", "labels_100_parity"))


def _good_prompt(case: Situation) -> WayChoice | None:
    if not _does_well(case):
        return None
    why = "today's prompt does its work, and nothing you said asks for more"
    return WayChoice("prompt", why, ("eight_of_ten", "more_right_than_wrong"))


def _no_weights(case: Situation) -> WayChoice | None:
    """The prompt side, where the case does not allow tuning yet."""
    obstacles = _obstacles(case)
    if not obstacles:
        return None
    return _by_prompt(case, f"{_OBSTACLES[obstacles[0]]}, while a prompt works today", obstacles)


_OBSTACLES = {
    "change_weekly": "the requirements change faster than a model can be tuned and tested",
    "results_this_week": "there is no time to tune and to test it",
    "labels_50": "there are too few examples to tune on",
    "training_4": "the budget pays for no training",
}


def _obstacles(case: Situation) -> tuple[str, ...]:
    at_hand = {
        "change_weekly": case.holds("change_weekly"),
        "results_this_week": case.holds("results_this_week"),
        "labels_50": case.fails("labels_50"),
        "training_4": case.fails("training_4"),
    }
    return tuple(rule for rule, stands in at_hand.items() if stands)


def _too_few_tries(case: Situation) -> WayChoice | None:
    if not (case.holds("eight_of_ten") and case.fails("more_right_than_wrong")):
        return None
    why = (
        "so few tries support neither 'the prompt does' nor 'it does not': try it on more examples"
    )
    return WayChoice("measure", why, ("eight_of_ten", "more_right_than_wrong"))


def _format(case: Situation) -> WayChoice | None:
    if not case.holds("constrained_format"):
        return None
    why = "a strict format can be enforced while the model answers, without tuning"
    if case.holds("prompt_plateau") and case.holds("labels_100_parity"):
        why = f"{why}; whether the content suffices then, your examples can show"
        return WayChoice("measure", why, ("constrained_format", "labels_100_parity"))
    return WayChoice("prompt", why, ("constrained_format",))


def _failing_prompt(case: Situation) -> WayChoice | None:
    if not case.holds("prompt_plateau"):
        return None
    if case.holds("labels_100_parity"):
        why = "prompting is shown to fall short, and there are enough examples to tune on"
        return WayChoice("fine_tune", why, ("prompt_plateau", "labels_100_parity"))
    why = "prompting as it is falls short, and there are not enough examples known of to tune on"
    return _by_prompt(case, why, ("prompt_plateau", "labels_100_parity"))


def _private(case: Situation) -> WayChoice | None:
    needed = _need_for_tuning(case)
    if needed is None or not (case.holds("private_in_requests") and case.holds("labels_500")):
        return None
    why = "a tuned model of your own keeps private data in the house, and there are enough examples"
    return WayChoice("fine_tune", why, ("private_in_requests", "labels_500", needed))


def _at_scale(case: Situation) -> WayChoice | None:
    if not case.holds("labels_500"):
        return None
    needed = _need_for_tuning(case)
    if needed is not None and case.holds("volume_10000"):
        why = "there are examples and traffic enough, and what is missing is what tuning is for"
        return WayChoice("fine_tune", why, (needed, "labels_500", "volume_10000"))
    return None


def _need_for_tuning(case: Situation) -> str | None:
    """The rule by which what is missing is what tuning is for; ``None`` without anybody to do it."""
    if case.holds("prompts_by_anybody"):
        return None
    needs = ("need_tone", "need_skill", "need_format")
    return next((rule for rule in needs if case.holds(rule)), None)


def _in_reach(case: Situation) -> WayChoice | None:
    why = "there are enough examples to weigh every way, and the rules of thumb do not agree on one"
    if case.holds("labels_500") and case.holds("labels_classifier"):
        return WayChoice("measure", why, ("labels_500", "labels_classifier", "measure_first"))
    if not case.holds("labels_100_parity") or case.holds("volume_1000"):
        return None
    return WayChoice("measure", why, ("labels_100_parity", "measure_first"))


def _start(case: Situation) -> WayChoice:
    return _by_prompt(
        case, "nothing you said shows that a prompt falls short", ("start_with_prompt",)
    )


def _by_prompt(case: Situation, why: str, rules: tuple[str, ...]) -> WayChoice:
    if case.holds("shots_few") and not case.holds("need_cost"):
        return WayChoice("few_shot", f"{why}: show it some of your examples", (*rules, "shots_few"))
    return WayChoice("prompt", why, rules)


def _with_what_changes(case: Situation, choice: WayChoice) -> WayChoice:
    """Tune what stays; what changes stays in the prompt or in documents."""
    if case.holds("tune_style_prompt_task"):
        why = f"{choice.why}; what changes every month stays in the prompt"
        return WayChoice("hybrid", why, (*choice.rules, "tune_style_prompt_task"))
    if case.holds("facts_change") and not case.holds("labels_classifier"):
        why = f"{choice.why}; the facts that change are looked up"
        return WayChoice("hybrid", why, (*choice.rules, "facts_change"))
    return choice


def _does_well(case: Situation) -> bool:
    return case.holds("eight_of_ten") and case.holds("more_right_than_wrong")


STEPS: tuple[Callable[[Situation], WayChoice | None], ...] = (
    _nothing_known,
    _unjudged,
    _facts,
    _changing_facts,
    _plain_classifier,
    _cost,
    _fast_answers,
    _good_prompt,
    _no_weights,
    _too_few_tries,
    _format,
    _failing_prompt,
    _private,
    _at_scale,
    _in_reach,
    _start,
)
