"""A plan's forecast is honest: the run asks no more, and not much less; the plan itself asks nothing."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import steelyard
from steelyard.cli import main
from steelyard.core import Usage
from steelyard.model import ModelSpec
from steelyard.model.planned import PlannedModel
from steelyard.planning.forecast import look_ahead
from steelyard.planning.outlook import Outlook, at_most
from steelyard.planning.pace import pace_of
from steelyard.planning.plan import RunOptions, make_plan
from steelyard.store.database import Store
from steelyard.weigh import run
from tests.model.endpoint import serving, stream
from tests.tickets import write_task

NAMES = ["zero_shot", "few_shot", "retrieved_few_shot"]
ONE_SIZE = [NAMES[0], *({"name": name, "options": {"k": [2]}} for name in NAMES[1:])]
"""With one number of shots to choose from, the prompts' length is known before."""
PHASES = ("fit", "test", "latency", "warm", "gap", "consistency")


def asked(folder: Path, key: str) -> Usage:
    """What a strategy's fit and arms asked in all."""
    store = Store.in_folder(folder)
    found = store.step(f"fit:{key}")
    assert found is not None
    phases = [f"fit:{key}", *(f"{phase}:{arm}" for arm in found["arms"] for phase in PHASES[1:])]
    usage = store.usage(*phases)
    store.close()
    return usage


