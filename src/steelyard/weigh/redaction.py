"""What a run says of private values that were kept from hosted models."""

from __future__ import annotations

from collections.abc import Iterator

from steelyard.model.redacting import redactions
from steelyard.planning.plan import Plan
from steelyard.planning.redaction import private_references
from steelyard.store.database import Store
from steelyard.store.recorder import memory_of
from steelyard.words import counted


def redaction_warnings(plan: Plan, store: Store) -> tuple[str, ...]:
    """Say how many values were replaced in how many requests, and what that does to the scores."""
    return (*_counts(plan, store), *private_references(plan.split, plan.all_models))


def _counts(plan: Plan, store: Store) -> Iterator[str]:
    for model in plan.all_models:
        if not model.spec.redact:
            continue
        count = redactions(memory_of(store, model.spec.account))
        if count.requests:
            values = counted(count.values, "private value")
            requests = counted(count.requests, "request")
            yield f"{values} in {requests} to {model.tag} were redacted before they were sent"
