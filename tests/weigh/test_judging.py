"""The judge in a run: its account, its block of the result, and a whole run that it decides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from steelyard.core import Answer, Completion, Message, Record, Request
from steelyard.errors import EndpointError, SteelyardError
from steelyard.model.base import ModelSpec
from steelyard.model.fake_script import ScriptedModel
from steelyard.model.phase import current_phase, during
from steelyard.model.prices import price_of
from steelyard.planning.identity import identity_of
from steelyard.planning.plan import RunOptions, make_plan
from steelyard.result.verdict import JudgeResult
from steelyard.score import Metric, build_metric
from steelyard.score.judge import Judge
from steelyard.store.database import Store
from steelyard.store.recorder import Recorder
from steelyard.strategy import load_arm
from steelyard.task import load_task
from steelyard.weigh import run
from steelyard.weigh.judging import agreement_of, judge_report, judge_warnings
from steelyard.weigh.measure import to_records
from tests.score.judge.scripts import example, preferring
from tests.score.tasks import task_with
from tests.tickets import arms_of

SPEC = ModelSpec("fake", "smart")
OPENINGS = ("Thank you for asking", "Sorry to hear that", "Of course")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.in_folder(tmp_path)
    yield store
    store.close()


def connected(store: Store, scripted: ScriptedModel, **section: Any) -> tuple[Judge, Recorder]:
    recorder = Recorder(store)
    metric = Judge(None, task_with(judge=section, model="fake:smart"))
    metric.connect(lambda spec: recorder.wrap(scripted))
    return metric, recorder


def answers(*outputs: str | None) -> list[Answer]:
    return [
        Answer(output, Completion(output or "", "stop"), None if output else "empty answer")
        for output in outputs
    ]


def judged(metric: Metric, *outputs: str | None) -> list[Record]:
    examples = [example(f"e{number}") for number in range(len(outputs))]
    return to_records("arm", examples, answers(*outputs), [metric])


def test_the_judges_requests_are_on_an_account_of_their_own(store: Store) -> None:
    model = ScriptedModel(preferring(len))
    metric, recorder = connected(store, model)
    with during("test:zero_shot"):
        judged(metric, "a much longer reply", None, "short")
        other = ScriptedModel(lambda request: "fine", "other")
        recorder.wrap(other).generate([Request((Message("user", "x"),))])
    assert store.usage("judge").requests == 4
    assert store.usage("test:zero_shot").requests == 1
    assert current_phase().name == "other"


def test_a_judgement_that_is_in_the_store_is_not_asked_again(store: Store) -> None:
    model = ScriptedModel(preferring(len))
    for _ in range(2):
        metric, _ = connected(store, model, votes=2)
        records = judged(metric, "a much longer reply", "short")
    assert [record.score for record in records] == [1, 0]
    assert len(model.requests) == 2 * 2 * 2
    assert store.usage("judge").requests == 8


def test_the_report_counts_what_was_judged_and_what_it_cost(store: Store) -> None:
    said = {"always first": "A", "nonsense": "who knows", "even": "TIE"}

    def script(request: Request) -> str:
        text = request.messages[-1].content
        return next((word for key, word in said.items() if key in text), "B")

    metric, _ = connected(store, ScriptedModel(script))
    rows = judged(metric, "always first", "nonsense", "even", None, "a fair reply")
    prices = {"machine": {"per_hour": "3600"}}
    judge = judge_report(store, metric, {"arm": rows}, prices, agreement_of(metric, []))
    report = judge.to_dict()
    assert report["judged"] == 4
    assert report["ties"] == 3  # the flipped one, the even one and the reference itself
    assert (report["order_flips"], report["failed"]) == (1, 1)
    assert report["flipped_share"] == 1 / 4
    assert report["requests"] == 6 + 2  # the unreadable ones were asked twice
    assert report["tokens"]["input"] > 0
    assert report["cost"] == pytest.approx(report["machine_seconds"])
    assert report["agreement"]["kappa"] is None
    assert "judge.ratings" in report["agreement"]["reason"]
    assert report["notes"][0].startswith("the judge is one of the models being compared")
    assert "failed on 1 of 4 replies" in report["notes"][1]
    assert report["model"] == "smart"
    doubts = judge_warnings(judge, metric)
    assert [doubt.split(":")[0] for doubt in doubts] == ["judge"] * 4
    assert "not been checked against human ratings" in doubts[3]


@pytest.mark.parametrize(
    ("kappa", "low", "said"),
    [(0.07, -0.1, "not shown to be above chance (kappa 0.07 on 40"), (0.6, 0.4, None)],
)
def test_a_judge_that_does_not_agree_with_the_user_is_warned_of(
    store: Store, kappa: float, low: float, said: str | None
) -> None:
    metric, _ = connected(store, ScriptedModel(str))
    agreement = {"kappa": kappa, "low": low, "n": 40, "rated": 40}
    report = JudgeResult.model_validate({"agreement": agreement})
    doubts = judge_warnings(report, metric)
    assert len(doubts) == (said is not None)
    assert said is None or said in doubts[0]
    assert judge_warnings(report, build_metric("token_f1")) == []


def test_a_judge_that_tells_nothing_apart_is_warned_of(store: Store) -> None:
    first, _ = connected(store, ScriptedModel(lambda request: "A"))
    rows = judged(first, "one", "two", "three")
    notes = judge_report(store, first, {"arm": rows}, None, agreement_of(first, [])).notes
    assert any(
        "picked the same position in both orders for 3 of 3 replies" in note for note in notes
    )
    assert any("the same score" in note for note in notes)
    fair, _ = connected(store, ScriptedModel(preferring(lambda text: "one" in text)))
    rows = judged(fair, "one more", "another", "a third")
    notes = judge_report(store, fair, {"arm": rows}, None, agreement_of(fair, [])).notes
    assert not any("the same place" in note or "the same score" in note for note in notes)


def test_a_judge_that_cannot_be_read_gave_no_score(store: Store) -> None:
    mute, _ = connected(store, ScriptedModel(lambda request: "I cannot say."))
    rows = judged(mute, "one", "two", "three")
    notes = judge_report(store, mute, {"arm": rows}, None, agreement_of(mute, [])).notes
    assert any("failed on 3 of 3 replies" in note for note in notes)
    assert not any("the same score" in note for note in notes)


def test_a_hosted_judge_without_a_price_says_so(store: Store, monkeypatch: Any) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    model = ScriptedModel(preferring(len), local=False)
    metric, _ = connected(store, model, model="openai:a-model-nobody-sells")
    report = judge_report(store, metric, {"arm": judged(metric, "x")}, {}, {"kappa": None})
    assert report.cost is None
    assert "no price known" in str(report.cost_reason)
    priced = {"a-model-nobody-sells": {"input": 1, "output": 2}}
    again = judge_report(store, metric, {}, priced, {"kappa": None})
    tokens = again.tokens
    assert again.cost == pytest.approx((tokens.input + 2 * tokens.output) / 1e6, rel=1e-5)


def test_a_judge_asked_in_batches_costs_what_batches_do() -> None:
    model = {"provider": "openai", "name": "gpt-4o-mini"}
    judges = [
        Judge(None, task_with(judge={"model": each})) for each in (model, model | {"batch": True})
    ]
    specs = [judge.options.spec for judge in judges]
    direct, batched = (None if spec is None else price_of(spec).input for spec in specs)
    assert direct is not None and batched == direct / 2


def test_ratings_are_judged_on_the_same_account(store: Store, tmp_path: Path) -> None:
    rows = [
        {"input": "question e1", "output": text, "rating": rating}
        for text, rating in (("a longer reply than that", "win"), ("no", "loss"))
    ]
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    metric, _ = connected(store, ScriptedModel(preferring(len)), ratings=str(path))
    found = agreement_of(metric, [example("e1")])
    assert (found["kappa"], found["n"]) == (1, 2)
    assert store.usage("judge").requests == 4


def test_a_judge_that_cannot_be_asked_stops_the_run_and_ends_no_arm(store: Store) -> None:
    def gone(request: Request) -> str:
        raise EndpointError("the endpoint is not there")

    metric, _ = connected(store, ScriptedModel(gone))
    with pytest.raises(
        SteelyardError, match="the judge could not be asked: the endpoint is not"
    ) as caught:
        judged(metric, "a reply")
    assert type(caught.value) is SteelyardError
    assert current_phase().name == "other"


def test_the_judge_is_found_among_the_metrics() -> None:
    metrics = [build_metric("exact_match"), build_metric("judge")]
    assert Judge.among(metrics) is metrics[1]
    assert Judge.among(metrics[:1]) is None


def write_task(folder: Path, **more: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "id": f"r{n}",
            "input": f"{OPENINGS[n % 3]} about order number {n}",
            "output": f"{OPENINGS[n % 3]}, here is what we do with order {n}.",
        }
        for n in range(40)
    ]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "examples.jsonl").write_text(lines, encoding="utf-8")
    config = {
        "name": "replies",
        "instruction": "Answer the customer.",
        "output": {"kind": "text"},
        "examples": "examples.jsonl",
        "model": "fake:smart",
        "strategies": ["few_shot"],
        "consistency": False,
        **more,
    }
    (folder / "task.yaml").write_text(json.dumps(config), encoding="utf-8")
    return folder


@pytest.mark.parametrize("mode", ["compare", "rate"])
def test_a_run_that_a_judge_decides(tmp_path: Path, mode: str) -> None:
    log = tmp_path / "judge.jsonl"
    section = {"mode": mode, "model": f"fake:smart?log={log}"}
    task = write_task(tmp_path / "task", metric=["judge", "token_f1"], judge=section)
    done = run(task, tmp_path / "out")
    arms = arms_of(done.result)
    assert any("not been checked against human" in each for each in done.verdict["warnings"])
    own, judges = (price["name"] for price in done.result["prices"])
    assert (own, judges.endswith(" (judge)")) == ("smart", True)
    assert {"few_shot", "nearest_neighbour"} <= set(arms)
    assert all(arm["quality"]["metric"] == "judge" for arm in arms.values())
    asked = len(log.read_text(encoding="utf-8").splitlines())
    again = run(task, tmp_path / "out")
    assert len(log.read_text(encoding="utf-8").splitlines()) == asked
    assert [arm["quality"] for arm in again.result["arms"]] == [
        arm["quality"] for arm in done.result["arms"]
    ]
    arm = load_arm(tmp_path / "out" / "arms" / "few_shot", lambda spec: ScriptedModel(str))
    assert arm.brief.metric == "judge"


def test_a_run_that_a_function_of_the_users_decides(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", metric="scorers.py:opening")
    code = (
        "def opening(output, input):\n"
        "    right = output.split(',')[0] in input\n"
        "    return {'score': 0.75 * right + 0.25 * output.endswith('.'), 'opening': right}\n"
    )
    (task / "scorers.py").write_text(code, encoding="utf-8")
    done = run(task, tmp_path / "out")
    arms = arms_of(done.result)
    assert arms["nearest_neighbour"]["quality"]["metric"] == "scorers.py:opening"
    store = Store.in_folder(tmp_path / "out")
    records = store.records("nearest_neighbour")
    store.close()
    assert set(records[0].scores) == {"scorers.py:opening", "scorers.py:opening/opening"}
    assert {record.score for record in records} == {0.25, 1.0}
    mean = sum(record.score for record in records) / len(records)
    assert arms["nearest_neighbour"]["quality"]["value"] == pytest.approx(mean)
    (task / "scorers.py").write_text(code.replace("0.75", "0.5"), encoding="utf-8")
    with pytest.raises(SteelyardError, match="its metric differs"):
        run(task, tmp_path / "out")


def test_a_judges_settings_are_in_the_identity_of_a_run(tmp_path: Path) -> None:
    plans = [
        make_plan(write_task(tmp_path / name, metric="judge", judge=section), RunOptions())
        for name, section in (("a", {}), ("b", {"rubric": "Short."}))
    ]
    assert identity_of(plans[0])["metric"] != identity_of(plans[1])["metric"]
    assert plans[0].task.fingerprint != plans[1].task.fingerprint


def test_bad_ratings_and_a_broken_scorer_stop_at_the_plan(tmp_path: Path) -> None:
    task = write_task(tmp_path / "judged", metric="judge", judge={"ratings": "mine.jsonl"})
    rows = '{"input": "?", "output": "x", "rating": 5}\n'
    (task / "mine.jsonl").write_text(rows, encoding="utf-8")
    with pytest.raises(SteelyardError, match=r"mine.jsonl line 1: no reference"):
        make_plan(task, RunOptions())
    own = write_task(tmp_path / "own", metric="scorers.py:score")
    (own / "scorers.py").write_text("def score(output):\n    return len(output)\n", "utf-8")
    with pytest.raises(SteelyardError, match=r"returned \d+, outside 0 to 1, for example"):
        make_plan(own, RunOptions())


def test_a_judge_that_cannot_be_built_stops_at_the_plan(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", metric="judge", judge={"model": "fke:smart"})
    with pytest.raises(SteelyardError, match="unknown provider 'fke'"):
        make_plan(load_task(task), RunOptions())
