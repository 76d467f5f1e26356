"""What holds an arm with documents back, in words: its retrieval, its prompt or its model."""

from __future__ import annotations

from collections.abc import Mapping
from math import comb
from typing import NamedTuple

from steelyard.packaged import packaged
from steelyard.result.documents import BEFORE_PROMPT, AnswerBin, AnswerBins, Mend
from steelyard.words import counted, listed

_PROMPT: tuple[AnswerBin, ...] = (
    "not_in_documents",
    "dropped_from_prompt",
    "wrongly_refused",
    "wrong_format",
    "wrong_citation",
)
"""Bins that the prompt, and what is in it, may mend; beside them what is not read for distraction."""
_CHANCE = 0.05


class DocumentsAdvice(NamedTuple):
    """What to mend first, and the sentence that says so with the counts."""

    mend: Mend
    sentence: str


def mend(arm: str, bins: AnswerBins) -> DocumentsAdvice:
    """Say what holds ``arm`` back most: retrieval, the prompt or the model, by its bins."""
    beside = _beside(bins)
    whose = arm if bins.elsewhere is None else f"{arm} from documents"
    if not bins.total:
        nothing = f"no answer of {whose} is wrong or cites the wrong passage"
        return DocumentsAdvice("nothing", nothing + beside)
    groups = mend_groups(bins)
    order = sorted(groups, key=lambda name: -sum(groups[name].values()))
    first, second = (sum(groups[name].values()) for name in order[:2])
    parts = [_part(name, groups[name]) for name in order if sum(groups[name].values())]
    one, many = f"answer of {whose} is wrong or cites", f"answers of {whose} are wrong or cite"
    head = f"{counted(bins.total, one, many)} the wrong passage: {'; '.join(parts)}{beside}"
    if first == second:
        both = " and ".join(_words()["mend_names"][name] for name in order[:2])
        return DocumentsAdvice("unclear", f"{head}. {both} hold it back alike")
    which: Mend = order[0]
    bin_name = max(groups[which], key=lambda name: groups[which][name])
    lead = f"; that {_words()['mend_names'][which]} comes first may be chance"
    maybe = lead if _may_be_chance(first, second) else ""
    return DocumentsAdvice(which, f"{head}. {_words()['advice'][bin_name]}{maybe}")


def _beside(bins: AnswerBins) -> str:
    """What is said of the answers that stages without documents gave."""
    if not bins.elsewhere:
        return ""
    answers = f"of its {counted(bins.elsewhere, 'answer')} without documents"
    if not bins.elsewhere_wrong:
        return f"; none {answers} is wrong"
    are = "is" if bins.elsewhere_wrong == 1 else "are"
    return f"; {bins.elsewhere_wrong} {answers} {are} wrong, too"


def mend_groups(bins: AnswerBins) -> dict[Mend, dict[str, int]]:
    """The counts of an arm's bins by what would mend them; together they are all binned answers.

    What is not read goes to the model where the evidence alone does not help it, to the prompt where it
    does, and is unclear where that was not measured.
    """
    counts = bins.counts
    model, distraction = bins.model or 0, bins.distraction or 0
    return {
        "retrieval": {name: counts[name] for name in BEFORE_PROMPT},
        "prompt": {name: counts[name] for name in _PROMPT} | {"distraction": distraction},
        "model": {"model": model},
        "unclear": {
            "not_read": counts["not_read"] - model - distraction,
            "unplaced": counts["unplaced"],
        },
    }


def _part(group: Mend, counts: Mapping[str, int]) -> str:
    names = [f"{_words()['bins'][name]} {count}" for name, count in counts.items() if count]
    total = sum(counts.values())
    return f"{_words()['mend_names'][group]} {total} ({listed(names, len(names))})"


def _may_be_chance(first: int, second: int) -> bool:
    """Whether two counts are not told apart by a two-sided sign test."""
    n = first + second
    tail = sum(comb(n, number) for number in range(second + 1))
    return bool(2 * tail > _CHANCE * 2**n)


def _words() -> Mapping[str, Mapping[str, str]]:
    return packaged("verdict/data/documents.json")  # type: ignore[no-any-return]
