"""How weights are trained on this machine: each default in one place. Importing it loads no torch."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field, NonNegativeFloat, PositiveFloat, field_validator

from steelyard.train.base import Passes, TuningOptions
from steelyard.train.rates import RateOrigin, lora_multiplier

_WARMUP = 0.1
"""The rate rises over this share of all steps, then falls linearly to zero."""
_TRIALS = 2
"""Without ``learning_rates``, all trials together take what so many of ``trial_share`` would."""


class TrainingOptions(TuningOptions):
    """What every training on this machine may be told.

    Several ``learning_rates`` are each tried on ``trial_share`` of train; without any they are those
    around a published formula (`steelyard.train.rates`). The best on dev starts afresh and trains for
    ``max_epochs``, stopping after ``patience`` epochs in which dev got no better.
    """

    kind: ClassVar[str]
    """What it is called, for a reader."""
    loss_unit: ClassVar[str] = "nats per learnt token"
    memory_unknown: ClassVar[str] = ""
    """Why the memory that it takes is not forecast; empty where it is."""
    learning_rates: tuple[PositiveFloat, ...] = ()
    batch_size: int = Field(default=8, ge=1)
    trial_share: float = Field(default=0.25, ge=0, le=1)
    max_epochs: int = Field(default=3, ge=1)
    patience: int = Field(default=1, ge=1)

    @field_validator("learning_rates")
    @classmethod
    def _each_once(cls, rates: tuple[float, ...]) -> tuple[float, ...]:
        """Refuse two that are alike in six digits: a pass goes by these, and would count twice."""
        names = [f"{rate:g}" for rate in rates]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(f"{twice[0]} is there twice (in six digits); name every rate once")
        return rates

    @property
    def passes(self) -> Passes:
        """What training may take: every trial its share of train, and dev after it and every epoch.

        A search that has a choice takes the loss on dev and the answers to it out of that. Where the rates
        are given, both come on top, but for the answers of the epoch that is taken: they are its arm's.
        """
        count = len(self.learning_rates) or _TRIALS
        trials = count if count > 1 else 0
        looks = trials + self.max_epochs
        dev = 2 * looks - 1 if self.learning_rates else looks
        return Passes(trials * self.trial_share + self.max_epochs, dev)

    def pass_steps(self, examples: int) -> int:
        """Steps of one pass over so many examples."""
        return -(-examples // self.batch_size)

    def steps(self, examples: int) -> int:
        """Steps of all epochs over so many examples."""
        return self.max_epochs * self.pass_steps(examples)

    def rate_origin(self, *, has_trials: bool) -> RateOrigin:
        """Where the learning rate comes from."""
        return "given" if self.learning_rates else "trials" if has_trials else "formula"

    def multiplier(self, steps: int) -> float:
        """How many times the formula's rate of full tuning rates are tried around, for so many steps."""
        return lora_multiplier(steps)

    @property
    def facts(self) -> dict[str, Any]:
        """The options that an arm states with what was chosen."""
        return {}


class LoraOptions(TrainingOptions):
    """LoRA on all linear layers (Hu et al. 2021; all layers as in Dettmers et al. 2023, "QLoRA")."""

    kind: ClassVar[str] = "LoRA"
    rank: int = Field(default=16, ge=1)
    alpha: int = Field(default=32, ge=1)

    @property
    def peft_settings(self) -> dict[str, Any]:
        """What peft's ``LoraConfig`` takes of them."""
        return {"r": self.rank, "lora_alpha": self.alpha}

    @property
    def up_ratio(self) -> float:
        """How many times as fast as A, which projects down, B learns."""
        return 1.0

    @property
    def facts(self) -> dict[str, Any]:
        return {"rank": self.rank}


class RsLoraOptions(LoraOptions):
    """rsLoRA: the scale is alpha by the root of the rank (Kalajdzievski 2023), so that high ranks learn.

    The defaults have the scale of LoRA's own, 2, at four times its rank.
    """

    kind: ClassVar[str] = "rsLoRA"
    rank: int = Field(default=64, ge=1)
    alpha: int = Field(default=16, ge=1)

    @property
    def peft_settings(self) -> dict[str, Any]:
        return {**super().peft_settings, "use_rslora": True}


class DoraOptions(LoraOptions):
    """DoRA: LoRA turns each weight, and its magnitude learns apart (Liu et al. 2024)."""

    kind: ClassVar[str] = "DoRA"
    memory_unknown: ClassVar[str] = "not forecast: peft builds whole weights for DoRA at every step"

    @property
    def peft_settings(self) -> dict[str, Any]:
        return {**super().peft_settings, "use_dora": True}


class LoraPlusOptions(LoraOptions):
    """LoRA+: B learns at ``ratio`` times the rate of A, which is the stated one (Hayou et al. 2024).

    Rates are tried around the one at which the geometric mean of both is the formula's for LoRA.
    """

    kind: ClassVar[str] = "LoRA+"
    ratio: float = Field(default=16.0, gt=0)

    @property
    def up_ratio(self) -> float:
        return self.ratio

    def multiplier(self, steps: int) -> float:
        return float(super().multiplier(steps) * self.ratio**-0.5)

    @property
    def facts(self) -> dict[str, Any]:
        return {**super().facts, "ratio": self.ratio}


class PreferenceOptions(LoraOptions):
    """DPO over LoRA: how strongly it holds to the untuned model, and the weight of the answer's own loss.

    The larger ``beta``, the less a preference may change (0.1: Rafailov et al. 2023, "Direct Preference
    Optimization"). ``sft_weight`` multiplies the mean loss of the better answer's tokens, without which its
    probability may fall with that of the worse (1: Pang et al. 2024, "Iterative Reasoning Preference
    Optimization"). With it, rates are tried around LoRA's: a tenth of that learnt too little in all epochs
    (docs/tuning.md has the figures). Without, around a tenth, as trl's documentation advises 1e-5 for DPO
    with adapters where it advises 1e-4 for tuning them on answers.
    """

    kind: ClassVar[str] = "DPO over LoRA"
    loss_unit: ClassVar[str] = "nats per example"
    memory_unknown: ClassVar[str] = (
        "not forecast: the memory that pairs of answers take was not measured"
    )
    beta: float = Field(default=0.1, gt=0)
    sft_weight: NonNegativeFloat = 1.0

    def multiplier(self, steps: int) -> float:
        return super().multiplier(steps) * (1.0 if self.sft_weight else 0.1)

    @property
    def facts(self) -> dict[str, Any]:
        return {**super().facts, "beta": self.beta, "sft_weight": self.sft_weight}


class FullOptions(TrainingOptions):
    """All weights learn, at the formula's rate without what LoRA multiplies it by."""

    kind: ClassVar[str] = "full fine-tuning"

    def multiplier(self, steps: int) -> float:
        return 1.0


def warmup_steps(steps: int) -> int:
    """Over how many of all ``steps`` the learning rate rises."""
    return max(1, int(steps * _WARMUP))
