"""Rows that do not fit into the model's context, and rows that leave no room for a shot."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from steelyard.data.base import CheckOptions, CheckResult, Finding, Severity
from steelyard.data.dataset import Dataset
from steelyard.data.tokens import Ints, TokenCounts, count_tokens
from steelyard.model import provider_of
from steelyard.model.price_book import context_window
from steelyard.words import counted


class Window(NamedTuple):
    """A context in tokens, or ``None`` with the reason in ``source``."""

    tokens: int | None
    source: str


def find(data: Dataset, options: CheckOptions) -> CheckResult:
    """Compare each row's instruction, turns and answer with the model's context window.

    Facts: ``tokens`` (lengths and how they were found), ``window``, ``over``, ``over_half`` and
    ``shots_that_fit``: examples of median length that fit next to a prompt of median length.
    """
    counts = count_tokens(data)
    window = window_of(data, counts)
    facts: dict[str, Any] = {
        "tokens": counts.to_dict(),
        "window": window.tokens,
        "window_source": window.source,
        "reserved_output": _reserve(data),
    }
    if window.tokens is None:
        facts |= {"over": None, "over_half": None, "shots_that_fit": None}
        return CheckResult(facts=facts, reason=window.source)
    need = needed(data, counts)
    over = _longest(need, need > window.tokens)
    half = _longest(need, (need > window.tokens // 2) & (need <= window.tokens))
    shots = shots_that_fit(counts, need, window.tokens)
    facts |= {"over": len(over), "over_half": len(half), "shots_that_fit": shots}
    reads = f"the {window.tokens:,} tokens that {data.model.name} can read"
    findings = []
    if over:
        by = "about " if counts.method == "estimated" else ""
        message = (
            f"{counted(len(over), 'row needs', 'rows need')} more than {reads} (up to "
            f"{by}{int(need[over[0]]):,}): such a row fails or loses its beginning; shorten "
            "it, or let steelyard data fix set it aside"
        )
        findings.append(_finding(data, over, "error", message, need))
    if half:
        message = (
            f"{counted(len(half), 'row fills', 'rows fill')} over half of {reads}, which leaves little "
            "room for few-shot examples; next to a row of median length, "
            f"{counted(shots or 0, 'example fits', 'examples fit')}"
        )
        findings.append(_finding(data, half, "note", message, need))
    reason = counts.reason and f"lengths are estimated from characters: {counts.reason}"
    return CheckResult(tuple(findings), facts, reason)


def window_of(data: Dataset, counts: TokenCounts) -> Window:
    """The context of the task's model: its own configuration, or the book for a hosted one."""
    model = data.model
    if counts.window is not None:
        return Window(counts.window, f"the configuration of {model.name}")
    if provider_of(model).is_local:
        why = counts.reason or f"the configuration of {model.name} names none"
        return Window(None, f"the context window is unknown: {why}")
    return Window(*context_window(model.provider, model.name, base_url=model.base_url))


def needed(data: Dataset, counts: TokenCounts) -> Ints:
    """Tokens each row needs: the prompt and its answer, or the room the task reserves for one."""
    return counts.prompt + np.maximum(counts.output, _reserve(data))


def shots_that_fit(counts: TokenCounts, need: Ints, window: int) -> int | None:
    """How many examples of median length fit next to a row of median length."""
    if not len(need):
        return None
    shot = float(np.median(counts.input + counts.output)) + 2 * counts.overhead.per_turn
    return max(0, int((window - float(np.median(need))) // max(shot, 1.0)))


def _reserve(data: Dataset) -> int:
    return data.task.max_output_tokens or 0


def _longest(need: Ints, mask: Any) -> list[int]:
    """The indices in ``mask`` by falling length."""
    indices = np.flatnonzero(mask)
    return [int(index) for index in indices[np.argsort(-need[indices], kind="stable")]]


def _finding(
    data: Dataset, rows: list[int], severity: Severity, message: str, need: Ints
) -> Finding:
    tokens = [int(need[row]) for row in rows]
    return Finding.of_rows(data, rows, "over_context", severity, message, tokens=tokens)
