"""What the bill says: whether the traffic pays for another way, and what comes before that."""

from __future__ import annotations

from typing import Any

from steelyard.advice.choices import TRIED, WELL, WayChoice
from steelyard.advice.obstacles import in_words, obstacles
from steelyard.advice.situation import Situation
from steelyard.packaged import packaged


def by_cost(case: Situation) -> WayChoice | None:
    """The choice of somebody whom the cost hurts; ``None`` for anybody else."""
    if not case.holds("need_cost"):
        return None
    unpaid, paid = volume_marks(case)
    if case.fails(unpaid):
        why = "there is too little traffic for a tuned model to earn its keep"
        if case.holds("hosting_tokens"):
            why = "once it is cached, today's prompt costs less than the hosting of a tuned model"
        return _cheaper_prompt(case, why, (unpaid,))
    if hindrances := obstacles(case):
        why = in_words(case, hindrances[0])
        if hindrances == ("labels_50",) and case.does_well and case.holds(paid):
            why = f"{why}, and today's prompt does its work"
            return with_bill(case, WayChoice("prompt", why, (*hindrances, *WELL)))
        return _cheaper_prompt(case, why, (*hindrances, *([paid] if case.holds(paid) else [])))
    if not case.holds(paid):
        why = "whether a shorter prompt pays turns on traffic, tokens and prices that are not all known"
        if case.holds(unpaid) and case.fails(paid):
            why = "whether a shorter prompt pays turns on prices: such traffic pays for a tuned model at some"
        return WayChoice("measure", why, ("need_cost", "tuned_tokens_dearer", unpaid, paid))
    if not case.holds("labels_100_parity"):
        why = "the traffic may pay for tuning, if there are examples enough to tune and to test it"
        return WayChoice("measure", why, (paid, "labels_100_parity"))
    why = "by list prices such traffic pays for a tuned model that does without the long prompt"
    return WayChoice("fine_tune", why, (paid, "labels_100_parity"))


def volume_marks(case: Situation) -> tuple[str, str]:
    """The rules below which traffic pays for no tuned model, and from which it does.

    By requests where tokens are not known. A long prompt that does well stays, and is billed as cached.
    """
    if "tokens_per_day" not in case.figures:
        return "volume_10000", "volume_10m_month"
    if case.does_well and "cached_tokens_per_day" in case.figures:
        return "hosting_tokens_cached", "hosting_tokens_mini_cached"
    return "hosting_tokens", "hosting_tokens_mini"


def is_dear(case: Situation) -> bool:
    """Whether the traffic pays for a tuned model, whatever is missing most."""
    return case.holds(volume_marks(case)[1])


def with_bill(case: Situation, choice: WayChoice) -> WayChoice:
    """A prompt that stays though its traffic is dear, with what its bill asks for beside it."""
    texts = packaged("advice/data/bill.yaml")
    instead = texts["instead"]["labels" if case.holds("labels_classifier") else "other"]
    cache = texts["cache"] if case.holds("cache_1024") else ""
    why = texts["dear"].format(why=choice.why, cache=cache, instead=instead)
    cached = ("cache_1024",) if cache else ()
    return WayChoice(choice.way, why, (*choice.rules, *cached, volume_marks(case)[1]))


def bill_note(case: Situation) -> str | None:
    """What a day's prompt tokens cost by list prices; ``None`` below what a deployment costs."""
    if not case.holds("hosting_tokens"):
        return None
    bill: dict[str, Any] = packaged("advice/data/bill.yaml")
    tokens = case.figures["tokens_per_day"]
    models = " or ".join(
        f"${tokens / 1e6 * price:,.0f} at {model}'s ${price:.2f} a million"
        for model, price in bill["prices"].items()
    )
    note: str = bill["note"].format(tokens=f"{tokens:,}", models=models, day=bill["day"])
    return note + (bill["cached"] if case.holds("cache_1024") else "")


def _cheaper_prompt(case: Situation, why: str, rules: tuple[str, ...]) -> WayChoice:
    """A shorter prompt where today's does; one that is not shown to do has to become better first."""
    if case.tries is None or case.does_well:
        if case.fails("cache_1024"):
            return WayChoice("prompt", f"{why}: shorten the prompt", (*rules, "cache_1024"))
        return WayChoice("prompt", f"{why}: shorten and cache the prompt", (*rules, "cached_input"))
    rules = (*rules, *TRIED)
    if obstacles(case):
        return WayChoice("prompt", f"{why}: first a better prompt, then a cheaper one", rules)
    why = f"{why}, and today's prompt is not shown to do: see first what is right often enough"
    return WayChoice("measure", why, rules)
