"""A small LoRA loop: packed tokens, the head on completion tokens only, checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F

from steelyard.model.ready import cast_parameters
from steelyard.train import packing
from steelyard.train.base import Tick
from steelyard.train.config import LoraOptions
from steelyard.train.fast import speed_up
from steelyard.train.memory import sum_in_pieces
from steelyard.train.packing import TokenSample
from steelyard.train.passes import PassLog, PassState

_WARMUP = 0.1
"""The rate rises over this share of all steps, then falls linearly to zero."""
_CLIP = 1.0


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass
class Epoch:
    """Mean losses per completion token, in nats, after one pass over train, and how it diverged."""

    number: int
    train_loss: float
    dev_loss: float
    seconds: float
    diverged: str = ""

    @property
    def is_finite(self) -> bool:
        """Whether both losses are numbers: training did not diverge."""
        return math.isfinite(self.train_loss) and math.isfinite(self.dev_loss)

    @property
    def reason(self) -> str:
        """How training diverged, where it did."""
        return self.diverged or ("" if self.is_finite else "the loss is not a number")


class Trainer:
    """Trains the adapter of one network, whose weights are frozen.

    The adapter is kept in fp32 and, where the network is in bf16, copied to bf16 for computing: in
    bf16, the steps of a small learning rate vanish when they are added.
    """

    step_tokens = 640
    """Tokens computed at once; a larger batch is accumulated and gives the same gradient.

    Where memory runs out they are halved.
    """

    def __init__(
        self,
        network: Any,
        options: LoraOptions,
        seed: int,
        precision: Literal["float32", "bfloat16"] = "float32",
    ) -> None:
        from peft import LoraConfig, get_peft_model

        packing.register()
        network.set_attn_implementation(packing.IMPLEMENTATION)
        torch.manual_seed(seed)  # peft draws the adapter's first values from the global generator
        self.network = get_peft_model(
            network.to(device=_device(), dtype=torch.float32),
            LoraConfig(
                r=options.rank,
                lora_alpha=options.alpha,
                target_modules="all-linear",
                lora_dropout=0.0,
                task_type="CAUSAL_LM",
            ),
        )
        self.options = options
        self.seed = seed
        speed_up(self.network)
        trainable = {n: p for n, p in self.network.named_parameters() if p.requires_grad}
        self._initial = torch.cat(
            [weight.detach().float().flatten() for weight in trainable.values()]
        )
        cast_parameters(self.network, getattr(torch, precision))
        self.weights = {n: p for n, p in self.network.named_parameters() if p.requires_grad}
        self._sizes = [weight.numel() for weight in self.weights.values()]
        self.device = self._initial.device
        self.dtype = next(iter(self.weights.values())).dtype
        self.reset()

    def reset(self) -> None:
        """Go back to the first values of the adapter and a fresh optimiser."""
        self.master = self._initial.clone().requires_grad_()
        self.optimiser = torch.optim.AdamW([self.master], lr=1.0, weight_decay=0.0, fused=True)
        self.epochs: list[Epoch] = []
        self.span = self.options.max_epochs
        self._publish()

    @torch.no_grad()
    def _publish(self) -> None:
        torch._foreach_copy_(list(self.weights.values()), self._views())

    def _views(self) -> list[torch.Tensor]:
        """The flat fp32 master as tensors of the adapter's shapes."""
        parts = self.master.detach().split(self._sizes)
        return [p.view_as(w) for p, w in zip(parts, self.weights.values(), strict=True)]

    def epoch(
        self,
        train: Sequence[TokenSample],
        dev: Sequence[TokenSample],
        learning_rate: float,
        tick: Tick = lambda steps, total: None,
        log: PassLog | None = None,
    ) -> Epoch:
        """Pass over ``train`` once and measure ``dev``; the order follows from seed and epoch.

        It ends where training diverges (`PassState.divergence`), and the loss on dev is not measured then.
        With a ``log`` it goes on where a killed one stopped.
        """
        number = len(self.epochs)
        generator = torch.Generator().manual_seed(self.seed * 1000 + number)
        groups = packing.batches(len(train), self.options.batch_size, generator)
        prefix = packing.shared_prompt(train) if len(train) > 1 else 0
        state = PassState() if log is None else log.begin(self, len(groups))
        before = self.epochs[0].train_loss if number else None
        start = time.perf_counter() - state.seconds
        self.network.train()
        diverged = state.divergence(len(groups), before)
        while state.step < len(groups) and not diverged:
            group = groups[state.step]
            rate = learning_rate * self._schedule(number * len(groups) + state.step, len(groups))
            state.add(len(group), *self.step([train[i] for i in group], prefix, rate))
            state.seconds = time.perf_counter() - start
            if log is not None:
                log.add(self, state)
            tick(state.step, len(groups))
            diverged = state.divergence(len(groups), before)
        dev_loss = math.nan if diverged else self.loss(dev)
        seconds = time.perf_counter() - start
        epoch = Epoch(number, state.loss / state.tokens, dev_loss, seconds, diverged)
        self.epochs.append(epoch)
        return epoch

    def _schedule(self, step: int, steps_per_epoch: int) -> float:
        total = steps_per_epoch * self.span
        warm = max(1, int(total * _WARMUP))
        if step < warm:
            return (step + 1) / warm
        return max(0.0, (total - step) / max(1, total - warm))

    def step(self, samples: Sequence[TokenSample], prefix: int, rate: float) -> tuple[float, int]:
        """One optimiser step; returns the summed loss and the number of completion tokens."""
        tokens = sum(len(sample.completion) for sample in samples)

        def compute(some: Sequence[TokenSample]) -> float:
            loss = self.summed_loss(some, prefix)
            (loss / tokens).backward()
            return loss.item()

        total, self.step_tokens = sum_in_pieces(
            samples, self.step_tokens, compute, self.network.zero_grad
        )
        gradients = [weight.grad for weight in self.weights.values()]
        self.master.grad = torch.cat([g.flatten() for g in gradients if g is not None]).float()
        self.network.zero_grad()
        torch.nn.utils.clip_grad_norm_([self.master], _CLIP)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        self._publish()
        return total, tokens

    def summed_loss(self, samples: Sequence[TokenSample], prefix: int) -> torch.Tensor:
        """Loss summed over completion tokens, in nats; ``prefix`` tokens are shared by all prompts."""
        packed = packing.pack(samples, prefix, self.device, self.dtype)
        logits = self.network(
            input_ids=packed.tokens,
            position_ids=packed.positions,
            use_cache=False,
            logits_to_keep=packed.keep,
            packed=packed,
        ).logits[0]
        return F.cross_entropy(logits.float(), packed.targets, reduction="sum")

    @torch.no_grad()
    def loss(self, samples: Sequence[TokenSample]) -> float:
        """Mean loss per completion token, in nats."""
        self.network.eval()
        prefix = packing.shared_prompt(samples) if len(samples) > 1 else 0
        total, self.step_tokens = sum_in_pieces(
            sorted(samples, key=lambda sample: sample.length),
            self.step_tokens,
            lambda some: float(self.summed_loss(some, prefix)),
            restart=lambda: None,
        )
        return total / sum(len(sample.completion) for sample in samples)

    def checkpoint(self, path: Path) -> None:
        """Write, atomically, everything that `resume` needs."""
        state = {
            "master": self.master.detach(),
            "optimiser": self.optimiser.state_dict(),
            "epochs": [vars(epoch) for epoch in self.epochs],
        }
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def resume(self, path: Path) -> None:
        state = torch.load(path, weights_only=True, map_location=self.device)
        with torch.no_grad():
            self.master.copy_(state["master"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.epochs = [Epoch(**epoch) for epoch in state["epochs"]]
        self._publish()

    def save(self, folder: Path) -> None:
        """Write the adapter in fp32, as peft reads it."""
        state = dict(zip(self.weights, self._views(), strict=True))
        self.network.save_pretrained(str(folder), state_dict=state)
