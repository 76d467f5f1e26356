"""Strategies that tune a model: the examples go into weights instead of the prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, ClassVar

from steelyard.core import Answer, Example, Question, Usage, questions_of
from steelyard.errors import ConfigError, FitError
from steelyard.model.base import Model, ModelSpec
from steelyard.seeds import fit_generator
from steelyard.strategy.base import Arm, ArmFacts, Brief, FitContext, Strategy, TaskFacts
from steelyard.strategy.dev_interval import interval_of
from steelyard.strategy.forecasting import (
    answer_limit,
    chat_tokens,
    estimated_tokens,
    forecast_of,
    one_answer,
)
from steelyard.strategy.lessons import Lessons, chat_samples, short_instruction
from steelyard.strategy.optimise.budget import (
    budget_block,
    chat_pass_tokens,
    tuning_budget,
    tuning_used,
)
from steelyard.strategy.outlook import Forecast, PassTokens, Sizes
from steelyard.strategy.prompt import (
    Decoding,
    Prompt,
    PromptRecipe,
    answer_schema,
    free_name,
    output_limit,
)
from steelyard.strategy.prompt_search import FormatName
from steelyard.strategy.prompting import PromptArm
from steelyard.strategy.record import FitRecord, TrainingRecord
from steelyard.strategy.room import AnswerRoom
from steelyard.strategy.search import Stage, Trial, stratified_order
from steelyard.train.base import (
    ChatSample,
    DevScore,
    ScoreDev,
    Tuned,
    Tuner,
    TuningJob,
    TuningOptions,
)
from steelyard.train.curve import epoch_words
from steelyard.train.learnt import Learnt
from steelyard.words import counted

MIN_EXAMPLES = 20
"""With fewer train examples, ``auto`` does not tune."""


class TunedOptions(TuningOptions):
    """The prompt, in training and after.

    ``instruction`` is ``short`` (a few words: the examples teach the rest), ``full`` (that of the task)
    or a text.
    """

    instruction: str = "short"
    format: FormatName = "system_user"


class TunedStrategy(Strategy):
    """A strategy over a `Tuner`; ``options_type`` joins `TunedOptions` and the tuner's options."""

    tuner: ClassVar[Tuner[Any]]
    config: TunedOptions
    arm_type: ClassVar[type[Arm]] = PromptArm

    def fit(self, context: FitContext) -> list[Arm]:
        """Tune once; answers whose form can be held to give a constrained and a free arm of it.

        The tuner chooses by the task's metric over what the first of them answers on dev.
        """
        self.require_fit(context.task, context.spec)
        prompt = self.prompt(context)
        order = stratified_order(context.dev, fit_generator(context.seed, self.name))
        dev = [context.dev[place] for place in order]
        score = self._scorer(context, prompt, dev) if dev else None
        job = TuningJob(
            context.spec,
            context.folder,
            context.seed,
            context.progress,
            score,
            watch=context.watch,
            data_fingerprint=context.data_fingerprint,
        )
        lessons = self.lessons(context, prompt)
        checked = self.chats(prompt, lessons.checked(dev))
        try:
            tuned = self.tuner.tune(lessons.samples, checked, self.config, job)
        except ConfigError as error:
            raise FitError(f"strategy {self.name}: {error}") from None
        model = context.build_model(tuned.spec)
        arms = [
            self._arm(context, name, prompt.decoded(decoding), tuned, model)
            for name, decoding in self._decodings(context.brief).items()
        ]
        training = _training(tuned, lessons, self.config.max_tokens)
        budget = self._budget(context, (lessons.samples, checked), tuned)
        room = AnswerRoom.of(context.brief)
        for arm in arms:
            arm.options |= lessons.options
            score_on_dev = context.score(context.dev, _answered_with_room(arm, room, context.dev))
            search = {"dev_score": score_on_dev, "dev_calls": len(dev), "budget": budget}
            search |= lessons.search
            if (
                arm is arms[0] and tuned.dev_asked
            ):  # it gives the very answers that the choice went by
                search |= {"dev_calls": tuned.dev_asked, "trace": _trials(tuned, len(dev))}
            before = lessons.fit
            arm.fit = FitRecord(
                search, training=training, seconds=before.seconds, embedded=before.embedded
            )
        return [*arms]

    def prompt(self, context: FitContext) -> Prompt:
        """The prompt that the tuned model answers, and under which it learns."""
        return Prompt(self._recipe(context))

    def lessons(self, context: FitContext, prompt: Prompt) -> Lessons:
        """What is learnt in a fit."""
        return Lessons(self.samples(context.task, prompt))

    def samples(self, task: TaskFacts, prompt: Prompt) -> list[ChatSample]:
        """What is learnt, as far as it is there before a fit: every train example under ``prompt``."""
        return self.chats(prompt, task.train)

    def chats(self, prompt: Prompt, examples: Sequence[Example]) -> list[ChatSample]:
        """Return ``examples`` as they are learnt under ``prompt``."""
        return chat_samples(prompt, examples)

    def _arm(
        self, context: FitContext, name: str, prompt: Prompt, tuned: Tuned, model: Model
    ) -> PromptArm:
        recipe = prompt.recipe
        options = {
            "format": recipe.format,
            "instruction": recipe.instruction,
            "shots": len(recipe.shots),
            "retrieved": recipe.retrieved,
            **tuned.choice,
            "max_output_tokens": recipe.max_output_tokens,
            "decoding": recipe.decoding,
        }
        facts = ArmFacts(name, self.name, context.brief, options)
        return PromptArm(facts, prompt, tuned.spec, lambda spec: model)

    def _scorer(self, context: FitContext, prompt: Prompt, dev: Sequence[Example]) -> ScoreDev:
        """Return what scores a tuned model as its first arm would answer; the model is let go after it."""
        name, decoding = next(iter(self._decodings(context.brief).items()))
        prompt = prompt.decoded(decoding)

        def score(spec: ModelSpec, items: int | None) -> DevScore:
            some, model = dev[:items], context.build_model(spec)
            facts = ArmFacts(name, self.name, context.brief)
            try:
                arm = PromptArm(facts, prompt, spec, lambda spec: model)
                answers = arm.answer_all(questions_of(some))
            finally:
                model.release()
            scores = context.scores(some, answers)
            total = context.score(some, answers, scores)
            between = interval_of(context.metric, total, scores, some, context.seed)
            return DevScore(context.metric.name, total, tuple(scores), *between)

        return score

    def learnt(self, task: TaskFacts, spec: ModelSpec, show: int) -> Learnt:
        """Say what tuning ``spec`` learns, with the first ``show`` samples; nothing is trained.

        Raises `ConfigError` where that would be nothing, or the prompts too.
        """
        samples = self.samples(task, Prompt(self._messages_recipe(task.brief)))
        try:
            return self.tuner.learnt(samples, self.config, spec, show)
        except ConfigError as error:
            raise ConfigError(f"strategy {self.name}: {error}") from None

    def refusal(self, task: TaskFacts, model: ModelSpec | None = None) -> str | None:
        reason = super().refusal(task, model)
        return reason or (None if model is None else self.tuner.refusal(model))

    def reservation(self, task: TaskFacts, model: ModelSpec) -> str | None:
        missing = self.tuner.reservation()
        if missing is None and len(task.train) < MIN_EXAMPLES:
            return (
                f"needs at least {MIN_EXAMPLES} training examples to tune on "
                f"(found {len(task.train)})"
            )
        return missing

    def tuning_tokens(self, brief: Brief, once: PassTokens) -> int:
        instruction = short_instruction(brief, self.config.instruction)
        within = once.within(self.config.max_tokens)
        learnt = self.learnt_tokens(within, instruction)
        return tuning_budget(learnt, within.dev(instruction), self.tuner.passes(self.config))

    def learnt_tokens(self, once: PassTokens, instruction: str) -> float:
        """Tokens of one pass over all that is learnt."""
        return once.train(instruction)

    def forecast(self, brief: Brief, sizes: Sizes) -> Forecast | None:
        """Count the tokens that pass through training at most, and the requests of the arms on dev."""
        instruction = estimated_tokens(short_instruction(brief, self.config.instruction))
        prompt = chat_tokens(replace(sizes, instruction_tokens=instruction))
        return self.tuning_forecast(
            brief, sizes, one_answer(sizes, prompt, answer_limit(brief, sizes))
        )

    def tuning_forecast(self, brief: Brief, sizes: Sizes, answer: Usage) -> Forecast:
        """The forecast of tuning under a prompt of which one ``answer`` takes so much."""
        example = min(answer.input_tokens + sizes.output_tokens + 1, self.config.max_tokens)
        trained = sizes.train * example * self.tuner.passes(self.config).train
        names = self._decodings(brief)
        stages = [
            Stage("choose", [answer], self.tuner.dev_answers(self.config, sizes.dev)),
            Stage("dev", [answer] * len(names), sizes.dev),
        ]
        forecast = forecast_of(stages, dict.fromkeys(names, answer))
        return replace(forecast, usage=forecast.usage + Usage(trained_tokens=round(trained)))

    def _decodings(self, brief: Brief) -> dict[str, Decoding]:
        if not brief.constrainable:
            return {self.name: "free"}
        return {self.name: "constrained", free_name(self.name): "free"}

    def _messages_recipe(self, brief: Brief) -> PromptRecipe:
        """What decides the messages of the prompt."""
        return PromptRecipe(
            instruction=short_instruction(brief, self.config.instruction),
            format=self.config.format,
            kind=brief.kind,
            choices=brief.choices,
        )

    def _recipe(self, context: FitContext) -> PromptRecipe:
        brief = context.brief
        return replace(
            self._messages_recipe(brief),
            schema=answer_schema(brief, context.train),
            max_output_tokens=output_limit(brief, context.train, context.model),
            temperature=brief.temperature,
        )

    def _budget(
        self, context: FitContext, parts: Sequence[Sequence[ChatSample]], tuned: Tuned
    ) -> Mapping[str, Any]:
        """Return what training could take and took, in the unit of `optimized_prompt`.

        ``parts`` are what is learnt, and dev.
        """
        most = self.config.max_tokens
        train, dev = (chat_pass_tokens(context.model, part, most) for part in parts)
        looks = sum(_looks(entry, len(context.dev)) for entry in tuned.trace)
        # The constrained and the free arm answer dev after it, one as the choice did.
        measured = looks + (1 if tuned.dev_asked else 2)
        allowed = tuning_budget(train, dev, self.tuner.passes(self.config))
        return budget_block(allowed, tuning_used(int(tuned.usage.trained_tokens), dev, measured))


