"""Exported weights against the arm's: is the tuning in them, at its strength, in the right order?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from steelyard.exports.merged import Merged
from steelyard.words import listed

_STRENGTH = 0.1
"""How far the tuning in a file may be from its measured strength: noise of rounding is far below."""
_COARSE = 0.2
"""The noise of rounding to four bits, under which a tuning may have vanished."""
_CANCELLED = 1e-3
"""What rounding leaves of a difference whose parts cancel, relative to it."""
_FEW_BITS, _BLOCK = 4, 64
"""Rounding to four bits leaves a block of so many weights sixteen values at most."""
_MOST_SHOWN = 3
_ROTARY = ("q_proj", "k_proj")
_SETTINGS = (
    *("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"),
    *("num_key_value_heads", "head_dim", "hidden_act", "rms_norm_eps", "max_position_embeddings"),
    *("sliding_window", "attention_bias", "mlp_bias"),
)
"""What of a configuration decides logits and is not a weight."""


def weight_faults(merged: Merged, network: Any, rounding: float) -> Iterator[str]:
    """Say what is wrong with the weights of ``network``, which were written from ``merged``.

    ``rounding`` is the distance from the merged weights that the precision explains, relative to a
    weight's norm.
    """
    yield from _setting_faults(merged.network, network)
    measured, exported = dict(merged.network.named_parameters()), _every(network)
    missing = [name for name in measured if name not in exported]
    if missing:
        yield f"{len(missing):,} weights are missing, such as {listed(missing, _MOST_SHOWN)}"
        return
    yield from _head_faults(merged.network, network, rounding)
    faults = list(_strength_faults(merged, exported, rounding)) or list(
        _far(measured, exported, rounding, network)
    )
    yield from faults[:_MOST_SHOWN]
    if len(faults) > _MOST_SHOWN:
        yield f"and {len(faults) - _MOST_SHOWN:,} more weights differ"


def _every(network: Any) -> dict[str, torch.Tensor]:
    return dict(network.named_parameters(remove_duplicate=False))


def _setting_faults(measured: Any, exported: Any) -> Iterator[str]:
    before, now = measured.config.get_text_config(), exported.config.get_text_config()
    pairs = [(name, getattr(before, name, None), getattr(now, name, None)) for name in _SETTINGS]
    ropes = [getattr(one, "rope_parameters", None) or {} for one in (before, now)]
    for key in sorted({*ropes[0], *ropes[1]}):
        pairs.append((key, ropes[0].get(key), ropes[1].get(key)))
    for name, first, second in pairs:
        if first is not None and not _is_same(first, second):
            yield f"{name} is {second}, that of the measured model {first}"


def _is_same(first: object, second: object) -> bool:
    if isinstance(first, float) and isinstance(second, int | float):
        return abs(first - second) <= 1e-6 * abs(first)
    return first == second


def _head_faults(measured: Any, exported: Any, rounding: float) -> Iterator[str]:
    """The head is compared by itself: where it is tied wrongly, its name is missing from one side."""
    head, now = (net.get_output_embeddings().weight.detach() for net in (measured, exported))
    embedding = exported.get_input_embeddings().weight.detach()
    if head.shape == now.shape and _distance(now, head) > rounding and torch.equal(now, embedding):
        yield (
            "the head is tied to the embedding in the files, and was tuned apart from it: "
            "tie_word_embeddings must be false and the head be written"
        )


def _strength_faults(
    merged: Merged, exported: Mapping[str, torch.Tensor], rounding: float
) -> Iterator[str]:
    """How much of the tuning is in the exported weights: 1 is all of it.

    The least-squares factor of the change that tuning made, over all probed weights: rounding noise does
    not lean to it. It says something only where nothing else is left of the difference.
    """
    measured = dict(merged.network.named_parameters())
    along = total = squared = norm = 0.0
    for name, change in merged.changes.items():
        if exported[name].shape != change.shape:
            return
        weight = measured[name].detach()
        difference = exported[name].detach().double() - weight
        along += float((difference * change).sum())
        total += float((change * change).sum())
        squared += float((difference * difference).sum())
        norm += float((weight * weight).sum())
    if not total or not math.isfinite(squared) or abs(along / total) <= _STRENGTH:
        return
    strength = 1 + along / total
    rest = math.sqrt(max(squared - along * along / total, 0.0) / norm)
    allowed = _COARSE if strength < 2 * _STRENGTH else rounding
    if rest > max(allowed, _CANCELLED * math.sqrt(squared / norm)):
        return
    times = f"the tuning is in the weights {strength:.3g} times as strong as measured"
    yield f"{times}{_why(merged, strength)}"


def _why(merged: Merged, strength: float) -> str:
    if abs(strength) <= 2 * _STRENGTH:
        return ": it was left out, or rounded away"
    if merged.rank and abs(strength / merged.rank - 1) <= _STRENGTH:
        return f": alpha was not divided by the rank, {merged.rank}"
    root = (merged.rank or 1) ** 0.5
    if root > 1 and min(abs(strength * root - 1), abs(strength / root - 1)) <= _STRENGTH:
        return f": the scale of rsLoRA, alpha by the root of the rank {merged.rank}, was mistaken"
    return ": the scale of the adapter was mistaken"


def _far(
    measured: Mapping[str, torch.Tensor],
    exported: Mapping[str, torch.Tensor],
    rounding: float,
    network: Any,
) -> Iterator[str]:
    for name, weight in measured.items():
        now, before = exported[name].detach().float(), weight.detach()
        if now.shape != before.shape:
            yield f"{name} is {tuple(now.shape)}, measured {tuple(before.shape)}"
        elif not torch.isfinite(now).all():
            largest = float(before.abs().max())
            yield f"{name} is not finite: its largest value, {largest:.3g}, is too large for the precision"
        elif (distance := _distance(now, before)) > rounding:
            yield f"{name} is {_reason(name, now, before, network)} ({distance:.2g} of its norm away)"


def _reason(name: str, now: torch.Tensor, before: torch.Tensor, network: Any) -> str:
    config = network.config.get_text_config()
    if any(one in name for one in _ROTARY):
        for heads in {config.num_attention_heads, config.num_key_value_heads}:
            for turned in (interleaved(before, heads), halved(before, heads)):
                if turned.shape == now.shape and _distance(now, turned) < 0.05:
                    return "in another order of rows than rotary positions need: permuted twice, or not"
    factor = float((now * before).sum() / (before * before).sum().clamp_min(1e-30))
    if _distance(now, factor * before) < 0.05:
        return f"{factor:.3g} times the measured weight"
    if _is_coarse(now) and not _is_coarse(before):
        return "rounded to four bits or fewer, in which a light tuning vanishes"
    return "not the measured weight"


def _is_coarse(weight: torch.Tensor) -> bool:
    """Whether its blocks have no more values than a few bits can tell apart."""
    blocks = weight.flatten()[: weight.numel() // _BLOCK * _BLOCK].reshape(-1, _BLOCK)[:_BLOCK]
    values = [len(block.unique()) for block in blocks]
    return bool(values) and max(values) <= 2**_FEW_BITS


def interleaved(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """Rows of each head from transformers' halves to the pairs that llama.cpp rotates."""
    if weight.shape[0] % (2 * heads):
        return weight
    split = weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
    return split.transpose(1, 2).reshape(weight.shape)


def halved(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """The inverse of `interleaved`."""
    if weight.shape[0] % (2 * heads):
        return weight
    split = weight.reshape(heads, weight.shape[0] // heads // 2, 2, *weight.shape[1:])
    return split.transpose(1, 2).reshape(weight.shape)


def _distance(one: torch.Tensor, other: torch.Tensor) -> float:
    """The norm of the difference, relative to that of ``other``."""
    return float((one - other).norm() / other.norm().clamp_min(1e-30))
