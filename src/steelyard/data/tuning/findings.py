"""What the providers' rules and a job's estimate say, as findings and facts of the check ``format``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from steelyard.data.base import Finding, Severity
from steelyard.data.dataset import Dataset
from steelyard.data.tokens import TokenCounts
from steelyard.data.tuning.estimate import CURRENCY, LOCAL, estimate_local, estimate_training
from steelyard.data.tuning.judge import Chats, TuningReview
from steelyard.data.tuning.rules import Provider


def judgement_findings(
    data: Dataset, judged: Sequence[TuningReview], *, named: bool
) -> Iterator[Finding]:
    """Yield a finding a provider that would refuse or warn; graver where the user named it."""
    for judgement in judged:
        provider = judgement.provider
        if judgement.broken:
            verb = "would not take these rows" if not judgement.fits else "would not keep all of it"
            says = "; ".join(f"{rule.says} ({rule.cited})" for rule in judgement.broken)
            grave: tuple[Severity, Severity] = (
                ("error", "warning") if named else ("warning", "note")
            )
            yield Finding(
                check="format",
                severity=grave[judgement.fits],
                message=f"fine-tuning at {provider.title} {verb}: {says}",
                rows=data.rows_of(judgement.indices),
                evidence=data.evidence(judgement.indices),
            )
        if provider.ends is not None:
            end = provider.ends
            yield Finding(
                check="format",
                severity="warning" if named else "note",
                message=f"{end.message} (announced {end.announced}; {end.source}, read {end.read})",
                count=0,
            )


def training_findings(
    data: Dataset, counts: TokenCounts, providers: Sequence[Provider]
) -> Iterator[Finding]:
    """Yield what a job would see and cost: by the user's price, or in tokens alone."""
    jobs = {provider.title: estimate_training(data, counts, provider) for provider in providers}
    jobs["LoRA here"] = local = estimate_local(data, counts)
    if not local.examples:
        return
    estimates = [
        f"{title} {job.training_tokens:,} in {job.epochs} {'epoch' if job.epochs == 1 else 'epochs'}"
        + ("" if job.price is None else f" for {job.price:.2f} {CURRENCY}")
        for title, job in jobs.items()
        if job.training_tokens is not None
    ]
    priced = any(job.price is not None for job in jobs.values())
    about = "about " if counts.method == "estimated" else ""
    rows = "1 row is" if local.examples == 1 else f"{local.examples:,} rows are"
    advice = "; give prices: {PROVIDER: {training: …}} per million tokens for the price"
    yield Finding(
        check="format",
        severity="note",
        message=f"{rows} {about}{local.tokens_per_epoch:,} tokens to train on by {counts.how}: "
        f"by default {', '.join(estimates)}{'' if priced else advice}",
        count=local.examples,
    )


def tuning_facts(
    data: Dataset, chats: Chats, counts: TokenCounts, judged: Sequence[TuningReview]
) -> dict[str, Any]:
    """Return by provider, and for LoRA here: fit or not, why, and the estimate of a job."""
    by = f"{counts.how} ({counts.method})"
    facts: dict[str, Any] = {}
    for judgement in judged:
        provider = judgement.provider
        facts[provider.name] = {
            "fits": judgement.fits,
            "broken": [rule.says for rule in judgement.broken],
            "unknown": provider.unknown,
            "rules_read": provider.read,
            "ends": provider.ends and provider.ends.date,
            "file_bytes": chats.file_bytes,
            "byte_order_mark": provider.value("byte_order_mark"),
            "tokens_by": by,
            **estimate_training(data, counts, provider).to_dict(),
        }
    facts[LOCAL] = {"fits": None, "tokens_by": by, **estimate_local(data, counts).to_dict()}
    return facts
