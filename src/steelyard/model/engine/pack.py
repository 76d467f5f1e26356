"""Linear layers with weights laid out once for the CPU's matrix kernels."""

from __future__ import annotations

import torch
from torch import nn


class PackedLinear(nn.Module):
    """A linear layer over a weight reordered by oneDNN; inference only."""

    def __init__(self, linear: nn.Linear, rows: int) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        weight = linear.weight.detach()
        self.packed = torch.ops.mkldnn._reorder_linear_weight(weight, rows)
        self.bias = None if linear.bias is None else linear.bias.detach()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return ``inputs @ weight.T + bias``."""
        result: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            inputs, self.packed, self.bias, "none", [], ""
        )
        return result


def pack_linears(network: nn.Module, rows: int = 256) -> bool:
    """Replace every plain linear layer of ``network``; returns whether this build of torch can.

    ``rows`` is the number of tokens the layout is tuned for. The output head stays as it is when its
    weight is shared with the embedding, which must not be held twice.
    """
    if not (
        torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    ):
        return False
    tied = {id(module.weight) for module in network.modules() if isinstance(module, nn.Embedding)}
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Linear and id(child.weight) not in tied:
                setattr(parent, name, PackedLinear(child, rows))
    return True
