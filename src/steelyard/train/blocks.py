"""Weights that learn: flat fp32 copies of them, each stepped by AdamW of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

_MOST = 2**25
"""Elements of a block: the fp32 gradients of one block at a time are what a step holds in addition."""


class WeightBlock:
    """Some weights as one flat fp32 tensor, ``master``, with AdamW (Loshchilov & Hutter 2019) over it.

    In bf16 the steps of a small rate vanish when they are added, so weights in bf16 are copies of the
    master; those in fp32 are views of it and take no memory of their own. They learn at ``ratio`` times
    the rate.
    """

    def __init__(self, weights: Mapping[str, torch.nn.Parameter], ratio: float) -> None:
        self.weights = dict(weights)
        self._ratio = ratio
        self._sizes = [weight.numel() for weight in weights.values()]
        flat = [weight.detach().float().flatten() for weight in weights.values()]
        self.master = torch.cat(flat).requires_grad_()
        self._optimiser: torch.optim.AdamW | None = None
        self.publish()

    def values(self) -> dict[str, torch.Tensor]:
        """The master as tensors of the weights' names and shapes."""
        parts = self.master.detach().split(self._sizes)
        pairs = zip(parts, self.weights.items(), strict=True)
        return {name: part.view_as(weight) for part, (name, weight) in pairs}

    @torch.no_grad()
    def publish(self) -> None:
        """Give the weights the master's values, in their own precision."""
        weights: list[torch.Tensor] = list(self.weights.values())
        values = list(self.values().values())
        if weights[0].dtype != torch.float32:
            torch._foreach_copy_(weights, values)
            return
        for weight, value in zip(weights, values, strict=True):
            weight.data = value

    @torch.no_grad()
    def restart(self, values: Mapping[str, torch.Tensor]) -> None:
        """Take ``values``, by the weights' names, and forget the optimiser's state."""
        self.forget()
        for name, part in self.values().items():
            part.copy_(values[name])
        self.publish()

    def forget(self) -> None:
        """Let go of the optimiser's state and of gradients."""
        self._optimiser = None
        for weight in self.weights.values():
            weight.grad = None

    @property
    def optimiser(self) -> torch.optim.AdamW:
        """Made when it is first needed: it takes twice the master's memory."""
        if self._optimiser is None:
            self._optimiser = torch.optim.AdamW([self.master], lr=1.0, weight_decay=0.0, fused=True)
        return self._optimiser

    def gradient(self) -> torch.Tensor:
        """The weights' gradients in fp32, flat as the master; those of weights without one are zero."""
        flat = torch.zeros_like(self.master, requires_grad=False)
        for part, weight in zip(flat.split(self._sizes), self.weights.values(), strict=True):
            if weight.grad is not None:
                part.copy_(weight.grad.flatten())
        return flat

    def step(self, rate: float, scale: float) -> None:
        """Step along the gradients times ``scale``, and let go of them."""
        self.master.grad = self.gradient().mul_(scale)
        for weight in self.weights.values():
            weight.grad = None
        for group in self.optimiser.param_groups:
            group["lr"] = rate * self._ratio
        self.optimiser.step()
        self.master.grad = None
        self.publish()


def blocks_of(
    weights: Mapping[str, torch.nn.Parameter], ratio: Callable[[str], float]
) -> list[WeightBlock]:
    """Put weights whose rates have one ``ratio`` into blocks, in their order."""
    blocks: list[WeightBlock] = []
    for one in sorted({ratio(name) for name in weights}):
        batch: dict[str, torch.nn.Parameter] = {}
        for name, weight in weights.items():
            if ratio(name) != one:
                continue
            if batch and sum(w.numel() for w in batch.values()) + weight.numel() > _MOST:
                blocks.append(WeightBlock(batch, one))
                batch = {}
            batch[name] = weight
        blocks.append(WeightBlock(batch, one))
    return blocks


def total_norm(blocks: list[WeightBlock]) -> float:
    """The norm of all gradients together, computed in fp32."""
    grads: list[Any] = [
        weight.grad
        for block in blocks
        for weight in block.weights.values()
        if weight.grad is not None
    ]
    if not grads:
        return 0.0
    norms = torch._foreach_norm(grads, 2, torch.float32)
    return float(torch.linalg.vector_norm(torch.stack(norms)))


def add_gradients(
    weights: Sequence[torch.nn.Parameter], gradients: Sequence[torch.Tensor | None]
) -> None:
    """Add each gradient to its weight's; ``None`` is that of a weight that was not used."""
    sums, parts = [], []
    for weight, gradient in zip(weights, gradients, strict=True):
        if weight.grad is None:
            weight.grad = gradient
        elif gradient is not None:
            sums.append(weight.grad)
            parts.append(gradient)
    if sums:
        torch._foreach_add_(sums, parts)
