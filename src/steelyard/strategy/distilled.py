"""Distillation: a teacher answers inputs, and a student learns the answers without the teacher's prompt.

Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network" (2015); of answers alone, as here,
Kim and Rush, "Sequence-level knowledge distillation" (2016).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from steelyard.core import Example, Usage, questions_of
from steelyard.data.likeness.rows import normalise
from steelyard.data.rows import has_references
from steelyard.errors import ConfigError, FitError
from steelyard.model.base import ModelSpec
from steelyard.model.planned import PlannedModel
from steelyard.score.base import ModelMetric
from steelyard.strategy.base import Brief, FitContext, TaskFacts
from steelyard.strategy.forecasting import answer_limit, whole
from steelyard.strategy.grounding import tokens_asked
from steelyard.strategy.lessons import Lessons, chat_samples, shown_others
from steelyard.strategy.lora import LoraStrategyOptions
from steelyard.strategy.outlook import Forecast, OtherUse, PassTokens, Sizes
from steelyard.strategy.prompt import Prompt
from steelyard.strategy.prompting import PromptArm
from steelyard.strategy.sifting import FEWEST, Sifted, least_score, sift, usable_answers
from steelyard.strategy.teacher import PROMPT, Teacher
from steelyard.strategy.traits import Traits
from steelyard.strategy.tuned import TunedStrategy
from steelyard.train.base import ChatSample, Tuner
from steelyard.train.lora import LoraTuner
from steelyard.words import counted

TRAIN = "train"


class DistilledOptions(LoraStrategyOptions):
    """Who teaches, what is asked of it, and which of its answers are learnt.

    ``teacher``: ``prompt`` (the same model under its best searched prompt), a strategy that prompts, one of
    the task's models or another one, with ``teacher_options`` for how it is asked. ``inputs``: ``train``,
    or a file of inputs. ``keep``: ``right`` (answers that the task's first metric gives at least
    ``least_score``: 1 where it says right or wrong, else 0.75) or ``all``.
    """

    teacher: Any = PROMPT
    teacher_options: dict[str, Any] = Field(default_factory=dict)
    inputs: str = Field(default=TRAIN, min_length=1)
    keep: Literal["right", "all"] = "right"
    least_score: float | None = Field(default=None, ge=0, le=1)


class Distilled(TunedStrategy):
    """Asks the teacher, filters its answers, and tunes the task's model on them."""

    name: ClassVar[str] = "distilled"
    traits: ClassVar[Traits] = Traits(
        family="fine_tune",
        about="fine-tuned on a teacher's answers, short instruction",
        tunes=True,
        carries="upload",
    )
    options_type = DistilledOptions
    tuner: ClassVar[Tuner[Any]] = LoraTuner()
    config: DistilledOptions

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.teacher = Teacher.parse(self.config.teacher, self.config.teacher_options)

    @property
    def more_models(self) -> tuple[ModelSpec, ...]:
        return self.teacher.more_models

    @property
    def encoders(self) -> tuple[ModelSpec, ...]:
        return self.teacher.strategy.encoders

    @property
    def follows_models(self) -> bool:
        """Whether the teacher is one of the task's models, or asks one."""
        return bool(self.teacher.tag) or self.teacher.strategy.follows_models

    @property
    def input_files(self) -> tuple[str, ...]:
        return () if self.config.inputs == TRAIN else (self.config.inputs,)

    def refusal(self, task: TaskFacts, model: ModelSpec | None = None) -> str | None:
        """What tuning refuses, what the teacher's strategy does, and inputs that cannot be filtered."""
        reason = super().refusal(task, model) or self.teacher.refusal(task, model)
        return reason or self._unfiltered(task)

    def _unfiltered(self, task: TaskFacts) -> str | None:
        metric = task.brief.metric_type if task.metric is None else task.metric
        lacking = sum(not one.output.strip() for one in self._inputs(task))
        if self.config.keep == "all" or not metric.needs_reference or not lacking:
            return None
        return (
            f"{counted(lacking, 'input')} of {self.config.inputs} have no reference output, without which "
            f"{task.brief.metric} cannot tell which of the teacher's answers are right: add outputs, score "
            "by rules or a judge that rates, or set keep: all"
        )

    def reservation(self, task: TaskFacts, model: ModelSpec) -> str | None:
        """It spends as much as a search and a training."""
        return "it asks a teacher first: name it in strategies to weigh it"

    def check(self, task: TaskFacts, models: Sequence[PlannedModel]) -> None:
        """Refuse a teacher that the task does not have, and inputs that its metric cannot score."""
        self.teacher.check(task, models)
        inputs = self._inputs(task)
        if len(inputs) < FEWEST:
            raise ConfigError(
                f"strategy distilled: {self.config.inputs} holds {counted(len(inputs), 'input')}, and it "
                f"takes at least {FEWEST}: add inputs"
            )
        metric = task.metric
        is_filtered = self.input_files and self.config.keep == "right"
        if is_filtered and metric is not None and not isinstance(metric, ModelMetric):
            metric.check(inputs)

    def _inputs(self, task: TaskFacts) -> Sequence[Example]:
        """What the teacher is asked. Raises `ConfigError` for a file that was not read."""
        if self.config.inputs == TRAIN:
            return task.train
        if self.config.inputs not in task.unlabelled:
            raise ConfigError(
                f"strategy distilled: option inputs: {self.config.inputs} was not read"
            )
        return task.unlabelled[self.config.inputs].examples

    def samples(self, task: TaskFacts, prompt: Prompt) -> list[ChatSample]:
        """Raises `ConfigError`: what it learns is not there before its teacher is asked."""
        raise ConfigError(
            "strategy distilled: it learns its teacher's answers, which are not there before the teacher is "
            "asked"
        )

    def lessons(self, context: FitContext, prompt: Prompt) -> Lessons:
        """The teacher's answers that pass, under ``prompt``; raises `FitError` where too few do."""
        arm = self.teacher.fit(context)
        every, in_prompt = self._inputs(context.task), {*map(normalise, arm.shown_inputs())}
        inputs = [one for one in every if normalise(one.input) not in in_prompt]
        teacher = arm.under(shown_others(arm.prompt))
        answers = teacher.answer_all(questions_of(inputs), context.progress)
        sifted = sift(context, inputs, answers, self._least(context))
        if len(sifted.learnt) < FEWEST:
            raise FitError(
                f"strategy distilled: {sifted.counts}, and it takes at least {FEWEST}: add inputs, "
                f"{self._lower(context)}"
            )
        dev = None
        if not has_references(context.dev):
            on_dev = teacher.answer_all(questions_of(context.dev), context.progress)
            dev = usable_answers(context, context.dev, on_dev)
        if arm.spec != context.spec:
            arm.model.release()
        grounding = arm.prompt.grounding
        encoded = {} if grounding is None else tokens_asked(grounding.finder)
        left_out = len(every) - len(inputs)
        return Lessons(
            chat_samples(prompt, sifted.learnt),
            self._notes(context, arm, sifted, left_out),
            {"teacher": _record(arm, sifted, left_out)},
            {"teacher": _described(arm), "inputs": self.config.inputs, "keep": self.config.keep},
            dev,
            replace(arm.fit, embedded={**arm.fit.embedded, **encoded}),
            what="input",
        )

    def _least(self, context: FitContext) -> float:
        """The least score that is learnt; 0 where everything is."""
        if self.config.keep == "all":
            return 0.0
        least = self.config.least_score
        return least_score(context) if least is None else least

    def _lower(self, context: FitContext) -> str:
        """What else may help where too few answers pass: by right or wrong no lower bar is right."""
        if self.config.keep == "all":
            return "or name a stronger teacher"
        lower = "or set keep: all, which learns wrong answers, too"
        if not context.metric.binary:
            lower = "or lower its option least_score"
        return f"name a stronger teacher, {lower}"

    def _notes(
        self, context: FitContext, arm: PromptArm, sifted: Sifted, left_out: int
    ) -> tuple[str, ...]:
        notes = [
            sifted.note(context.metric.name),
            f"the teacher, {_described(arm)}, read {sifted.prompt_tokens:,.0f} tokens a prompt on average",
        ]
        if left_out:
            notes.append(
                f"{counted(left_out, 'input')} that the teacher's own prompt shows with the answer "
                f"{'was' if left_out == 1 else 'were'} not asked"
            )
        if self.config.inputs in context.unlabelled:
            notes.append(context.unlabelled[self.config.inputs].note)
        return tuple(notes)

    def learnt_tokens(self, once: PassTokens, instruction: str) -> float:
        """Every input, as if all answers passed."""
        return once.answered(instruction, self.config.inputs)

    def forecast(self, brief: Brief, sizes: Sizes) -> Forecast | None:
        """The student's training at most, and what the teacher is asked: its search and every input."""
        inner = self.teacher.strategy.forecast(brief, sizes)
        if inner is None or not inner.per_answer:
            return None
        answer = max(
            inner.per_answer.values(), key=lambda one: one.input_tokens + one.output_tokens
        )
        of_file = sizes.learning_from(self.config.inputs)
        longer = (of_file.input_tokens - sizes.input_tokens) * answer.requests
        dev = 0 if sizes.output_tokens else sizes.dev
        on_inputs = (answer + Usage(input_tokens=longer)) * of_file.train
        asked = whole(inner.usage + on_inputs + answer * dev)
        limit = answer_limit(brief, sizes)
        student = super().forecast(brief, replace(sizes, output_tokens=limit))
        trained = super().forecast(brief, replace(of_file, output_tokens=limit))
        assert student is not None and trained is not None
        usage = student.usage._replace(trained_tokens=trained.usage.trained_tokens)
        student = replace(student, usage=usage)
        note = f"the teacher is {self.teacher.strategy.name}, and all of its answers are learnt"
        models = sizes.run.models
        spec = self.teacher.model(models, models[0].spec) if self.teacher.tag else self.teacher.spec
        others = inner.other_models
        if spec is None:
            usage = student.usage + asked
        else:
            usage = student.usage
            others = (*others, OtherUse(spec, asked, "teacher", note, is_scored=True))
        return replace(student, usage=usage, note=note, other_models=others)


def _described(arm: PromptArm) -> str:
    """A teacher in a few words: how it is asked, and of which model."""
    return f"{arm.strategy} on {arm.spec.name}"


def _record(arm: PromptArm, sifted: Sifted, left_out: int) -> Mapping[str, Any]:
    """What the search states of the teacher: counts, and scores, ``None`` where nothing could be scored."""
    counts = asdict(replace(sifted, learnt=()))
    return {
        "arm": arm.name,
        "model": arm.spec.name,
        "options": dict(arm.options),
        "dev_score": arm.fit.dev_score,
        **counts,
        "learnt": len(sifted.learnt),
        "in_its_prompt": left_out,
    }
