"""A strategy over a tuner that is not LoRA: a file for the tuner, and a class of a few lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from steelyard.core import Example, Request, Usage
from steelyard.errors import ConfigError, FitError
from steelyard.model import Model, ModelSpec
from steelyard.model.base import WrappedModel
from steelyard.model.fake_script import ScriptedModel
from steelyard.strategy.base import Brief, FitContext, TaskFacts
from steelyard.strategy.lessons import chat_samples, short_instruction
from steelyard.strategy.optimise.budget import pass_tokens
from steelyard.strategy.outlook import Sizes
from steelyard.strategy.prompt import Prompt, PromptRecipe
from steelyard.strategy.prompting import PromptArm
from steelyard.strategy.traits import Traits
from steelyard.strategy.tuned import (
    MIN_EXAMPLES,
    TunedOptions,
    TunedStrategy,
)
from steelyard.train.base import ChatSample, Passes, Tuned, Tuner, TuningJob
from steelyard.train.learnt import Learnt
from tests.strategy.samples import SPEC, TOPICS, tickets


class JobTuner(Tuner["JobOptions"]):
    """Stands for a job at a provider: the tuned model has a name of its own."""

    def __init__(self) -> None:
        self.samples: list[ChatSample] = []

    def tune(
        self,
        samples: Sequence[ChatSample],
        dev: Sequence[ChatSample],
        options: JobOptions,
        job: TuningJob,
    ) -> Tuned:
        self.samples = list(samples)
        if options.epochs > 9:
            raise ConfigError("a job has at most 9 epochs")
        return Tuned(
            replace(job.spec, name="smart?x=1", tuned_from=job.spec),
            Usage(trained_tokens=1200 * options.epochs, machine_seconds=0.0),
            ({"epoch": 0, "dev_loss": 0.5},),
            {"epochs": options.epochs},
            left_out_too_long=2,
        )

    def learnt(
        self, samples: Sequence[ChatSample], options: JobOptions, spec: ModelSpec, show: int
    ) -> Learnt:
        raise ConfigError("a job does not show what it learns")

    def passes(self, options: JobOptions) -> Passes:
        return Passes(options.epochs, 1)

    def refusal(self, spec: ModelSpec) -> str | None:
        return "not on a Tuesday" if spec.name == "weekday" else None


class JobOptions(TunedOptions):
    epochs: int = 2


class HostedJob(TunedStrategy):
    name: ClassVar[str] = "hosted_job"
    traits: ClassVar[Traits] = Traits("fine_tune", "a tuned model", tunes=True, carries="upload")
    options_type = JobOptions
    tuner: ClassVar[Tuner[Any]] = JobTuner()


def test_what_the_tuner_returns_becomes_arms(fit_context: Callable[..., FitContext]) -> None:
    built: list[ModelSpec] = []
    base = fit_context()

    def build(spec: ModelSpec) -> Any:
        built.append(spec)
        return base.model

    arms = HostedJob(epochs=3).fit(replace(base, build_model=build))
    assert [arm.name for arm in arms] == ["hosted_job", "hosted_job_free"]
    for arm in arms:
        assert isinstance(arm, PromptArm)
        assert arm.spec.base == SPEC != arm.spec
        assert (arm.trained_tokens, arm.machine_seconds) == (3600, 0.0)
        assert arm.options["epochs"] == 3
        training = arm.fit.training
        assert training is not None and training.left_out_too_long == 2
        assert training.trace == ({"epoch": 0, "dev_loss": 0.5},)
        budget = arm.fit.search["budget"]
        assert budget["allowed"] >= budget["used"] > 3 * 3600
    assert [spec.name for spec in built] == ["smart?x=1"], "one model behind both arms"


class ChoosingTuner(JobTuner):
    """Has the task's metric score two models, as a tuner does that chooses."""

    def tune(
        self,
        samples: Sequence[ChatSample],
        dev: Sequence[ChatSample],
        options: JobOptions,
        job: TuningJob,
    ) -> Tuned:
        assert job.score is not None
        scores = [
            job.score(replace(job.spec, adapter=name), items)
            for name, items in (("good", 6), ("bad", None))
        ]
        entry = {"learning_rate": 0.1, "share": 1.0, "train_loss": 1.0, "dev_loss": 1.0}
        trace = tuple(
            {**entry, "number": number, "dev_items": len(one.items), "dev_score": one.total}
            for number, one in enumerate(scores)
        )
        usage = Usage(trained_tokens=100)
        return Tuned(replace(job.spec, adapter="good"), usage, trace, {}, notes=("mind this",))

    def dev_answers(self, options: JobOptions, dev: int) -> int:
        return min(6, dev) + dev


class Choosing(HostedJob):
    name: ClassVar[str] = "choosing"
    tuner: ClassVar[Tuner[Any]] = ChoosingTuner()


def _topic(request: Request) -> str:
    """The label whose words are in the ticket."""
    words = set(request.messages[-1].content.split())
    return next(label for label, topical in TOPICS.items() if words & set(topical))


