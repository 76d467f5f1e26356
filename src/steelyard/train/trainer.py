"""A small training loop: packed tokens, the head on completion tokens only, checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from steelyard.errors import StorageError
from steelyard.model.ready import cast_parameters
from steelyard.train import fused, packing
from steelyard.train.attach import attach, rate_ratio, save_tuned
from steelyard.train.base import Tick
from steelyard.train.blocks import add_gradients, blocks_of, total_norm
from steelyard.train.config import TrainingOptions, warmup_steps
from steelyard.train.facts import trainer_facts
from steelyard.train.fast import speed_up, surprises
from steelyard.train.lanes import Lanes
from steelyard.train.memory import give_back
from steelyard.train.objective import objective_of
from steelyard.train.out_of_memory import sum_in_pieces
from steelyard.train.packing import TokenSample
from steelyard.train.passes import PassLog, PassState

_CLIP, _TINY = 1.0, 1e-6
"""The most that the norm of a step's gradient may be, and what keeps it from a division by zero."""
_OPTIMISERS = ".optimisers"
"""Ends the name of the file with a checkpoint's optimisers."""


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass
class Epoch:
    """Mean losses in nats after a pass over train, the `figures` of dev, and how it diverged.

    What the means are over, and the figures, are the objective's. The pass has so many ``steps``;
    ``first_loss`` is that of the first of all steps, before anything was learnt, where it is known.
    """

    number: int
    train_loss: float
    dev_loss: float
    seconds: float
    diverged: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)
    steps: int = 0
    first_loss: float | None = None

    @property
    def is_finite(self) -> bool:
        """Whether training did not diverge: both losses are numbers, and no rule of divergence holds."""
        return math.isfinite(self.train_loss) and math.isfinite(self.dev_loss) and not self.diverged

    @property
    def reason(self) -> str:
        """How training diverged, where it did."""
        return self.diverged or ("" if self.is_finite else "the loss is not a number")


Gradients = Sequence[torch.Tensor | None]


