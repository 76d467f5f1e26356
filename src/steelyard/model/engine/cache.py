"""Key-value memory of the engine: one shared prefix, and a row of its own for every request."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch


@dataclass(frozen=True)
class Shape:
    """What decides the size of the memory. ``heads`` counts key-value heads."""

    layers: int
    heads: int
    width: int
    dtype: torch.dtype
    device: torch.device

    @property
    def bytes_per_token(self) -> int:
        """Bytes that one token's keys and values take over all layers."""
        return 2 * self.layers * self.heads * self.width * self.dtype.itemsize


@dataclass
class Prefix:
    """Keys and values of the tokens that all requests share; per layer ``[1, heads, tokens, width]``."""

    tokens: tuple[int, ...]
    keys: list[torch.Tensor] = field(default_factory=list)
    values: list[torch.Tensor] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.tokens)


class Rows:
    """Keys and values after the prefix; per layer ``[rows, heads, capacity, width]``.

    ``lengths[i]`` slots of row ``i`` are filled. Slots beyond are garbage and must be masked.
    """

    def __init__(self, shape: Shape, rows: int, capacity: int) -> None:
        self.shape = shape
        self.lengths = torch.zeros(rows, dtype=torch.long, device=shape.device)
        self.keys = [self._empty(rows, capacity) for _ in range(shape.layers)]
        self.values = [self._empty(rows, capacity) for _ in range(shape.layers)]

    def _empty(self, rows: int, capacity: int) -> torch.Tensor:
        size = (rows, self.shape.heads, capacity, self.shape.width)
        return torch.zeros(size, dtype=self.shape.dtype, device=self.shape.device)

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
                store[layer] = self._empty(len(self), capacity)
                store[layer][:, :, : old.shape[2]] = old

    def keep(self, rows: torch.Tensor) -> None:
        """Drop every row not named in ``rows``."""
        self.lengths = self.lengths[rows]
        self.keys = [keys[rows] for keys in self.keys]
        self.values = [values[rows] for values in self.values]
