"""Tuning on this machine: tokenise, train, choose on dev."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from steelyard.core import Usage
from steelyard.errors import ConfigError
from steelyard.extras import LOCAL_MODULES
from steelyard.model import nf4
from steelyard.model.base import ModelSpec, provider_of
from steelyard.train.base import ChatSample, Passes, Tuned, Tuner, TuningJob
from steelyard.train.config import TrainingOptions
from steelyard.train.learnt import Learnt, learnt_of
from steelyard.train.rates import MOST_TRIALS, TRIAL_DEV, formula_rate

if TYPE_CHECKING:
    from steelyard.train.attempts import Samples
    from steelyard.train.packing import TokenSample
    from steelyard.train.search import TrainedAdapter
    from steelyard.train.trainer import Trainer


class LocalTuner(Tuner[TrainingOptions]):
    """Tunes local weights; the tuned model is the base and the folder of what tuning changed."""

    def tune(
        self,
        samples: Sequence[ChatSample],
        dev: Sequence[ChatSample],
        options: TrainingOptions,
        job: TuningJob,
    ) -> Tuned:
        from steelyard.model import huggingface

        source = _weights(job.spec)
        tokenizer = huggingface.tuned_tokenizer(source)
        train, checked = (
            [one for one in tokenize(tokenizer, part) if one.longest <= options.max_tokens]
            for part in (samples, dev)
        )
        for name, short in (("train", train), ("dev", checked)):
            if not short:
                raise _all_too_long(name, options)
        too_long = (len(samples) - len(train), len(dev) - len(checked))
        trained = self._train(source, (train, checked), options, job, too_long)
        choice = {
            **options.facts,
            "learning_rate": trained.learning_rate,
            "learning_rate_from": options.rate_origin(has_trials=_has_trials(trained)),
            "epochs": _epochs(trained),
        }
        notes = [*trained.notes, *_unlearnt_opening(tokenizer)]
        if too_long[1]:
            notes.append(
                f"the loss on dev leaves out {too_long[1]:,} of {len(dev):,} examples of more than "
                f"{options.max_tokens:,} tokens; the option max_tokens allows more"
            )
        return Tuned(
            replace(job.spec, adapter=str(trained.folder)),
            Usage(trained_tokens=trained.tokens, machine_seconds=trained.seconds),
            trained.trace,
            choice,
            too_long[0],
            tuple(notes),
        )

    def _train(
        self,
        source: str,
        samples: Samples,
        options: TrainingOptions,
        job: TuningJob,
        too_long: tuple[int, int],
    ) -> TrainedAdapter:
        from steelyard.model import huggingface
        from steelyard.train.search import load_trained, save_trained, train

        path = job.folder / "trained.json"
        trained = load_trained(path)
        if trained is None:
            config = huggingface.read_config(source).get_text_config()
            multiplier = options.multiplier(options.steps(len(samples[0])))
            rate = formula_rate(config.hidden_size, config.model_type, multiplier)
            trainer = self.trainer(source, options, job)
            samples = self.prepared(trainer, samples, job)
            trained = train(trainer, samples, job, rate, too_long)
            save_trained(trained, path)
        return trained

    def prepared(self, trainer: Trainer, samples: Samples, job: TuningJob) -> Samples:
        """Return ``samples`` with what is computed of them before the first step; as they are by default."""
        return samples

    def trainer(self, source: str, options: TrainingOptions, job: TuningJob) -> Trainer:
        """Load the network at ``source`` to train it. Raises `ConfigError` where it cannot be trained."""
        from steelyard.model import huggingface
        from steelyard.train.trainer import Trainer

        settings = huggingface.best_settings(source)
        return Trainer(read_trainable(source, job.spec), options, job.seed, settings.precision)

    def learnt(
        self, samples: Sequence[ChatSample], options: TrainingOptions, spec: ModelSpec, show: int
    ) -> Learnt:
        from steelyard.model import huggingface

        tokenizer = huggingface.tuned_tokenizer(_weights(spec))
        learnt = learnt_of(tokenizer, tokenize(tokenizer, samples), options.max_tokens, show)
        if learnt.too_long == learnt.examples:
            raise _all_too_long("train", options)
        return learnt

    def passes(self, options: TrainingOptions) -> Passes:
        return options.passes

    def dev_answers(self, options: TrainingOptions, dev: int) -> int:
        """Those of the trials, with one for the grid's edge, and of every epoch."""
        rates = len(options.learning_rates)
        trials = MOST_TRIALS if not rates else rates if rates > 1 else 0
        epochs = math.ceil(options.passes.train)  # more than max_epochs where the budget allows it
        return trials * min(TRIAL_DEV, dev) + epochs * dev

    def refusal(self, spec: ModelSpec) -> str | None:
        if provider_of(spec).is_tunable:
            return None
        return f"the model behind {spec.provider!r} cannot be tuned on this machine"

    def reservation(self) -> str | None:
        if all(find_spec(package) for package in LOCAL_MODULES):
            return None
        return "the extra 'local' is not installed: pip install 'steelyard[local]'"


