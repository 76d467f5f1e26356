"""Weights tuned under the prompt that another strategy finds: both ways of adapting a model at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from pydantic import Field, model_validator

from steelyard.core import OutputKind
from steelyard.errors import ConfigError, MissingExtraError
from steelyard.model.base import Model, ModelSpec
from steelyard.model.planned import PlannedModel
from steelyard.strategy.base import Arm, Brief, FitContext, Strategy, TaskFacts
from steelyard.strategy.few_shot import FewShot
from steelyard.strategy.grounding import tokens_asked
from steelyard.strategy.lora import Lora, LoraStrategyOptions
from steelyard.strategy.optimized_prompt import OptimizedPrompt
from steelyard.strategy.outlook import Forecast, PassTokens, Sizes
from steelyard.strategy.prompt import Prompt, PromptRecipe
from steelyard.strategy.prompting import PromptArm
from steelyard.strategy.rag import Rag
from steelyard.strategy.traits import JoinedStrategies, ShotLimits, Traits
from steelyard.strategy.tuned import TunedStrategy
from steelyard.strategy.zero_shot import ZeroShot
from steelyard.train.base import Tuned, Tuner

_FOLDER = "prompt"
_FOUND = ("instruction", "format")
"""Options of a tuned model's own prompt, which it has not."""


class HybridOptions(LoraStrategyOptions):
    """Options of training; ``prompt`` has those of the strategy whose prompt it is.

    That prompt is longer than a tuned model's own, so that ``max_tokens`` allows more.
    """

    max_tokens: int = Field(default=2048, ge=1)
    prompt: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _prompt_is_found(self) -> HybridOptions:
        if of_own := [name for name in _FOUND if name in self.model_fields_set]:
            raise ValueError(
                f"{of_own[0]} is what the search finds: bound the search by options under prompt, or "
                f"leave {of_own[0]} out"
            )
        return self


