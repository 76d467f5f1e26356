"""One completion out of several: what an answer of many requests took, by model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from steelyard.core import Completion, Usage

MACHINE = "(this machine)"
"""Under this account `Completion.spent` holds what was computed here without a language model."""


def spent_on(completion: Completion, account: str | None) -> Mapping[str, Usage]:
    """Return what a completion took by account; ``None`` is this machine."""
    return completion.spent or {MACHINE if account is None else account: completion.usage}


def merged(spent: Iterable[Mapping[str, Usage]]) -> dict[str, Usage]:
    """Add up by account, in the order in which accounts are first named."""
    totals: defaultdict[str, Usage] = defaultdict(Usage)
    for usages in spent:
        for account, usage in usages.items():
            totals[account] += usage
    return dict(totals)


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
    answer: Completion,
    shares: Mapping[str, float] | None,
    *,
    local: bool,
) -> Completion:
    """Return one completion for requests made at the same time, with the text of ``answer``.

    A local model computes them one by the other, so that machine time adds up; of a hosted model the
    slowest is waited for.
    """
    seconds = [completion.machine_seconds for completion in completions]
    total = sum(seconds) if local else max(seconds)
    return replace(_summed(completions, model, answer, total, total), probabilities=shares)


def _summed(
    completions: Sequence[Completion],
    model: str | None,
    answer: Completion,
    first_token_seconds: float,
    total_seconds: float,
) -> Completion:
    return replace(
        answer,
        input_tokens=sum(completion.input_tokens for completion in completions),
        cached_tokens=sum(completion.cached_tokens for completion in completions),
        output_tokens=sum(completion.output_tokens for completion in completions),
        reasoning_tokens=sum(completion.reasoning_tokens for completion in completions),
        first_token_seconds=first_token_seconds,
        total_seconds=total_seconds,
        batch_size=1,
        spent=merged(spent_on(completion, model) for completion in completions),
        torn=sum((completion.torn for completion in completions), Usage()),
    )
