"""From answers to records, and from records to an arm's figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from steelyard.core import Answer, Comparison, Completion, Example, Record, clusters_of
from steelyard.model.thoughts import with_plain_reference
from steelyard.result.arm import AnswerLengths, Latency, Outcomes, Percentiles, Tokens
from steelyard.result.figures import Quality
from steelyard.score import Metric
from steelyard.score import quality as score_quality
from steelyard.score.measure import item_scores, pairs_of_records
from steelyard.seeds import generator
from steelyard.stats import Family, least_values, quantile_limits
from steelyard.words import counted


def to_records(
    arm: str, examples: Sequence[Example], answers: Sequence[Answer], metrics: Sequence[Metric]
) -> list[Record]:
    """Grade each answer by every metric; the first decides. A failed answer scores 0.

    One that the first metric cannot read failed too, with its output kept: it may be given again.
    """
    examples = [with_plain_reference(example) for example in examples]
    answers = [_read(answer, metrics[0]) for answer in answers]
    outputs = [answer.output for answer in answers]
    graded: list[dict[str, float]] = [{} for _ in answers]
    for metric in metrics:
        for scores, grade in zip(graded, metric.best_grades(examples, outputs), strict=True):
            scores[metric.name] = grade.score
            scores |= {f"{metric.name}/{part}": score for part, score in grade.parts.items()}
    records = []
    for example, answer, scores in zip(examples, answers, graded, strict=True):
        records.append(
            Record(
                arm=arm,
                example_id=example.id,
                outcome="failed" if answer.output is None or answer.failure else "scored",
                score=scores[metrics[0].name],
                reference=example.output,
                answer=answer,
                scores=scores,
            )
        )
    return records


def _read(answer: Answer, metric: Metric) -> Answer:
    reason = None if answer.output is None else metric.unreadable(answer.output)
    return answer if reason is None else replace(answer, failure=reason)


def quality(
    metric: Metric, records: Sequence[Record], examples: Sequence[Example], seed: int
) -> Quality:
    """Return an arm's quality; ``value`` is ``None`` with a ``reason`` when undefined."""
    arm = records[0].arm if records else ""
    estimate = score_quality(
        metric,
        records,
        generator(seed, f"quality:{metric.name}:{arm}"),
        clusters=clusters_of(examples),
    )
    return Quality.of(estimate, metric=metric.name)


def outcomes(records: Sequence[Record]) -> Outcomes:
    """Count the outcomes; they add up to the number of records."""
    failed = sum(record.outcome == "failed" for record in records)
    return Outcomes(scored=len(records) - failed, failed=failed)


def lengths(records: Sequence[Record]) -> AnswerLengths:
    """Count the answers that were cut, and those that came after reasoning."""
    completions = [record.answer.completion for record in records]
    return AnswerLengths(
        cut=sum(completion.is_cut for completion in completions),
        cut_early=sum(completion.is_cut_early for completion in completions),
        reasoned=sum(completion.is_reasoned for completion in completions),
    )


def paid_completions(records: Sequence[Record]) -> list[Completion]:
    """What counts in the cost of a request: all that was paid for, none that was never served."""
    return [record.answer.completion for record in records if record.answer.completion.was_paid]


def tokens(records: Sequence[Record]) -> Tokens:
    """Return mean tokens per request that was paid for, by the model's own counts."""
    paid = paid_completions(records)
    if not paid:
        return Tokens(reason="no request was answered")
    return Tokens(
        input_mean=float(np.mean([completion.input_tokens for completion in paid])),
        cached_mean=float(np.mean([completion.cached_tokens for completion in paid])),
        output_mean=float(np.mean([completion.output_tokens for completion in paid])),
        reasoning_mean=_mean_or_none([completion.reasoning_tokens for completion in paid]),
    )


def _mean_or_none(tokens: Sequence[int]) -> float | None:
    return float(np.mean(tokens)) if any(tokens) else None


def machine_seconds(records: Sequence[Record]) -> float | None:
    """Return the mean machine time of one request in seconds, batched as measured."""
    paid = paid_completions(records)
    return float(np.mean([c.machine_seconds for c in paid])) if paid else None


class Timing(NamedTuple):
    """Seconds that one request took, and until the first token of its answer; ``None`` if unknown."""

    total: float
    first_token: float | None = None


def latency(timings: Sequence[Timing], is_batched: bool = False) -> Latency:
    """Return the median and the 95th percentile of requests sent one at a time, in seconds.

    The interval of the 95th percentile takes requests as independent draws of one machine's pace.
    ``first_token`` is the same of the time to the first token of the answer that counts; it is not
    there where no language model answers.
    """
    if not timings:
        reason = "no request of the latency probe was answered"
        reason = "answers come in batches" if is_batched else reason
        return Latency(reason=reason)
    totals = _percentiles([timing.total for timing in timings])
    waits = [timing.first_token for timing in timings if timing.first_token is not None]
    first_token = _percentiles(waits) if waits else None
    low, high = quantile_limits([timing.total for timing in timings], 0.95)
    return Latency(
        p50=totals.p50,
        p95=totals.p95,
        p95_low=low,
        p95_high=high,
        reason=None if high is not None else _unbounded(len(timings)),
        n=len(timings),
        first_token=first_token,
    )


def _unbounded(requests: int) -> str:
    return (
        f"{counted(requests, 'request does', 'requests do')} not bound the 95th percentile above: it takes "
        f"{least_values(0.95)}"
    )


def _percentiles(seconds: Sequence[float]) -> Percentiles:
    p50, p95 = np.percentile(seconds, [50, 95])
    return Percentiles(p50=float(p50), p95=float(p95))


def family_of(
    metric: Metric,
    records: Mapping[str, Sequence[Record]],
    examples: Sequence[Example],
    seed: int,
) -> Family:
    """Test all pairs of arms by their ``records`` of the same ``examples``, corrected together."""
    if len(records) < 2:
        return Family(tuple(records), ())
    tests = pairs_of_records(
        metric,
        list(records.values()),
        generator(seed, "compare"),
        clusters=clusters_of(examples),
    )
    scores = [item_scores(metric, rows) for rows in records.values()]
    return Family.of(tuple(records), tests, scores, clusters_of(examples))


def compare_all(family: Family, reference: str | None) -> list[Comparison]:
    """Compare every other arm with ``reference``; p-values are corrected over all pairs of arms."""
    others = [arm for arm in family.arms if arm != reference]
    return [] if reference is None else [family.corrected(arm, reference) for arm in others]
