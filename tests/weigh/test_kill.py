"""A run killed at any moment goes on where it stopped and ends as an undisturbed one."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from steelyard.result import read_result, strip_timings
from tests.tickets import write_task

BATCH = 4
STRATEGIES = ("zero_shot", "few_shot", "retrieved_few_shot")
MOMENTS = {
    "first answers": "zero_shot: fit: started",
    "first test": "zero_shot: test: started",
    "latency": "zero_shot_free: latency: started",
    "second fit": "few_shot: fit: started",
    "between arms": "few_shot_free: test: started",
    "near the end": "retrieved_few_shot_free: latency: started",
}


def start(task: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "steelyard", "run", str(task), "--out", str(out), "--json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)


def kill_when(process: subprocess.Popen[bytes], moment: str | float, out: Path) -> None:
    """Send ``kill -9`` once the log shows a line, or after so many seconds."""
    started = time.monotonic()
    while process.poll() is None and time.monotonic() - started < 60:
        log = out / "run.log"
        if isinstance(moment, str):
            if log.exists() and moment in log.read_text(encoding="utf-8"):
                break
        elif time.monotonic() - started >= moment:
            break
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()


def make_task(folder: Path, sleep: float) -> Path:
    log = folder / "calls.jsonl"
    model = f"fake:smart?sleep={sleep}&batch={BATCH}&log={log}"
    # With free machine hours no cost is made of the clock, and the verdict cannot hang on it.
    free = "prices: {machine: {per_hour: 0}}\n"
    return write_task(folder / "task", rows=60, model=model, strategies=STRATEGIES, extra=free)


def asked(folder: Path) -> Counter[tuple[str, str]]:
    lines = (folder / "calls.jsonl").read_text(encoding="utf-8").splitlines()
    calls = [json.loads(line) for line in lines]
    return Counter((call["request"], call["nonce"]) for call in calls)


def comparable(folder: Path) -> Any:
    """The result without timings and without the model's name, which holds the log's path."""
    found = read_result(folder / "out")
    result = json.loads(json.dumps(found.to_dict()).replace(str(found.task.model), "MODEL"))
    for price in result["prices"]:
        del price["name"]
    del result["task"]["model"], result["task"]["fingerprint"]
    for arm in result["arms"]:
        del arm["model"]
    return strip_timings(result)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    assert start(make_task(folder, 0.0), folder / "out").wait(120) == 0
    return folder


def test_an_undisturbed_run_asks_nothing_twice(undisturbed: Path) -> None:
    assert max(asked(undisturbed).values()) == 1


def steady(calls: Counter[tuple[str, str]]) -> set[tuple[str, str]]:
    """What is asked whatever happens: a process that goes on warms its models up anew."""
    return {call for call in calls if not call[1].startswith(("warm-", "timed-"))}


def check(folder: Path, undisturbed: Path, kills: int) -> None:
    calls = asked(folder)
    expected = asked(undisturbed)
    twice = sum(count - 1 for count in calls.values())
    assert twice <= kills * BATCH, "only the batch in flight may be asked again"
    assert steady(calls) == steady(expected)
    assert comparable(folder) == comparable(undisturbed)


@pytest.mark.parametrize("moment", MOMENTS.values(), ids=MOMENTS)
def test_killed_at_a_chosen_moment(moment: str, tmp_path: Path, undisturbed: Path) -> None:
    task, out = make_task(tmp_path, 0.002), tmp_path / "out"
    process = start(task, out)
    kill_when(process, moment, out)
    assert process.returncode == -signal.SIGKILL, "the run must be killed before it ends"
    assert not (out / "result.json").exists()
    assert start(task, out).wait(120) == 0
    check(tmp_path, undisturbed, kills=1)


def test_killed_again_and_again_at_random(tmp_path: Path, undisturbed: Path) -> None:
    task, out = make_task(tmp_path, 0.006), tmp_path / "out"
    moments = random.Random(11)
    kills = 0
    for _ in range(6):
        process = start(task, out)
        kill_when(process, moments.uniform(0.9, 2.2), out)
        kills += process.returncode == -signal.SIGKILL
    assert start(task, out).wait(120) == 0
    assert kills >= 4
    check(tmp_path, undisturbed, kills)
