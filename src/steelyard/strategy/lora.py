"""Fine-tuning with LoRA: the examples go into weights, and the long instruction out of the prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, NonNegativeFloat

from steelyard.config.options import Options, Several
from steelyard.core import Example, questions_of
from steelyard.errors import ConfigError
from steelyard.extras import LOCAL_MODULES
from steelyard.model.base import ModelSpec, provider_of
from steelyard.packaged import packaged
from steelyard.strategy.base import (
    Arm,
    ArmFacts,
    Brief,
    FitContext,
    Forecast,
    OnePass,
    Sizes,
    Strategy,
    TaskFacts,
)
from steelyard.strategy.forecasting import (
    AnswerSize,
    answer_limit,
    chat_tokens,
    estimated_tokens,
    forecast_of,
    input_tokens,
)
from steelyard.strategy.optimise.budget import budget_block, pass_tokens, tuning_budget, tuning_used
from steelyard.strategy.prompt import Decoding, Prompt, PromptRecipe, full_instruction, output_limit
from steelyard.strategy.prompt_search import FormatName
from steelyard.strategy.prompting import PromptArm
from steelyard.strategy.record import FitRecord, TrainingRecord
from steelyard.strategy.search import Stage
from steelyard.strategy.traits import Traits
from steelyard.train.config import LoraConfig

if TYPE_CHECKING:
    from steelyard.train.packing import Sample
    from steelyard.train.search import Trained

MIN_EXAMPLES = 20
"""Train examples below which ``auto`` does not tune."""


class LoraOptions(Options):
    """How to tune; the defaults are `steelyard.train.config.LoraConfig`'s.

    ``instruction`` is ``short`` (a few words: the examples teach the rest), ``full`` (the task's own)
    or a text. Examples longer than ``max_tokens`` are left out of training and counted.
    """

    instruction: str = "short"
    format: FormatName = "system_user"
    rank: int = Field(default=LoraConfig.rank, ge=1)
    alpha: int = Field(default=LoraConfig.alpha, ge=1)
    learning_rates: Several[NonNegativeFloat] = LoraConfig.learning_rates
    batch_size: int = Field(default=LoraConfig.batch_size, ge=1)
    trial_share: NonNegativeFloat = LoraConfig.trial_share
    max_epochs: int = Field(default=LoraConfig.max_epochs, ge=1)
    patience: int = Field(default=LoraConfig.patience, ge=1)
    max_tokens: int = Field(default=1024, ge=1)


class Lora(Strategy):
    """Tunes the task's model on train; learning rate and epoch are chosen by the loss on dev."""

    name: ClassVar[str] = "lora"
    traits: ClassVar[Traits] = Traits(
        family="fine_tune",
        about="fine-tuned weights, short instruction",
        needs_references=True,
        tunes=True,
        carries="upload",
    )
    options_type = LoraOptions
    config: LoraOptions
    arm_type: ClassVar[type[Arm]] = PromptArm

    def fit(self, context: FitContext) -> list[Arm]:
        """Train once; labels, and JSON with a schema, give a constrained and a free arm of it."""
        self.require_fit(context.task, context.spec)
        recipe = self._recipe(context)
        trained, left_out = self._train(context, recipe)
        model = context.build_model(replace(context.spec, adapter=str(trained.folder)))
        options = self._describe(recipe, trained)
        training = TrainingRecord(trained.seconds, trained.tokens, left_out, trained.trace)
        budget = self._budget(context, recipe, trained)
        constrainable = context.brief.constrainable
        decodings: dict[str, Decoding] = {"lora": "constrained" if constrainable else "free"}
        if constrainable:
            decodings["lora_free"] = "free"
        arms: list[Arm] = []
        for name, decoding in decodings.items():
            arm = PromptArm(
                ArmFacts(name, self.name, context.brief, {**options, "decoding": decoding}),
                Prompt(replace(recipe, decoding=decoding)),
                replace(context.spec, adapter=str(trained.folder)),
                lambda spec: model,
            )
            search = {
                "dev_score": dev_score(arm, context),
                "dev_calls": len(context.dev),
                "budget": budget,
            }
            arm.fit = FitRecord(search, training=training)
            arms.append(arm)
        return arms

    def refusal(self, task: TaskFacts, model: ModelSpec | None = None) -> str | None:
        """Refuse a model that cannot be tuned here."""
        if model is not None and not provider_of(model).is_tunable:
            cannot = f"the model behind {model.provider!r} cannot be tuned on this machine"
            return super().refusal(task) or cannot
        return super().refusal(task, model)

    def reservation(self, task: TaskFacts, model: ModelSpec) -> str | None:
        """It takes the packages of an extra, and more than a handful of examples."""
        if not all(find_spec(package) for package in LOCAL_MODULES):
            return "the extra 'local' is not installed: pip install 'steelyard[local]'"
        if len(task.train) < MIN_EXAMPLES:
            return (
                f"{len(task.train)} train examples are too few to tune on; "
                f"{MIN_EXAMPLES} are the least"
            )
        return None

    def tuning_tokens(self, brief: Brief, once: OnePass) -> int:
        """Return what its training may take at most, in forward-pass tokens."""
        return tuning_budget(*once(short_instruction(brief, self.config.instruction)), self.config)

    def _recipe(self, context: FitContext) -> PromptRecipe:
        brief = context.brief
        return PromptRecipe(
            instruction=short_instruction(brief, self.config.instruction),
            format=self.config.format,
            kind=brief.kind,
            choices=brief.labels if brief.kind == "label" else (),
            schema=brief.schema,
            max_output_tokens=output_limit(brief, context.train, context.model),
            temperature=brief.temperature,
        )

    def _train(self, context: FitContext, recipe: PromptRecipe) -> tuple[Trained, int]:
        """Train, or read what an earlier attempt finished; returns also how many were too long."""
        from steelyard.model import huggingface
        from steelyard.model.ready import understands
        from steelyard.train.search import load_trained, save_trained, train

        huggingface.quiet()
        weights = provider_of(context.spec).weights
        assert weights is not None
        source = weights(context.spec)
        settings = huggingface.best_settings(source)
        tokenizer = huggingface.read_tokenizer(source)
        sets = [tokenize(tokenizer, recipe, part) for part in (context.train, context.dev)]
        short = [[s for s in part if s.length <= self.config.max_tokens] for part in sets]
        if not short[0] or not short[1]:
            raise ConfigError(
                f"strategy lora: no example has at most {self.config.max_tokens} tokens; "
                "raise the option max_tokens"
            )
        path = context.folder / "trained.json"
        trained = load_trained(path)
        if trained is None:
            shared = {key: getattr(self.config, key) for key in SHARED}
            config = LoraConfig(**shared, precision=settings.precision)
            network = huggingface.read_network(source, "float32")
            if not understands(network):
                raise ConfigError(
                    f"strategy lora cannot train the architecture of {context.spec.name!r} yet "
                    f"({type(network).__name__}); leave lora out of strategies"
                )
            both = (short[0], short[1])
            trained = train(network, both, config, context.seed, context.folder, context.progress)
            save_trained(trained, path)
        return trained, len(sets[0]) - len(short[0])

    def _budget(
        self, context: FitContext, recipe: PromptRecipe, trained: Trained
    ) -> Mapping[str, Any]:
        """What training could take and took, in the currency of `optimized_prompt`."""
        parts = (context.train, context.dev)
        once = [pass_tokens(context.model, recipe.instruction, part) for part in parts]
        measured = len(trained.trace) + 2  # the constrained and the free arm answer dev too
        spent = tuning_used(trained.tokens, once[1], measured)
        return budget_block(tuning_budget(once[0], once[1], self.config), spent)

    def _describe(self, recipe: PromptRecipe, trained: Trained) -> dict[str, Any]:
        return {
            "format": recipe.format,
            "instruction": recipe.instruction,
            "shots": 0,
            "retrieved": 0,
            "rank": self.config.rank,
            "learning_rate": trained.learning_rate,
            "epochs": trained.epoch,
            "max_output_tokens": recipe.max_output_tokens,
        }

    def forecast(self, brief: Brief, sizes: Sizes) -> Forecast | None:
        """Say how many tokens pass through training at most, and what each arm asks of dev."""
        config, limit = self.config, answer_limit(brief, sizes)
        instruction = estimated_tokens(short_instruction(brief, config.instruction))
        prompt = chat_tokens(replace(sizes, instruction_tokens=instruction))
        trials = len(config.learning_rates) * config.trial_share
        passes = config.max_epochs + (trials if len(config.learning_rates) > 1 else 0.0)
        trained = sizes.train * min(prompt + sizes.output_tokens + 1, config.max_tokens) * passes
        names = ["lora", "lora_free"] if brief.constrainable else ["lora"]
        answer = AnswerSize(prompt, limit, input_tokens(sizes))
        dev = Stage("dev", [answer] * len(names), sizes.dev)
        forecast = forecast_of([dev], dict.fromkeys(names, answer))
        return replace(forecast, trained_tokens=round(trained))


SHARED = (
    "rank",
    "alpha",
    "learning_rates",
    "batch_size",
    "trial_share",
    "max_epochs",
    "patience",
)
"""Options handed to the trainer under the same name."""


def tokenize(tokenizer: Any, recipe: PromptRecipe, examples: Sequence[Example]) -> list[Sample]:
    """Return each example as the tokens that its arm will read and should answer, end included."""
    from steelyard.model.prompts import PromptWriter
    from steelyard.train.packing import Sample

    writer = PromptWriter(tokenizer)
    prompts = writer.tokens([recipe.messages(example.question) for example in examples])
    answers = writer.answer_tokens([example.output for example in examples])
    end = tokenizer.eos_token_id
    return [
        Sample(tuple(prompt), (*answer, end))
        for prompt, answer in zip(prompts, answers, strict=True)
    ]


def short_instruction(brief: Brief, choice: str) -> str:
    """Return the instruction a tuned model is given."""
    if choice == "full":
        return full_instruction(brief)
    if choice != "short":
        return choice
    short: Mapping[str, str] = packaged("strategy/data/short_instructions.json")
    return short[brief.kind]


def dev_score(arm: Arm, context: FitContext) -> float:
    """The arm's metric over dev."""
    return context.score(context.dev, arm.answer_all(questions_of(context.dev)))
