"""One completion out of several: what an answer of many requests took, by model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from steelyard.core import Completion, Spent
from steelyard.model.base import ModelSpec
from steelyard.model.hosted.address import hosted_fingerprint

MACHINE = "(this machine)"
"""Under this name `Spent` holds what was computed here without a language model."""


def asked_as(spec: ModelSpec) -> str:
    """Return what the model of ``spec`` is called in accounts; needs no key.

    A hosted one goes by its fingerprint: two endpoints may serve models of one name, at two prices.
    """
    if spec.provider == "openai":
        return hosted_fingerprint(spec)
    # A fake plays any model; its options are not in its name.
    return f"{spec.provider}:{spec.name.partition('?')[0]}"


def spent_on(completion: Completion, model: str | None) -> tuple[Spent, ...]:
    """Return what a completion took by model, as `asked_as` names it; ``None`` is this machine."""
    if completion.spent:
        return completion.spent
    return (
        Spent(
            MACHINE if model is None else model,
            completion.input_tokens,
            completion.cached_tokens,
            completion.output_tokens,
            completion.machine_seconds,
        ),
    )


def merged(spent: Iterable[Spent]) -> tuple[Spent, ...]:
    """Add up by model, in the order in which models are first named."""
    totals: dict[str, Spent] = {}
    for one in spent:
        before = totals.get(one.model, Spent(one.model))
        sums = (had + more for had, more in zip(before[1:], one[1:], strict=True))
        totals[one.model] = Spent(one.model, *sums)  # type: ignore[arg-type]
    return tuple(totals.values())


def attributed(completion: Completion, model: str | None) -> Completion:
    """Return the completion with its own account in ``spent``."""
    return replace(completion, spent=spent_on(completion, model))


def in_turn(completions: Sequence[Completion], model: str | None) -> Completion:
    """Return one completion for requests made one after the other; one alone stays as it is.

    Tokens and seconds add up; the text and the rest are those of the last one that was answered. It
    has failed only where all have.
    """
    if len(completions) == 1:
        return completions[0]
    answered = [completion for completion in completions if completion.failure is None]
    last = (answered or completions)[-1]
    total = sum(completion.machine_seconds for completion in completions)
    waited = total - (last.machine_seconds - last.first_token_seconds / last.batch_size)
    return _summed(completions, model, last, waited, total)


def side_by_side(
    completions: Sequence[Completion],
    model: str | None,
    told: Completion,
    shares: Mapping[str, float] | None,
    *,
    local: bool,
) -> Completion:
    """Return one completion for requests made at the same time, telling what ``told`` says.

    A local model computes them one by the other, so that machine time adds up; of a hosted model the
    slowest is waited for.
    """
    seconds = [completion.machine_seconds for completion in completions]
    total = sum(seconds) if local else max(seconds)
    return replace(_summed(completions, model, told, total, total), probabilities=shares)


def _summed(
    completions: Sequence[Completion],
    model: str | None,
    told: Completion,
    first_token_seconds: float,
    total_seconds: float,
) -> Completion:
    return replace(
        told,
        input_tokens=sum(completion.input_tokens for completion in completions),
        cached_tokens=sum(completion.cached_tokens for completion in completions),
        output_tokens=sum(completion.output_tokens for completion in completions),
        first_token_seconds=first_token_seconds,
        total_seconds=total_seconds,
        batch_size=1,
        spent=merged(one for completion in completions for one in spent_on(completion, model)),
    )