class HybridStrategy(TunedStrategy):
    """Fits ``over``, and tunes the model under the prompt of its first arm.

    What ``over`` asks, refuses and needs, it does too. Its own training leaves the budget of prompt
    searches as it is without it: see :meth:`tuning_tokens`.
    """

    over: ClassVar[type[Strategy]]
    tuner: ClassVar[Tuner[Any]] = Lora.tuner
    options_type = HybridOptions
    config: HybridOptions

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        try:
            self.inner = self.over(**self.prompt_options())
        except ConfigError as error:
            raise self._of_prompt(error) from None

    def prompt_options(self) -> Mapping[str, Any]:
        """The options of ``over``. Raises `ConfigError` for what cannot be tuned under."""
        return self.config.prompt

    def _of_prompt(self, error: ConfigError) -> ConfigError:
        return ConfigError(f"strategy {self.name}, option prompt: {error}")

    @property
    def more_models(self) -> tuple[ModelSpec, ...]:
        return self.inner.more_models

    @property
    def encoders(self) -> tuple[ModelSpec, ...]:
        return self.inner.encoders

    @property
    def follows_models(self) -> bool:
        return self.inner.follows_models

    def shot_limits(self, kind: OutputKind, labels: int) -> ShotLimits | None:
        return self.inner.shot_limits(kind, labels)

    def check(self, task: TaskFacts, models: Sequence[PlannedModel]) -> None:
        try:
            self.inner.check(task, models)
        except ConfigError as error:
            raise self._of_prompt(error) from None

    def refusal(self, task: TaskFacts, model: ModelSpec | None = None) -> str | None:
        return self.inner.refusal(task, model) or super().refusal(task, model)

    def reservation(self, task: TaskFacts, model: ModelSpec) -> str | None:
        """It takes the time of a search and of a training: only who names it has it."""
        return f"it trains under the prompt that {self.over.name} finds: name it in strategies to weigh it"

    def tuning_tokens(self, brief: Brief, once: PassTokens) -> int:
        """None: the search of prompts gets what tuning alone does, whatever tuning under its prompt takes."""
        return 0

    def forecast(self, brief: Brief, sizes: Sizes) -> Forecast | None:
        """The search, and training under the longest prompt that it may find."""
        search = self.inner.forecast(brief, sizes)
        if search is None or not search.per_answer:
            return None
        tuning = self.tuning_forecast(brief, sizes, next(iter(search.per_answer.values())))
        note = f"includes the search of {self.over.name}, whose questions a run that has both asks once"
        return replace(
            tuning,
            usage=search.usage + tuning.usage,
            note="; ".join(filter(None, [search.note, note])),
            other_models=search.other_models,
        )

    def fit(self, context: FitContext) -> list[Arm]:
        """Search the prompt, tune under it, and note what both took."""
        missing = self.tuner.reservation()
        if missing is not None:  # said before a long search, not after it
            raise MissingExtraError(f"strategy {self.name}: {missing}")
        arms = super().fit(context)
        inner, grounding = self._prompted.fit, self._prompted.prompt.grounding
        encoded = {} if grounding is None else tokens_asked(grounding.finder)
        for arm in arms:
            arm.fit = replace(
                arm.fit,
                search={**arm.fit.search, "prompt": {"strategy": self.over.name, **inner.search}},
                seconds=inner.seconds,
                embedded={**inner.embedded, **encoded},
            )
        return arms

    def prompt(self, context: FitContext) -> Prompt:
        """The prompt of the first arm of ``over``, which is fitted here."""
        folder = context.folder / _FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        arm = self.inner.fit(replace(context, folder=folder, options=self.inner.options))[0]
        assert isinstance(arm, PromptArm)
        self._prompted = arm
        return arm.prompt

    def _arm(
        self, context: FitContext, name: str, prompt: Prompt, tuned: Tuned, model: Model
    ) -> PromptArm:
        arm = super()._arm(context, name, prompt, tuned, model)
        arm.options = {**self._prompted.options, **arm.options, "prompt_of": self.over.name}
        return arm

    def _messages_recipe(self, brief: Brief) -> PromptRecipe:
        raise ConfigError(
            f"strategy {self.name}: its prompt is known only after the search of {self.over.name}, so that "
            "what is learnt cannot be shown before; leave --show out"
        )


def _traits(over: type[Strategy], about: str) -> Traits:
    """Facts of a hybrid: its requests carry what those of ``over`` do."""
    return Traits(
        family="hybrid",
        about=about,
        needs_references=True,
        tunes=True,
        looks_up_train=over.traits.looks_up_train,
        may_stop=False,
        carries=over.traits.carries,
        joins=JoinedStrategies(ZeroShot.name, over.name, Lora.name),
    )


class LoraPrompt(HybridStrategy):
    """Tunes under the best prompt that a search finds."""

    name: ClassVar[str] = "lora_prompt"
    over = OptimizedPrompt
    traits: ClassVar[Traits] = _traits(OptimizedPrompt, "fine-tuned weights, searched prompt")


class LoraShots(HybridStrategy):
    """Tunes under a prompt with the same solved examples before every input."""

    name: ClassVar[str] = "lora_shots"
    over = FewShot
    traits: ClassVar[Traits] = _traits(FewShot, "fine-tuned weights, fixed examples")


class LoraRag(HybridStrategy):
    """Tunes under passages as the search of the documents finds them for each train question."""

    name: ClassVar[str] = "lora_rag"
    over = Rag
    traits: ClassVar[Traits] = _traits(Rag, "fine-tuned weights, passages of the documents")

    def prompt_options(self) -> Mapping[str, Any]:
        """Answers are learnt as the references give them, and these cite nothing."""
        options = {"cites": False, **self.config.prompt}
        cites = options["cites"]
        if True in (cites if isinstance(cites, list | tuple) else (cites,)):
            raise ConfigError(
                "cites: true does not go with tuning, because the references to learn from cite no passage; "
                "leave cites out, or weigh rag for cited answers"
            )
        return options
