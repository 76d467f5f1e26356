"""A student learns what its teacher answered rightly, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from steelyard.core import Completion, Example, Request, Usage
from steelyard.data.unlabelled import Unlabelled
from steelyard.errors import ConfigError, ModelError
from steelyard.families import STRATEGIES
from steelyard.model.base import ModelSpec
from steelyard.model.fake import FakeModel
from steelyard.model.fake_script import ScriptedModel
from steelyard.score import build_metric, build_metrics
from steelyard.strategy.base import Brief, FitContext, TaskFacts
from steelyard.strategy.distilled import Distilled
from steelyard.strategy.optimise.budget import allowance
from steelyard.strategy.optimise.one_pass import CountedPass, ExpectedPass
from steelyard.strategy.outlook import InputSizes, RunFacts, Sizes
from steelyard.strategy.prompting import PromptArm
from steelyard.strategy.teacher import Teacher
from steelyard.strategy.traits import StrategySpec
from steelyard.task import build_task
from steelyard.train.base import ChatSample, Passes, Tuned, Tuner, TuningJob
from steelyard.train.learnt import Learnt
from tests.score.judge.scripts import fences, judge
from tests.strategy.samples import SPEC, TOPICS, listed, tickets

TEXT = Brief("Reply to the customer at length.", "text", metric="rules")
EXAMPLES = Path(__file__).parents[2] / "examples" / "support-tickets" / "examples.jsonl"
"""A file that is there; its rows are not read."""
STRONG = ModelSpec("fake", "strong")
OTHER = "fake:smart?log=x"


class NotingTuner(Tuner[Any]):
    """Keeps what it is given; the tuned model is the one that ``build_model`` gives for ``tuned``."""

    def __init__(self) -> None:
        self.samples: list[ChatSample] = []
        self.dev: list[ChatSample] = []

    def tune(
        self,
        samples: Sequence[ChatSample],
        dev: Sequence[ChatSample],
        options: Any,
        job: TuningJob,
    ) -> Tuned:
        self.samples, self.dev = list(samples), list(dev)
        return Tuned(replace(job.spec, adapter="tuned"), Usage(trained_tokens=9), (), {})

    def learnt(
        self, samples: Sequence[ChatSample], options: Any, spec: ModelSpec, show: int
    ) -> Learnt:
        raise NotImplementedError

    def passes(self, options: Any) -> Passes:
        return Passes(2, 1)


class Student(Distilled):
    """`Distilled` over a tuner that trains nothing."""

    tuner: ClassVar[Tuner[Any]] = NotingTuner()


def taught(strategy: Student) -> NotingTuner:
    assert isinstance(strategy.tuner, NotingTuner)
    return strategy.tuner


def topic(request: Request) -> str:
    """The label whose words are in the ticket; tickets with an even number are taken for BILLING."""
    words = request.messages[-1].content.split()
    if any(word.isdigit() and int(word) % 2 == 0 for word in words):
        return "BILLING"
    return next(label for label, topical in TOPICS.items() if set(words) & set(topical))


def test_the_right_answers_are_learnt_under_the_short_instruction(
    fit_context: Callable[..., FitContext],
) -> None:
    context = fit_context(model=ScriptedModel(topic))
    strategy = Student(teacher="zero_shot")
    arm = strategy.fit(context)[0]
    right = [one for one in context.train if one.output == "BILLING" or int(one.id) % 2]
    samples = taught(strategy).samples
    assert [sample.output for sample in samples] == [one.output for one in right]
    assert [sample.messages[-1].content for sample in samples] == [one.input for one in right]
    assert {sample.messages[0].content for sample in samples} == {"Give the label."}
    teacher = arm.fit.search["teacher"]
    assert (teacher["inputs"], teacher["answered"], teacher["learnt"]) == (60, 60, 40)
    assert teacher["score"] == pytest.approx(40 / 60) and teacher["scored"] == 60
    assert teacher["dev_score"] == pytest.approx(40 / 60)
    assert arm.fit.training is not None
    first, second = arm.fit.training.notes
    assert "answered 60 inputs, 0 of its answers failed, 0 were cut, 20 did not pass" in first
    assert "40 are kept (accuracy of at least 1 passes); accuracy 0.667 over 60" in first
    assert f"{teacher['prompt_tokens']:,.0f} tokens a prompt" in second
    assert arm.options["teacher"] == "zero_shot on scripted" or "zero_shot on" in str(
        arm.options["teacher"]
    )
    assert (arm.options["keep"], arm.options["inputs"]) == ("right", "train")
    assert isinstance(arm, PromptArm) and arm.prompt.recipe.instruction == "Give the label."


def test_everything_usable_is_learnt_where_all_is_kept(
    fit_context: Callable[..., FitContext],
) -> None:
    strategy = Student(teacher="zero_shot", keep="all")
    arm = strategy.fit(fit_context(model=ScriptedModel(topic)))[0]
    outputs = [sample.output for sample in taught(strategy).samples]
    assert len(outputs) == 60 and outputs.count("BILLING") == 40
    assert arm.fit.search["teacher"]["score"] == pytest.approx(40 / 60), "said, not filtered by"


@pytest.mark.parametrize("keep", ["right", "all"])
def test_failed_and_cut_answers_are_never_learnt(
    keep: str, fit_context: Callable[..., FitContext]
) -> None:
    """Of thirty replies three fail, three are cut, and three break the only rule."""

    def reply(request: Request) -> str | Completion:
        number = next(int(w) for w in request.messages[-1].content.split() if w.isdigit())
        if number < 3:
            return ""
        text = "no thanks" if 6 <= number < 9 else f"thank you, {number}"
        length = "length" if number < 6 else "stop"
        limit = 10**6 if number < 6 else 1
        return Completion(text, length, input_tokens=5, output_tokens=limit)

    strategy = Student(teacher="zero_shot", keep=keep)
    train = tuple(Example(str(n), f"please help {n}", "") for n in range(30))
    dev = tuple(Example(f"d{n}", f"please help {n}", "") for n in range(30, 50))
    arm = strategy.fit(rules_context(fit_context, ScriptedModel(reply), train, dev))[0]
    numbers = [int(one.messages[-1].content.split()[-1]) for one in taught(strategy).samples]
    assert numbers == list(range(6 if keep == "all" else 9, 30))
    teacher = arm.fit.search["teacher"]
    assert (teacher["failed"], teacher["cut"], teacher["answered"]) == (3, 3, 24)
    assert [one.output for one in taught(strategy).dev] == [
        f"thank you, {one.messages[-1].content.split()[-1]}" for one in taught(strategy).dev
    ], "the loss is taken on the teacher's answers where dev has no references"
    assert len(taught(strategy).dev) == 20


@pytest.mark.parametrize("keep", ["right", "all"])
def test_a_judge_filters_replies_that_have_no_reference(
    keep: str, fit_context: Callable[..., FitContext]
) -> None:
    """It gives replies to even numbers the second best mark, and the others the worst but one."""

    def marked(request: Request) -> int:
        return int(fences(request)["THE REPLY TO MARK"].split()[-1])

    judging = ScriptedModel(lambda request: "2" if marked(request) % 2 else "4")
    metric = judge(judging, mode="rate")
    train = tuple(Example(str(n), f"please help {n}", "") for n in range(30))
    dev = tuple(Example(f"d{n}", f"please help {n}", "") for n in range(30, 40))
    context = fit_context(
        brief=Brief("Reply.", "text", metric="judge"),
        train=train,
        dev=dev,
        model=ScriptedModel(lambda request: f"of course, {number_in(request)}"),
        metric=metric,
    )
    strategy = Student(teacher="zero_shot", keep=keep)
    assert strategy.refusal(context.task, SPEC) is None
    arm = strategy.fit(context)[0]
    numbers = [int(one.output.split()[-1]) for one in taught(strategy).samples]
    of_train = [
        one for one in judging.requests if int(fences(one)["THE REPLY TO MARK"].split()[-1]) < 30
    ]
    teacher = arm.fit.search["teacher"]
    if keep == "all":
        assert numbers == list(range(30)) and not of_train, "nothing is paid for a filter not used"
        assert (teacher["score"], teacher["scored"]) == (None, 0)
    else:
        assert numbers == list(range(0, 30, 2)) and len(of_train) == 30
        assert teacher["score"] == pytest.approx(0.5), "half at 0.75, half at 0.25"
    assert teacher["answered"] == 30


def number_in(request: Request) -> int:
    """The number that an input ends with, whatever form it is asked in."""
    return int(re.findall(r"help (\d+)", request.messages[-1].content)[-1])


def rules_context(
    fit_context: Callable[..., FitContext],
    model: Any,
    train: tuple[Example, ...],
    dev: tuple[Example, ...],
) -> FitContext:
    """A task without outputs: a reply must hold ``thank you``."""
    task = build_task(
        {
            "name": "replies",
            "instruction": TEXT.instruction,
            "output": {"kind": "text"},
            "examples": str(EXAMPLES),
            "rules": [{"type": "contains", "words": ["thank you"]}],
        }
    )
    metric = build_metrics(task)[0]
    return fit_context(brief=TEXT, train=train, dev=dev, model=model, metric=metric)


def test_what_the_teachers_prompt_shows_is_not_asked(
    fit_context: Callable[..., FitContext],
) -> None:
    model = ScriptedModel(lambda request: topic(request))
    context = fit_context(model=model)
    strategy = Student(teacher="few_shot", teacher_options={"k": [2], "sets": 1}, keep="all")
    arm = strategy.fit(context)[0]
    assert arm.fit.search["teacher"]["in_its_prompt"] == 6
    assert len(taught(strategy).samples) == 54
    assert arm.fit.training is not None
    assert any(
        "6 inputs that the teacher's own prompt shows" in one for one in arm.fit.training.notes
    )


def test_a_teacher_that_looks_shots_up_is_not_shown_the_answer(
    fit_context: Callable[..., FitContext],
) -> None:
    """It repeats the answer of the nearest shot: its own would make it right everywhere."""
    seen: list[tuple[str, list[str]]] = []

    def copy(request: Request) -> str:
        turns = [one.content for one in request.messages]
        seen.append((turns[-1], turns[:-1]))
        return "BILLING"

    options = {"k": [1], "formats": ["system_user"]}
    strategy = Student(teacher="retrieved_few_shot", teacher_options=options, keep="all")
    context = fit_context(model=ScriptedModel(copy))
    strategy.fit(context)
    train = {one.input for one in context.train}
    asked = [(text, before) for text, before in seen if text in train]
    assert asked and all(text not in before for text, before in asked)
    assert any(set(before) & train for _, before in asked), "others are shown"


def test_another_model_teaches_and_the_student_answers(
    fit_context: Callable[..., FitContext],
) -> None:
    strong, student = ScriptedModel(topic, "strong"), FakeModel("smart")
    built: list[ModelSpec] = []

    def build(spec: ModelSpec) -> Any:
        built.append(spec)
        return strong if spec == STRONG else student

    context = replace(
        fit_context(model=student),
        build_model=build,
        models=listed(SPEC, STRONG, tags=("s", "big")),
    )
    assert Student(teacher=OTHER).more_models == (ModelSpec("fake", "smart?log=x"),)
    strategy = Student(teacher="big")
    assert strategy.follows_models and strategy.more_models == ()
    arm = strategy.fit(context)[0]
    assert arm.fit.search["teacher"]["model"] == "strong"
    assert built[0] == STRONG and built[-1].adapter == "tuned"
    assert len(strong.requests) >= 60 + 60, "its own dev, and every input"
    full = strong.requests[0].messages[0].content
    assert full.startswith("Classify the ticket."), "under the task's instruction"


def test_a_file_of_inputs_is_asked_instead_of_train(fit_context: Callable[..., FitContext]) -> None:
    inputs = tuple(replace(one, id=f"inputs/{one.id}") for one in tickets(24, offset=300))
    file = Unlabelled("new.jsonl", inputs, leaking=4, repeated=2)
    context = fit_context(model=ScriptedModel(topic), unlabelled={"new.jsonl": file})
    strategy = Student(teacher="zero_shot", inputs="new.jsonl", keep="all")
    assert strategy.input_files == ("new.jsonl",)
    arm = strategy.fit(context)[0]
    asked = [sample.messages[-1].content for sample in taught(strategy).samples]
    assert asked == [one.input for one in inputs]
    assert arm.fit.training is not None
    assert file.note in arm.fit.training.notes
    assert "left out: 4 because dev or test asks the same, or nearly and 2 because" in file.note


def test_inputs_that_cannot_be_filtered_are_refused(brief: Brief) -> None:
    bare = tuple(replace(one, output="") for one in tickets(24))
    file = {"new.jsonl": Unlabelled("new.jsonl", bare)}
    metric = build_metric("accuracy")
    task = TaskFacts(brief, tickets(30), None, file, metric)
    reason = Student(inputs="new.jsonl", teacher="zero_shot").refusal(task, SPEC)
    assert reason is not None and "24 inputs of new.jsonl have no reference output" in reason
    assert "set keep: all" in reason
    assert Student(inputs="new.jsonl", teacher="zero_shot", keep="all").refusal(task, SPEC) is None
    rules = TaskFacts(TEXT, bare, None, {}, build_metric("rules"))
    assert Student(teacher="zero_shot").refusal(rules, SPEC) is None
    ruleless = TaskFacts(TEXT, bare, None, file, build_metric("rules"))
    with pytest.raises(ConfigError, match="nothing to check in"):
        Student(inputs="new.jsonl", teacher="zero_shot").check(ruleless, listed(SPEC))


def test_too_few_answers_end_the_arm_with_the_counts(
    fit_context: Callable[..., FitContext],
) -> None:
    context = fit_context(model=ScriptedModel(lambda request: "?"))
    with pytest.raises(ModelError) as error:
        Student(teacher="zero_shot").fit(context)
    message = str(error.value)
    assert message.startswith("strategy distilled: the teacher answered 60 inputs, ")
    assert "0 are kept, and it takes at least 10: add inputs" in message
    assert message.endswith("or set keep: all, which learns wrong answers, too")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"teacher": "lora"}, "lora does not prompt one model; those that do: zero_shot"),
        ({"teacher": "cascade"}, "cascade does not prompt one model"),
        ({"teacher": "rag_oracle"}, "rag_oracle does not prompt one model"),
        ({"teacher": "majority"}, "majority does not prompt one model"),
        ({"teacher": "nope:x"}, "unknown"),
        ({"teacher": 3}, "must be a model, prompt or a strategy, got 3"),
        ({"teacher": "few_shot", "teacher_options": {"kk": 1}}, "did you mean 'k'"),
        ({"keep": "some"}, "keep"),
        ({"least_score": 2}, "least_score"),
    ],
)
def test_what_cannot_teach_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        Student(**options)
    assert message in str(error.value)


def test_a_name_that_is_no_strategy_and_no_model_is_refused(brief: Brief) -> None:
    task = TaskFacts(brief, tickets(30), None, {}, build_metric("accuracy"))
    with pytest.raises(
        ConfigError, match="'few_shoot', which is no strategy and none of the task's"
    ):
        Student(teacher="few_shoot").check(task, listed(SPEC))
    with pytest.raises(ConfigError, match="train holds 3 inputs, and it takes at least 10"):
        Student(teacher="zero_shot").check(task._replace(train=tickets(3)), listed(SPEC))


def test_the_forecast_holds_what_the_fit_asks(
    brief: Brief, fit_context: Callable[..., FitContext]
) -> None:
    """Of the same model in its own usage, of another one beside it, and its training on all inputs."""
    context = fit_context(model=ScriptedModel(topic))
    strategy = Student(teacher="zero_shot")
    strategy.fit(context)
    model = context.model
    assert isinstance(model, ScriptedModel)
    sizes = Sizes(60, 60, 40, 3, 20, 7, 1, 1, RunFacts(models=listed(SPEC)))
    same = strategy.forecast(brief, sizes)
    assert same is not None and not same.other_models
    assert len(model.requests) <= same.usage.requests
    other = Student(teacher=OTHER).forecast(brief, sizes)
    assert other is not None
    (use,) = other.other_models
    assert (use.role, use.spec.name, use.is_scored) == ("teacher", "smart?log=x", True)
    assert use.usage.requests + other.usage.requests == same.usage.requests
    run = RunFacts(models=listed(SPEC), inputs={"new.jsonl": InputSizes(600, 7)})
    more = Student(teacher="zero_shot", inputs="new.jsonl").forecast(brief, replace(sizes, run=run))
    assert more is not None
    assert more.usage.trained_tokens == 10 * same.usage.trained_tokens
    assert more.usage.requests == same.usage.requests + 540


def test_the_forecast_reads_the_lengths_of_the_file(brief: Brief) -> None:
    """Only its inputs are longer: what the search and dev take stays."""
    student = Student(teacher="zero_shot", inputs="new.jsonl")
    files = [{"new.jsonl": InputSizes(60, tokens)} for tokens in (7, 107)]
    short, long = (
        student.forecast(
            brief, Sizes(60, 60, 40, 3, 20, 7, 1, 1, RunFacts(models=listed(SPEC), inputs=file))
        )
        for file in files
    )
    assert short is not None and long is not None
    assert long.usage.input_tokens == short.usage.input_tokens + 60 * 100
    assert long.usage.trained_tokens == short.usage.trained_tokens + 2 * 60 * 100
    assert long.per_answer == short.per_answer and long.usage.requests == short.usage.requests


def test_a_prompt_search_beside_it_gets_what_it_may_take(
    fit_context: Callable[..., FitContext],
) -> None:
    long = tuple(replace(one, input=f"{one.input} {'so on ' * 30}") for one in tickets(200))
    file = {"new.jsonl": Unlabelled("new.jsonl", long)}
    context = fit_context(model=ScriptedModel(topic), unlabelled=file)
    student = Student(teacher="zero_shot", inputs="new.jsonl", keep="all")
    allowed = student.fit(context)[0].fit.search["budget"]["allowed"]
    tokens = student.tuning_tokens(context.brief, CountedPass(context))
    assert allowed <= tokens < 1.05 * allowed
    plain, beside = (
        allowance(0, context.brief, specs, CountedPass(context)).tokens
        for specs in (
            [StrategySpec("lora")],
            [
                StrategySpec("lora"),
                StrategySpec("distilled", {"teacher": "zero_shot", "inputs": "new.jsonl"}),
            ],
        )
    )
    assert beside > 3 * plain


def test_without_references_its_answers_are_taken_to_be_as_long_as_may_be(
    fit_context: Callable[..., FitContext],
) -> None:
    bare = tuple(replace(one, output="") for one in tickets(60))
    limited = replace(TEXT, max_output_tokens=300)
    once = CountedPass(fit_context(brief=limited, train=bare))
    assert once.answered("Say.", "train") == once.train("Say.") + 60 * 300
    sizes = Sizes(60, 60, 40, 0, 20, 7, 0, 0)
    expected = ExpectedPass(limited, sizes)
    assert expected.answered("Say.", "train") == expected.train("Say.") + 60 * 300


def test_it_is_found_by_its_name() -> None:
    assert STRATEGIES.get("distilled") is Distilled


def test_what_the_teachers_fit_took_is_the_students_too(
    fit_context: Callable[..., FitContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where it is `rag`, which indexes the documents."""
    fit = Teacher.fit

    def indexed(teacher: Teacher, context: FitContext) -> PromptArm:
        arm = fit(teacher, context)
        arm.fit = replace(arm.fit, seconds=5.0, embedded={"openai:e": 700.0})
        return arm

    monkeypatch.setattr(Teacher, "fit", indexed)
    arm = Student(teacher="zero_shot").fit(fit_context(model=ScriptedModel(topic)))[0]
    assert (arm.fit.seconds, arm.fit.embedded) == (5.0, {"openai:e": 700.0})
    assert arm.machine_seconds == 5.0, "and no training took any"
