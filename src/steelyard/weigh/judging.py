"""What a result says of the judge: what it was asked, what that cost, and how it judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from steelyard.core import Example, Record
from steelyard.economics import cost_of, to_number
from steelyard.model.prices import Overrides, price_of
from steelyard.result.verdict import JudgeAgreement, JudgeResult, JudgeTokens
from steelyard.score import Metric
from steelyard.score.judge import Judge, judge_agreement, read_ratings
from steelyard.score.judge.agreement import settings
from steelyard.score.judge.asking import PHASE
from steelyard.store.database import Store

FAILED_SHARE = 0.05
"""From this share of failed judgements on the result warns: each of them scores 0.5."""
FLIPPED_SHARE = 0.5
"""From this share on of judgements that turn with the order, as a coin's would, the result warns."""
_NO_RATINGS = "no human ratings were given: name a file under judge.ratings"


def agreement_of(metric: Judge, examples: Sequence[Example]) -> dict[str, Any]:
    """Compare the judge with the user's ratings; ``kappa`` is ``None`` with a reason without them.

    Every request of it is in the store after the first time. Raises `DataError` for bad rows.
    """
    path = metric.options.ratings
    if path is None:
        return {
            "kappa": None,
            "low": None,
            "high": None,
            "n": 0,
            "raw": None,
            "reason": _NO_RATINGS,
        }
    return judge_agreement(metric, read_ratings(path, metric.options, examples))


def judge_report(
    store: Store,
    metric: Judge,
    records: Mapping[str, Sequence[Record]],
    prices: Overrides | None,
    agreement: Mapping[str, Any],
) -> JudgeResult:
    """Return what a result states of the judge: what it is, asked and cost, and how it judged.

    ``records`` are the arms' test records; ``judged``, ``ties``, ``order_flips`` and ``failed`` count
    over all of them, and the parts of each arm give shares with intervals. ``requests``, ``tokens``
    and ``cost`` are those of the whole run, searches and agreement included.
    """
    usage = store.usage(PHASE)
    spec = metric.options.spec
    assert spec is not None, "a judge that has judged has a model"
    money = cost_of(usage, price_of(spec, prices))
    everything = [record for rows in records.values() for record in rows]
    replies = [record for record in everything if record.parts(metric.name)]  # none where it failed
    judged = [record.parts(metric.name) for record in replies]
    failed, flipped = _count(judged, "failed"), _count(judged, "flipped")
    marks = {
        record.scores.get(metric.name, record.score)
        for record in replies
        if not record.parts(metric.name).get("failed")
    }
    return JudgeResult(
        **settings(metric),
        requests=int(usage.requests),
        tokens=JudgeTokens(
            input=usage.input_tokens, cached=usage.cached_tokens, output=usage.output_tokens
        ),
        machine_seconds=usage.machine_seconds,
        cost=to_number(money.amount),
        currency=money.currency,
        cost_reason=money.reason,
        judged=len(judged),
        ties=_count(judged, "tie"),
        order_flips=flipped,
        flipped_share=flipped / len(judged) if judged else None,
        failed=failed,
        agreement=JudgeAgreement.model_validate(agreement),
        notes=(
            *metric.notes,
            *_about_failed(failed, len(judged)),
            *_about_place(flipped, len(judged)),
            *_about_sameness(marks),
        ),
    )


def judge_warnings(judge: JudgeResult | None, primary: Metric) -> list[str]:
    """What to know of a judge before trusting a verdict by it; empty where another metric decides."""
    if judge is None or Judge.among([primary]) is None:
        return []
    kappa, low, n = judge.agreement.kappa, judge.agreement.low, judge.agreement.n
    warnings = [f"judge: {note}" for note in judge.notes]
    if not judge.agreement.rated:
        warnings.append(
            "judge: it has not been checked against human ratings; add some under judge.ratings"
        )
    elif low is None or low <= 0:
        figure = "" if kappa is None else f" (kappa {kappa:.2f} on {n} ratings)"
        warnings.append(
            f"judge: its agreement with your ratings is not shown to be above chance{figure}; "
            "treat its scores with caution"
        )
    return warnings


def _count(judged: Iterable[Mapping[str, float]], part: str) -> int:
    return sum(round(parts.get(part, 0.0)) for parts in judged)


def _about_place(flipped: int, judged: int) -> list[str]:
    if not judged or flipped < FLIPPED_SHARE * judged:
        return []
    return [
        f"the judge picked the same position in both orders for {flipped} of {judged} replies: it responds "
        "to position, not content; a stronger judge, or judge.reasoning, may do better"
    ]


def _about_sameness(marks: set[float]) -> list[str]:
    if len(marks) != 1:
        return []
    return ["the judge gave every reply of every arm the same score, so it cannot tell them apart"]


def _about_failed(failed: int, judged: int) -> list[str]:
    if not judged or failed < FAILED_SHARE * judged:
        return []
    return [
        f"the judge failed on {failed} of {judged} replies, which score 0.5 each: differences between "
        "arms look smaller than they are; a stronger judge, or judge.reasoning, may do better"
    ]