class Trainer:
    """Trains what learns of one network: adapters over frozen weights, or all weights.

    What learns is kept in fp32 and, where the network is in bf16, copied to bf16 for computing. ``reread``
    loads the network anew for `reset`, where its first values are not to be held in memory all the time.
    """

    step_tokens = 640
    """Tokens computed at once; a larger batch is accumulated and gives the same gradient.

    Where memory runs out they are halved.
    """

    def __init__(
        self,
        network: Any,
        options: TrainingOptions,
        seed: int,
        precision: Literal["float32", "bfloat16"] = "float32",
        reread: Callable[[], Any] | None = None,
    ) -> None:
        packing.register()
        network.set_attn_implementation(packing.IMPLEMENTATION)
        plain = network.to(device=_device(), dtype=torch.float32)
        self.network = attach(plain, options, seed)
        self.facts = trainer_facts(self.network, precision)
        self.options = options
        self._objective = objective_of(options)
        self.seed = seed
        speed_up(self.network)
        is_fused = _device().type == "cpu" and fused.fits(self.network)
        self.weights = {n: p for n, p in self.network.named_parameters() if p.requires_grad}
        self.blocks = blocks_of(self.weights, lambda name: rate_ratio(options, name))
        self._learns_all = self._returns_activations()
        self._reread = reread
        self._first = (
            {} if reread else {name: value.clone() for name, value in self.values().items()}
        )
        cast_parameters(self.network, getattr(torch, precision))
        if is_fused:
            fused.fuse(self.network)
        first = next(iter(self.weights.values()))
        self.device, self.dtype = first.device, first.dtype
        # layers that are not fused hold Python's lock, and full gradients twice would not fit
        self._lanes = Lanes(torch.get_num_threads() if is_fused else 1)
        self._start_over()

    def _returns_activations(self) -> bool:
        """Where all weights learn on a CPU, have the memory of activations given back at the end of backward.

        The embeddings' gradient, the largest and the last, is then made where they were.
        """
        embeddings = self.network.get_input_embeddings()
        if _device().type != "cpu" or not embeddings.weight.requires_grad:
            return False

        def watch(_module: Any, _inputs: Any, output: torch.Tensor) -> None:
            if output.requires_grad:
                output.register_hook(lambda _gradient: give_back())

        embeddings.register_forward_hook(watch)
        return True

    def values(self) -> dict[str, torch.Tensor]:
        """What learns, in fp32, by name."""
        return {name: value for block in self.blocks for name, value in block.values().items()}

    def reset(self) -> None:
        """Go back to the first values of what learns, and to fresh optimisers."""
        self._forget()
        first = self._first if self._reread is None else dict(self._reread().named_parameters())
        for block in self.blocks:
            block.restart(first)
        self._start_over()

    @property
    def steps(self) -> int:
        """Those of all epochs so far."""
        return sum(epoch.steps for epoch in self.epochs)

    def _start_over(self) -> None:
        self._optimisers: Path | None = None
        self.epochs: list[Epoch] = []
        self.total: int | None = None

    def epoch(
        self,
        train: Sequence[TokenSample],
        dev: Sequence[TokenSample],
        learning_rate: float,
        tick: Tick = lambda steps, total: None,
        log: PassLog | None = None,
    ) -> Epoch:
        """Pass over ``train`` once and measure ``dev``; the order follows from seed and epoch.

        The learning rate falls to zero at step ``total``, counted over all epochs; without one, after
        ``max_epochs`` like this. The pass ends where training diverges (`PassState.divergence`), and the loss
        on dev is not measured then. With a ``log`` it goes on where a killed one stopped.
        """
        number, earlier = len(self.epochs), self.steps
        total = self.total or self.options.steps(len(train))
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
            rate = learning_rate * _schedule(earlier + state.step, total)
            batch = [train[i] for i in group]
            state.add(len(group), *self.step(batch, prefix, rate))
            state.passed_through(batch, rate)
            state.seconds = time.perf_counter() - start
            if log is not None:
                log.add(self, state)
            tick(state.step, len(groups))
            diverged = state.divergence(len(groups), before)
        dev_loss, figures = (math.nan, {}) if diverged else self.measured(dev)
        if not diverged:
            chance = self._objective.chance_loss(self.network.config.get_text_config().vocab_size)
            diverged = state.end_divergence(dev_loss, before, chance)
        seconds = time.perf_counter() - start
        epoch = Epoch(
            number,
            state.loss / state.tokens,
            dev_loss,
            seconds,
            diverged,
            figures,
            len(groups),
            self.epochs[0].first_loss if number else state.first_loss,
        )
        self.epochs.append(epoch)
        return epoch

    def step(self, samples: Sequence[TokenSample], prefix: int, rate: float) -> tuple[float, int]:
        """One optimiser step; returns the summed loss, and by what it is divided."""
        loss, size = self.backward(samples, prefix)
        self._load_optimisers()
        scale = min(1.0, _CLIP / (total_norm(self.blocks) + _TINY))
        for block in self.blocks:
            block.step(rate, scale)
        if self._learns_all:
            give_back()
        return loss, size

    def backward(self, samples: Sequence[TokenSample], prefix: int) -> tuple[float, int]:
        """Add the gradient of the mean loss of ``samples`` to the weights'; returns as `step` does."""
        size = self._objective.size(samples)
        weights = list(self.weights.values())

        def part(some: Sequence[TokenSample]) -> tuple[torch.Tensor, Gradients]:
            loss = self.sums(some, prefix)[0]
            return loss.detach().double().cpu(), torch.autograd.grad(
                loss / size, weights, allow_unused=True
            )

        def compute(pieces: Sequence[Sequence[TokenSample]]) -> Iterator[torch.Tensor]:
            for loss, gradients in self._lanes.map(part, pieces):
                add_gradients(weights, gradients)
                yield loss

        total, self.step_tokens = sum_in_pieces(
            self.step_tokens,
            lambda most: self._lanes.pieces(samples, prefix, most),
            compute,
            self._restart,
        )
        return total.item(), size

    def _restart(self) -> bool:
        self.network.zero_grad()
        return self._lanes.narrow()

    def sums(self, samples: Sequence[TokenSample], prefix: int) -> torch.Tensor:
        """The objective's sums; ``prefix`` tokens are shared by all prompts."""
        return self._objective.sums(self.token_losses, samples, prefix)

    def token_losses(self, rows: Sequence[TokenSample], prefix: int) -> torch.Tensor:
        """The loss of each completion token of ``rows``, in nats: (K,)."""
        packed = packing.pack(rows, prefix, self.device, self.dtype)
        return surprises(packing.predicted(self.network, packed), packed.targets)

    def loss(self, samples: Sequence[TokenSample]) -> float:
        """The mean loss in nats."""
        return self.measured(samples)[0]

    def measured(self, samples: Sequence[TokenSample]) -> tuple[float, dict[str, float]]:
        """The mean loss in nats, and the objective's figures where ``samples`` define them."""
        self.network.eval()
        prefix = packing.shared_prompt(samples) if len(samples) > 1 else 0
        ordered = sorted(samples, key=lambda sample: sample.length)

        @torch.no_grad()  # a thread does not take that over from another
        def part(some: Sequence[TokenSample]) -> torch.Tensor:
            return self.sums(some, prefix).double().cpu()

        sums, self.step_tokens = sum_in_pieces(
            self.step_tokens,
            lambda most: self._lanes.pieces(ordered, prefix, most),
            lambda pieces: self._lanes.map(part, pieces),
            self._lanes.narrow,
        )
        loss, *figures = sums.tolist()
        count = self._objective.figure_size(samples)
        pairs = zip(self._objective.figures, figures, strict=True) if count else ()
        return loss / self._objective.size(samples), {name: one / count for name, one in pairs}

    def checkpoint(self, path: Path, *, goes_on: bool = True) -> None:
        """Write, each file atomically, what `resume` needs; what is to go on needs its optimisers, too.

        Those of an earlier checkpoint of the same kind, which nothing goes on from now, are deleted: their
        names begin with the same word. One in the middle of an epoch leaves those of the epoch before it.
        """
        if goes_on:
            self._load_optimisers()
            before = list(path.parent.glob(f"{path.name.partition('-')[0]}-*{_OPTIMISERS}"))
            states = [block.optimiser.state_dict() for block in self.blocks]
            _save(states, path.with_name(path.name + _OPTIMISERS))
        masters = [block.master.detach() for block in self.blocks]
        _save({"masters": masters, "epochs": [vars(epoch) for epoch in self.epochs]}, path)
        if goes_on:
            for other in before:
                if other.name != path.name + _OPTIMISERS:
                    other.unlink()

    def resume(self, path: Path) -> None:
        """Take what a checkpoint holds; its optimisers are read when a step needs them.

        Raises `StorageError` where another version wrote it.
        """
        self._forget()
        state = torch.load(path, weights_only=True, map_location=self.device)
        is_older = not all("steps" in epoch for epoch in state["epochs"])
        if is_older or len(state.get("masters", ())) != len(self.blocks):
            raise _unreadable(path)
        for block, master in zip(self.blocks, state["masters"], strict=True):
            with torch.no_grad():
                block.master.copy_(master)
            block.publish()
        self.epochs = [Epoch(**epoch) for epoch in state["epochs"]]
        self._optimisers = path.with_name(path.name + _OPTIMISERS)

    def _forget(self) -> None:
        """Let go of optimisers and gradients, which take most of the memory."""
        self._optimisers = None
        for block in self.blocks:
            block.forget()

    def _load_optimisers(self) -> None:
        """Read those of the checkpoint that was taken up, if that was not done yet."""
        if self._optimisers is None:
            return
        if not self._optimisers.is_file():
            raise _unreadable(self._optimisers)
        states = torch.load(self._optimisers, weights_only=True, map_location=self.device)
        for block, state in zip(self.blocks, states, strict=True):
            block.optimiser.load_state_dict(state)
        self._optimisers = None

    def save(self, folder: Path) -> None:
        """Write what was learnt in fp32; see `save_tuned`."""
        save_tuned(self.network, self.values(), folder)


def _schedule(step: int, total: int) -> float:
    warm = warmup_steps(total)
    if step < warm:
        return (step + 1) / warm
    return max(0.0, (total - step) / max(1, total - warm))


def _save(state: Any, path: Path) -> None:
    partial = path.with_name(path.name + ".partial")
    torch.save(state, partial)
    partial.replace(path)


def _unreadable(path: Path) -> StorageError:
    return StorageError(
        f"{path} is missing or of another version: begin anew with --no-cache, or remove {path.parent}"
    )
