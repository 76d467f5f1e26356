"""What a training is set to, put together from what the trainer and the search hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from steelyard.model import nf4
from steelyard.train.base import TuningJob
from steelyard.train.config import TrainingOptions, warmup_steps
from steelyard.train.course import TrainingConfig, TrialRound
from steelyard.train.memory import available_bytes, training_bytes
from steelyard.train.rates import Rung

if TYPE_CHECKING:
    from steelyard.train.packing import TokenSample

_QUANTISED = "not forecast: what weights in four bits take was not measured"
_ELEMENT_BYTES = {"float32": 4, "bfloat16": 2}


class TrainerFacts(NamedTuple):
    """How many of a network's ``parameters`` learn, in which layers, computed in which precision where.

    ``units`` are the layers times the hidden size. Where it ``is_quantised``, weights are held in four bits;
    each is counted as one. ``targets`` are the kinds of layers with adapters, none
    where all weights learn.
    """

    trainable: int
    parameters: int
    targets: tuple[str, ...]
    precision: str
    device: str
    units: int
    is_quantised: bool = False


def trainer_facts(network: Any, precision: str) -> TrainerFacts:
    """Look at a network, with its adapters attached where it has some, before anything is packed."""
    adapters = getattr(network, "peft_config", {}).values()
    targets = {name.rpartition(".")[-1] for adapter in adapters for name in adapter.target_modules}
    text = network.config.get_text_config()
    if adapters:  # peft counts two weights in a byte of four bits each
        learns, every = network.get_nb_trainable_parameters()
    else:
        learns = every = sum(one.numel() for one in network.parameters())
    return TrainerFacts(
        int(learns),
        int(every),
        tuple(sorted(targets)),
        precision,
        next(network.parameters()).device.type,
        int(text.num_hidden_layers * text.hidden_size),
        nf4.is_quantised(network),
    )


@dataclass(frozen=True)
class SearchPlan:
    """The learning rates that a search begins with, how they are tried, and its budgets.

    Budgets are in forward-pass tokens. ``too_long`` counts the examples of train and of dev that are left
    out.
    """

    rates: Sequence[float]
    rungs: Sequence[Rung]
    formula: float
    trial_dev: int
    trial_tokens: float | None
    allowed_tokens: float
    too_long: tuple[int, int]


def config_of(
    trainer: Any,
    samples: tuple[Sequence[TokenSample], Sequence[TokenSample]],
    job: TuningJob,
    plan: SearchPlan,
) -> TrainingConfig:
    """Return what ``trainer`` is about to do on ``samples``, which are train and dev."""
    options: TrainingOptions = trainer.options
    facts: TrainerFacts = trainer.facts
    (train, dev), steps = samples, options.steps(len(samples[0]))
    train_tokens, dev_tokens = (sum(one.length for one in part) for part in samples)
    references = sum(one.length for part in samples for one in part if one.rejected)
    unknown = _QUANTISED if facts.is_quantised else options.memory_unknown
    return TrainingConfig(
        model=job.spec.name,
        kind=f"Q{options.kind}" if facts.is_quantised else options.kind,
        options=options.model_dump(mode="json"),
        targets=facts.targets,
        trainable=facts.trainable,
        parameters=facts.parameters,
        precision=facts.precision,
        device=facts.device,
        learning_rates=tuple(plan.rates),
        learning_rate_from=options.rate_origin(has_trials=bool(plan.rungs)),
        formula_rate=plan.formula,
        epochs=options.max_epochs,
        steps_per_epoch=options.pass_steps(len(train)),
        warmup_steps=warmup_steps(steps),
        batch_size=options.batch_size,
        batch_tokens=train_tokens * options.max_epochs / steps,
        step_tokens=trainer.step_tokens,
        trials=tuple(_round(rung, options) for rung in plan.rungs),
        trial_dev=plan.trial_dev,
        trial_tokens=plan.trial_tokens,
        allowed_tokens=plan.allowed_tokens + references,
        train_examples=len(train),
        dev_examples=len(dev),
        train_too_long=plan.too_long[0],
        dev_too_long=plan.too_long[1],
        train_tokens=train_tokens,
        learnt_tokens=sum(len(one.completion) for one in train),
        dev_tokens=dev_tokens,
        data_fingerprint=job.data_fingerprint,
        seed=trainer.seed,
        memory_bytes=None if unknown else _memory(facts),
        memory_reason=unknown,
        available_bytes=available_bytes(),
        folder=str(job.folder),
        loss_unit=options.loss_unit,
        is_quantised=facts.is_quantised,
    )


def _memory(facts: TrainerFacts) -> float:
    element = _ELEMENT_BYTES[facts.precision]
    frozen = (facts.parameters - facts.trainable) * element
    return training_bytes(facts.units, facts.trainable, frozen, element)


def _round(rung: Rung, options: TrainingOptions) -> TrialRound:
    return TrialRound(rung.rates, rung.examples, options.pass_steps(rung.examples), rung.spare)
