"""Attention over packed samples by index: which rows of the projections a sample's queries and keys are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch

from steelyard.train.packing import PackedBatch


class Heads(NamedTuple):
    """How many query heads there are, how many key-value heads, and their size."""

    queries: int
    pairs: int
    size: int


class Attended(NamedTuple):
    """What the gradient needs: query, key, value and weights, a batch for each row and key-value head."""

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    weights: torch.Tensor


@dataclass(frozen=True)
class AttentionRows:
    """Rows of tokens that attend alike, each to ``shared`` leading tokens and to itself.

    The fields are places in arrays of shape (tokens · heads, size): of the turned queries and keys, of all
    projections, of the attended rows and of their gradients. A place beyond the last token's is padding.
    ``tokens`` are those of the packed sequence that the rows hold; ``mask`` is additive.
    """

    heads: Heads
    rows: int
    shared: int
    tokens: slice
    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    output: torch.Tensor
    outer: torch.Tensor
    inner: torch.Tensor
    mask: torch.Tensor

    @classmethod
    def of(
        cls, places: torch.Tensor, real: torch.Tensor, shared: int, heads: Heads, mask: torch.Tensor
    ) -> AttentionRows:
        """``places`` [rows, width] are those of tokens in the packed sequence, where they are ``real``."""
        rows, width = places.shape
        group, device = heads.queries // heads.pairs, places.device
        row, column = real.nonzero(as_tuple=True)
        first = int(places[0, 0])
        tokens = slice(first, first + len(row))
        leading = torch.arange(shared, device=device).expand(rows, -1)
        keys = torch.cat([leading, places], dim=1).unsqueeze(1)
        head = torch.arange(heads.queries, device=device).view(1, heads.pairs, group, 1)
        pair = torch.arange(heads.pairs, device=device)
        query = places.view(rows, 1, 1, width)
        outer = query.masked_fill(~real.view(rows, 1, 1, width), _end(places, real))
        turned, whole = heads.queries + heads.pairs, heads.queries + 2 * heads.pairs
        slot = row.view(-1, 1) * heads.queries + torch.arange(heads.queries, device=device)
        own = row.view(-1, 1) * heads.pairs + pair
        return cls(
            heads,
            rows,
            shared,
            tokens,
            (query * turned + head).flatten(),
            (keys * turned + heads.queries + pair.view(1, -1, 1)).flatten(),
            (keys * whole + turned + pair.view(1, -1, 1)).flatten(),
            (slot * width + column.view(-1, 1)).flatten(),
            (outer * heads.queries + head).flatten(),
            (own * (shared + width) + shared + column.view(-1, 1)).flatten(),
            mask.repeat(group, 1),
        )

    def attend(
        self, turned: torch.Tensor, whole: torch.Tensor, scale: float
    ) -> tuple[torch.Tensor, Attended]:
        """Attend; ``turned`` is (tokens, queries + pairs, size), ``whole`` has the values after them.

        Returns (tokens of the rows, queries · size).
        """
        query, key = (self._rows(turned, places) for places in (self.query, self.key))
        value = self._rows(whole, self.value)
        scores = torch.baddbmm(self.mask, query, key.mT, alpha=scale)
        weights = torch.softmax(scores, dim=-1)
        output = torch.bmm(weights, value).view(-1, self.heads.size)
        picked = output.index_select(0, self.output).view(-1, self.heads.queries * self.heads.size)
        return picked, Attended(query, key, value, weights)

    def back(
        self,
        outer: torch.Tensor,
        turned: torch.Tensor,
        whole: torch.Tensor,
        parts: Attended,
        scale: float,
    ) -> None:
        """Add the gradients of `attend` to those of ``turned`` and ``whole``.

        ``outer`` is that of the output of every token, with a row of zeros after them.
        """
        heads = self.heads
        rows = self._rows(outer, self.outer)
        value = torch.bmm(parts.weights.mT, rows)
        weights = torch.bmm(rows, parts.value.mT)
        scores = torch.ops.aten._softmax_backward_data(weights, parts.weights, -1, weights.dtype)
        scores.mul_(scale)
        query, key = torch.bmm(scores, parts.key), torch.bmm(scores.mT, parts.query)
        turned[self.tokens, : heads.queries] = self._tokens(query, self.output, heads.queries)
        turned[self.tokens, heads.queries :] += self._tokens(key, self.inner, heads.pairs)
        whole[self.tokens, heads.queries + heads.pairs :] += self._tokens(
            value, self.inner, heads.pairs
        )
        if self.shared:
            turned[: self.shared, heads.queries :] += self._leading(key)
            whole[: self.shared, heads.queries + heads.pairs :] += self._leading(value)

    def _rows(self, array: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        """Rows of ``array`` by their places, as (rows · pairs, tokens, size)."""
        size = self.heads.size
        return (
            array.view(-1, size)
            .index_select(0, places)
            .view(self.rows * self.heads.pairs, -1, size)
        )

    def _tokens(self, rows: torch.Tensor, places: torch.Tensor, heads: int) -> torch.Tensor:
        size = self.heads.size
        return rows.view(-1, size).index_select(0, places).view(-1, heads, size)

    def _leading(self, rows: torch.Tensor) -> torch.Tensor:
        """The sum over all rows of what belongs to the shared tokens, as (tokens, pairs, size)."""
        by_row = rows.view(self.rows, self.heads.pairs, -1, self.heads.size)
        return by_row[:, :, : self.shared].sum(0).transpose(0, 1)


def _end(places: torch.Tensor, real: torch.Tensor) -> int:
    """The place after the last token."""
    return int(places[real].max()) + 1


@lru_cache(maxsize=8)  # every layer asks for those of the same batch
def attention_rows(packed: PackedBatch, heads: Heads) -> Sequence[AttentionRows]:
    """The rows of a packed batch: the samples, and before them the shared prefix by itself."""
    count, device = packed.prefix, packed.tokens.device
    real = torch.zeros(packed.rows, packed.width, dtype=torch.bool, device=device)
    real[packed.row, packed.column] = True
    places = torch.zeros(packed.rows, packed.width, dtype=torch.long, device=device)
    places[packed.row, packed.column] = count + torch.arange(len(packed.row), device=device)
    samples = AttentionRows.of(places, real, count, heads, packed.mask)
    if not count:
        return (samples,)
    prefix = torch.arange(count, device=device).unsqueeze(0)
    return (
        AttentionRows.of(
            prefix, torch.ones_like(prefix, dtype=torch.bool), 0, heads, packed.prefix_mask
        ),
        samples,
    )
