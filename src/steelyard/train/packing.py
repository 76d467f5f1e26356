"""Training examples as packed tokens: the shared prompt once per step, and next to no padding.

All prompts of a step begin with the same tokens (chat template and instruction). They are computed
once, and every example attends to them and to itself, never to another one. That is the same function
of the weights as a copy per example, with the same gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

IMPLEMENTATION = "steelyard_training"
_TOKENS, _WIDTH, _LEARNT = 16, 8, 8
"""On a CPU in bf16, sizes of a packed batch are multiples of these: oneDNN compiles a kernel for each new
size, which takes longer than the product itself, and caches it."""


class TokenSample(NamedTuple):
    """One example as tokens; only the completion is learnt, from a pair against a ``rejected`` one.

    ``reference`` holds the losses of the two under the untuned network, each summed over its tokens, in nats.
    """

    prompt: tuple[int, ...]
    completion: tuple[int, ...]
    rejected: tuple[int, ...] = ()
    reference: tuple[float, float] | None = None

    @property
    def rows(self) -> tuple[TokenSample, ...]:
        """Its answer after the prompt, and the rejected one after the prompt where there is one."""
        if not self.rejected:
            return (self,)
        return TokenSample(self.prompt, self.completion), TokenSample(self.prompt, self.rejected)

    @property
    def length(self) -> int:
        """The tokens of all of its rows."""
        answers = len(self.completion) + len(self.rejected)
        return (2 if self.rejected else 1) * len(self.prompt) + answers

    @property
    def longest(self) -> int:
        """The tokens of its longest row."""
        return len(self.prompt) + max(len(self.completion), len(self.rejected))


class PackedBatch(NamedTuple):
    """``T`` tokens: ``prefix`` shared ones, then at most ``width`` of each of ``rows`` samples.

    Token ``prefix + t`` is the ``column[t]``-th of sample ``row[t]`` after the prefix. ``mask`` is
    additive, ``[width, prefix + width]``; ``prefix_mask`` is that of the prefix. ``keep`` are the
    positions that predict ``targets``, then others that round their number up. Tokens that round ``T`` up
    stand after samples' own, which do not attend to them.
    """

    tokens: torch.Tensor
    positions: torch.Tensor
    prefix: int
    rows: int
    width: int
    row: torch.Tensor
    column: torch.Tensor
    mask: torch.Tensor
    prefix_mask: torch.Tensor
    keep: torch.Tensor
    targets: torch.Tensor


def pack(
    samples: Sequence[TokenSample],
    prefix_tokens: int,
    device: torch.device,
    dtype: torch.dtype,
    *,
    is_rounded: bool | None = None,
) -> PackedBatch:
    """Lay out ``samples``, whose first ``prefix_tokens`` tokens are equal, as one sequence.

    The last completion token predicts nothing and is not computed. Whether sizes are rounded up goes by
    device and type unless ``is_rounded`` says so.
    """
    if is_rounded is None:
        is_rounded = device.type == "cpu" and dtype == torch.bfloat16
    tokens = list(samples[0].prompt[:prefix_tokens])
    positions = [*range(prefix_tokens)]
    row: list[int] = []
    column: list[int] = []
    keep: list[int] = []
    suffixes = [[*one.prompt[prefix_tokens:], *one.completion[:-1]] for one in samples]
    ends = [prefix_tokens + len(suffix) - 1 for suffix in suffixes]
    width = _round_up(prefix_tokens, suffixes) if is_rounded else max(map(len, suffixes))
    for number, (sample, suffix, end) in enumerate(zip(samples, suffixes, ends, strict=True)):
        first = len(tokens) + len(sample.prompt) - prefix_tokens - 1
        keep += range(first, first + len(sample.completion))
        tokens += suffix
        row += [number] * len(suffix)
        column += range(len(suffix))
        # An added token has the last position again: the angles of some models go by the highest of all.
        positions += [min(prefix_tokens + place, end) for place in range(len(suffix))]
    if is_rounded:
        others = sorted(set(range(len(tokens))).difference(keep))
        keep += others[: -len(keep) % _LEARNT]
    everything = prefix_tokens + width
    mask = torch.full((everything, everything), float("-inf"), dtype=dtype, device=device).triu_(1)
    return PackedBatch(
        torch.tensor([tokens], device=device),
        torch.tensor([positions], device=device),
        prefix_tokens,
        len(samples),
        width,
        torch.tensor(row, device=device),
        torch.tensor(column, device=device),
        mask[prefix_tokens:],
        mask[:prefix_tokens, :prefix_tokens],
        torch.tensor(keep, device=device),
        torch.tensor([token for sample in samples for token in sample.completion], device=device),
    )


def _round_up(prefix_tokens: int, suffixes: Sequence[list[int]]) -> int:
    """Add tokens to ``suffixes`` until all are a multiple of `_TOKENS`; return the width, rounded too."""
    missing = -(prefix_tokens + sum(map(len, suffixes))) % _TOKENS
    room = sum(map(len, suffixes)) + missing
    width = max(max(map(len, suffixes)), -(-room // len(suffixes)))
    width += -width % _WIDTH
    for suffix in suffixes:
        more = min(missing, width - len(suffix))
        suffix += [suffix[0]] * more
        missing -= more
    return width


def predicted(network: Any, packed: PackedBatch) -> torch.Tensor:
    """The logits at the K places of ``packed.keep``, by `training_attention`: (K, vocabulary)."""
    logits: torch.Tensor = network(
        input_ids=packed.tokens,
        position_ids=packed.positions,
        use_cache=False,
        logits_to_keep=packed.keep,
        packed=packed,
    ).logits[0]
    return logits


def shared_prompt(samples: Sequence[TokenSample]) -> int:
    """Count the leading tokens that all prompts share, leaving at least one of each prompt."""
    shortest, longest = min(s.prompt for s in samples), max(s.prompt for s in samples)
    limit = min(len(sample.prompt) for sample in samples) - 1
    same = 0
    while same < limit and shortest[same] == longest[same]:
        same += 1
    return same


def training_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    *,
    packed: PackedBatch,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """The attention interface of transformers: each sample attends to the prefix and to itself.

    ``query`` is ``[1, heads, T, size]``; returns ``[1, T, heads, size]``.
    """
    scale = scaling if scaling is not None else query.shape[-1] ** -0.5
    query = query * scale
    count = packed.prefix
    rows = _padded(query[:, :, count:], packed).transpose(1, 2)
    output = _attend(rows, _with_prefix(key, packed), _with_prefix(value, packed), packed.mask)
    suffixes = output.transpose(1, 2)[packed.row, packed.column]
    if not count:
        return suffixes.unsqueeze(0), None
    shared = _attend(
        query[:, :, :count], key[:, :, :count], value[:, :, :count], packed.prefix_mask
    )
    return torch.cat([shared[0].transpose(0, 1), suffixes]).unsqueeze(0), None


def _attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Plain attention, the query heads of a group folded into the rows of their key-value head.

    For a few dozen tokens per row this is faster on a CPU than the fused kernel and its gradient.
    """
    rows, heads, width, size = query.shape
    group = heads // key.shape[1]
    folded = query.reshape(rows, heads // group, group * width, size)
    scores = torch.matmul(folded, key.transpose(-1, -2))
    weights = torch.softmax(scores + mask.repeat(group, 1), dim=-1)
    return torch.matmul(weights, value).reshape(rows, heads, width, size)


def _padded(packed_tensor: torch.Tensor, packed: PackedBatch) -> torch.Tensor:
    """Lay ``[1, heads, tokens, size]`` out as ``[rows, width, heads, size]``."""
    _, heads, _tokens, size = packed_tensor.shape
    padded = packed_tensor.new_zeros(packed.rows, packed.width, heads, size)
    return padded.index_put((packed.row, packed.column), packed_tensor[0].transpose(0, 1))


def _with_prefix(packed_tensor: torch.Tensor, packed: PackedBatch) -> torch.Tensor:
    """Put each row's keys or values after the prefix's, ``[rows, heads, prefix + width, size]``."""
    count = packed.prefix
    suffixes = _padded(packed_tensor[:, :, count:], packed).transpose(1, 2)
    shared = packed_tensor[:, :, :count].expand(packed.rows, -1, -1, -1)
    return torch.cat([shared, suffixes], dim=2)


def register() -> None:
    """Register the attention with transformers; safe to call again."""
    from transformers import AttentionInterface, AttentionMaskInterface

    from steelyard.model.engine.attention import no_mask

    AttentionInterface.register(IMPLEMENTATION, training_attention)
    AttentionMaskInterface.register(IMPLEMENTATION, no_mask)


def batches(count: int, size: int, generator: torch.Generator) -> list[list[int]]:
    """Return one epoch over ``count`` samples in random batches.

    Packed tokens need next to no padding, so sorting by length gains nothing. It costs quality: samples of
    similar length have similar labels (``docs/performance.md``).
    """
    order = torch.randperm(count, generator=generator).tolist()
    return [order[begin : begin + size] for begin in range(0, count, size)]


def split_tokens(
    group: Sequence[int], samples: Sequence[TokenSample], most: int
) -> list[list[int]]:
    """Cut one optimiser step into pieces of at most ``most`` tokens, which bounds the memory."""
    pieces: list[list[int]] = []
    tokens = 0
    for index in group:
        if not pieces or tokens + samples[index].length > most:
            pieces.append([])
            tokens = 0
        pieces[-1].append(index)
        tokens += samples[index].length
    return pieces
