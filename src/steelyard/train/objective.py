"""What a step lowers: the loss of answers, or of pairs of a better and a worse answer."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch

from steelyard.train.config import PreferenceOptions, TrainingOptions
from steelyard.train.packing import TokenSample, shared_prompt

TokenLosses = Callable[[Sequence[TokenSample], int], torch.Tensor]
"""The loss of every completion token of rows in nats, row by row: (K,). So many tokens are shared by all
prompts."""
_SAVES = 0.9
"""A pair is packed apart, its prompt once, where that takes less than this share of the tokens."""


class Objective(ABC):
    """A loss as a sum over samples, so that the pieces of a step add up to it, and figures beside it."""

    figures: ClassVar[tuple[str, ...]] = ()
    """What is measured beside the loss."""

    @abstractmethod
    def size(self, samples: Sequence[TokenSample]) -> int:
        """By what the sum over ``samples`` is divided."""

    def figure_size(self, samples: Sequence[TokenSample]) -> int:
        """By what the sums of figures are divided; 0 where they are not defined."""
        return 0

    @abstractmethod
    def chance_loss(self, vocabulary: int) -> float:
        """The loss of a guess at random, among so many tokens."""

    @abstractmethod
    def sums(
        self, losses: TokenLosses, samples: Sequence[TokenSample], prefix: int
    ) -> torch.Tensor:
        """The summed loss, then the sum of each of the `figures`, which have no gradient: (1 + F,)."""


class AnswerLoss(Objective):
    """The mean loss of completion tokens; a sample's rejected answer is not read."""

    def size(self, samples: Sequence[TokenSample]) -> int:
        return sum(len(sample.completion) for sample in samples)

    def chance_loss(self, vocabulary: int) -> float:
        return math.log(vocabulary)

    def sums(
        self, losses: TokenLosses, samples: Sequence[TokenSample], prefix: int
    ) -> torch.Tensor:
        return losses(samples, prefix).sum().unsqueeze(0)


class PreferenceLoss(Objective):
    """DPO (Rafailov et al. 2023) with the loss of the better answer beside it (Pang et al. 2024).

    Of a pair ``-log sigmoid(beta * (change of the better - change of the worse))``, where a change is that
    of an answer's log probability, summed over its tokens, since the network was untuned; of every sample
    ``sft_weight`` times the mean loss of its answer's tokens. Both are summed, and divided by the number of
    samples. A reward is ``beta`` times a change.
    """

    figures = ("chosen_reward", "reward_margin", "reward_accuracy")

    def chance_loss(self, vocabulary: int) -> float:
        return math.log(2) + self._sft_weight * math.log(vocabulary)

    def __init__(self, beta: float, sft_weight: float) -> None:
        self._beta = beta
        self._sft_weight = sft_weight

    def size(self, samples: Sequence[TokenSample]) -> int:
        return len(samples)

    def figure_size(self, samples: Sequence[TokenSample]) -> int:
        return sum(bool(sample.rejected) for sample in samples)

    def sums(
        self, losses: TokenLosses, samples: Sequence[TokenSample], prefix: int
    ) -> torch.Tensor:
        groups = _packs(samples, prefix)
        return torch.stack([self._of_pack(losses, *group) for group in groups]).sum(0)

    def _of_pack(
        self, losses: TokenLosses, samples: Sequence[TokenSample], prefix: int
    ) -> torch.Tensor:
        rows = [row for sample in samples for row in sample.rows]
        by_token = losses(rows, prefix).split([len(row.completion) for row in rows])
        by_row = iter(zip(by_token, (row.sum() for row in by_token), strict=True))
        loss = by_token[0].new_zeros(())
        figures = by_token[0].new_zeros(len(self.figures))
        for sample in samples:
            tokens, better = next(by_row)
            loss = loss + self._sft_weight * tokens.mean()
            if not sample.rejected:
                continue
            _, worse = next(by_row)
            rewards = self._beta * (_first(sample, better) - torch.stack([better, worse]))
            margin = rewards[0] - rewards[1]
            loss = loss + torch.nn.functional.softplus(-margin)
            is_above = (margin > 0).to(margin.dtype)
            figures = figures + torch.stack([rewards[0], margin, is_above]).detach()
        return torch.cat([loss.unsqueeze(0), figures])


def _first(sample: TokenSample, like: torch.Tensor) -> torch.Tensor:
    """The losses of both answers under the untuned network."""
    assert sample.reference is not None, "a pair without what the untuned network gave it"
    return like.new_tensor(sample.reference)


def _packs(samples: Sequence[TokenSample], prefix: int) -> list[tuple[list[TokenSample], int]]:
    """The samples as packs, each with the tokens that its prompts share.

    A pack shares what all of its prompts begin with, so that a pair in one with others has its prompt twice.
    Where prompts are long, each pair is a pack of its own.
    """
    together = prefix + sum(row.length - prefix for one in samples for row in one.rows)
    shared = [shared_prompt(one.rows) if one.rejected else prefix for one in samples]
    apart = sum(
        own + sum(row.length - own for row in one.rows)
        for one, own in zip(samples, shared, strict=True)
    )
    if apart < _SAVES * together:
        return [([one], own) for one, own in zip(samples, shared, strict=True)]
    return [(list(samples), prefix)]


def objective_of(options: TrainingOptions) -> Objective:
    """What training with ``options`` lowers."""
    if isinstance(options, PreferenceOptions):
        return PreferenceLoss(options.beta, options.sft_weight)
    return AnswerLoss()
