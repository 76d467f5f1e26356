"""Attention over packed samples by index: which rows of the projections a sample's queries and keys are."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch

from steelyard.train.layer_math import RowMaps
from steelyard.train.packing import PackedBatch


class Heads(NamedTuple):
    """How many query heads there are, and how many key-value heads."""

    queries: int
    pairs: int


@lru_cache(maxsize=8)  # every layer asks for those of the same batch
def row_maps(packed: PackedBatch, heads: Heads) -> list[RowMaps]:
    """The rows of a packed batch: the shared prefix by itself, if there is one, and the samples."""
    count, device = packed.prefix, packed.tokens.device
    real = torch.zeros(packed.rows, packed.width, dtype=torch.bool, device=device)
    real[packed.row, packed.column] = True
    places = torch.zeros(packed.rows, packed.width, dtype=torch.long, device=device)
    places[packed.row, packed.column] = count + torch.arange(len(packed.row), device=device)
    samples = _maps(places, real, count, heads, packed.mask)
    if not count:
        return [samples]
    prefix = torch.arange(count, device=device).unsqueeze(0)
    alone = torch.ones_like(prefix, dtype=torch.bool)
    return [_maps(prefix, alone, 0, heads, packed.prefix_mask), samples]


def _maps(
    places: torch.Tensor, real: torch.Tensor, shared: int, heads: Heads, mask: torch.Tensor
) -> RowMaps:
    """``places`` [rows, width] are those of tokens in the packed sequence, where they are ``real``."""
    rows, width = places.shape
    queries, pairs = heads
    group, device = queries // pairs, places.device
    row, column = (one.view(-1, 1) for one in real.nonzero(as_tuple=True))
    first = int(places[0, 0])
    end = first + len(row)
    keys = torch.cat([torch.arange(shared, device=device).expand(rows, -1), places], dim=1)
    keys = keys.unsqueeze(1)
    head = torch.arange(queries, device=device)
    by_pair = head.view(1, pairs, group, 1)
    pair = torch.arange(pairs, device=device)
    query = places.view(rows, 1, 1, width)
    outer = query.masked_fill(~real.view(rows, 1, 1, width), end)
    states, whole = queries + pairs, queries + 2 * pairs
    return RowMaps(
        queries,
        pairs,
        rows,
        shared,
        first,
        end,
        query=(query * states + by_pair).flatten(),
        key=(keys * states + queries + pair.view(1, -1, 1)).flatten(),
        value=(keys * whole + states + pair.view(1, -1, 1)).flatten(),
        output=((row * queries + head) * width + column).flatten(),
        outer=(outer * queries + by_pair).flatten(),
        inner=((row * pairs + pair) * (shared + width) + shared + column).flatten(),
        mask=mask.repeat(group, 1),
    )
