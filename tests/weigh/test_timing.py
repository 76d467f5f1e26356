"""Arms are timed in rounds, so that a machine that is busy for a while prices none of them wrongly."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from steelyard.core import Answer, Completion, Record
from steelyard.planning.probes import LATENCY_ROUNDS, ROUND_REQUESTS
from steelyard.weigh import run
from steelyard.weigh.measure import Timing
from steelyard.weigh.timing import Round, calmest, slowdown, spread_places, timing_warnings
from tests.tickets import arms_of, write_task


def record(seconds: float, failure: str | None = None) -> Record:
    completion = Completion("A", "stop", total_seconds=seconds, failure=failure)
    return Record("arm", "id", "scored", 1.0, "A", Answer("A", completion))


def a_round(seconds: float | None, timing: float = 0.1) -> Round:
    return Round((Timing(timing),) * 2, (seconds,) * 8)


@pytest.mark.parametrize(
    ("tested", "rounds", "expected"),
    [
        (0.1, [0.1, 0.1], 1.0),
        (0.05, [0.1, 0.1], 1.0),  # many together are faster than few
        (0.15, [0.1, 0.1], 1.0),  # within what a calm machine varies
        (1.0, [0.1, 0.1], 10.0),
        (1.0, [1.0, 0.1], 10.0),  # the fastest round is the least disturbed
        (0.1, [1.0, 0.1], 1.0),
        (1.0, [1.0, 1.0], 1.0),  # as slow at all times: that is its pace
        (0.001, [0.0001, 0.0001], 1.0),  # too short to tell
        (1.0, [None, None], 1.0),
    ],
)
def test_a_test_that_was_slower_than_the_calmest_round_was_disturbed(
    tested: float, rounds: list[float | None], expected: float
) -> None:
    records = [record(tested)] * 40
    assert slowdown(records, [a_round(seconds) for seconds in rounds]) == pytest.approx(expected)


def test_a_hosted_arm_and_one_with_failed_answers_are_left_as_they_are() -> None:
    records = [record(1.0)] * 40
    assert slowdown(records, [Round((Timing(0.1),))] * 2) == 1.0
    assert slowdown([record(1.0, "lost")] * 40, [a_round(0.1)] * 2) == 1.0
    assert slowdown([], []) == 1.0


def test_the_calmest_rounds_count_and_one_with_a_lost_answer_is_none_of_them() -> None:
    calm, busy, lost = a_round(0.1, 0.1), a_round(1.0, 1.0), a_round(None, 0.2)
    assert calmest([busy, calm, a_round(0.11)]) == [calm, a_round(0.11)]
    assert calmest([lost, busy, calm]) == [calm, busy]
    hosted = [Round((Timing(float(place)),)) for place in range(2)]
    assert calmest(hosted) == hosted


def test_the_timed_questions_are_from_all_over_the_test() -> None:
    assert spread_places(0) == []
    assert spread_places(3) == [0, 1, 2]
    assert spread_places(80) == [0, 10, 20, 30, 40, 50, 60, 70]


def test_only_a_spread_worth_telling_is_told() -> None:
    assert timing_warnings(1.9) == []
    [warning] = timing_warnings(9.6)
    assert "by a factor of 9.6" in warning and "busy" in warning


def calls_of(log: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def weighed(folder: Path, options: str = "") -> dict[str, Any]:
    model = f"fake:smart?log={folder / 'calls.jsonl'}{options}"
    task = write_task(folder / "task", model=model, strategies=["zero_shot", "few_shot"])
    return dict(run(task, folder / "out").result)


def test_arms_take_turns_while_they_are_timed(tmp_path: Path) -> None:
    result = weighed(tmp_path)
    calls = calls_of(tmp_path / "calls.jsonl")
    timed = [call["nonce"] for call in calls if call["nonce"].startswith(("latency-", "timed-"))]
    prompted = [arm for arm in result["arms"] if arm["model"]]
    for number in range(LATENCY_ROUNDS):
        places = [i for i, nonce in enumerate(timed) if nonce.startswith(f"timed-{number}-")]
        rest = [i for i, nonce in enumerate(timed) if nonce.startswith(f"timed-{number + 1}-")]
        assert len(places) == 8 * len(prompted)
        assert not rest or max(places) < min(rest), "no arm is in the next round before all are"
    assert all(
        arm["latency_seconds"]["n"] == LATENCY_ROUNDS * ROUND_REQUESTS for arm in result["arms"]
    )
    assert not any("busy" in warning for warning in result["verdict"]["warnings"])


def position(calls: list[dict[str, str]], nonce: str) -> int:
    return next(i for i, call in enumerate(calls) if call["nonce"].startswith(nonce))


def test_a_test_during_which_the_machine_was_busy_prices_no_arm_ten_times_its_twin(
    tmp_path: Path,
) -> None:
    calm = weighed(tmp_path / "calm")
    begun = position(calls_of(tmp_path / "calm" / "calls.jsonl"), "warm-0-")
    busy = weighed(tmp_path / "busy", f"&busy_from=1&busy_until={begun}")
    before, after = arms_of(calm), arms_of(busy)
    for name in ("zero_shot", "zero_shot_free", "few_shot", "few_shot_free"):
        was, now = before[name]["cost"]["per_request"], after[name]["cost"]["per_request"]
        assert now < 2 * was, f"{name} is priced as on a calm machine"
        assert after[name]["quality"] == before[name]["quality"]
    [warning] = [w for w in busy["verdict"]["warnings"] if "machine was busy" in w]
    assert "vary by a factor of" in warning


def test_a_round_that_was_disturbed_is_repeated_and_told(tmp_path: Path) -> None:
    calm = weighed(tmp_path / "calm")
    calls = calls_of(tmp_path / "calm" / "calls.jsonl")
    start, end = position(calls, "warm-1-"), position(calls, "latency-19")
    busy = weighed(tmp_path / "busy", f"&busy_from={start}&busy_until={end + 1000}")
    asked = calls_of(tmp_path / "busy" / "calls.jsonl")
    assert any(call["nonce"].startswith("timed-2-") for call in asked), "timed once more"
    assert any("machine was busy" in warning for warning in busy["verdict"]["warnings"])
    once = weighed(tmp_path / "once", f"&busy_from={start}&busy_until={start + 60}")
    for name, arm in arms_of(once).items():
        if arm["model"]:
            assert arm["latency_seconds"]["p50"] < 3 * arms_of(calm)[name]["latency_seconds"]["p50"]


def test_rounds_are_kept_so_that_a_finished_run_times_nothing_again(tmp_path: Path) -> None:
    weighed(tmp_path)
    calls = len(calls_of(tmp_path / "calls.jsonl"))
    again = run(tmp_path / "task", tmp_path / "out")
    assert len(calls_of(tmp_path / "calls.jsonl")) == calls
    assert replace(again).record.arms[0].latency_seconds.n == LATENCY_ROUNDS * ROUND_REQUESTS
