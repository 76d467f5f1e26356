"""The decision: steps in a fixed order, the first that fits decides; conditions stand in the rules.

Each step reads the answers through rules alone, so that whatever it turns on can be cited.
"""

from __future__ import annotations

from collections.abc import Callable

from steelyard.advice.bills import by_cost, is_dear, with_bill
from steelyard.advice.choices import LEARNED, TRIED, WELL, WayChoice
from steelyard.advice.obstacles import (
    NOT_FOR_CLASSIFIERS,
    affordable,
    in_words,
    obstacles,
    training_bill,
)
from steelyard.advice.situation import Situation
from steelyard.words import counted

_CLASSIFIER = ("labels_classifier", "labels_500")
_OF_EACH = "rows_a_label_10"


def _feeds_classifier(case: Situation) -> bool:
    """Whether there are labels, in all and of each, that a plain classifier learns from."""
    return all(map(case.holds, _CLASSIFIER)) and not case.fails(_OF_EACH)


def choose(case: Situation) -> WayChoice:
    """Return what to do by the answers. Pure: it depends on nothing else."""
    choices = (step(case) for step in STEPS)
    choice = next(choice for choice in choices if choice is not None)
    choice = _with_what_changes(case, choice) if choice.way == "fine_tune" else choice
    return _in_time(case, choice)


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


def _too_fast(case: Situation) -> WayChoice | None:
    """A limit below the time that any language model took here, tuned or not."""
    if not case.fails("latency_tuned"):
        return None
    if case.holds("labels_classifier"):
        rules = ("labels_classifier", "labels_500", "latency_classifier", "latency_tuned")
        if _feeds_classifier(case):
            why = "only a plain classifier was timed within such a limit, and the examples suffice for one"
            return WayChoice("classical", why, rules)
        why = (
            "only a plain classifier was timed within such a limit; a run shows whether yours does"
        )
        return WayChoice("measure", why, rules)
    why = (
        "no language model was timed within such a limit, tuned or not: time what yours takes first"
    )
    return WayChoice("measure", why, ("latency_tuned", "latency_prompt"))


def _facts(case: Situation) -> WayChoice | None:
    if not case.holds("facts_retrieval"):
        return None
    if case.does_well and case.fails("facts_change"):
        why = "today's prompt knows the facts it needs, and they hardly change"
        choice = WayChoice("prompt", why, (*WELL, "facts_change"))
        return with_bill(case, choice) if is_dear(case) else choice
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
    if not _feeds_classifier(case):
        return None
    if case.fails("latency_prompt"):
        why = "no prompt was timed within such a limit, and the examples suffice for a plain classifier"
        return WayChoice("classical", why, (*_CLASSIFIER, "latency_classifier", "latency_prompt"))
    if case.holds("change_weekly"):
        return _handing_over(case, _CLASSIFIER)
    if case.holds("volume_10m_month"):
        why = "so many labels a day are cheapest from a plain classifier, and the examples suffice for one"
        return WayChoice("classical", why, (*_CLASSIFIER, "volume_10m_month"))
    if case.holds("need_cost"):
        why = "the examples suffice for a plain classifier, the cheapest that gives labels at any volume"
        return WayChoice("classical", why, (*_CLASSIFIER, "need_cost", "classifier_any_volume"))
    return None


def _few_labels(case: Situation) -> WayChoice | None:
    """Labels whose cost hurts, and fewer examples than a plain classifier is sure to do with."""
    is_about_cost = case.holds("labels_classifier") and case.holds("need_cost")
    if not is_about_cost or case.holds("change_weekly") or case.fails("labels_50"):
        return None
    rules = (*_CLASSIFIER, *_few_of_each(case), "classifier_any_volume")
    if case.holds("labels_100_parity") and case.holds("volume_10m_month"):
        why = "so many labels a day are cheapest from a plain classifier, once more examples are labelled"
        return WayChoice("classical", why, (*rules, "labels_100_parity", "volume_10m_month"))
    why = "a plain classifier labels cheapest at any volume: a run shows whether your examples suffice"
    return WayChoice("measure", why, (*rules, "labels_50"))


