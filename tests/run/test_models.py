"""Several models in one run: every strategy on each, each at its price, and one that fails."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import steelyard
from steelyard.core import Completion, Price, Spent
from steelyard.cost import Usage
from steelyard.errors import ConfigError, CredentialError, EndpointError, ModelError, StorageError
from steelyard.model import ModelSpec
from steelyard.run import run
from steelyard.run.conductor import _measure_arm, _promote, _steps
from steelyard.run.endings import Endings
from steelyard.run.jobs import LeftOut, PlannedModel
from steelyard.run.plan import RunOptions, _check_money, make_plan
from steelyard.run.progress import Display
from steelyard.run.store import Store
from steelyard.run.weigh import Prices, mean_spent
from tests.model.endpoint import Endpoint, Reply, error, serving, stream
from tests.run.tickets import write_task

REFERENCES = ["majority", "tfidf_linear", "nearest_neighbour"]


def hosted(endpoint: Endpoint, name: str = "small") -> dict[str, str]:
    return {"provider": "openai", "name": name, "base_url": endpoint.base_url}


def arms(result: Any) -> dict[str, Any]:
    return {arm["name"]: arm for arm in result["arms"]}


def test_every_strategy_runs_on_each_model_and_each_is_priced_by_its_own(tmp_path: Path) -> None:
    prices = "prices: {echo: {input: 3, output: 5}, machine: {per_hour: 0.36}}\n"
    models = ["fake:smart", "fake:echo"]
    task = write_task(tmp_path / "task", rows=60, model=models, extra=prices)
    outcome = run(task, tmp_path / "out")
    result = outcome.result
    assert list(arms(result)) == [
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
    asked = arms(result)["zero_shot@echo"]
    tokens = asked["tokens"]
    paid = (tokens["input_mean"] * 3 + tokens["output_mean"] * 5) / 1e6
    assert asked["cost"]["per_request"] == pytest.approx(paid, rel=1e-4)
    assert arms(result)["zero_shot@smart"]["cost"]["per_request"] != asked["cost"]["per_request"]
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
    assert set(arms(more)) - set(arms(first)) == {"zero_shot@flaky", "zero_shot_free@flaky"}
    assert set(arms(weigh(smart, "fake:flaky"))) & {"zero_shot@echo"} == set()
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
        assert "zero_shot@smart" in arms(result) and "zero_shot@small" not in arms(result)
        first, skipped = result["ended"]
        assert (first["strategy"], first["arm"], first["phase"]) == ("zero_shot@small", None, "fit")
        assert (first["model"], first["model_tag"]) == ("small", "small")
        assert "refused the key" in first["reason"]
        assert (skipped["strategy"], skipped["phase"]) == ("few_shot@small", "skipped")
        assert any("Ended: zero_shot@small" in said for said in result["verdict"]["warnings"])
        before = arms(result)["few_shot@smart"]
        refuses = False
        result = run(task, tmp_path / "out").result
    assert result["ended"] == []
    assert {"zero_shot@small", "few_shot_free@small"} <= set(arms(result))
    assert arms(result)["few_shot@smart"]["quality"] == before["quality"]


def test_one_model_with_a_wrong_key_stops_the_run_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(lambda request, before: error(401, "bad key")) as endpoint:
        task = write_task(tmp_path / "task", rows=60, model=hosted(endpoint))
        with pytest.raises(CredentialError, match="refused the key"):
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
    endings = Endings(plan, Display())
    first, second, third, _ = [job for job in plan.jobs if job.model is not None]
    with endings.bearing(first):
        raise EndpointError("down")
    assert not endings.skips(second)
    with endings.bearing(second, "few_shot@smart"):
        pass
    for _ in range(2):
        assert not endings.skips(second)
        with endings.bearing(second, "few_shot@smart"):
            raise EndpointError("down again")
    assert endings.skips(second, "few_shot_free@smart")
    assert not endings.skips(third)
    assert [each.phase for each in endings.ended] == ["fit", "measure", "measure", "skipped"]
    endings.check_measured(1)
    assert endings.warnings() == (
        "Ended: zero_shot@smart, few_shot@smart and few_shot_free@smart could not be measured on "
        "smart: down; run again to go on",
    )
    with pytest.raises(ValueError, match="a bug"), endings.bearing(third):
        raise ValueError("a bug")


def test_an_error_of_the_only_model_goes_on(tmp_path: Path) -> None:
    plan = make_plan(write_task(tmp_path / "task"), RunOptions())
    endings = Endings(plan, Display())
    with pytest.raises(ModelError, match="gone"), endings.bearing(plan.jobs[-1]):
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
    with pytest.raises(ConfigError, match="strategy lora cannot run: the model behind 'fake'"):
        make_plan(task, RunOptions(model=("fake:smart", "fake:echo")))


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
    arm = arms(run(task, tmp_path / "out").result)["cascade"]
    assert arm["model_tag"] == "smart + echo"
    dear = (arm["tokens"]["input_mean"] + arm["tokens"]["output_mean"]) / 1e6
    assert dear <= arm["cost"]["per_request"] <= 100 * dear


def test_what_several_models_were_asked_is_priced_by_each() -> None:
    cheap, dear = (
        PlannedModel(tag, ModelSpec("openai", tag), Price(input=Decimal(price), output=Decimal(0)))
        for tag, price in (("a", 1), ("b", 100))
    )
    answered = [
        Completion("x", "stop", 300, spent=(Spent("a", 100), Spent("b", 200))),
        Completion("x", "stop", 100, spent=(Spent("a", 100),)),
        Completion("x", "stop", 400),
    ]
    spent = mean_spent(answered)
    assert {name: usage.input_tokens * 3 for name, usage in spent.items()} == {
        "a": pytest.approx(200),
        "b": pytest.approx(200),
        "": pytest.approx(400),
    }
    money = Prices((cheap, dear), cheap.price).of(
        {"a": Usage(1e6), "b": Usage(1e6), "": Usage(1e6)}
    )
    assert money.amount == 102


def test_currencies_are_not_mixed() -> None:
    models = [
        PlannedModel(name, ModelSpec("openai", name), Price(currency))
        for name, currency in (("a", "USD"), ("b", "EUR"))
    ]
    with pytest.raises(ConfigError, match=r"several currencies \(a in USD, b in EUR\)"):
        _check_money(RunOptions(), models)


def test_the_json_of_a_run_holds_the_list(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", rows=60, model=["fake:smart", "fake:echo"])
    plan = make_plan(task, RunOptions())
    assert json.loads(json.dumps(plan.identity))["models"].keys() == {"smart", "echo"}


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
        store = Store.in_folder(folder)
        steps = _steps(plan, folder, store, Display())
        job = next(job for job in plan.jobs if job.key == "zero_shot@small")
        [arm, _] = steps.fit(job)
        found = _promote(steps, [_measure_arm(steps, job, arm)], arm.name)
        store.close()
    assert found["promoted"] is False and "could not be asked again" in found["reason"]
    assert not (folder / "winner").exists()
