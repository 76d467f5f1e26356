"""Providers' rules and the estimate of a job as findings and facts of the check ``format``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from steelyard.data.base import Finding, Severity
from steelyard.data.dataset import Dataset
from steelyard.data.tokens import TokenCounts
from steelyard.data.tuning.estimate import CURRENCY, LOCAL, estimate_local, estimate_training
from steelyard.data.tuning.judge import Chats, TuningReview
from steelyard.data.tuning.rules import Provider
from steelyard.words import counted


def judgement_findings(
    data: Dataset, judged: Sequence[TuningReview], *, named: bool
) -> Iterator[Finding]:
    """Yield a finding per provider that would refuse or warn, more serious where the user named it."""
    for judgement in judged:
        provider = judgement.provider
        if judgement.broken:
            verb = "would not keep everything" if judgement.fits else "would refuse these rows"
            says = "; ".join(f"{rule.says} ({rule.cited})" for rule in judgement.broken)
            severities: tuple[Severity, Severity] = ("warning", "note")
            if named:
                severities = ("error", "warning")
            message = f"fine-tuning at {provider.title} {verb}: {says}"
            severity = severities[judgement.fits]
            yield Finding.of_rows(data, judgement.indices, "format", severity, message)
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
    """Yield what a job would see and cost: at the user's price, or in tokens alone."""
    jobs = {provider.title: estimate_training(data, counts, provider) for provider in providers}
    jobs["LoRA here"] = local = estimate_local(data, counts)
    if not local.examples:
        return
    estimates = [
        f"{title} {job.training_tokens:,} in {counted(job.epochs or 0, 'epoch')}"
        + ("" if job.price is None else f" for {job.price:.2f} {CURRENCY}")
        for title, job in jobs.items()
        if job.training_tokens is not None
    ]
    priced = any(job.price is not None for job in jobs.values())
    about = "about " if counts.method == "estimated" else ""
    rows = counted(local.examples, "row is", "rows are")
    advice = "; give prices: {PROVIDER: {training: …}} per million tokens for the price"
    yield Finding(
        check="format",
        severity="note",
        message=f"{rows} {about}{local.tokens_per_epoch:,} tokens to train on, by {counts.how}: "
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