class LoraTuner(LocalTuner):
    """Tunes adapters over frozen weights: LoRA, or the variant that the options are of."""


class QLoraTuner(LoraTuner):
    """Tunes adapters over weights that a GPU holds in four bits."""

    def trainer(self, source: str, options: TrainingOptions, job: TuningJob) -> Trainer:
        from steelyard.model import huggingface
        from steelyard.train.trainer import Trainer

        network = read_trainable(source, job.spec)
        nf4.quantise(network)
        return Trainer(network, options, job.seed, huggingface.best_settings(source).precision)

    def refusal(self, spec: ModelSpec) -> str | None:
        return super().refusal(spec) or nf4.missing()


def _all_too_long(part: str, options: TrainingOptions) -> ConfigError:
    return ConfigError(
        f"every example of {part} has more than {options.max_tokens:,} tokens; raise the option max_tokens"
    )


def read_trainable(source: str, spec: ModelSpec) -> Any:
    """Load the network in fp32; raises `ConfigError` for one whose packed logits are not its own."""
    from steelyard.model import huggingface
    from steelyard.model.ready import understands

    network = huggingface.read_network(source, "float32")
    if not understands(network):
        raise ConfigError(
            f"the architecture of {spec.name!r} is not supported yet "
            f"({type(network).__name__}); leave this strategy out"
        )
    return network


def _epochs(trained: TrainedAdapter) -> float:
    """How often the chosen weights passed over train; what the budget added last may be a part of it."""
    epochs = [entry for entry in trained.trace if entry["stage"] == "epoch"]
    count = sum(entry["share"] for entry in epochs if entry["number"] < trained.epoch)
    return trained.epoch if count == trained.epoch else round(count, 2)


def _unlearnt_opening(tokenizer: Any) -> list[str]:
    """What a template writes before an answer, which training leaves out as the arm does."""
    from steelyard.model.prompts import PromptWriter

    opening = PromptWriter(tokenizer).before_answer()
    if not opening:
        return []
    return [
        f"the chat template writes {opening!r} before an answer; the tuned model is trained and asked "
        "without it, so that a server that waits for it finds no answer"
    ]


def _has_trials(trained: TrainedAdapter) -> bool:
    return any(entry.get("stage") == "trial" for entry in trained.trace)


def _weights(spec: ModelSpec) -> str:
    """The folder or name that transformers reads."""
    from steelyard.model import huggingface

    huggingface.quiet()
    weights = provider_of(spec).weights
    assert weights is not None
    return weights(spec)


def tokenize(tokenizer: Any, samples: Sequence[ChatSample]) -> list[TokenSample]:
    """Return the tokens of each chat and of its answers, each with the end of the turn.

    A rejected answer of the same tokens as the other is none.
    Raises `ConfigError` where nothing would be learnt, or the prompt too.
    """
    from steelyard.model.prompts import PromptWriter
    from steelyard.train.packing import TokenSample

    writer = PromptWriter(tokenizer)
    prompts = writer.tokens([sample.messages for sample in samples])
    answers = writer.answer_tokens([sample.output for sample in samples])
    rejected = writer.answer_tokens([sample.rejected or "" for sample in samples])
    if not writer.turn_end:
        raise ConfigError(
            "nothing ends an answer: the chat template writes no control token after one, and the "
            "tokenizer has no eos_token; a model tuned so would never stop"
        )
    if samples and not any(answers):
        raise ConfigError("nothing is learnt: every answer is empty")
    if not all(prompts):
        raise ConfigError("everything is learnt: the chat template writes no prompt")
    return [
        TokenSample(
            tuple(prompt),
            (*answer, *writer.turn_end),
            (*worse, *writer.turn_end) if sample.rejected and worse != answer else (),
        )
        for sample, prompt, answer, worse in zip(samples, prompts, answers, rejected, strict=True)
    ]
