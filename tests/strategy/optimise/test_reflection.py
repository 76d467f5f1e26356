from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from steelyard.core import Completion, Request
from steelyard.errors import ConfigError, EndpointError, SteelyardError
from steelyard.model.base import Model, ModelSpec
from steelyard.model.fake_script import ScriptedModel
from steelyard.strategy import StrategySpec, build_strategy
from steelyard.strategy.base import Brief, FitContext, TaskFacts
from steelyard.strategy.optimise.reflecting import ReflectionChoice
from steelyard.strategy.optimise.reflection import Reflector, read_instruction
from steelyard.strategy.prompting import PromptArm
from tests.strategy.optimise.players import MAGIC, Remembering, keen, said
from tests.strategy.samples import SPEC, listed

pytest.importorskip("gepa")
MakeContext = Callable[..., FitContext]
HOSTED = ModelSpec("openai", "big")
BUDGET = {"budget": 120_000, "candidates": 6, "formats": "system_user"}


def wise(request: Request) -> str:
    """Finds the magic words once it is shown an answer that was wrong."""
    assert "<instruction>" in said(request)
    if "the reference is" not in said(request):
        return "It is perfect already."
    return f"Hm.\n<instruction>\nClassify. {MAGIC}\n</instruction>"


def fit(context: FitContext, **options: object) -> PromptArm:
    strategy = build_strategy(StrategySpec("optimized_prompt", {**BUDGET, **options}))
    arm = strategy.fit(context)[0]
    assert isinstance(arm, PromptArm)
    return arm


def both(target: Model, reflector: Model) -> dict[str, Any]:
    """The fields of a context in which the big model is the reflector."""
    builder = lambda spec: reflector if spec == HOSTED else target  # noqa: E731
    return {"model": target, "build_model": builder, "models": listed(SPEC, HOSTED)}


def test_a_reflected_instruction_wins_where_it_is_better(fit_context: MakeContext) -> None:
    target, reflector = ScriptedModel(keen), ScriptedModel(wise, "wise", local=False)
    arm = fit(fit_context(**both(target, reflector)))
    assert MAGIC in arm.options["instruction"]
    search = arm.fit.search
    assert search["reflect"]["model"] == "wise"
    assert search["reflect"]["accepted"] >= 1
    assert search["reflect"]["requests"] == len(reflector.requests) > 0
    assert search["reflect"]["input_tokens"] > search["reflect"]["output_tokens"] > 0
    assert "reflect" in {trial["stage"] for trial in search["trace"]}
    assert "reflect" in [step["stage"] for step in search["gain"]]
    assert search["dev_calls"] == sum(trial["asked"] for trial in search["trace"])
    request = reflector.requests[0]
    assert request.temperature == 1.0
    assert len({each.nonce for each in reflector.requests}) == len(reflector.requests)
    assert "The only answers are BILLING, TECHNICAL, ACCOUNT" in said(request)


@pytest.mark.parametrize("patience", [40, 130])
def test_a_killed_reflection_goes_on_where_it_was(fit_context: MakeContext, patience: int) -> None:
    def models() -> tuple[Remembering, Remembering]:
        return Remembering(ScriptedModel(keen)), Remembering(ScriptedModel(wise, "wise"))

    whole = models()
    expected = fit(fit_context(**both(*whole)))
    killed = models()
    killed[0].patience = patience
    with pytest.raises(KeyboardInterrupt):
        fit(fit_context(**both(*killed)))
    killed[0].patience = None
    random.seed(patience)  # its own generator decides, not Python's
    resumed = fit(fit_context(**both(*killed)))
    assert resumed.options == expected.options
    assert [model.asked for model in killed] == [model.asked for model in whole]


def test_a_reflector_that_says_nothing_of_use_ends_it(fit_context: MakeContext) -> None:
    reflector = ScriptedModel(lambda request: "I would rather not.", "mute")
    arm = fit(fit_context(**both(ScriptedModel(keen), reflector)))
    assert len(reflector.requests) == 3
    assert arm.fit.search["reflect"]["accepted"] == 0
    failed = Completion("", "error", failure="the endpoint is down")
    reflector = ScriptedModel(lambda request: failed, "down")
    fit(fit_context(**both(ScriptedModel(keen), reflector)))
    assert len(reflector.requests) == 3


def test_the_cap_on_money_stops_a_search_that_reflects(fit_context: MakeContext) -> None:
    def broke(request: Request) -> str:
        raise SteelyardError("stopped at 5.00 USD of --max-cost 5.00")

    context = fit_context(**both(ScriptedModel(keen), ScriptedModel(broke, "dear")))
    with pytest.raises(SteelyardError, match="--max-cost"):
        fit(context)


