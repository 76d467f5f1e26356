"""The common mistakes that a case is close to, by the ids of the data audit (``data/mistakes.py``)."""

from __future__ import annotations

from typing import Any, NamedTuple

from steelyard.advice.choices import LEARNED
from steelyard.advice.situation import Situation
from steelyard.data.mistakes import thresholds
from steelyard.data.splits.allocation import MIN_EXAMPLES, part_sizes
from steelyard.packaged import packaged
from steelyard.stats import detectable_difference
from steelyard.words import counted, points


class LikelyMistake(NamedTuple):
    """A common mistake that the case is close to, in a sentence."""

    id: str
    text: str


def likely_mistakes(case: Situation, way: str) -> list[LikelyMistake]:
    """The mistakes to name beside the recommendation ``way``.

    None rests on an answer that was skipped, but that tuning is early as long as the prompt was not tried.
    """
    if case.can_judge is False:
        return [LikelyMistake("not_validated", _texts()["not_validated"]["unjudged"])]
    texts = {
        "too_early": _too_early(case, way),
        "too_little": _too_little(case),
        "wrong_task": _wrong_task(case),
        "not_validated": _not_validated(case, way),
    }
    return [LikelyMistake(name, text) for name, text in texts.items() if text is not None]


def _texts() -> dict[str, Any]:
    return dict(packaged("advice/data/mistakes.yaml"))


def _too_early(case: Situation, way: str) -> str | None:
    texts: dict[str, str] = _texts()["too_early"]
    by_cost = way in LEARNED and case.holds("need_cost")
    if not case.answers or by_cost or way == "retrieval":
        return None
    if case.holds("change_weekly") or case.holds("results_this_week"):
        return texts["pressed"]
    if case.holds("prompt_plateau"):
        return None
    return texts["untried"] if case.tries is None else texts["unsettled"]


def _too_little(case: Situation) -> str | None:
    least, texts = thresholds()["too_little"]["least_rows"], _texts()["too_little"]
    if case.examples is None or case.need == "facts":
        return None
    examples = counted(case.examples, "example")
    if case.examples < least:
        return str(texts["in_all"]).format(examples=examples, least=least)
    if case.labels and case.uses_labels and case.fails("rows_a_label_10"):
        each, labels = f"{case.examples / case.labels:.3g}", counted(case.labels, "label")
        return str(texts["of_each"]).format(examples=examples, labels=labels, each=each)
    return None


def _wrong_task(case: Situation) -> str | None:
    changing = case.holds("facts_change") and not case.holds("labels_classifier")
    text: str = _texts()["wrong_task"]
    return text if case.need == "facts" or changing else None


def _not_validated(case: Situation, way: str) -> str | None:
    if way not in LEARNED:
        return None
    if case.is_unsettled:
        text: str = _texts()["not_validated"]["few"]
        return text.format(tries=case.tries)
    return _small_test(case)


def _small_test(case: Situation) -> str | None:
    """What the test part that a run would split off fails to show; ``None`` where it shows enough."""
    if case.examples is None:
        return None
    limit = thresholds()["not_validated"]["difference"]
    rows = part_sizes(case.examples, None)["test"] if case.examples >= MIN_EXAMPLES else 0
    difference = detectable_difference(rows).difference
    if difference is not None and difference <= limit:
        return None
    shows = "which shows no difference between two ways"
    if difference is not None:
        shows = f"which shows differences of {points(difference)} or more, not {points(limit)}"
    text: str = _texts()["not_validated"]["small"]
    return text.format(
        examples=counted(case.examples, "example"), test=counted(rows, "row"), shows=shows
    )
