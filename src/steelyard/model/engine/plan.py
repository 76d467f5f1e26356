"""What is computed together: the tokens all prompts share, and batches of what is left."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import NamedTuple

GROUP_OVERHEAD_TOKENS = 64
"""What a group of its own must save: smaller batches and one more prefill have their price."""


class Group(NamedTuple):
    """Requests that share their first ``prefix_tokens`` tokens, in batches of request indices."""

    prefix_tokens: int
    batches: list[list[int]]


class BatchBounds(NamedTuple):
    """Limits of one batch: rows, and tokens kept in memory (prompt rest plus answer)."""

    rows: int
    tokens: int


def group_by_prefix(prompts: Sequence[Sequence[int]]) -> list[tuple[int, list[int]]]:
    """Split prompts into groups that share a prefix, where sharing saves computation.

    Returns ``(prefix_tokens, indices)`` per group; a prefix leaves every prompt at least one token of
    its own, and a prompt alone shares nothing. Prompts that share much are neighbours once sorted, so
    a group is cut where its neighbours share least. A piece becomes a group of its own when that saves
    more than `GROUP_OVERHEAD_TOKENS`; what is left over stays together.
    """
    order = sorted(range(len(prompts)), key=lambda i: (list(prompts[i]), i))
    lengths = [len(prompts[i]) for i in order]
    neighbours = _Sorted(lengths, [_common(prompts[i], prompts[j]) for i, j in pairwise(order)])
    carved, rest = _carve(neighbours, range(len(order)), 0)
    if rest:
        carved.append((_shared(neighbours, rest), rest))
    return [(tokens, sorted(order[k] for k in places)) for tokens, places in carved]


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    pairs = enumerate(zip(a, b, strict=False))
    return next((place for place, (x, y) in pairs if x != y), min(len(a), len(b)))


class _Sorted(NamedTuple):
    """Sorted prompts: their lengths, and how many tokens each shares with the next."""

    lengths: list[int]
    near: list[int]


def _shared(prompts: _Sorted, places: Sequence[int]) -> int:
    """Tokens shared by the prompts at ``places``, which need not be neighbours."""
    if len(places) < 2:
        return 0
    common = min(prompts.near[min(places) : max(places)])
    return max(0, min(common, min(prompts.lengths[k] for k in places) - 1))


def _carve(
    prompts: _Sorted, piece: range, base: int
) -> tuple[list[tuple[int, list[int]]], list[int]]:
    """Return the groups worth having within ``piece``, and the places that stay with ``base``."""
    if (
        len(piece) * max(prompts.lengths[piece.start : piece.stop], default=0)
        <= GROUP_OVERHEAD_TOKENS
    ):
        return [], list(piece)
    if len(piece) < 2:
        return [], list(piece)
    least = min(prompts.near[piece.start : piece.stop - 1])
    ends = [k + 1 for k in range(piece.start, piece.stop - 1) if prompts.near[k] == least]
    carved: list[tuple[int, list[int]]] = []
    rest: list[int] = []
    for begin, end in zip([piece.start, *ends], [*ends, piece.stop], strict=True):
        groups, leftover = _carve(prompts, range(begin, end), least)
        carved += groups
        rest += leftover
    shared = _shared(prompts, rest)
    if (shared - base) * (len(rest) - 1) - base > GROUP_OVERHEAD_TOKENS:
        return [*carved, (shared, rest)], []
    return carved, rest


def plan_batches(
    prompts: Sequence[Sequence[int]],
    answers: Sequence[int],
    kinds: Sequence[Hashable],
    bounds: BatchBounds,
) -> list[Group]:
    """Group by shared prefix, sort by kind and length, then fill batches up to the bounds.

    ``answers`` are the most tokens each answer may take; requests of different ``kinds`` never share a
    batch. The plan depends on nothing but its arguments, so a resumed run makes the same one.
    """
    rank: dict[Hashable, int] = {}
    for kind in kinds:
        rank.setdefault(kind, len(rank))
    groups = []
    for prefix, members in group_by_prefix(prompts):
        order = sorted(members, key=lambda i: (rank[kinds[i]], len(prompts[i]), i))
        needs = {i: len(prompts[i]) - prefix + answers[i] for i in members}
        groups.append(Group(prefix, _fill(order, needs, kinds, bounds)))
    return groups


def _fill(
    order: list[int], needs: dict[int, int], kinds: Sequence[Hashable], bounds: BatchBounds
) -> list[list[int]]:
    batches: list[list[int]] = []
    longest = 0
    for index in order:
        longest = max(longest, needs[index])
        same = bool(batches) and kinds[batches[-1][0]] == kinds[index]
        full = not same or len(batches[-1]) >= bounds.rows
        if full or longest * (len(batches[-1]) + 1) > bounds.tokens:
            batches.append([])
            longest = needs[index]
        batches[-1].append(index)
    return batches
