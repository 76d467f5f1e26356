"""What a training job would see and cost, and what providers would refuse, for the check ``format``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np

from steelyard.core import Price, Usage
from steelyard.data.base import Finding, Severity
from steelyard.data.dataset import Dataset
from steelyard.data.tokens import TokenCounts
from steelyard.data.tuning.review import TrainingChats, TuningReview, token_limit, training_rows
from steelyard.data.tuning.rules import Provider
from steelyard.economics import cost_of
from steelyard.families import STRATEGIES
from steelyard.model.prices import training_price
from steelyard.words import counted

LOCAL = "local"


class TrainingEstimate(NamedTuple):
    """An estimate of one job. What is ``None`` is explained in ``reason``.

    ``training_tokens`` is ``tokens_per_epoch`` times ``epochs``; rows count up to the provider's
    limit per example.
    """

    examples: int
    tokens_per_epoch: int
    epochs: int | None
    training_tokens: int | None
    price: Decimal | None
    source: str
    date: str
    reason: str | None
    currency: str

    def to_dict(self) -> dict[str, Any]:
        """The estimate as plain data, money as text."""
        price = None if self.price is None else f"{self.price:f}"
        return {**self._asdict(), "price": price}


def estimate_training(data: Dataset, counts: TokenCounts, provider: Provider) -> TrainingEstimate:
    """Estimate a job at ``provider`` on the training rows with its own default of epochs."""
    rows = training_rows(data)
    limit, _ = token_limit(provider, data.model.name)
    tokens = _tokens(counts, rows, limit)
    rule = provider.rules["default_epochs"]
    epochs = default_epochs(rule.value, len(rows))
    trained = None if epochs is None else tokens * epochs
    price = _price(data, provider)
    reasons = []
    if epochs is None:
        reasons.append(f"{provider.title}'s default number of epochs is unknown: {rule.reason}")
    if price is None:
        reasons.append(
            f"training prices change, so none is built in: see {provider.prices_at}, then set prices: "
            f"{{{provider.name}: {{training: …}}}} per million tokens in task.yaml"
        )
    return TrainingEstimate(
        examples=len(rows),
        tokens_per_epoch=tokens,
        epochs=epochs,
        training_tokens=trained,
        price=None if price is None or trained is None else _cost(trained, price),
        source=rule.source,
        date=rule.read,
        reason="; ".join(reasons) or None,
        currency=data.task.currency,
    )


def estimate_local(data: Dataset, counts: TokenCounts) -> TrainingEstimate:
    """Estimate LoRA on this machine: tokens only, since a run measures its time."""
    rows = training_rows(data)
    epochs: int = STRATEGIES.get("lora")().config.max_epochs
    tokens = _tokens(counts, rows, counts.window)
    reason = (
        "local LoRA costs machine time, which a run measures; it may stop before the last epoch"
    )
    source = "steelyard's LoRA defaults"
    return TrainingEstimate(
        len(rows), tokens, epochs, tokens * epochs, None, source, "", reason, data.task.currency
    )


def default_epochs(rule: int | Mapping[str, int] | None, examples: int) -> int | None:
    """How often a provider passes over ``examples`` rows by default; ``None`` when unknown.

    A mapping is OpenAI's published rule: ``target`` passes, more where that shows fewer than
    ``least_examples`` rows, fewer where it shows more than ``most_examples``.
    """
    if rule is None or not examples:
        return None
    if isinstance(rule, int):
        return rule
    if examples * rule["target"] < rule["least_examples"]:
        return min(rule["most"], rule["least_examples"] // examples)
    if examples * rule["target"] > rule["most_examples"]:
        return max(rule["least"], rule["most_examples"] // examples)
    return rule["target"]


def _tokens(counts: TokenCounts, rows: list[int], limit: int | None) -> int:
    whole = counts.whole[rows]
    return int((whole if limit is None else np.minimum(whole, limit)).sum())


def _price(data: Dataset, provider: Provider) -> Decimal | None:
    """The user's price of a million training tokens: under the provider's name, or the model's."""
    prices = data.task.model_prices
    price = training_price(provider.name, prices)
    if price is None and data.model.provider == provider.name:
        price = training_price(data.model.name, prices)
    return price


def _cost(trained_tokens: int, price: Decimal) -> Decimal | None:
    only_training = Price(input=Decimal(0), output=Decimal(0), training=price)
    return cost_of(Usage(trained_tokens=trained_tokens), only_training).amount


def review_findings(
    data: Dataset, reviews: Sequence[TuningReview], *, named: bool
) -> Iterator[Finding]:
    """Yield a finding per provider that would refuse or warn, more serious where the user named it."""
    for review in reviews:
        provider = review.provider
        if review.violations:
            verb = "would not keep everything" if review.fits else "would refuse these rows"
            says = "; ".join(f"{rule.says} ({rule.cited})" for rule in review.violations)
            severities: tuple[Severity, Severity] = ("warning", "note")
            if named:
                severities = ("error", "warning")
            message = f"fine-tuning at {provider.title} {verb}: {says}"
            severity = severities[review.fits]
            yield Finding.of_rows(data, review.indices, "format", severity, message)
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
    jobs["local LoRA"] = local = estimate_local(data, counts)
    if not local.examples:
        return
    estimates = [
        f"{title} {job.training_tokens:,} in {counted(job.epochs or 0, 'epoch')}"
        + ("" if job.price is None else f" for {job.price:.2f} {job.currency}")
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
        message=f"{rows} {about}{local.tokens_per_epoch:,} tokens to train on, by {counts.how}; "
        f"by default {', '.join(estimates)}{'' if priced else advice}",
        count=local.examples,
    )


def tuning_facts(
    data: Dataset, chats: TrainingChats, counts: TokenCounts, reviews: Sequence[TuningReview]
) -> dict[str, Any]:
    """Return by provider, and for local LoRA: fit or not, why, and the estimate of a job."""
    by = f"{counts.how} ({counts.method})"
    facts: dict[str, Any] = {}
    for review in reviews:
        provider = review.provider
        facts[provider.name] = {
            "fits": review.fits,
            "broken": [rule.says for rule in review.violations],
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