def _few_of_each(case: Situation) -> tuple[str, ...]:
    """The rule by which there are too few examples of each label, where that is known."""
    return (_OF_EACH,) if case.fails(_OF_EACH) else ()


def _handing_over(case: Situation, rules: tuple[str, ...]) -> WayChoice | None:
    """At the largest volumes even requirements that keep changing do not leave all of it to a prompt."""
    if not case.holds("volume_10m_month"):
        return None
    why = "a plain classifier answers what it is sure of, and a prompt with this week's rules the rest"
    return WayChoice("hybrid", why, (*rules, "volume_10m_month", "change_weekly"))


def _fast_answers(case: Situation) -> WayChoice | None:
    """A limit that of what was timed a tuned model keeps, and no prompt."""
    is_between = case.fails("latency_prompt") and case.holds("latency_tuned")
    if not is_between or obstacles(case) or not case.holds("labels_100_parity"):
        return None
    if case.does_well:
        why = "today's prompt does its work, but no prompt was timed within such a limit: time yours first"
        return WayChoice("measure", why, (*WELL, "latency_prompt"))
    if case.holds("volume_1000"):
        why = "no prompt was timed within such a limit, but so few requests seldom pay for a tuned model"
        why = f"{why}: time yours first"
        return WayChoice("measure", why, ("latency_prompt", "volume_1000"))
    why = "no prompt was timed within such a limit, and the examples suffice to put yours into the weights"
    return WayChoice("fine_tune", why, ("latency_tuned", "latency_prompt", "labels_100_parity"))


def _good_prompt(case: Situation) -> WayChoice | None:
    if not case.does_well:
        return None
    why = "today's prompt does its work"
    if is_dear(case):
        return with_bill(case, WayChoice("prompt", why, WELL))
    return WayChoice("prompt", f"{why}: what would replace it has to be better or cheaper", WELL)


def _no_weights(case: Situation) -> WayChoice | None:
    """The prompt side, where the case does not allow tuning yet."""
    hindrances = obstacles(case)
    if not hindrances:
        return None
    why = in_words(case, hindrances[0])
    if _may_take_classifier(case, hindrances):
        why = f"{why}, but a plain classifier does without: weigh it against the prompt"
        return WayChoice("measure", why, (*_CLASSIFIER, *hindrances))
    if case.falls_short:
        why = f"{why}, so that a better prompt than today's is what is left"
        return _by_prompt(case, why, (*hindrances, "prompt_plateau"))
    return _by_prompt(case, f"{why}, while a prompt can be changed at once", hindrances)


def _may_take_classifier(case: Situation, hindrances: tuple[str, ...]) -> bool:
    """Whether only money, people or time is short, and there are labels enough for what takes none."""
    return set(hindrances) <= set(NOT_FOR_CLASSIFIERS) and _feeds_classifier(case)


def _affordable_part(case: Situation) -> WayChoice | None:
    """A budget too small for all examples counts as many as it pays for, where tuning may do with those."""
    count = affordable(case)
    if obstacles(case) != ("training_4",) or count is None or case.examples is None:
        return None
    part = case.with_answer("examples", count)
    leaves_classifier = _feeds_classifier(case) and part.fails("labels_500")
    if part.fails("labels_50") or leaves_classifier:
        return None
    choice = choose(part)
    if choice.way not in LEARNED:
        return choice
    of_all = f"{count:,} of {counted(case.examples, 'example')} (all: about {training_bill(case)})"
    why = f"{choice.why}; a budget of ${case.budget:,} pays for training on {of_all}"
    return WayChoice(choice.way, why, (*choice.rules, "training_4"))


