"""The ways of asking, on a model that thinks; runs that end and go on; answers kept and asked for later."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from steelyard import load
from steelyard.core import Answer, Price, Question, Usage
from steelyard.economics import cost_of
from steelyard.errors import BudgetError, EndpointError
from steelyard.model.answer_cache import VARIABLE
from steelyard.store.database import Store
from steelyard.weigh import RunResult, run
from tests.field.endpoint import (
    Asked,
    Behaviour,
    Endpoint,
    Reply,
    data,
    message,
    serving,
    streamed,
    used,
)
from tests.field.runs import QUEUES, is_constrained, right, sound, truth, write_task, wrong

CALL = {"id": "t", "type": "function", "function": {"name": "sort", "arguments": "{}"}}
WAYS = ("few_shot", "chain_of_thought", "self_consistency", "retrieved_few_shot")
PRICE = Price(input=Decimal(1), output=Decimal(4))


def thinks(asked: Asked) -> Reply:
    """Think in the text, explain, and answer last; only the answer where a form is asked for."""
    thought = f"<think>Is it {wrong(asked)}?\nAnswer: {wrong(asked)}\nNo.</think>\n"
    said = right(asked) if is_constrained(asked) else f"It is clear.\nAnswer: {truth(asked)}"
    return streamed(thought + said)


def says(content: str | None, **more: object) -> Behaviour:
    return lambda asked: data(message(content, **more))


def weighed(folder: Path, endpoint: Endpoint, **task: object) -> RunResult:
    return run(write_task(folder / "task", endpoint, **task), folder / "out")  # type: ignore[arg-type]


def paid(folder: Path) -> Usage:
    store = Store.in_folder(folder / "out")
    try:
        return store.usage()
    finally:
        store.close()


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float | None]:
    with serving({"m": thinks}) as endpoint:
        strategies = [{"name": name, "options": {"formats": ["system_user"]}} for name in WAYS[:2]]
        result = weighed(
            tmp_path_factory.mktemp("ways"), endpoint, strategies=[*strategies, *WAYS[2:]]
        ).result
    return {arm["name"]: arm["quality"]["value"] for arm in result["arms"]}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_asking_reads_a_model_that_thinks(
    done: dict[str, float | None], way: str
) -> None:
    scores = {name: score for name, score in done.items() if name.removesuffix("_free") == way}
    assert scores
    assert set(scores.values()) == {1.0}, scores


def test_an_arm_answers_as_it_was_measured(tmp_path: Path) -> None:
    now: Behaviour = sound
    with serving({"m": lambda asked: now(asked)}) as endpoint:
        arm = load(weighed(tmp_path, endpoint).folder / "arms" / "zero_shot_free")

        def ask() -> Answer:
            return arm.answer_all([Question("Ticket x: about my crash, please.")])[0]

        assert ask().output == "TECHNICAL"
        now = thinks
        assert ask().output == "TECHNICAL"
        now = says("<think>It is TECHNICAL")
        assert ask().output is None
        now = says(None, refusal="I can't.")
        assert (ask().output, "can't" in str(ask().failure)) == (None, True)


def test_a_run_that_an_endpoint_ended_goes_on_where_it_was(tmp_path: Path) -> None:
    served, is_down = 0, False

    def dies(asked: Asked) -> Reply:
        nonlocal served, is_down
        is_down = is_down or asked.number == 50
        served += not is_down
        return data({"error": {"message": "no such worker"}}, 404) if is_down else sound(asked)

    with serving({"m": dies}) as endpoint:
        with pytest.raises(EndpointError, match="no such worker"):
            weighed(tmp_path, endpoint)
        assert paid(tmp_path).requests == served
        is_down = False
        result = weighed(tmp_path, endpoint).result
    assert {arm["quality"]["value"] for arm in result["arms"] if arm["model"]} == {1.0}
    assert paid(tmp_path).requests == served


def test_a_cap_holds_where_answers_are_torn(tmp_path: Path) -> None:
    def tears(asked: Asked) -> Reply:
        reply = data(message(right(asked)))
        if asked.number % 3:
            return reply
        return Reply(reply.body, sent=len(reply.body) // 2)

    cap = Decimal("0.002")
    with serving({"m": tears}) as endpoint:
        task = write_task(tmp_path / "task", endpoint)
        with pytest.raises(BudgetError, match="--max-cost"):
            run(task, tmp_path / "out", max_cost=cap)
    assert cost_of(paid(tmp_path), PRICE).amount <= cap


def test_what_is_kept_for_other_runs_is_the_answer_with_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "answers.db"))

    def behave(asked: Asked) -> Reply:
        """Fail in the one way or the other for two of the queues."""
        if truth(asked) == "OTHER":
            return streamed("", "content_filter")
        if truth(asked) == "ACCOUNT":
            return streamed(f"<think>It is {truth(asked)}.")
        return thinks(asked)

    with serving({"m": behave}) as endpoint:
        one = weighed(tmp_path / "one", endpoint).result
        two = weighed(tmp_path / "two", endpoint).result
    figures = ("quality", "outcomes", "tokens", "validity")
    for before, after in zip(one["arms"], two["arms"], strict=True):
        assert {name: before[name] for name in figures} == {name: after[name] for name in figures}
        if before["model"]:
            assert before["outcomes"]["failed"] == 16 * 2 // len(QUEUES)


FAILURES: dict[str, Behaviour] = {
    "refusal": lambda asked: data(message(None, "stop", used(100, 505), refusal="no")),
    "limit": lambda asked: streamed("", "length", used(100, 505)),
    "filter": lambda asked: streamed("BILL", "content_filter", used(100, 505)),
    "tool": lambda asked: data(message(None, "tool_calls", used(100, 505), tool_calls=[CALL])),
    "thought": lambda asked: streamed("<think>Hm", usage=used(100, 505)),
    "wrong": lambda asked: streamed("no label", usage=used(100, 505)),
}


def test_what_an_answer_cost_does_not_depend_on_how_it_failed(tmp_path: Path) -> None:
    def half(failure: Behaviour) -> Behaviour:
        return lambda asked: (
            failure(asked) if truth(asked) in ("OTHER", "ACCOUNT") else sound(asked)
        )

    behaviours = {name: half(failure) for name, failure in FAILURES.items()}
    with serving(behaviours) as endpoint:
        text = {"output": {"kind": "text"}, "metric": "exact_match"}
        result = weighed(tmp_path, endpoint, **text).result
    arms = {arm["model"]: arm for arm in result["arms"] if arm["model"]}
    assert set(arms) == set(FAILURES)
    for arm in arms.values():
        assert arm["quality"]["value"] == 0.5
        assert (arm["tokens"]["input_mean"], arm["tokens"]["output_mean"]) == (100, 255)
        assert arm["cost"]["per_request"] == pytest.approx((100 * 1 + 255 * 4) / 1e6)