def test_a_tuner_may_have_the_tasks_metric_score_its_candidates(
    fit_context: Callable[..., FitContext],
) -> None:
    answers: dict[str, Model] = {
        "good": ScriptedModel(_topic),
        "bad": ScriptedModel(lambda request: "BILLING"),
    }
    released: list[str] = []
    context = replace(fit_context(), build_model=lambda spec: Held(answers, spec, released))
    first, free = Choosing().fit(context)
    assert released == ["good", "bad"], "candidates are let go, the arms' model is not"
    search = first.fit.search
    good, bad = search["trace"]
    assert (good["items"], bad["items"]) == (6, len(context.dev))
    assert good["score"] == 1 and bad["score"] == pytest.approx(1 / 3)
    assert search["dev_calls"] == 6 + 60 and free.fit.search["dev_calls"] == 60
    dev = pass_tokens(context.model, "Give the label.", context.dev)
    assert search["budget"]["used"] == round(3 * 100 + (2 * 6 / 60 + 2 + 1) * dev)
    assert first.fit.training is not None and first.fit.training.notes == ("mind this",)


def test_what_a_trial_is_scored_on_has_every_label_in_its_share(
    fit_context: Callable[..., FitContext],
) -> None:
    seen: list[str] = []
    sorted_dev = sorted(tickets(60, offset=100), key=lambda one: one.output)
    context = fit_context(dev=tuple(sorted_dev))
    labels = {one.input: one.output for one in sorted_dev}

    class Noting(ChoosingTuner):
        def tune(self, samples: Any, dev: Sequence[ChatSample], options: Any, job: Any) -> Tuned:
            seen.extend(labels[one.messages[-1].content] for one in dev[:6])
            return super().tune(samples, dev, options, job)

    class NotingStrategy(Choosing):
        tuner: ClassVar[Tuner[Any]] = Noting()

    NotingStrategy().fit(context)
    assert sorted(seen) == sorted([*context.brief.labels] * 2)


def test_a_forecast_counts_the_answers_that_the_choice_goes_by(brief: Brief) -> None:
    sizes = Sizes(100, 20, 30, 3, 40.0, 30.0, 3.0)
    plain, choosing = (kind().forecast(brief, sizes) for kind in (HostedJob, Choosing))
    assert plain is not None and choosing is not None
    assert choosing.usage.requests - plain.usage.requests == 6 + 20


class Held(WrappedModel):
    """A model of ``models`` by its adapter; says when it is let go."""

    def __init__(self, models: Mapping[str, Model], spec: ModelSpec, released: list[str]) -> None:
        self._model = models[str(spec.adapter)]
        self._adapter = str(spec.adapter)
        self._released = released

    @property
    def inner(self) -> Model:
        return self._model

    def generate(self, *args: Any, **more: Any) -> Any:
        return self._model.generate(*args, **more)

    def release(self) -> None:
        self._released.append(self._adapter)


def test_the_tuner_reads_the_chats_that_the_arm_will_ask(
    fit_context: Callable[..., FitContext],
) -> None:
    context = fit_context()
    arm = HostedJob().fit(context)[0]
    assert isinstance(arm, PromptArm)
    tuner = HostedJob.tuner
    assert isinstance(tuner, JobTuner)
    requests = arm.prompt.requests([example.question for example in context.train])
    assert [sample.messages for sample in tuner.samples] == [one.messages for one in requests]
    assert [sample.output for sample in tuner.samples] == [one.output for one in context.train]


def test_the_tuners_refusal_is_the_strategys(fit_context: Callable[..., FitContext]) -> None:
    with pytest.raises(ConfigError, match="does not fit this task: not on a Tuesday"):
        HostedJob().fit(fit_context(spec=ModelSpec("fake", "weekday")))


def test_what_a_tuner_refuses_names_the_strategy(fit_context: Callable[..., FitContext]) -> None:
    with pytest.raises(FitError, match=r"^strategy hosted_job: a job has at most 9 epochs$"):
        HostedJob(epochs=10).fit(fit_context())


def test_few_examples_are_a_reservation(brief: Brief) -> None:
    few = TaskFacts(brief, tickets(MIN_EXAMPLES - 1))
    assert "20" in str(HostedJob().reservation(few, SPEC))
    assert HostedJob().reservation(TaskFacts(brief, tickets(MIN_EXAMPLES)), SPEC) is None


def test_a_forecast_counts_passes_over_examples_that_are_not_too_long(brief: Brief) -> None:
    sizes = Sizes(100, 20, 30, 3, 40.0, 30.0, 3.0)
    short, cut = (HostedJob(epochs=2, max_tokens=most) for most in (1000, 10))
    whole, bounded = short.forecast(brief, sizes), cut.forecast(brief, sizes)
    assert whole is not None and bounded is not None
    assert bounded.usage.trained_tokens == 100 * 10 * 2 < whole.usage.trained_tokens
    assert list(whole.per_answer) == ["hosted_job", "hosted_job_free"]
    text = HostedJob().forecast(Brief("Reply.", "text"), sizes)
    assert text is not None and list(text.per_answer) == ["hosted_job"]


@pytest.mark.parametrize(
    ("choice", "instruction"),
    [("short", "Give the label."), ("Say it.", "Say it."), ("full", "Classify the ticket.")],
)
def test_the_instruction_is_short_full_or_a_text(
    choice: str, instruction: str, brief: Brief
) -> None:
    assert short_instruction(brief, choice).startswith(instruction)


def test_the_references_are_learnt_as_they_are() -> None:
    code = "    x = 1\n    return x\n"
    (sample,) = chat_samples(
        Prompt(PromptRecipe("Go on.", "system_user")), [Example("a", "f():", code)]
    )
    assert sample.output == code and sample.messages[-1].content == "f():"
