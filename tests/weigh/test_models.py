"""Several models in one run: every strategy on each, each at its price, and one that fails."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import steelyard
from steelyard.core import Completion, Price, Question, Usage
from steelyard.errors import (
    BudgetError,
    ConfigError,
    CredentialError,
    EndpointError,
    ModelError,
    StorageError,
)
from steelyard.model import ModelSpec
from steelyard.model.fake_script import ScriptedModel
from steelyard.model.hosted.address import hosted_fingerprint
from steelyard.model.planned import PlannedModel
from steelyard.planning.identity import identity_of
from steelyard.planning.jobs import LeftOut
from steelyard.planning.plan import RunOptions, make_plan
from steelyard.planning.priced import check_prices
from steelyard.progress import Display
from steelyard.store.budget import Budget, prices_of
from steelyard.store.database import Store
from steelyard.store.tables import AskedModel
from steelyard.strategy.base import ArmFacts, Brief
from steelyard.strategy.cascade_arm import CascadeArm
from steelyard.strategy.prompt import Prompt, PromptRecipe
from steelyard.strategy.prompting import PromptArm
from steelyard.weigh import run
from steelyard.weigh.failed_arms import FailedArms
from steelyard.weigh.measured import measure_arm
from steelyard.weigh.opening import open_run
from steelyard.weigh.promotion import promote_recommended
from steelyard.weigh.request_money import Prices, mean_spent
from tests.model.endpoint import Endpoint, Reply, error, serving, stream
from tests.tickets import arms_of, write_task

REFERENCES = ["majority", "tfidf_linear", "nearest_neighbour"]


def hosted(endpoint: Endpoint, name: str = "small") -> dict[str, str]:
    return {"provider": "openai", "name": name, "base_url": endpoint.base_url}


def test_every_strategy_runs_on_each_model_and_each_is_priced_by_its_own(tmp_path: Path) -> None:
    prices = "prices: {echo: {input: 3, output: 5}, machine: {per_hour: 0.36}}\n"
    models = ["fake:smart", "fake:echo"]
    task = write_task(tmp_path / "task", rows=60, model=models, extra=prices)
    outcome = run(task, tmp_path / "out")
    result = outcome.result
    assert list(arms_of(result)) == [
        *REFERENCES,
        "zero_shot@smart",
        "zero_shot_free@smart",
        "few_shot@smart",
        "few_shot_free@smart",
        "zero_shot@echo",
        "zero_shot_free@echo",
        "few_shot@echo",
        "few_shot_free@echo",
    ]
    assert result["task"]["models"] == [
        {"name": "smart", "provider": "fake", "tag": "smart"},
        {"name": "echo", "provider": "fake", "tag": "echo"},
    ]
    assert {arm["model_tag"] for arm in result["arms"]} == {None, "smart", "echo"}
    assert len(result["comparisons"]) == len(result["arms"]) - 1
    assert result["ended"] == []
    assert [price["name"] for price in result["prices"]] == ["smart", "echo", "machine"]
    asked = arms_of(result)["zero_shot@echo"]
    tokens = asked["tokens"]
    paid = (tokens["input_mean"] * 3 + tokens["output_mean"] * 5) / 1e6
    assert asked["cost"]["per_request"] == pytest.approx(paid, rel=1e-4)
    assert arms_of(result)["zero_shot@smart"]["cost"]["per_request"] != asked["cost"]["per_request"]
    assert outcome.winner is not None and "few_shot@smart" in outcome.report.read_text("utf-8")
    saved = steelyard.load(outcome.folder / "arms" / "few_shot_free@echo")
    assert saved.model_name == "echo"


def test_a_model_that_joins_the_list_leaves_what_was_measured(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    smart = {"provider": "fake", "name": f"smart?log={log}", "tag": "smart"}
    strategies = ["zero_shot"]

    def weigh(*models: object) -> Any:
        folder = tmp_path / "task"
        return run(
            write_task(folder, rows=60, model=list(models), strategies=strategies), tmp_path / "out"
        ).result

    first = weigh(smart, "fake:echo")
    calls = log.read_text("utf-8")
    more = weigh(smart, "fake:echo", "fake:flaky")
    assert log.read_text("utf-8") == calls
    assert set(arms_of(more)) - set(arms_of(first)) == {"zero_shot@flaky", "zero_shot_free@flaky"}
    fewer = arms_of(weigh(smart, "fake:flaky"))
    assert set(fewer) == set(arms_of(more)), "what was measured stays in the result"
    kept = {name for name, arm in fewer.items() if arm["measured_before"]}
    assert kept == {"zero_shot@echo", "zero_shot_free@echo"}
    assert log.read_text("utf-8") == calls
    with pytest.raises(StorageError, match="its models differ"):
        weigh({**smart, "name": "echo"}, "fake:flaky")
    with pytest.raises(StorageError, match="one model against several"):
        weigh(smart)


def test_a_key_that_is_refused_ends_its_arms_and_going_on_finishes(tmp_path: Path) -> None:
    refuses = True

    def script(request: dict[str, Any], _: int) -> Reply:
        return error(401, "bad key") if refuses else stream("BILLING")

    with serving(script) as endpoint:
        models = ["fake:smart", hosted(endpoint)]
        quick = {"formats": ["system_user"], "dev_items": 6}
        strategies = [{"name": name, "options": quick} for name in ("zero_shot", "few_shot")]
        task = write_task(tmp_path / "task", rows=30, model=models, strategies=strategies)
        result = run(task, tmp_path / "out").result
        assert len(endpoint.requests) == 1, "one refusal is enough"
        assert "zero_shot@smart" in arms_of(result) and "zero_shot@small" not in arms_of(result)
        first, skipped = result["ended"]
        assert (first["strategy"], first["arm"], first["phase"]) == ("zero_shot@small", None, "fit")
        assert (first["model"], first["model_tag"]) == ("small", "small")
        assert "asks for a key" in first["reason"]
        assert (skipped["strategy"], skipped["phase"]) == ("few_shot@small", "skipped")
        assert any(
            "Could not measure zero_shot@small" in said for said in result["verdict"]["warnings"]
        )
        before = arms_of(result)["few_shot@smart"]
        refuses = False
        result = run(task, tmp_path / "out").result
    assert result["ended"] == []
    assert {"zero_shot@small", "few_shot_free@small"} <= set(arms_of(result))
    assert arms_of(result)["few_shot@smart"]["quality"] == before["quality"]


def test_one_model_with_a_wrong_key_stops_the_run_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(lambda request, before: error(401, "bad key")) as endpoint:
        task = write_task(tmp_path / "task", rows=60, model=hosted(endpoint))
        with pytest.raises(CredentialError, match="asks for a key"):
            run(task, tmp_path / "out")
        models = [hosted(endpoint), hosted(endpoint, "large")]
        both = write_task(tmp_path / "both", rows=60, model=models)
        assert steelyard_main(["run", str(both), "--out", str(tmp_path / "both-out")]) == 2
    assert not (tmp_path / "out" / "result.json").exists()
    last = capsys.readouterr().err.splitlines()[-1]
    assert "none of the models could be measured: small: " in last and "; large: " in last


def steelyard_main(argv: list[str]) -> int:
    from steelyard.cli import main

    return main(argv)


def test_an_endpoint_that_comes_back_is_asked_again_and_one_that_does_not_is_left(
    tmp_path: Path,
) -> None:
    models = ["fake:smart", "fake:echo"]
    plan = make_plan(write_task(tmp_path / "task", model=models), RunOptions())
    endings = FailedArms(plan, Display())
    first, second, third, _ = [job for job in plan.jobs if job.model is not None]
    with endings.catching(first):
        raise EndpointError("down")
    assert not endings.skips(second)
    with endings.catching(second, "few_shot@smart"):
        pass
    for _ in range(2):
        assert not endings.skips(second)
        with endings.catching(second, "few_shot@smart"):
            raise EndpointError("down again")
    assert endings.skips(second, "few_shot_free@smart")
    assert not endings.skips(third)
    assert [each.phase for each in endings.ended] == ["fit", "measure", "measure", "skipped"]
    endings.check_measured(1)
    assert endings.warnings() == (
        "Could not measure zero_shot@smart, few_shot@smart and few_shot_free@smart on smart: down; "
        "run again to resume",
    )
    with pytest.raises(ValueError, match="a bug"), endings.catching(third):
        raise ValueError("a bug")


def test_an_error_of_the_only_model_goes_on(tmp_path: Path) -> None:
    plan = make_plan(write_task(tmp_path / "task"), RunOptions())
    endings = FailedArms(plan, Display())
    with pytest.raises(ModelError, match="gone"), endings.catching(plan.jobs[-1]):
        raise ModelError("gone")
    assert endings.ended == []


def test_tuning_is_left_out_where_a_model_cannot_be_tuned(tmp_path: Path) -> None:
    strategies = ["zero_shot", "lora"]
    models = ["fake:smart", "smollm2-135m"]
    task = write_task(tmp_path / "task", model=models, strategies=strategies)
    plan = make_plan(task, RunOptions())
    keys = [job.key for job in plan.jobs]
    assert keys[3:] == ["zero_shot@smart", "zero_shot@smollm2-135m", "lora@smollm2-135m"]
    why = "the model behind 'fake' cannot be tuned on this machine"
    assert LeftOut("lora", why, "smart") in plan.left_out
    assert [each for each in plan.left_out if each.strategy == "lora"] == [
        LeftOut("lora", why, "smart")
    ]
    with pytest.raises(ConfigError, match="lora cannot run on fake:smart, fake:echo: the model"):
        make_plan(task, RunOptions(("lora",), ("fake:smart", "fake:echo")))


def test_models_of_the_command_line_replace_the_tasks(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", model=["fake:smart", "fake:flaky"])
    plan = make_plan(task, RunOptions(model=("fake:echo", "fake:smart")))
    assert [model.tag for model in plan.models] == ["echo", "smart"]
    alone = make_plan(task, RunOptions(model="fake:echo"))
    assert [job.key for job in alone.jobs] == [*REFERENCES, "zero_shot", "few_shot"]


def test_a_cascade_spans_the_models_and_is_fitted_once(tmp_path: Path) -> None:
    cascade = {"name": "cascade", "options": {"first": "zero_shot", "then": "few_shot"}}
    prices = "prices: {smart: {input: 1, output: 1}, echo: {input: 100, output: 100}}\n"
    models = ["fake:smart", "fake:echo"]
    task = write_task(tmp_path / "t", rows=60, model=models, strategies=[cascade], extra=prices)
    arm = arms_of(run(task, tmp_path / "out").result)["cascade"]
    assert arm["model_tag"] == "smart + echo"
    dear = (arm["tokens"]["input_mean"] + arm["tokens"]["output_mean"]) / 1e6
    assert dear <= arm["cost"]["per_request"] <= 100 * dear


def test_what_several_models_were_asked_is_priced_by_each() -> None:
    cheap, dear = (
        PlannedModel(tag, ModelSpec("openai", tag), Price(input=Decimal(price), output=Decimal(0)))
        for tag, price in (("a", 1), ("b", 100))
    )
    answered = [
        Completion("x", "stop", 300, spent={"a": Usage(1, 100), "b": Usage(1, 200)}),
        Completion("x", "stop", 100, spent={"a": Usage(1, 100)}),
        Completion("x", "stop", 400),
    ]
    spent = mean_spent(answered)
    assert {name: usage.input_tokens * 3 for name, usage in spent.items()} == {
        "a": pytest.approx(200),
        "b": pytest.approx(200),
        "": pytest.approx(400),
    }
    money = Prices((cheap, dear), cheap.price).of(
        {"a": Usage(1, 1e6), "b": Usage(1, 1e6), "": Usage(1, 1e6)}
    )
    assert money.amount == 102


def test_a_search_costs_the_same_whatever_ran_before(tmp_path: Path) -> None:
    cascade = {"name": "cascade", "options": {"then": "few_shot"}}
    prices = "prices: {smart: {input: 3, output: 5}}\nconsistency: false\n"
    taken = []
    for name, strategies in (("after", ["few_shot", cascade]), ("alone", [cascade])):
        task = write_task(tmp_path / name, rows=60, strategies=strategies, extra=prices)
        found = arms_of(run(task, tmp_path / f"{name}-run").result)
        taken.append(found["cascade"]["fit"])
        few_shot = found.get("few_shot", found["cascade"])
    assert taken[0]["requests"] == taken[1]["requests"]
    assert taken[0]["requests"]["input_tokens"] >= few_shot["fit"]["requests"]["input_tokens"] > 0


TWINS = (
    ModelSpec("openai", "same", base_url="http://127.0.0.1:1/v1"),
    ModelSpec("openai", "same", base_url="http://127.0.0.1:2/v1"),
)


def test_two_endpoints_under_one_name_are_priced_each_by_its_own() -> None:
    planned = [
        PlannedModel(tag, spec, Price(input=Decimal(price), output=Decimal(0)))
        for tag, spec, price in zip("ab", TWINS, (1, 100), strict=True)
    ]
    brief = Brief("Classify.", "label", ("BILLING", "OTHER"))
    unsure = Completion("BILLING", "choice", 7, probabilities={"BILLING": 0.5, "OTHER": 0.5})
    model = ScriptedModel(lambda _: unsure)
    prompt = Prompt(PromptRecipe("Classify.", "system_user", choices=brief.labels))
    facts = ArmFacts("zero_shot", "zero_shot", brief)
    parts = [PromptArm(facts, prompt, spec, lambda _: model) for spec in TWINS]
    cascade = CascadeArm(ArmFacts("cascade", "cascade", brief), (parts[0], parts[1]), 0.9)
    [answer] = cascade.answer_all([Question("hello")])
    spent = mean_spent([answer.completion])
    assert Prices(planned, planned[0].price).of(spent).amount == Decimal(7 * 101) / 10**6


def test_the_cap_knows_a_batch_from_what_is_asked_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    model = {"provider": "openai", "name": "gpt-4o-mini"}
    models = [model, model | {"batch": True, "tag": "batch"}]
    task = write_task(tmp_path / "task", rows=30, model=models)
    plan = make_plan(task, RunOptions(max_cost=Decimal(5)))
    budget = Budget(Decimal(5), prices_of((each.spec, each.price) for each in plan.all_models))
    paid = []
    for each in plan.models:
        asked = AskedModel(hosted_fingerprint(each.spec), each.spec.name)
        before = budget.spent
        budget.resume({asked: Usage(1, 10**6)})
        paid.append(budget.spent - before)
    assert paid[0] == 2 * paid[1] > 0


def test_the_classical_part_of_a_cascade_takes_machine_time(tmp_path: Path) -> None:
    cascade = {"name": "cascade", "options": {"first": "tfidf_linear", "then": "zero_shot"}}
    costs = []
    for hour in (1, 10**6):
        extra = (
            f"prices: {{smart: {{input: 0, output: 0}}, machine: {{per_hour: {hour}}}}}\n"
            "consistency: false\n"
        )
        folder = tmp_path / str(hour)
        task = write_task(folder, rows=60, strategies=[cascade], extra=extra)
        costs.append(arms_of(run(task, tmp_path / f"{hour}-run").result)["cascade"]["cost"])
    assert costs[1]["upfront"] > 1000 * costs[0]["upfront"] > 0
    assert costs[1]["per_request"] > 1000 * costs[0]["per_request"] > 0


REFLECTED = {"name": "optimized_prompt", "options": {"reflect": "fake:echo?local=0"}}


def test_a_model_that_reflects_is_in_the_plan_at_its_own_price(tmp_path: Path) -> None:
    pytest.importorskip("gepa")
    extra = (
        "prices: {'smart?local=0': {input: 3, output: 5}, "
        "'echo?local=0': {input: 30000, output: 50000}}\n"
    )
    task = write_task(
        tmp_path / "t", model="fake:smart?local=0", strategies=[REFLECTED], extra=extra
    )
    plan = make_plan(task, RunOptions(max_cost=Decimal(50)))
    assert [each.price.input for each in plan.all_models] == [3, 30000]
    with pytest.raises(BudgetError):  # the first reflection may cost more than is left
        run(task, tmp_path / "out", max_cost=Decimal(50))
    upfront = arms_of(run(task, tmp_path / "out").result)["optimized_prompt"]["cost"]["upfront"]
    assert upfront > 50
    unpriced = {"name": "optimized_prompt", "options": {"reflect": "openai:nobody-sells-this"}}
    task = write_task(
        tmp_path / "u", model="fake:smart?local=0", strategies=[unpriced], extra=extra
    )
    with pytest.raises(ConfigError, match="needs the price of nobody-sells-this"):
        make_plan(task, RunOptions(max_cost=Decimal(50)))


def test_a_model_that_cannot_reflect_ends_no_arm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("gepa")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    search = {"name": "optimized_prompt", "options": {"reflect": "openai:gpt-4o", "budget": 20_000}}
    models = ["fake:smart", "fake:echo"]
    task = write_task(
        tmp_path / "t", rows=60, model=models, strategies=[search], extra="consistency: false\n"
    )
    result = run(task, tmp_path / "out").result
    assert result["ended"] == []
    for tag in ("smart", "echo"):
        told = arms_of(result)[f"optimized_prompt@{tag}"]["options"]["search"]["reflect"]
        assert told["model"] == "gpt-4o"
        assert "could not be asked" in told["reason"] and "OPENAI_API_KEY" in told["reason"]


def test_currencies_are_not_mixed() -> None:
    models = [
        PlannedModel(name, ModelSpec("openai", name), Price(currency))
        for name, currency in (("a", "USD"), ("b", "EUR"))
    ]
    with pytest.raises(ConfigError, match=r"the price of b is in EUR .*, and this task in USD"):
        check_prices(models, "USD")


def test_the_json_of_a_run_holds_the_list(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", rows=60, model=["fake:smart", "fake:echo"])
    plan = make_plan(task, RunOptions())
    assert json.loads(json.dumps(identity_of(plan)))["models"].keys() == {"smart", "echo"}


def test_a_winner_that_cannot_be_asked_again_is_not_promoted(tmp_path: Path) -> None:
    quick = {"name": "zero_shot", "options": {"formats": ["system_user"], "dev_items": 6}}
    is_down = False

    def script(request: dict[str, Any], _: int) -> Reply:
        return error(401, "bad key") if is_down else stream("BILLING")

    with serving(script) as endpoint:
        models = ["fake:echo", hosted(endpoint)]
        task = write_task(tmp_path / "task", rows=30, model=models, strategies=[quick])
        folder = run(task, tmp_path / "out").folder
        is_down = True
        plan = make_plan(task, RunOptions(no_cache=False))
        with open_run(plan, folder, Display()) as steps:
            job = next(job for job in plan.jobs if job.key == "zero_shot@small")
            [arm, _] = steps.fit(job)
            outcome = promote_recommended(steps, [measure_arm(steps, job, arm)], arm.name)
    assert outcome.promoted is False and "could not be asked again" in str(outcome.reason)
    assert not (folder / "winner").exists()


def test_a_cascade_goes_on_without_a_model_it_does_not_ask(tmp_path: Path) -> None:
    cascade = {
        "name": "cascade",
        "options": {"first": "tfidf_linear", "then": {"name": "zero_shot", "model": "echo"}},
    }
    with serving(lambda request, before: error(401, "bad key")) as endpoint:
        models = ["fake:smart", "fake:echo", hosted(endpoint)]
        strategies = ["zero_shot", cascade]
        quick = "consistency: false\n"
        task = write_task(tmp_path / "t", rows=45, model=models, strategies=strategies, extra=quick)
        result = run(task, tmp_path / "out").result
    assert "cascade" in arms_of(result)
    assert [each["strategy"] for each in result["ended"]] == ["zero_shot@small"]


def test_a_cascade_is_not_tried_without_a_model_that_it_asks(tmp_path: Path) -> None:
    cascade = {"name": "cascade", "options": {"then": {"name": "zero_shot", "model": "echo"}}}
    models, strategies = ["fake:smart", "fake:echo"], ["zero_shot", cascade]
    plan = make_plan(
        write_task(tmp_path / "task", model=models, strategies=strategies), RunOptions()
    )
    endings = FailedArms(plan, Display())
    jobs = {job.key: job for job in plan.jobs}
    for tag, is_skipped in (("smart", False), ("echo", True)):
        with endings.catching(jobs[f"zero_shot@{tag}"]):
            raise CredentialError("the endpoint refused the key")
        assert endings.skips(jobs["cascade"]) is is_skipped
    assert (endings.ended[-1].strategy, endings.ended[-1].model_tag) == ("cascade", "echo")


def test_a_cascade_is_fitted_anew_where_the_list_of_models_changes(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    smart, echo = (
        {"provider": "fake", "name": f"{n}?log={log}", "tag": n} for n in ("smart", "echo")
    )
    strategies = ["zero_shot", {"name": "cascade", "options": {"then": "zero_shot"}}]
    extra = "prices: {flaky: {input: 100000, output: 100000}}\n"

    def weigh(*models: object) -> Any:
        folder = tmp_path / "task"
        task = write_task(folder, rows=60, model=list(models), strategies=strategies, extra=extra)
        return arms_of(run(task, tmp_path / "out").result)["cascade"]

    with_flaky = weigh(smart, echo, "fake:flaky")
    assert with_flaky["options"]["then"]["model"] == "flaky"
    without = weigh(smart, echo)
    assert without["options"]["then"]["model"] == echo["name"]
    assert with_flaky["cost"]["upfront"] > 100 * without["cost"]["upfront"]
    calls = log.read_text("utf-8")
    assert weigh(smart, echo) == without
    back = weigh(smart, echo, "fake:flaky")
    assert back["options"]["then"] == with_flaky["options"]["then"]
    assert back["quality"] == with_flaky["quality"]
    assert back["tokens"] == with_flaky["tokens"]
    assert log.read_text("utf-8") == calls, "what was answered is not asked again"


def test_only_a_fit_that_the_list_decides_follows_it(tmp_path: Path) -> None:
    search = {"name": "optimized_prompt", "options": {"reflect": "none"}}
    models, strategies = ["fake:smart", "fake:echo"], ["zero_shot", "cascade", "optimized_prompt"]
    task = write_task(tmp_path / "t", model=models, strategies=strategies)
    plan = make_plan(task, RunOptions())
    whole = [["smart", "fake:smart"], ["echo", "fake:echo"]]
    followed = {job.key: job.followed(plan.models) for job in plan.jobs}
    assert [followed[key] for key in ("zero_shot@smart", "tfidf_linear")] == [[], []]
    assert [followed[key] for key in ("cascade", "optimized_prompt@echo")] == [whole, whole]
    alone = make_plan(write_task(tmp_path / "a", model=models, strategies=[search]), RunOptions())
    assert {str(job.followed(alone.models)) for job in alone.jobs} == {"[]"}


def test_a_model_that_the_run_does_not_know_has_no_known_price() -> None:
    known = PlannedModel("a", TWINS[0], Price(input=Decimal(1), output=Decimal(1)))
    money = Prices((known,), known.price).of({"a": Usage(1, 5.0), "gone": Usage(1, 5.0)})
    assert money.amount is None
    assert money.reason == "the price of gone is unknown: it is not one of the run's models"


def test_what_a_model_cost_that_left_counts_under_the_cap(tmp_path: Path) -> None:
    quick = {"name": "zero_shot", "options": {"formats": ["system_user"], "dev_items": 6}}
    with serving(lambda request, before: stream("BILLING")) as endpoint:

        def weigh(names: list[str], cap: str) -> None:
            prices = ", ".join(f"{name}: {{input: 1000, output: 1000}}" for name in names)
            extra = f"consistency: false\nprices: {{{prices}}}\n"
            models = [hosted(endpoint, name) for name in names]
            folder = tmp_path / "task"
            task = write_task(folder, rows=30, model=models, strategies=[quick], extra=extra)
            run(task, tmp_path / "out", max_cost=Decimal(cap))

        weigh(["first", "second"], "999")
        asked = len(endpoint.requests)
        with pytest.raises(BudgetError, match=r"of --max-cost 0\.5"):
            weigh(["third", "fourth"], "0.5")
        assert len(endpoint.requests) == asked


def test_what_answers_show_after_the_fit_is_told(tmp_path: Path) -> None:
    quick = {"name": "zero_shot", "options": {"formats": ["system_user"], "dev_items": 6}}

    def script(request: dict[str, Any], before: int) -> Reply:
        return stream("BILLING", usage=None) if before > 20 else stream("BILLING")

    with serving(script) as endpoint:
        extra = "consistency: false\n"
        task = write_task(
            tmp_path / "t", rows=60, model=hosted(endpoint), strategies=[quick], extra=extra
        )
        done = run(task, tmp_path / "out")
    store = Store.in_folder(done.folder)
    fitted = (store.step("fit:zero_shot") or {})["model"]
    store.close()
    note = "the endpoint reports no usage with some answers: their tokens are estimated"
    assert note not in fitted.get("endpoint", "")
    assert done.result["machine"]["endpoint"].split("; ").count(note) == 1
