"""Weights tuned under another strategy's prompt: what is passed through, learnt, kept and restored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from steelyard.core import Example, Request, Usage, questions_of
from steelyard.errors import ConfigError, MissingExtraError
from steelyard.model import Model, ModelSpec
from steelyard.model.fake import FakeModel
from steelyard.model.fake_script import ScriptedModel
from steelyard.retrieve.documents import Corpus, Document
from steelyard.retrieve.grounds import Grounds
from steelyard.strategy import StrategySpec, build_strategy, load_arm, save_arm
from steelyard.strategy.base import Arm, Brief, FitContext, Strategy, TaskFacts
from steelyard.strategy.few_shot import FewShot
from steelyard.strategy.hybrid import HybridStrategy, LoraPrompt, LoraRag, LoraShots
from steelyard.strategy.optimise.budget import allowance
from steelyard.strategy.optimise.one_pass import ExpectedPass
from steelyard.strategy.optimized_prompt import OptimizedPrompt
from steelyard.strategy.outlook import RunFacts, Sizes
from steelyard.strategy.prompting import PromptArm
from steelyard.strategy.rag import NO_DOCUMENTS, Rag
from steelyard.train.base import ChatSample, Passes, Tuned, Tuner, TuningJob
from steelyard.train.config import LoraOptions
from steelyard.train.learnt import Learnt
from tests.strategy.documents_task import PUMPS, pressure, rows
from tests.strategy.samples import SPEC, TOPICS, tickets

HYBRIDS: list[type[HybridStrategy]] = [LoraPrompt, LoraShots, LoraRag]
SIZES = Sizes(100, 20, 30, 3, 40.0, 30.0, 3.0)
FEW = {"k": [2], "sets": 1, "formats": ["system_user"]}


class AdapterTuner(Tuner[LoraOptions]):
    """Writes an adapter of one file, and keeps what it was given."""

    def __init__(self) -> None:
        self.samples: Sequence[ChatSample] = ()
        self.missing: str | None = None

    def tune(
        self,
        samples: Sequence[ChatSample],
        dev: Sequence[ChatSample],
        options: LoraOptions,
        job: TuningJob,
    ) -> Tuned:
        self.samples = samples
        folder = job.folder / "weights"
        folder.mkdir()
        (folder / "adapter_model.safetensors").write_bytes(b"weights")
        usage = Usage(trained_tokens=500, machine_seconds=3.0)
        return Tuned(replace(job.spec, adapter=str(folder)), usage, (), {"rank": options.rank})

    def learnt(
        self, samples: Sequence[ChatSample], options: LoraOptions, spec: ModelSpec, show: int
    ) -> Learnt:
        raise AssertionError("a prompt that is not known is not shown")

    def passes(self, options: LoraOptions) -> Passes:
        return options.passes

    def reservation(self) -> str | None:
        return self.missing


def with_tuner(kind: type[HybridStrategy], **options: Any) -> tuple[HybridStrategy, AdapterTuner]:
    """The strategy over a tuner that trains nothing."""
    adapter_tuner = AdapterTuner()

    class Tuning(kind):  # type: ignore[valid-type, misc]
        tuner: ClassVar[Tuner[Any]] = adapter_tuner

    return Tuning(**options), adapter_tuner


def topical(request: Request) -> str:
    words = set(request.messages[-1].content.split())
    return next(label for label, topic in TOPICS.items() if words & set(topic))


def pumps_context(fit_context: Callable[..., FitContext], **changes: Any) -> FitContext:
    """Questions about the pumps, a page for each of them."""
    documents = tuple(
        Document(f"{pump}.md", f"# {pump}\n\nPump {pump} holds {pressure(pump)}. Steel.\n")
        for pump in PUMPS
    )
    examples = [
        Example(str(number), row["input"], row["output"])
        for number, row in enumerate(rows(4))
        if "evidence" in row
    ]
    return fit_context(
        brief=Brief("Answer in two words.", "text", metric="exact_match"),
        train=tuple(examples[:24]),
        dev=tuple(examples[24:]),
        grounds=Grounds(Corpus(documents)),
        **changes,
    )


@pytest.mark.parametrize(
    ("kind", "over"), [(LoraPrompt, OptimizedPrompt), (LoraShots, FewShot), (LoraRag, Rag)]
)
def test_what_the_other_strategy_states_holds_of_the_hybrid(
    kind: type[HybridStrategy], over: type[Strategy]
) -> None:
    traits = kind.traits
    assert (traits.family, traits.tunes, traits.must_finish) == ("hybrid", True, True)
    assert traits.carries == over.traits.carries
    assert traits.looks_up_train == over.traits.looks_up_train
    assert traits.joins == ("zero_shot", over.name, "lora")
    assert kind().shot_limits("label", 3) == over().shot_limits("label", 3)
    assert kind().config.max_tokens == 2048


def test_models_and_encoders_of_the_prompt_are_the_hybrids() -> None:
    reflecting = LoraPrompt(prompt={"reflect": "fake:smart"})
    assert [spec.name for spec in reflecting.more_models] == ["smart"]
    assert not reflecting.follows_models and LoraPrompt().follows_models
    reading = LoraRag(prompt={"encoder": "openai:text-embedding-3-small"})
    assert [spec.name for spec in reading.encoders] == ["text-embedding-3-small"]
    assert not LoraRag().encoders
    cascade = build_strategy(
        StrategySpec("cascade", {"then": {"name": "lora_rag", "options": reading.options}})
    )
    assert cascade.encoders == reading.encoders


def test_refusals_are_of_the_task_then_of_the_model(brief: Brief) -> None:
    task = TaskFacts(brief, tickets(30))
    assert LoraRag().refusal(task) == NO_DOCUMENTS
    assert "cannot be tuned" in str(LoraShots().refusal(task, ModelSpec("openai", "x")))
    unlabelled = TaskFacts(brief, tuple(replace(one, output="") for one in tickets(30)))
    assert "reference" in str(LoraPrompt().refusal(unlabelled))


def test_a_check_of_the_prompt_names_both(brief: Brief) -> None:
    strategy = LoraPrompt(prompt={"reflect": "large"})
    with pytest.raises(
        ConfigError, match="strategy lora_prompt, option prompt: strategy optimized"
    ):
        strategy.check(TaskFacts(brief, tickets(30)), ())


def test_the_tuner_learns_under_the_prompt_that_was_found(
    fit_context: Callable[..., FitContext], tmp_path: Path
) -> None:
    strategy, tuner = with_tuner(LoraShots, prompt=FEW)
    context = fit_context()
    arms = strategy.fit(context)
    [alone, *_] = FewShot(**FEW).fit(context)
    assert [arm.name for arm in arms] == ["lora_shots", "lora_shots_free"]
    for arm in arms:
        assert isinstance(arm, PromptArm) and isinstance(alone, PromptArm)
        assert arm.prompt.recipe.shots == alone.prompt.recipe.shots
        assert arm.spec.base == SPEC != arm.spec
        assert arm.options["prompt_of"] == "few_shot" and arm.options["rank"] == 16
        assert arm.options["k"] == alone.options["k"]
        assert arm.fit.search["prompt"] == {"strategy": "few_shot", **alone.fit.search}
        budget = arm.fit.search["budget"]
        shots = sum(len(message.content) for message in tuner.samples[-1].messages)
        assert budget["allowed"] > 3 * 3 * len(context.train) * shots / 8
    asked = {sample.messages[-1].content for sample in tuner.samples}
    assert asked == {example.input for example in context.train}
    assert (context.folder / "prompt").is_dir()


def test_no_example_is_a_shot_of_its_own_lesson(fit_context: Callable[..., FitContext]) -> None:
    strategy, tuner = with_tuner(LoraShots, prompt=FEW)
    [arm, *_] = strategy.fit(fit_context())
    assert isinstance(arm, PromptArm)
    shots = {shot.input for shot in arm.prompt.recipe.shots}
    assert len(shots) == 6
    for sample in tuner.samples:
        *before, last = (message.content for message in sample.messages)
        assert last not in before
        assert sum(text in shots for text in before) == (5 if last in shots else 6)


def test_an_answer_with_passages_is_learnt_under_those_that_search_finds(
    fit_context: Callable[..., FitContext],
) -> None:
    options = {"k": [2], "passage_tokens": [60], "encoder": "none", "formats": ["system_user"]}
    strategy, tuner = with_tuner(LoraRag, prompt=options)
    context = pumps_context(fit_context)
    [arm] = strategy.fit(context)
    assert isinstance(arm, PromptArm) and arm.prompt.grounding is not None
    assert not arm.prompt.grounding.options.cites
    shots = [shot.input for shot in arm.prompt.recipe.shots]
    for example, sample in zip(context.train, tuner.samples, strict=True):
        [hits] = arm.prompt.grounding.hits([example.question])
        last = sample.messages[-1].content
        assert last.endswith(f"Question: {example.input}")
        assert all(hit.passage.text.strip() in last for hit in hits)
        before = [message.content for message in sample.messages[:-1]]
        assert not any(text.endswith(f"Question: {example.input}") for text in before)
        assert sample.output == example.output
    assert shots, "the prompt has shots to leave out"
    assert arm.fit.seconds > 0, "indexing took time"
    assert arm.machine_seconds == arm.fit.seconds + 3.0
    assert arm.fit.search["prompt"]["finding"]
    assert arm.options["passage_tokens"] == 60 and arm.options["finder"]


def test_a_saved_arm_has_its_passages_and_its_weights(
    fit_context: Callable[..., FitContext], tmp_path: Path
) -> None:
    options = {"k": [1], "passage_tokens": [60], "encoder": "none", "formats": ["system_user"]}
    strategy, _ = with_tuner(LoraRag, prompt=options)
    said = ScriptedModel(lambda request: request.messages[-1].content)
    [arm] = strategy.fit(pumps_context(fit_context, model=said))
    save_arm(replace_strategy(arm), tmp_path / "arm")
    built: list[ModelSpec] = []

    def build(spec: ModelSpec) -> Model:
        built.append(spec)
        return said

    restored = load_arm(tmp_path / "arm", build)
    asked = questions_of([Example("1", "What pressure does pump P3 hold?", "")])
    before, after = (one.answer_all(asked)[0].output for one in (arm, restored))
    assert before == after and "Pump P3 holds 3.3 bar" in str(after)
    [spec] = built
    assert spec.base == SPEC and spec.adapter is not None
    weights = Path(spec.adapter) / "adapter_model.safetensors"
    assert weights.is_relative_to(tmp_path / "arm") and weights.read_bytes() == b"weights"
    [source] = restored.sources(asked[0], restored.answer_all(asked)[0]).passages
    assert source.document == "P3.md"


def replace_strategy(arm: Arm) -> Arm:
    arm.strategy = LoraRag.name
    return arm


def test_the_search_of_prompts_gets_what_tuning_alone_does(brief: Brief) -> None:
    once = ExpectedPass(brief, SIZES)

    def limit(*specs: StrategySpec) -> tuple[int, str]:
        return tuple(allowance(0, brief, specs, once))

    hybrid = StrategySpec("lora_prompt", {"max_epochs": 9})
    lora = StrategySpec("lora", {"max_epochs": 1})
    assert limit(lora, hybrid) == limit(lora)
    assert limit(hybrid) == limit() and limit()[0] > limit(lora)[0] > 0


def test_the_hybrids_own_search_has_the_budget_of_the_run(
    fit_context: Callable[..., FitContext],
) -> None:
    strategy, _ = with_tuner(LoraPrompt, max_epochs=9)
    context = fit_context(tunings=(StrategySpec("lora_prompt", {"max_epochs": 9}),))
    arm = strategy.fit(context)[0]
    [alone, *_] = OptimizedPrompt().fit(replace(context, tunings=()))
    assert arm.fit.search["prompt"]["budget"] == alone.fit.search["budget"]
    assert arm.fit.search["prompt"]["trace"] == alone.fit.search["trace"]


@pytest.mark.parametrize("kind", HYBRIDS)
def test_a_forecast_is_the_search_and_training_under_its_prompt(
    kind: type[HybridStrategy], brief: Brief
) -> None:
    sizes = replace(SIZES, run=RunFacts(tunings=(StrategySpec(kind.name),)))
    hybrid, inner, lora = (
        one.forecast(brief, sizes)
        for one in (kind(), kind().inner, build_strategy(StrategySpec("lora")))
    )
    assert hybrid is not None and inner is not None and lora is not None
    assert hybrid.usage.requests == inner.usage.requests + lora.usage.requests
    assert hybrid.usage.trained_tokens > lora.usage.trained_tokens
    assert list(hybrid.per_answer) == [kind.name, f"{kind.name}_free"]
    assert (
        hybrid.per_answer[kind.name].input_tokens == inner.per_answer[kind.over.name].input_tokens
    )
    assert "asks once" in hybrid.note


def test_what_is_missing_is_said_before_the_search(fit_context: Callable[..., FitContext]) -> None:
    strategy, tuner = with_tuner(LoraShots)
    tuner.missing = "the extra 'local' is not installed"
    model = FakeModel("smart")
    with pytest.raises(MissingExtraError, match="strategy lora_shots: the extra 'local'"):
        strategy.fit(fit_context(model=model))
    assert model.calls == 0


def test_what_is_learnt_is_not_shown_before_the_search(brief: Brief) -> None:
    for kind in HYBRIDS:
        with pytest.raises(ConfigError, match=f"{kind.name}: its prompt is known only after"):
            kind().learnt(TaskFacts(brief, tickets(9)), SPEC, 3)
