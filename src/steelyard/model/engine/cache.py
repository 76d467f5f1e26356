"""Key-value memory of the engine: one shared prefix, and a row of its own for every request."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch


@dataclass(frozen=True)
class CacheShape:
    """What decides the size of the memory. ``heads`` counts key-value heads."""

    layers: int
    heads: int
    width: int
    dtype: torch.dtype
    device: torch.device

    @property
    def bytes_per_token(self) -> int:
        return 2 * self.layers * self.heads * self.width * self.dtype.itemsize


@dataclass
class Prefix:
    """Keys and values of the tokens that all requests share; per layer ``[1, heads, tokens, width]``."""

    tokens: tuple[int, ...]
    keys: list[torch.Tensor] = field(default_factory=list)
    values: list[torch.Tensor] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.tokens)


class CacheMemory:
    """Memory for rows, kept from batch to batch: fresh pages cost more than the copying into them."""

    def __init__(self, shape: CacheShape) -> None:
        self.shape = shape
        self._flat: list[torch.Tensor] = []

    def layers(self, rows: int, capacity: int) -> list[torch.Tensor]:
        """Return keys, then values, of every layer: ``[rows, heads, capacity, width]`` each.

        What they hold is left from before; it is finite, so that masked slots weigh nothing.
        """
        size = (rows, self.shape.heads, capacity, self.shape.width)
        need = rows * self.shape.heads * capacity * self.shape.width
        if not self._flat or self._flat[0].numel() < need:
            self._flat = []  # freed first: both do not fit at once
            dtype, device = self.shape.dtype, self.shape.device
            self._flat = [
                torch.zeros(need, dtype=dtype, device=device) for _ in range(2 * self.shape.layers)
            ]
        return [flat[:need].view(size) for flat in self._flat]


class CacheRows:
    """Keys and values after the prefix; per layer ``[rows, heads, capacity, width]``.

    ``lengths[i]`` slots of row ``i`` are filled. Slots beyond are garbage and must be masked. Only one
    `CacheRows` may use a `CacheMemory` at a time.
    """

    def __init__(self, memory: CacheMemory, rows: int, capacity: int) -> None:
        self.shape = memory.shape
        self.lengths = torch.zeros(rows, dtype=torch.long, device=self.shape.device)
        layers = memory.layers(rows, capacity)
        self.keys, self.values = layers[: self.shape.layers], layers[self.shape.layers :]

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def capacity(self) -> int:
        """Slots per row."""
        return int(self.keys[0].shape[2])

    def reserve(self, capacity: int) -> None:
        """Make room for ``capacity`` slots per row; grows by half at least, so growth is rare."""
        if capacity <= self.capacity:
            return
        capacity = max(capacity, self.capacity * 3 // 2)
        for store in (self.keys, self.values):
            for layer, old in enumerate(store):
                rows, heads, slots, width = old.shape
                store[layer] = old.new_zeros(rows, heads, capacity, width)
                store[layer][:, :, :slots] = old

    def keep(self, rows: torch.Tensor) -> None:
        """Drop every row not named in ``rows``, which must ascend; the others move up in place."""
        count, slots = len(rows), int(self.lengths.max())
        self.lengths = self.lengths[rows]
        for store in (self.keys, self.values):
            for layer, old in enumerate(store):
                old[:count, :, :slots] = old[rows, :, :slots]
                store[layer] = old[:count]
