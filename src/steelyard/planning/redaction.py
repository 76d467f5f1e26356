"""What keeping private values from a model does to its scores."""

from __future__ import annotations

from collections.abc import Sequence

from steelyard.core import Split
from steelyard.model.planned import PlannedModel
from steelyard.private.redact import mark_private
from steelyard.words import counted


def private_references(split: Split, models: Sequence[PlannedModel]) -> tuple[str, ...]:
    """Warn of references with private values, where a model never sees any."""
    if not any(model.spec.redact for model in models):
        return ()
    outputs = [example.output for part in split for example in part]
    private = sum(mark_private(output).values > 0 for output in outputs)
    if not private:
        return ()
    return (
        f"{private:,} of {counted(len(outputs), 'reference')} "
        f"hold{'s' if private == 1 else ''} private values: a model whose requests are redacted cannot "
        "repeat them and is scored as wrong there",
    )
