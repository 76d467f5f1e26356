"""The same gradient whatever the batch's shape, and rows that never see each other."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from steelyard.train import packing
from steelyard.train.config import (
    DoraOptions,
    FullOptions,
    LoraOptions,
    LoraPlusOptions,
    RsLoraOptions,
    TrainingOptions,
)
from steelyard.train.packing import TokenSample
from steelyard.train.trainer import Trainer
from tests.model.tiny import tiny_network

LENGTHS = (900, 5, 33, 60, 560, 290, 80, 66)


def rows(lengths: Sequence[int] = LENGTHS) -> list[TokenSample]:
    """Rows of so many tokens; a third of each is learnt, and all prompts begin alike."""
    generator = torch.Generator().manual_seed(3)
    made = []
    for length in lengths:
        tokens = torch.randint(20, 100, (length,), generator=generator).tolist()
        learnt = max(1, length // 3)
        made.append(TokenSample((10, 11, *tokens[2:-learnt]), tuple(tokens[-learnt:])))
    return made


KINDS: dict[str, TrainingOptions] = {
    "lora": LoraOptions(rank=4),
    "rslora": RsLoraOptions(rank=4),
    "dora": DoraOptions(rank=4),
    "lora_plus": LoraPlusOptions(rank=4),
    "full": FullOptions(),
}


def trainer(options: TrainingOptions = KINDS["lora"]) -> Trainer:
    """A trainer in fp32 that is not at its start, where half of all gradients of LoRA are zero."""
    made = Trainer(tiny_network(), options, seed=1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in made.weights.values():
            weight.add_(0.02 * torch.randn(weight.shape, generator=generator))
    return made


def gradient(
    some: Sequence[TokenSample], step_tokens: int, options: TrainingOptions, *, shares_prefix: bool
) -> torch.Tensor:
    """The gradient of one step in pieces of so many tokens."""
    one = trainer(options)
    one.step_tokens = step_tokens
    one.backward(some, packing.shared_prompt(some) if shares_prefix else 0)
    grads = torch.cat([block.gradient() for block in one.blocks])
    assert grads.dtype == torch.float32 and grads.numel() == sum(
        weight.numel() for weight in one.network.parameters() if weight.requires_grad
    )
    return grads


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_equal_in_every_shape(kind: str) -> None:
    options = KINDS[kind]
    alone = gradient(rows(), 1, options, shares_prefix=False)  # one by one, nothing shared: 8 x 1
    shapes = {
        "1x8": (10_000, False),
        "1x8 with a prefix": (10_000, True),
        "2x4": (1_000, True),
        "8x1 with a prefix": (1, True),
    }
    for shape, (step_tokens, shares_prefix) in shapes.items():
        other = gradient(rows(), step_tokens, options, shares_prefix=shares_prefix)
        assert float((other - alone).norm() / alone.norm()) < 1e-5, shape


def test_one_row_changed_leaves_the_logits_of_the_others() -> None:
    one, some = trainer(), rows((30, 41, 52, 63))
    changed = [*some]
    changed[1] = TokenSample((10, 11, *reversed(some[1].prompt[2:]), 40, 41), some[1].completion)
    prefix = packing.shared_prompt(some)
    before, after = (_logits(one, each, prefix) for each in (some, changed))
    for place, (was, now) in enumerate(zip(before, after, strict=True)):
        same = torch.allclose(was, now, atol=1e-5, rtol=0)
        assert same == (place != 1), place


@torch.no_grad()
def _logits(one: Trainer, some: Sequence[TokenSample], prefix: int) -> list[torch.Tensor]:
    """The logits that predict each row's completion, packed."""
    packed = packing.pack(some, prefix, one.device, one.dtype)
    logits = one.network(
        input_ids=packed.tokens,
        position_ids=packed.positions,
        use_cache=False,
        logits_to_keep=packed.keep,
        packed=packed,
    ).logits[0]
    return list(logits.split([len(sample.completion) for sample in some]))