def _format(case: Situation) -> WayChoice | None:
    if not case.holds("constrained_format"):
        return None
    why = "a strict format can be enforced while the model answers, without tuning"
    if not case.falls_short:
        return WayChoice("prompt", why, ("constrained_format",))
    rules = ("constrained_format", "prompt_plateau")
    hindrances = obstacles(case)
    if hindrances and _may_take_classifier(case, hindrances):
        return None
    if hindrances or not case.holds("labels_100_parity"):
        return _by_prompt(case, f"{why}, and what is wrong then a better prompt has to mend", rules)
    why = f"{why}; whether the content suffices then, your examples can show"
    return WayChoice("measure", why, (*rules, "labels_100_parity"))


def _too_few_tries(case: Situation) -> WayChoice | None:
    if not case.is_unsettled:
        return None
    why = (
        "so few tries support neither 'the prompt does' nor 'it does not': try it on more examples"
    )
    return WayChoice("measure", why, TRIED)


def _failing_prompt(case: Situation) -> WayChoice | None:
    if not case.falls_short:
        return None
    rules = ("prompt_plateau", "labels_100_parity")
    if case.examples is None:
        why = "prompting as it is falls short, and whether there are examples enough to tune on is not known"
        return WayChoice("measure", why, rules)
    if not case.holds("labels_100_parity"):
        why = "prompting as it is falls short, and sources differ on whether so few examples suffice to tune"
        return WayChoice("measure", f"{why}: weigh a better prompt against it", rules)
    if case.holds("volume_1000"):
        why = "prompting as it is falls short, but so few requests seldom pay for a tuned model"
        if _feeds_classifier(case):
            why = f"{why}: weigh a better prompt and a plain classifier first"
            return WayChoice("measure", why, (*rules, "volume_1000", *_CLASSIFIER))
        why = f"{why}: weigh a better prompt first"
        return WayChoice("measure", why, (*rules, "volume_1000"))
    why = "prompting is shown to fall short, and there are enough examples to tune on"
    return WayChoice("fine_tune", why, rules)


def _private(case: Situation) -> WayChoice | None:
    needed = _need_for_tuning(case)
    is_private = case.holds("private_in_requests") and case.holds("labels_500")
    if needed is None or not is_private or case.holds("volume_1000"):
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
    """The rule by which what is missing is what tuning is for."""
    needs = ("need_tone", "need_skill", "need_format")
    return next((rule for rule in needs if case.holds(rule)), None)


def _in_reach(case: Situation) -> WayChoice | None:
    why = "there are enough examples to weigh every way, and the rules of thumb do not agree on one"
    if all(map(case.holds, _CLASSIFIER)):
        if few := _few_of_each(case):
            why = "there are many examples, but few of each label: a run shows whether they suffice"
            return WayChoice("measure", why, (*_CLASSIFIER, *few, "measure_first"))
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
    if case.holds("tune_style_prompt_task") and not case.fails("latency_prompt"):
        why = f"{choice.why}; what changes every month stays in the prompt"
        return WayChoice("hybrid", why, (*choice.rules, "tune_style_prompt_task"))
    if case.holds("facts_change") and not case.holds("labels_classifier"):
        why = f"{choice.why}; the facts that change are looked up"
        return WayChoice("hybrid", why, (*choice.rules, "facts_change"))
    return choice


def _in_time(case: Situation, choice: WayChoice) -> WayChoice:
    """Say where a way with a prompt is advised though the prompts that were timed break the limit."""
    has_prompt = choice.way in ("prompt", "few_shot", "retrieval", "hybrid")
    if not has_prompt or not case.fails("latency_prompt"):
        return choice
    why = f"{choice.why}; no prompt was timed within your limit, so time it first"
    return WayChoice(choice.way, why, (*choice.rules, "latency_prompt"))


STEPS: tuple[Callable[[Situation], WayChoice | None], ...] = (
    _nothing_known,
    _unjudged,
    _too_fast,
    _facts,
    _changing_facts,
    _plain_classifier,
    _few_labels,
    _affordable_part,
    by_cost,
    _fast_answers,
    _good_prompt,
    _format,
    _no_weights,
    _too_few_tries,
    _failing_prompt,
    _private,
    _at_scale,
    _in_reach,
    _start,
)
