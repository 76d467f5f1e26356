"""Whether a judge agrees with the user: the same replies rated by both, and Cohen's kappa."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from math import floor
from pathlib import Path
from typing import Any

from steelyard.core import Estimate, Example
from steelyard.errors import ConfigError
from steelyard.model import load_model
from steelyard.model.base import Model, ModelSpec
from steelyard.score.build import build_metric
from steelyard.score.judge.metric import Judge
from steelyard.score.judge.ratings import OUTCOMES, Rating, read_ratings
from steelyard.score.judge.votes import Judgement
from steelyard.stats.intervals import proportion
from steelyard.stats.kappa import Weights, agreement_table, cohen_kappa
from steelyard.task import Task
from steelyard.words import shortened

_MOST_SHOWN = 20
_SHOWN_CHARACTERS = 2000


def judge_agreement(metric: Judge, ratings: Sequence[Rating]) -> dict[str, Any]:
    """Let the judge rate what the user rated, and say how far they agree.

    Kappa is unweighted for win, tie and loss, with quadratic weights for marks (an expected mark is
    rounded). Failed judgements are counted and left out of it. The block's own fields are kappa's
    estimate; ``raw`` is the share of equal ratings, ``table`` counts the user's (rows) against the
    judge's (columns).
    """
    examples = [rating.example for rating in ratings]
    judgements = metric.judge_all(examples, [rating.output for rating in ratings])
    pairs = [
        (rating, judged)
        for rating, judgement in zip(ratings, judgements, strict=True)
        if (judged := _category(judgement)) is not None
    ]
    users, judges = [rating.rating for rating, _ in pairs], [judged for _, judged in pairs]
    is_compared = metric.options.mode == "compare"
    categories = OUTCOMES if is_compared else metric.options.choices
    weights: Weights = "none" if is_compared else "quadratic"
    kappa = cohen_kappa(users, judges, categories, weights)
    equal = sum(a == b for a, b in zip(users, judges, strict=True))
    return {
        **_estimate("kappa", kappa),
        "weights": weights,
        "rated": len(ratings),
        "failed": len(ratings) - len(pairs),
        "flipped": sum(j is not None and j.flipped for j in judgements),
        "raw": _estimate("value", proportion(equal, len(pairs))),
        "table": {
            "categories": list(categories),
            "counts": agreement_table(users, judges, categories).astype(int).tolist(),
        },
        "disagreements": _disagreements(pairs, categories),
    }


def check_judge(
    task: Task,
    examples: Sequence[Example] = (),
    *,
    ratings: Path | None = None,
    build_model: Callable[[ModelSpec], Model] = load_model,
    options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Check the judge of a task against the user's ratings, before anything is run.

    ``ratings`` is a file, by default the one under ``judge.ratings``; ``options`` replace keys of
    the section ``judge``. Returns the settings that were used, `judge_agreement`, and the judge's
    ``notes``. Raises `ConfigError` where there are no ratings, `DataError` for bad rows.
    """
    metric = build_metric("judge", options, task)
    assert isinstance(metric, Judge)
    path = ratings or metric.options.ratings
    if path is None:
        raise ConfigError(
            "there are no human ratings to check the judge against; name a file under "
            "judge.ratings, with rows of input, output and rating"
        )
    rated = read_ratings(path, metric.options, examples)
    metric.connect(build_model)
    return {
        **settings(metric),
        "agreement": judge_agreement(metric, rated),
        "notes": list(metric.notes),
    }


def settings(metric: Judge) -> dict[str, Any]:
    """What a judge is, as a result tells it."""
    options = metric.options
    return {
        "model": None if options.spec is None else options.spec.name,
        "provider": None if options.spec is None else options.spec.provider,
        "mode": options.mode,
        "scale": options.scale if options.mode == "rate" else None,
        "votes": options.votes,
        "temperature": options.temperature,
        "reasoning": options.reasoning,
        "is_own": options.is_own,
    }


def _category(judgement: Judgement | None) -> str | None:
    """The judgement as one of the categories; ``None`` for a failed one."""
    if judgement is None or judgement.failed:
        return None
    return judgement.outcome if judgement.mark is None else str(floor(judgement.mark + 0.5))


def _disagreements(
    pairs: Sequence[tuple[Rating, str]], categories: Sequence[str]
) -> list[dict[str, Any]]:
    """The largest differences first: what to read when a judge needs fixing."""
    place = {category: index for index, category in enumerate(categories)}
    apart = [(rating, judged) for rating, judged in pairs if rating.rating != judged]
    apart.sort(key=lambda pair: -abs(place[pair[0].rating] - place[pair[1]]))
    return [
        {
            "source": rating.example.source,
            "input": shortened(rating.example.input, _SHOWN_CHARACTERS),
            "output": shortened(rating.output, _SHOWN_CHARACTERS),
            "rating": rating.rating,
            "judged": judged,
        }
        for rating, judged in apart[:_MOST_SHOWN]
    ]


def _estimate(name: str, estimate: Estimate) -> dict[str, Any]:
    """An estimate as a block; its value goes under ``name``, a reason only where there is one."""
    fields = asdict(estimate)
    value, reason = fields.pop("value"), fields.pop("reason")
    return {name: value, **fields, **({} if reason is None else {"reason": reason})}