def test_a_reflector_that_goes_away_ends_the_reflection_only(fit_context: MakeContext) -> None:
    asked: list[Request] = []

    def leaving(request: Request) -> str:
        asked.append(request)
        if len(asked) > 2:
            raise EndpointError("the endpoint is gone")
        return wise(request)

    arm = fit(fit_context(**both(ScriptedModel(keen), ScriptedModel(leaving, "leaving"))))
    told = arm.fit.search["reflect"]
    assert (told["model"], told["requests"]) == ("leaving", 2)
    assert "could not be asked: the endpoint is gone" in told["reason"]


def test_the_arms_own_model_failing_at_reflection_is_its_own_failure(
    fit_context: MakeContext,
) -> None:
    def leaving(request: Request) -> str:
        if "<instruction>" in said(request):
            raise EndpointError("the endpoint is gone")
        return keen(request)

    own = ScriptedModel(leaving, "own", local=False)
    context = fit_context(model=own, spec=HOSTED, build_model=lambda _: own)
    with pytest.raises(EndpointError, match="gone"):
        fit(context)


def test_nothing_is_printed_and_questions_stay_bounded(
    fit_context: MakeContext, capsys: pytest.CaptureFixture[str]
) -> None:
    target, reflector = ScriptedModel(keen, local=False), ScriptedModel(wise, "wise")
    fit(fit_context(**both(target, reflector)), budget=10**9, max_calls=300)
    assert len(target.requests) + len(reflector.requests) <= 300
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")


def test_who_reflects(fit_context: MakeContext) -> None:
    both_specs = fit_context(models=listed(SPEC, HOSTED, tags=("small", "big-one")))
    assert ReflectionChoice().among(both_specs.models) == (HOSTED, "")
    assert ReflectionChoice.parse("small").among(both_specs.models) == (SPEC, "")
    assert ReflectionChoice.parse("big").among(both_specs.models) == (HOSTED, "")
    assert ReflectionChoice.parse("none").among(both_specs.models) == (
        None,
        "turned off (reflect: none)",
    )
    spec, reason = ReflectionChoice.parse("auto").among(fit_context().models)
    assert spec is None and "name a stronger one" in reason
    named = ReflectionChoice.parse({"provider": "openai", "name": "x", "base_url": "http://a.b/v1"})
    assert named.among(both_specs.models)[0] == ModelSpec("openai", "x", base_url="http://a.b/v1")
    assert ReflectionChoice.parse("groq:llama").among(both_specs.models)[0] is not None
    with pytest.raises(ConfigError, match=r"names 'smal', which is not one .* \(small, big-one\)"):
        ReflectionChoice.parse("smal").among(both_specs.models)


def test_only_a_small_model_means_no_reflection(fit_context: MakeContext) -> None:
    arm = fit(fit_context(model=ScriptedModel(keen)))
    told = arm.fit.search["reflect"]
    assert told["model"] is None and "reflect: MODEL" in told["reason"]


@pytest.mark.parametrize(
    ("text", "instruction"),
    [
        ("<instruction>Do it.</instruction>", "Do it."),
        ("<instruction>a</instruction> no: <instruction>\nb\nc\n</instruction>", "b\nc"),
        ("<instruction> </instruction>", None),
        ("Do it.", None),
    ],
)
def test_an_instruction_is_read_from_between_the_marks(text: str, instruction: str | None) -> None:
    assert read_instruction(text) == instruction


def test_braces_in_what_is_shown_stay_as_they_are() -> None:
    model = ScriptedModel(lambda request: "<instruction>x</instruction>")
    record = {"input": "{number} {words}", "output": "{a}", "judgement": "right"}
    assert Reflector(model, "").better("Be {judgement}.", [record]) == "x"
    text = said(model.requests[0])
    assert "{number} {words}" in text and "Be {judgement}." in text and "Input 1:" in text


def test_a_tag_that_is_no_model_of_the_task_is_refused_before_anything_is_asked() -> None:
    strategy = build_strategy(StrategySpec("optimized_prompt", {"reflect": "lrage"}))
    brief = Brief("Say.", "label", ("A", "B"))
    models = listed(SPEC, HOSTED, tags=("small", "large"))
    with pytest.raises(ConfigError, match="reflect names 'lrage', which is not one of the task's"):
        strategy.check(TaskFacts(brief, ()), models)
    named = build_strategy(StrategySpec("optimized_prompt", {"reflect": "large"}))
    named.check(TaskFacts(brief, ()), models)