def write_json_task(folder: Path, strategies: list[Any]) -> Path:
    """Tickets whose answers are JSON objects of two fields."""
    write_task(folder, strategies=strategies)
    lines = (folder / "examples.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    for row in rows:
        row["output"] = json.dumps({"queue": row["output"], "urgent": row["slice"] == "angry"})
    text = "\n".join(json.dumps(row) for row in rows) + "\n"
    (folder / "examples.jsonl").write_text(text, encoding="utf-8")
    task = folder / "task.yaml"
    kept = [line for line in task.read_text("utf-8").splitlines() if not line.startswith("output")]
    schema = {"queue": {"type": "string"}, "urgent": {"type": "boolean"}}
    output = json.dumps({"kind": "json", "schema": {"type": "object", "properties": schema}})
    task.write_text("\n".join([*kept, f"output: {output}", ""]), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("kind", "strategies", "requests", "tokens"),
    [
        # a round of timing more is planned for, which only a busy machine needs
        ("label", ONE_SIZE, 0.7, 0.45),
        ("label", NAMES, 0.7, 0.1),
        ("json", ONE_SIZE, 0.33, 0.2),  # not every answer has to be repaired
    ],
)
def test_the_run_asks_at_most_what_the_plan_says_and_not_much_less(
    kind: str, strategies: list[Any], requests: float, tokens: float, tmp_path: Path
) -> None:
    write = write_json_task if kind == "json" else write_task
    task = write(tmp_path / "task", strategies=strategies)
    outlook = steelyard.plan(task, tmp_path / "out")
    run(task, tmp_path / "out")
    lines = {line.strategy: line for line in outlook.lines}
    for name in NAMES:
        line, real = lines[name], asked(tmp_path / "out", name)
        assert line.requests is not None and line.usage.input_tokens and line.usage.output_tokens
        said = sum(line.requests.values())
        assert requests * said <= real.requests <= said
        assert tokens * line.usage.input_tokens <= real.input_tokens <= line.usage.input_tokens
        assert 0.1 * line.usage.output_tokens <= real.output_tokens <= line.usage.output_tokens
    store = Store.in_folder(tmp_path / "out")
    total, spent = outlook.total(), store.usage()
    store.close()
    assert requests * total.requests <= spent.requests <= total.requests
    assert (
        spent.input_tokens <= total.usage.input_tokens
        and spent.output_tokens <= total.usage.output_tokens
    )


def test_a_plan_asks_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    task = write_task(tmp_path / "task", model=f"fake:smart?log={log}")
    outlook = steelyard.plan(task, tmp_path / "out")
    assert isinstance(outlook, Outlook)
    assert not log.exists() and not (tmp_path / "out").exists()


def test_money_and_time_of_each_model(tmp_path: Path) -> None:
    endpoint = {"provider": "openai", "name": "small", "base_url": "http://127.0.0.1:9/v1"}
    prices = "prices: {small: {input: 2, output: 8}, machine: {per_hour: 0.36}}\n"
    models = ["fake:smart", "smollm2-135m", endpoint, "hf:some/model"]
    task = write_task(tmp_path / "task", model=models, extra=prices, strategies=["zero_shot"])
    outlook = look_ahead(make_plan(task, RunOptions(max_cost=Decimal("0.01"))))
    lines = {line.strategy: line for line in outlook.lines}
    small = lines["zero_shot@small"]
    assert small.usage.input_tokens and small.usage.output_tokens and small.cost.amount is not None
    paid = Decimal(small.usage.input_tokens * 2 + small.usage.output_tokens * 8) / 1_000_000
    assert small.cost.amount == paid
    again = lines["the winner again"]
    assert again.model_tag == "small" and again.cost.amount is not None
    assert (
        outlook.total("small").cost.amount == outlook.hosted_cost.amount == paid + again.cost.amount
    )
    embedded = lines["zero_shot@smollm2-135m"]
    assert embedded.seconds and embedded.cost.amount is not None
    assert float(embedded.cost.amount) == pytest.approx(embedded.seconds * 0.36 / 3600)
    other = lines["zero_shot@model"]
    assert other.seconds is None and other.cost.amount is None and other.cost.reason
    assert outlook.total().cost.amount is None and outlook.total().cost.reason
    assert any("--max-cost 0.01 may stop the run" in said for said in outlook.warnings)


def test_a_former_run_tells_how_fast_an_endpoint_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(lambda request, before: stream("BILLING")) as endpoint:
        model = {"provider": "openai", "name": "small", "base_url": endpoint.base_url}
        quick = {"name": "zero_shot", "options": {"formats": ["system_user"], "dev_items": 6}}
        task = write_task(tmp_path / "task", rows=30, model=model, strategies=[quick])
        before = steelyard.plan(task, tmp_path / "out")
        run(task, tmp_path / "out")
        sent = len(endpoint.requests)
        after = steelyard.plan(task, tmp_path / "out")
        afresh = steelyard.plan(task, tmp_path / "out", no_cache=True)
        assert len(endpoint.requests) == sent
    assert "assumed" in before.paces["small"].source == afresh.paces["small"].source
    assert "measured in" in after.paces["small"].source
    assert 0 < (after.total().seconds or 0) < (before.total().seconds or 0)
    lacking = write_task(tmp_path / "t2", model="openai:gpt-x", strategies=["zero_shot"])
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    said, price = look_ahead(make_plan(lacking, RunOptions())).warnings
    assert "OPENAI_API_KEY" in said
    assert "gpt-x is not known" in price


def test_the_verb_shows_a_table_or_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = write_task(tmp_path / "task", model=["fake:smart", "fake:echo"])
    assert main(["plan", str(task), "--json", "--seed", "3"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert [each["strategy"] for each in found["strategies"]][3:5] == [
        "zero_shot@smart",
        "few_shot@smart",
    ]
    asked_for = sum(sum(each["requests"].values()) for each in found["strategies"])
    assert (
        found["total"]["requests"] == asked_for == sum(found["total"]["requests_by_phase"].values())
    )
    assert main(["plan", str(task), "--model", "fake:flaky", "--model", "fake:smart"]) == 0
    shown = capsys.readouterr().out
    assert (
        "zero_shot@flaky" in shown
        and "all on smart" in shown
        and "smallest detectable difference" in shown
    )
    assert main(["plan", str(task / "absent")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_run_begins_by_saying_what_it_will_ask(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = write_task(tmp_path / "task", rows=60, strategies=["zero_shot"])
    assert main(["run", str(task), "--out", str(tmp_path / "out")]) == 0
    assert "at most " in capsys.readouterr().err


def test_the_judge_has_a_line_of_its_own(tmp_path: Path) -> None:
    quick = {"name": "zero_shot", "options": {"formats": ["system_user"], "dev_items": 6}}
    extra = "metric: judge\njudge: {model: 'fake:echo', mode: rate}\nconsistency: false\n"
    task = write_task(tmp_path / "task", rows=30, strategies=[quick], extra=extra)
    text = (task / "task.yaml").read_text("utf-8")
    free = text.replace("kind: label, labels: [BILLING, TECHNICAL, ACCOUNT]", "kind: text")
    (task / "task.yaml").write_text(free, encoding="utf-8")
    outlook = steelyard.plan(task, tmp_path / "out")
    judge = next(line for line in outlook.lines if line.strategy == "judge")
    run(task, tmp_path / "out")
    store = Store.in_folder(tmp_path / "out")
    spent = store.usage("judge")
    store.close()
    assert judge.requests is not None
    assert 0 < spent.requests <= judge.requests["judge"]
    assert 0.1 * judge.usage.input_tokens <= spent.input_tokens <= judge.usage.input_tokens


def reflecting_task(folder: Path, base_url: str) -> Path:
    """Tickets of one hosted model, and another that reflects, dearer by far."""
    small, big = ({"provider": "openai", "name": name, "base_url": base_url} for name in ("s", "b"))
    options = {"reflect": big, "candidates": 3, "max_calls": 120, "formats": ["system_user"]}
    prices = {"s": {"input": 0.1, "output": 0.1}, "b": {"input": 10, "output": 100}}
    extra = f"prices: {json.dumps(prices)}\nconsistency: false\n"
    searched = {"name": "optimized_prompt", "options": options}
    return write_task(folder, model=small, strategies=[searched], extra=extra)


def test_a_model_that_reflects_has_a_line_at_its_own_price(tmp_path: Path) -> None:
    pytest.importorskip("gepa")
    usage = {"prompt_tokens": 400, "completion_tokens": 2000, "total_tokens": 2400}

    def script(request: dict[str, Any], before: int) -> Any:
        if request["model"] == "b":
            text = f"<instruction>Classify the ticket, try {before}.</instruction>"
            return stream(text, usage=usage)
        return stream("BILLING")

    with serving(script) as endpoint:
        task = reflecting_task(tmp_path / "task", endpoint.base_url)
        outlook = steelyard.plan(task, tmp_path / "out")
        run(task, tmp_path / "out")
        sent = sum(request["model"] == "b" for request in endpoint.requests)
    line = next(each for each in outlook.lines if each.strategy.startswith("reflection of"))
    assert line.strategy == "reflection of optimized_prompt" and line.requests is not None
    assert 0 < sent <= line.requests["reflect"]
    assert line.cost.amount is not None and outlook.hosted_cost.amount is not None
    paid = sent * Decimal(400 * 10 + 2000 * 100) / 1_000_000
    assert paid <= line.cost.amount <= outlook.hosted_cost.amount
    store = Store.in_folder(tmp_path / "out")
    assert store.usage().requests <= outlook.total().requests
    store.close()


def test_the_tasks_last_hosted_model_reflects_by_itself(tmp_path: Path) -> None:
    pytest.importorskip("gepa")
    models = [
        "fake:smart",
        {"provider": "openai", "name": "b", "base_url": "http://127.0.0.1:9/v1"},
    ]
    searched = {"name": "optimized_prompt", "options": {"reflect": "auto"}}

    def reflections(model: Any, options: str) -> dict[str, str | None]:
        strategies = [{**searched, "options": {"reflect": options}}]
        task = write_task(tmp_path / options, model=model, strategies=strategies)
        lines = look_ahead(make_plan(task, RunOptions())).lines
        return {
            each.strategy: each.model_tag
            for each in lines
            if each.strategy.startswith("reflection")
        }

    assert reflections(models, "auto") == {
        "reflection of optimized_prompt@smart": "b",
        "reflection of optimized_prompt@b": "b",
    }
    assert reflections(models, "none") == {}
    assert reflections("fake:smart", "auto") == {}


def test_a_missing_key_of_a_model_beside_the_tasks_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    extra = "metric: judge\njudge: {model: 'openai:gpt-x', mode: rate}\nconsistency: false\n"
    task = write_task(tmp_path / "task", strategies=["zero_shot"], extra=extra)
    text = (task / "task.yaml").read_text("utf-8")
    free = text.replace("kind: label, labels: [BILLING, TECHNICAL, ACCOUNT]", "kind: text")
    (task / "task.yaml").write_text(free, encoding="utf-8")
    said, price = look_ahead(make_plan(task, RunOptions())).warnings
    assert "OPENAI_API_KEY" in said
    assert "gpt-x is not known" in price


def test_a_former_run_of_several_models_says_nothing_of_their_judge(tmp_path: Path) -> None:
    quick = {"name": "zero_shot", "options": {"formats": ["system_user"], "dev_items": 6}}
    task = write_task(
        tmp_path / "task", rows=30, model=["fake:smart", "fake:echo"], strategies=[quick]
    )
    run(task, tmp_path / "out")
    made = make_plan(task, RunOptions())
    spec = ModelSpec("openai", "judge", base_url="http://127.0.0.1:9/v1")
    judge = PlannedModel("judge", spec, made.model_price)
    assert "assumed" in pace_of(made, judge, tmp_path / "out").source


def test_the_plan_gives_the_search_the_budget_of_its_own_fine_tuning(tmp_path: Path) -> None:
    def note(*strategies: Any) -> str:
        task = write_task(
            tmp_path / str(len(str(strategies))), model="smollm2-135m", strategies=list(strategies)
        )
        lines = look_ahead(make_plan(task, RunOptions())).lines
        return next(line.note for line in lines if line.strategy == "optimized_prompt")

    long = {"name": "lora", "options": {"max_epochs": 40}}
    assert "forward-pass tokens" in note("optimized_prompt")
    assert note("optimized_prompt", "lora") == note("optimized_prompt")
    assert note("optimized_prompt", long) != note("optimized_prompt")


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0", "0.00"), ("0.0037", "0.0037"), ("0.00001", "0.0001"), ("12.341", "12.35")],
)
def test_a_bound_on_money_is_rounded_up(amount: str, text: str) -> None:
    assert at_most(Decimal(amount)) == text
