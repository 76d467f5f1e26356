"""How many tokens an endpoint says that an answer took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from steelyard.packaged import packaged


class BilledTokens(NamedTuple):
    """Tokens as billed; ``cached`` are among the input, ``reasoning`` among the output."""

    input: int
    cached: int
    output: int
    reasoning: int = 0


def token_counts(usage: Mapping[str, Any], *, has_text: bool = False) -> BilledTokens | None:
    """Return what ``usage`` counts; ``None`` where it does not say, or cannot be right.

    No prompt has no tokens, and no text: some servers put zeros there. Some leave the tokens of
    hidden reasoning out of the output and bill them all the same: they are in the total, or more than
    the output itself. Tokens of a cache stand beside the input or inside it: the total says which,
    and the input's name where there is none. ``data/replies.yaml`` has the names of the counts.
    """
    names = packaged("model/hosted/data/replies.yaml")["usage"]
    input_tokens = _first(usage, names["input"])
    produced = _first(usage, names["output"])
    total = _first(usage, names["total"])
    read = _first(usage, names["cache_read"])
    beside = (read or 0) + (_first(usage, names["cache_written"]) or 0)
    reasoning = _first(usage, names["reasoning"]) or 0
    if input_tokens is not None and beside:
        surplus = (total or 0) - input_tokens - (produced or 0)
        is_outside = surplus >= beside and surplus != reasoning
        if not total or surplus < 0:
            is_outside = _first(usage, names["whole_input"]) is None
        is_outside = (
            is_outside or beside > input_tokens
        )  # more than the whole cannot be a part of it
        input_tokens += beside if is_outside else 0
    if input_tokens is None and None not in (total, produced):
        input_tokens = max(0, (total or 0) - (produced or 0))
    if produced is None and None not in (total, input_tokens):
        produced = max(0, (total or 0) - (input_tokens or 0))
    if not input_tokens or produced is None or (has_text and not produced):
        return None
    produced = max(produced, (total or 0) - input_tokens)
    if reasoning > produced:
        produced += reasoning
    cached = _first(usage, names["cached"])
    return BilledTokens(input_tokens, min(cached or read or 0, input_tokens), produced, reasoning)


def _first(usage: Mapping[str, Any], names: Sequence[str]) -> int | None:
    """The first count that is one; a name with a dot is in a part of the usage."""
    for name in names:
        outer, _, inner = name.partition(".")
        value = usage.get(outer)
        if inner:
            value = value.get(inner) if isinstance(value, Mapping) else None
        if (count := _count(value)) is not None:
            return count
    return None


def _count(value: Any) -> int | None:
    """A count however it is written: 12, 12.0 or "12"; ``None`` for anything else."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < 2**53 and value == int(value) else None
