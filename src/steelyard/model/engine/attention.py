"""Attention over packed tokens: to a shared prefix once for the whole batch, and to each row's own past.

The two parts are merged by their log-sum-exp, which is exact: softmax over the union of two key sets
is the average of the two softmaxes weighted by their normalisers (Milakov & Gimelshein 2018; Juravsky
et al. 2024, "Hydragen", use it for shared prefixes). The prefix's keys are never copied per row, and a
query's head group is folded into its rows, so that grouped-query models do not copy them per head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from steelyard.model.engine.cache import CacheRows, Prefix

IMPLEMENTATION = "steelyard_packed"


@dataclass
class AttentionStep:
    """One forward pass over ``T`` packed tokens.

    With ``fill`` set the tokens are one sequence that fills that prefix. Otherwise token ``t`` belongs
    to row ``first_row + row[t]`` and is its ``column[t]``-th new token, kept at ``slot[t]``;
    ``rows_here`` rows take part, each with at most ``width`` new tokens. ``fresh`` rows have no past.
    ``mask`` is additive, ``[rows_here, 1, width, slots]``, for rows with a past.
    """

    prefix: Prefix | None = None
    fill: Prefix | None = None
    cache: CacheRows | None = None
    first_row: int = 0
    rows_here: int = 0
    width: int = 0
    slots: int = 0
    row: torch.Tensor | None = None
    column: torch.Tensor | None = None
    slot: torch.Tensor | None = None
    mask: torch.Tensor | None = None
    fresh: bool = True


def attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    scale: float,
    *,
    causal: bool = False,
    mask: torch.Tensor | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the attention output ``[B, H, Q, D]`` and the log-sum-exp ``[B, H, Q]`` of its scores."""
    if query.device.type == "cpu":
        output, normaliser = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            query, key, value, 0.0, causal, attn_mask=mask, scale=scale
        )
        return output, normaliser
    scores = torch.matmul(query, key.transpose(-1, -2)).float() * scale
    if causal:
        above = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).triu(1)
        scores = scores.masked_fill(above, float("-inf"))
    if mask is not None:
        scores = scores + mask
    normaliser = torch.logsumexp(scores, dim=-1)
    weights = torch.exp(scores - normaliser.unsqueeze(-1)).to(value.dtype)
    return torch.matmul(weights, value), normaliser


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    *,
    step: AttentionStep,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """The attention interface of transformers. ``query`` is ``[1, heads, T, width]``.

    Returns ``[1, T, heads, width]``; keys and values are kept in the step's prefix or rows.
    """
    scale = scaling if scaling is not None else query.shape[-1] ** -0.5
    layer = int(module.layer_idx)  # type: ignore[arg-type]
    group = query.shape[1] // key.shape[1]
    if step.fill is not None:
        step.fill.keys.append(key)
        step.fill.values.append(value)
        output, _norm = attend(
            query, _spread(key, group), _spread(value, group), scale, causal=True
        )
        return output.transpose(1, 2), None
    output, output_norm = _own_past(step, layer, query, key, value, scale)
    if step.prefix is None or not len(step.prefix):
        return output.unsqueeze(0), None
    shared, shared_norm = _shared(step.prefix, layer, query, group, scale)
    weight = torch.sigmoid(shared_norm - output_norm).unsqueeze(-1).to(output.dtype)
    return torch.lerp(output, shared, weight).unsqueeze(0), None


def _spread(tensor: torch.Tensor, group: int) -> torch.Tensor:
    return tensor if group == 1 else tensor.repeat_interleave(group, dim=1)


def _shared(
    prefix: Prefix, layer: int, query: torch.Tensor, group: int, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attend to the prefix; returns ``[T, heads, width]`` and ``[T, heads]``."""
    _, heads, tokens, width = query.shape
    folded = query.reshape(1, heads // group, group * tokens, width)
    output, norm = attend(folded, prefix.keys[layer], prefix.values[layer], scale)
    return output.reshape(heads, tokens, width).transpose(0, 1), norm.reshape(heads, tokens).T


def _own_past(
    step: AttentionStep,
    layer: int,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    scale: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Keep the new keys and values and attend to each row's own; returns ``[T, heads, …]``."""
    assert step.cache is not None
    keys = step.cache.keys[layer][step.first_row : step.first_row + step.rows_here]
    values = step.cache.values[layer][step.first_row : step.first_row + step.rows_here]
    keys[step.row, :, step.slot] = key[0].transpose(0, 1)
    values[step.row, :, step.slot] = value[0].transpose(0, 1)
    keys, values = keys[:, :, : step.slots], values[:, :, : step.slots]
    heads, group = query.shape[1], query.shape[1] // key.shape[1]
    padded = _pad(step, query)
    if step.fresh:
        output, norm = attend(
            padded, _spread(keys, group), _spread(values, group), scale, causal=True
        )
    else:
        folded = padded.reshape(step.rows_here, heads // group, group * step.width, -1)
        mask = step.mask if group == 1 or step.mask is None else step.mask.repeat(1, 1, group, 1)
        output, norm = attend(folded, keys, values, scale, mask=mask)
        output = output.reshape(step.rows_here, heads, step.width, -1)
        norm = norm.reshape(step.rows_here, heads, step.width)
    if step.width == 1:
        return output[:, :, 0], norm[:, :, 0]
    return output[step.row, :, step.column], norm[step.row, :, step.column]


def _pad(step: AttentionStep, query: torch.Tensor) -> torch.Tensor:
    """Lay packed queries ``[1, heads, T, width]`` out as ``[rows, heads, width, …]``."""
    flat = query[0].transpose(0, 1)
    if step.width == 1:
        return flat.unsqueeze(2)
    padded = query.new_zeros(step.rows_here, query.shape[1], step.width, query.shape[-1])
    padded[step.row, :, step.column] = flat
    return padded


def no_mask(*_: Any, **__: Any) -> None:
    """The packed attention knows who sees whom: transformers need not build a mask."""


def register() -> None:
    """Make the implementation known to transformers; safe to call again."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(IMPLEMENTATION, packed_attention)
    AttentionMaskInterface.register(IMPLEMENTATION, no_mask)