def _looks(entry: Mapping[str, Any], dev: int) -> float:
    """How many passes over ``dev`` examples were made after a pass over train: its loss, its answers."""
    return _items(entry, dev) / dev * (1 if entry.get("dev_score") is None else 2) if dev else 0.0


def _items(entry: Mapping[str, Any], dev: int) -> int:
    """On how many of ``dev`` examples a pass was measured."""
    return int(entry.get("dev_items", dev))


def _trials(tuned: Tuned, dev: int) -> list[dict[str, Any]]:
    """Return the passes whose answers were scored, as every search states its trials."""
    trials = [
        Trial(
            f"{entry['learning_rate']:g}, {epoch_words(entry['number'], entry.get('share', 1.0))}",
            "screen" if entry.get("stage") == "trial" else "final",
            _items(entry, dev),
            _items(entry, dev),
            entry["dev_score"],
        )
        for entry in tuned.trace
        if entry.get("dev_score") is not None
    ]
    return [asdict(trial) for trial in trials]


def _training(tuned: Tuned, lessons: Lessons, most_tokens: int) -> TrainingRecord:
    notes, too_long = [*lessons.notes, *tuned.notes], tuned.left_out_too_long
    if too_long:
        notes.append(
            f"{too_long:,} of {counted(len(lessons.samples), lessons.what)} have more than {most_tokens:,} "
            "tokens and were left out of training; the option max_tokens allows more"
        )
    usage = tuned.usage
    return TrainingRecord(
        usage.machine_seconds, int(usage.trained_tokens), too_long, tuned.trace, tuple(notes)
    )


def _answered_with_room(
    arm: PromptArm, room: AnswerRoom, examples: Sequence[Example]
) -> list[Answer]:
    """Answer ``examples``, and give the arm the limit that its answers turn out to need."""

    def ask(prompt: Prompt, questions: Sequence[Question]) -> list[Answer]:
        return arm.under(prompt).answer_all(questions)

    answers = room.answer(arm.prompt, questions_of(examples), ask)
    arm.prompt = room.fitted(arm.prompt)
    arm.options["max_output_tokens"] = arm.prompt.recipe.max_output_tokens
    return answers
