"""A whole run over the fake model: what it leaves, and that the figures add up."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import steelyard
from steelyard.core import Answer, Completion
from steelyard.errors import ArmError, ConfigError, StorageError
from steelyard.planning.plan import RunOptions, make_plan
from steelyard.progress import Display, PlainDisplay
from steelyard.result import read_result, strip_timings
from steelyard.store.database import Store
from steelyard.store.folder import locked
from steelyard.strategy.prompting import PromptArm
from steelyard.weigh import RunResult, run
from steelyard.weigh.measure import family_of, quality, to_records
from steelyard.weigh.opening import open_run
from tests.tickets import arms_of, write_task

RESULT_KEYS = {
    "schema_version",
    "task",
    "seed",
    "versions",
    "split",
    "audit",
    "arms",
    "comparisons",
    "crossover",
    "verdict",
}
ARM_KEYS = {
    "name",
    "strategy",
    "model",
    "options",
    "quality",
    "outcomes",
    "tokens",
    "latency_seconds",
    "fit",
    "cost",
    "consistency",
    "generalisation_gap",
    "forgetting",
    "family",
    "about",
}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    folder = tmp_path_factory.mktemp("done")
    task = write_task(folder / "task", strategies="auto", model="fake:flaky")
    return run(task, folder / "out")


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from numbers(inner)
    elif isinstance(value, float):
        yield value


def test_the_schema_names_are_kept(done: RunResult) -> None:
    result = json.loads((done.folder / "result.json").read_text(encoding="utf-8"))
    assert result["schema_version"] == 2
    assert set(result) >= RESULT_KEYS
    assert all(set(arm) >= ARM_KEYS for arm in result["arms"])
    assert result["task"].keys() >= {"name", "fingerprint"}
    assert result["split"].keys() >= {"train", "dev", "test"}
    assert result == done.result
    assert read_result(done.folder) == done.record
    assert len(repr(done)) < 300


def test_what_a_run_leaves(done: RunResult) -> None:
    names = {path.name for path in done.folder.iterdir()}
    assert {"run.db", "result.json", "report.html", "run.log", "arms"} <= names
    assert "work" not in names
    assert done.report.read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html")


def test_every_arm_of_every_strategy_is_there(done: RunResult) -> None:
    names = [arm["name"] for arm in done.result["arms"]]
    assert names == [
        "majority",
        "tfidf_linear",
        "nearest_neighbour",
        "zero_shot",
        "zero_shot_free",
        "few_shot",
        "few_shot_free",
        "retrieved_few_shot",
        "retrieved_few_shot_free",
        "optimized_prompt",
        "optimized_prompt_free",
        "chain_of_thought",
        "self_consistency",
        "cascade",
    ]
    assert {left["strategy"] for left in done.result["left_out"]} >= {"lora"}


def test_outcomes_add_up_and_failures_are_listed(done: RunResult) -> None:
    test = done.result["split"]["test"]
    store = Store.in_folder(done.folder)
    for arm in done.result["arms"]:
        assert sum(arm["outcomes"].values()) == test == arm["quality"]["n"]
        assert len(done.result["failures"][arm["name"]]) == arm["outcomes"]["failed"]
        records = store.records(arm["name"])
        assert len(records) == test
        assert all(record.score == 0 for record in records if record.outcome == "failed")
        right = sum(record.score for record in records)
        assert arm["quality"]["value"] == pytest.approx(right / test)
    assert any(arm["outcomes"]["failed"] for arm in done.result["arms"])
    store.close()


def test_the_confusion_adds_up(done: RunResult) -> None:
    for arm in done.result["arms"]:
        table = done.result["confusion"][arm["name"]]
        total = sum(map(sum, table["counts"])) + sum(table["failed"])
        assert total == done.result["split"]["test"]


def test_no_figure_is_nan_and_every_null_has_its_reason(done: RunResult) -> None:
    text = (done.folder / "result.json").read_text(encoding="utf-8")
    assert "NaN" not in text and "Infinity" not in text
    assert all(math.isfinite(number) for number in numbers(done.result))
    for arm in done.result["arms"]:
        for name in ("consistency", "calibration", "handover", "forgetting"):
            assert arm[name] is not None or arm[f"{name}_reason"]
        for block in ("quality", "tokens", "latency_seconds", "cost", "generalisation_gap"):
            assert None not in arm[block].values() or arm[block]["reason"]


def test_comparisons_share_the_best_prompt_only_arm(done: RunResult) -> None:
    arms = arms_of(done.result)
    reference = done.result["reference"]
    prompting = [
        arm
        for arm in arms.values()
        if arm["model"] is not None and arm["strategy"] != "cascade"  # a classifier comes first
    ]
    assert arms[reference]["quality"]["value"] == max(a["quality"]["value"] for a in prompting)
    compared = done.result["comparisons"]
    assert {each["a"] for each in compared} == set(arms) - {reference}
    assert {each["b"] for each in compared} == {reference}
    assert all(each["p_adjusted"] >= each["p_value"] for each in compared)
    for each in compared:
        lead = arms[each["a"]]["quality"]["value"] - arms[reference]["quality"]["value"]
        assert each["difference"] == pytest.approx(lead)


def test_the_winner_answers_as_measured(done: RunResult) -> None:
    assert done.result["winner"]["promoted"] is True
    assert done.winner is not None
    arm = steelyard.load(done.winner)
    assert arm.name == done.verdict["arm"]
    store = Store.in_folder(done.folder)
    measured = {record.example_id: record.answer.output for record in store.records(arm.name)}
    store.close()
    for sample in done.result["samples"]:
        if measured[sample["example_id"]] is not None:
            assert arm.answer(sample["input"]) == measured[sample["example_id"]]
    assert steelyard.load(done.folder).name == arm.name


def test_running_again_asks_nothing_and_changes_nothing(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    task = write_task(tmp_path / "task", model=f"fake:smart?log={log}", rows=60)
    first = run(task, tmp_path / "out")
    calls = log.read_text(encoding="utf-8")
    assert strip_timings(run(task, tmp_path / "out").result) == strip_timings(first.result)
    assert log.read_text(encoding="utf-8") == calls


def test_the_same_seed_gives_the_same_result_elsewhere(tmp_path: Path) -> None:
    extra = "prices: {machine: {per_hour: 0}}\n"
    task = write_task(tmp_path / "task", rows=60, extra=extra)
    one, two = run(task, tmp_path / "one"), run(task, tmp_path / "two")
    assert strip_timings(one.result) == strip_timings(two.result)


def test_other_traffic_weighs_anew_without_asking(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    model = f"fake:smart?log={log}"
    run(write_task(tmp_path / "task", model=model, rows=60), tmp_path / "out")
    calls = log.read_text(encoding="utf-8")
    more = "traffic: {requests_per_day: 7, horizon_days: 10}\n"
    again = run(write_task(tmp_path / "task", model=model, rows=60, extra=more), tmp_path / "out")
    assert again.result["task"]["traffic"]["requests_per_day"] == 7
    assert log.read_text(encoding="utf-8") == calls


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 1}, "seed 0, now 1"),
        ({"model": "fake:echo"}, "model smart, now echo"),
    ],
)
def test_a_folder_of_another_run_is_refused(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    task = write_task(tmp_path / "task", rows=60, strategies=["zero_shot"])
    before = run(task, tmp_path / "out").record
    with pytest.raises(StorageError, match=said) as caught:
        run(task, tmp_path / "out", **change)
    assert "choose another --out" in str(caught.value)
    assert read_result(tmp_path / "out") == before
    run(task, tmp_path / "out", no_cache=True, **change)
    assert read_result(tmp_path / "out") != before


def test_other_options_of_a_strategy_are_another_run(tmp_path: Path) -> None:
    given = {"rows": 60, "strategies": [{"name": "few_shot", "options": {"k": [1]}}]}
    run(write_task(tmp_path / "task", **given), tmp_path / "out")
    given["strategies"][0]["options"]["k"] = [2]
    with pytest.raises(StorageError, match=r"different inputs \(the options of few_shot\)"):
        run(write_task(tmp_path / "task", **given), tmp_path / "out")


def test_a_strategy_may_join_a_run_and_stays_in_its_result(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    task = write_task(tmp_path / "task", rows=60, model=f"fake:smart?log={log}")
    run(task, tmp_path / "out", strategies=("zero_shot",))
    asked = len(log.read_text(encoding="utf-8").splitlines())
    both = run(task, tmp_path / "out", strategies=("zero_shot", "few_shot")).result
    fresh = run(task, tmp_path / "fresh", strategies=("zero_shot", "few_shot")).result
    quality = [{arm["name"]: arm["quality"] for arm in each["arms"]} for each in (both, fresh)]
    assert quality[0] == quality[1]
    calls = log.read_text(encoding="utf-8")
    again = run(task, tmp_path / "out", strategies=("zero_shot",)).result
    assert log.read_text(encoding="utf-8") == calls
    assert asked < len(calls.splitlines())
    kept = [arm["name"] for arm in again["arms"] if arm.pop("measured_before")]
    assert kept == ["few_shot", "few_shot_free"]
    assert not any(arm.pop("measured_before") for arm in both["arms"])
    del again["task"]["fingerprint"], both["task"]["fingerprint"]
    assert strip_timings(again) == strip_timings(both)


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", rows=60, strategies=["zero_shot"])
    (tmp_path / "out").mkdir()
    with locked(tmp_path / "out"), pytest.raises(StorageError, match="another run is using"):
        run(task, tmp_path / "out")


def test_no_cache_leaves_other_files_alone(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", rows=60, strategies=["zero_shot"])
    run(task, tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    run(task, tmp_path / "out", no_cache=True)
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


def test_two_variants_of_one_strategy(tmp_path: Path) -> None:
    variants = [
        {"name": "zero_shot", "options": {"free_candidates": 1}},
        {"name": "zero_shot", "options": {"free_candidates": 2}},
    ]
    task = write_task(tmp_path / "task", rows=60, strategies=variants)
    names = [arm["name"] for arm in run(task, tmp_path / "out").result["arms"]]
    assert names[-4:] == ["zero_shot", "zero_shot_free", "zero_shot-2", "zero_shot-2_free"]


def test_max_cost_stops_cleanly_and_going_on_finishes(tmp_path: Path) -> None:
    model = "fake:smart?local=0"
    prices = 'prices: {"smart?local=0": {input: 10, output: 10}, machine: {per_hour: 0}}\n'
    task = write_task(
        tmp_path / "task", model=model, rows=60, strategies=["zero_shot"], extra=prices
    )
    with pytest.raises(steelyard.SteelyardError, match="raise --max-cost and run again"):
        run(task, tmp_path / "out", max_cost=Decimal("0.05"))
    assert not (tmp_path / "out" / "result.json").exists()
    store = Store.in_folder(tmp_path / "out")
    asked = store.usage().requests
    store.close()
    assert asked > 0
    finished = run(task, tmp_path / "out", max_cost=Decimal(100)).result
    calm = run(task, tmp_path / "calm").result
    assert strip_timings(finished) == strip_timings(calm)


def test_max_cost_needs_a_price(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", model="openai:no-such-model-anywhere")
    with pytest.raises(ConfigError, match="--max-cost needs the price of no-such-model-anywhere"):
        run(task, tmp_path / "out", max_cost=Decimal(1))
    assert not (tmp_path / "out").exists()


def test_load_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ArmError, match="no folder"):
        steelyard.load(tmp_path / "absent")
    with pytest.raises(ArmError, match="holds no saved arm"):
        steelyard.load(tmp_path)
    (tmp_path / "result.json").write_text(json.dumps({"schema_version": 1}))
    with pytest.raises(ArmError, match="recommends no arm"):
        steelyard.load(tmp_path)


def test_a_result_of_another_schema_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="folder of a finished run"):
        read_result(tmp_path)
    (tmp_path / "result.json").write_text('{"schema_version": 9}')
    with pytest.raises(StorageError, match="schema version 9"):
        read_result(tmp_path)
    (tmp_path / "result.json").write_text('{"schema_')
    with pytest.raises(StorageError, match="not the result of a run"):
        read_result(tmp_path)


def test_a_report_that_cannot_be_drawn_costs_no_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = write_task(tmp_path / "task", strategies=["zero_shot"])
    out = run(task, tmp_path / "out").folder
    (out / "report.html").unlink()
    (out / "report.html" / "taken").mkdir(parents=True)
    (out / "result.json").unlink()
    outcome = run(task, out, display=PlainDisplay())
    assert read_result(out).verdict.arm == outcome.record.verdict.arm
    assert outcome.winner is not None and (out / "winner" / "arm.json").is_file()
    told = " ".join("".join(capsys.readouterr()).split())
    assert "report.html could not be drawn" in told
    assert f"steelyard report {out}" in told


def test_another_verdict_puts_another_winner(tmp_path: Path) -> None:
    """The winner is the arm of the last verdict, also when an earlier one comes back."""
    free = "prices: {machine: {per_hour: 0}}\n"

    def winner(extra: str) -> str:
        task = write_task(tmp_path / "task", rows=90, strategies=["few_shot"], extra=free + extra)
        result = run(task, tmp_path / "out").result
        named = result["verdict"]["arm"]
        saved = tmp_path / "out" / "winner"
        assert saved.exists() == (named is not None)
        assert named is None or steelyard.load(saved).name == named
        return str(named)

    first = winner("")
    assert winner("constraints: {min_quality: 1.0, max_latency_p95_ms: 0.000001}\n") == "None"
    assert winner("") == first != "None"


@pytest.mark.parametrize("no_cache", [False, True])
@pytest.mark.parametrize("name", ["work", "winner", "arms", "result.json"])
def test_a_folder_that_no_run_made_is_left_alone(name: str, no_cache: bool, tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", rows=60, strategies=["zero_shot"])
    mine = tmp_path / "project" / name / "mine.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(StorageError, match=f"holds {name} but no run.db.*choose another --out"):
        run(task, tmp_path / "project", no_cache=no_cache)
    assert [path.name for path in mine.parent.parent.iterdir()] == [name]
    assert mine.read_text() == "mine"


def test_a_metric_of_the_whole_is_compared_by_its_answers(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", model="fake:flaky", extra="metric: macro_f1\n")
    plan = make_plan(task, RunOptions())
    assert plan.detectable is None
    examples, flaws = plan.split.test, {"good": 9, "bad": 2}
    records = {
        name: to_records(
            name,
            examples,
            [
                Answer("BILLING" if i % every == 0 else example.output, Completion("", "stop"))
                for i, example in enumerate(examples)
            ],
            plan.metrics,
        )
        for name, every in flaws.items()
    }
    family = family_of(plan.metrics[0], records, examples, plan.seed)
    one, other = family.alone("good", "bad"), family.alone("bad", "good")
    assert (one.a, one.b, other.a, other.b) == ("good", "bad", "bad", "good")
    assert one.difference == -other.difference > 0
    assert (one.low, one.high, one.p_value) == (-other.high, -other.low, other.p_value)
    values = {name: quality(plan.metrics[0], records[name], examples, 0).value for name in flaws}
    assert one.difference == pytest.approx(values["good"] - values["bad"])


def test_the_gap_is_not_measured_on_what_the_prompt_shows(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", rows=60, strategies=["few_shot"])
    plan = make_plan(task, RunOptions())
    folder = run(task, tmp_path / "out").folder
    saved = steelyard.load(folder / "arms" / "few_shot")
    assert isinstance(saved, PromptArm)
    shown = {shot.input for shot in saved.prompt.recipe.shots}
    with open_run(plan, folder, Display()) as steps:
        asked = {example.input for example in steps.gap_examples(saved)}
    assert shown and asked and not shown & asked


def test_fit_seconds_count_earlier_attempts(tmp_path: Path) -> None:
    model = "fake:smart?local=0"
    prices = 'prices: {"smart?local=0": {input: 10, output: 10}}\n'
    task = write_task(
        tmp_path / "task", model=model, rows=60, strategies=["zero_shot"], extra=prices
    )
    with pytest.raises(steelyard.SteelyardError):
        run(task, tmp_path / "out", max_cost=Decimal("0.02"))
    store = Store.in_folder(tmp_path / "out")
    assert store.step_seconds("fit:zero_shot") > 0
    store.note_seconds("fit:zero_shot", 1000.0)
    store.close()
    result = run(task, tmp_path / "out").result
    fits = {arm["name"]: arm["fit"]["seconds"] for arm in result["arms"]}
    assert fits["zero_shot"] > 1000 > fits["majority"]
