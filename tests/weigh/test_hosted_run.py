"""Whole runs against hosted endpoints: misbehaving ones, under a cap, cached, in batches."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

import steelyard
from steelyard.core import Price
from steelyard.economics import cost_of
from steelyard.errors import BudgetError, EndpointError
from steelyard.model.answer_cache import VARIABLE
from steelyard.report import verdict_text
from steelyard.store.database import Store
from steelyard.weigh import RunResult, run
from tests.model.batch_endpoint import Line, batches, body
from tests.model.faulty import events, faulty, send
from tests.tickets import WORDS, write_task

LABELS = list(WORDS)
PRICES = "prices: {small: {input: 1000, output: 1000}}\n"
PRICE = Price(input=Decimal(1000), output=Decimal(1000))
STRATEGIES = ["zero_shot"]
LONGEST = 11
"""The most tokens that an answer to these tickets may have."""


def label_of(said: str) -> str:
    found = re.search(r"case(\d+)", said)
    return LABELS[int(found[1]) % 3] if found else "BILLING"


class Faults:
    """Does something bad about some tickets; counts what it served whole, and what it left half."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.served = 0
        self.half: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()

    def __call__(self, connection: socket.socket, said: str, before: int) -> None:
        found = re.search(r"case(\d+)", said)
        number = int(found[1]) if found else -1
        if before == 0 and number % 7 == 1:
            return self._refuse(connection, "429 Too Many", "Retry-After: 0.01")
        if before == 0 and number % 7 == 2:
            return self._refuse(connection, "500 Oops", "Content-Type: a/json")
        answer = events(label_of(said), model="huge-2")
        # One stays torn: five that end one after the other would be an endpoint that has gone away.
        broken = {24: "stall", 26: "cut", 34: "garble", 41: "drip"}.get(number)
        broken = broken if before < 2 or number == 34 else None
        with self._lock:
            self.served += broken is None
            self.half.update([broken] if broken else [])
        if number == 50:
            answer = events("I would rather not say")
        if broken is None:
            send(connection, "200 OK", answer)
        elif broken == "garble":
            send(connection, "200 OK", b"data: {oh no\n\n")
        elif broken == "cut":
            send(connection, "200 OK", answer[:60], length=len(answer))
            connection.shutdown(socket.SHUT_RDWR)
        elif broken == "drip":
            send(connection, "200 OK", b"", length=5000)
            for _ in range(20):
                time.sleep(0.1)
                connection.sendall(b": still here\n")
        else:
            time.sleep(1.0)

    @property
    def paid_tokens(self) -> int:
        """Output tokens on the account: one of a whole answer, and the longest answer of a torn one."""
        return self.served + LONGEST * sum(self.half.values())

    def _refuse(self, connection: socket.socket, status: str, header: str) -> None:
        with self._lock:
            self.refused[status] += 1
        send(connection, status, b"{}", header)


def task_at(folder: Path, base_url: str, more: str = "", extra: str = PRICES) -> Path:
    write_task(folder, rows=60, strategies=STRATEGIES, extra=extra)
    path = folder / "task.yaml"
    model = f'model: {{provider: openai, name: small, base_url: "{base_url}"{more}}}'
    path.write_text(re.sub(r"^model: .*$", model, path.read_text("utf-8"), flags=re.M), "utf-8")
    return folder


def check(done: RunResult, faults: Faults) -> None:
    """Outcomes add up, and what is on the account is what was served, whole or torn."""
    store = Store.in_folder(done.folder)
    test = done.result["split"]["test"]
    for arm in done.result["arms"]:
        assert sum(arm["outcomes"].values()) == test == len(store.records(arm["name"]))
    [(model, used)] = store.paid_by_model().items()
    assert model.name == "small"
    assert used.output_tokens == faults.paid_tokens
    assert faults.refused["429 Too Many"] and faults.refused["500 Oops"]
    store.close()


def test_a_run_over_a_misbehaving_endpoint_under_a_cap(tmp_path: Path) -> None:
    faults = Faults()
    with faulty(faults) as endpoint:
        task = task_at(tmp_path / "task", endpoint.base_url, ", timeout_seconds: 0.5")
        for cap in (Decimal("0.3"), Decimal("0.6")):
            with pytest.raises(BudgetError, match=f"--max-cost {cap}"):
                run(task, tmp_path / "out", max_cost=cap)
            store = Store.in_folder(tmp_path / "out")
            used = store.usage()
            store.close()
            paid = cost_of(used, PRICE).amount
            assert paid <= cap
            assert used.output_tokens == faults.paid_tokens
        done = run(task, tmp_path / "out", max_cost=Decimal(1000))
        check(done, faults)
        assert set(faults.half) == {"stall", "cut", "garble", "drip"}
    [torn] = [line for line in done.verdict["warnings"] if "came torn" in line]
    figures = re.search(
        r"^model small: (\d+) answers .* (\d+) lost tries .* (\d+) output tokens, \$", torn
    )
    assert figures is not None, torn
    assert "lost tries may have been paid" in torn
    answers, lost, output_tokens = map(int, figures.groups())
    assert 4 <= answers < lost < sum(faults.half.values())
    assert output_tokens == lost * LONGEST
    store = Store.in_folder(done.folder)
    for arm in done.result["arms"]:
        scored = [one for one in store.records(arm["name"]) if one.outcome == "scored"]
        assert {one.answer.completion.output_tokens for one in scored} <= {0, 1}, (
            "none is charged to an arm"
        )
    store.close()
    assert any("huge-2 answered" in warning for warning in done.verdict["warnings"])
    assert "huge-2 answered" in " ".join(verdict_text(done.record).split()), "on the terminal too"


def test_an_endpoint_that_stops_serving_ends_the_run_and_keeps_everything(tmp_path: Path) -> None:
    down, lock = threading.Event(), threading.Lock()
    served, before = 0, 41

    def behave(connection: socket.socket, said: str, _: int) -> None:
        nonlocal served
        with lock:
            gone = down.is_set()
            served += not gone
            if served == before:
                down.set()
        if gone:
            return send(connection, "404 Gone", b"{}", "Content-Type: a/json")
        send(connection, "200 OK", events(label_of(said)))

    with faulty(behave) as endpoint:
        task = task_at(tmp_path / "task", endpoint.base_url)
        with pytest.raises(EndpointError, match="answers 404"):
            run(task, tmp_path / "out")
        store = Store.in_folder(tmp_path / "out")
        assert store.usage().requests == served == before
        store.close()
        before = 0
        down.clear()
        done = run(task, tmp_path / "out")
    store = Store.in_folder(done.folder)
    assert store.usage().requests == served > 41
    store.close()


def test_a_second_run_pays_only_for_fresh_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "answers.db"))
    with faulty(lambda c, said, _: send(c, "200 OK", events(label_of(said)))) as endpoint:
        task = task_at(tmp_path / "task", endpoint.base_url)
        first = run(task, tmp_path / "one")
        whole = sum(endpoint.asked.values())
        second = run(task, tmp_path / "two")
        again = sum(endpoint.asked.values()) - whole
        third = run(task, tmp_path / "three", no_cache=True)
        assert sum(endpoint.asked.values()) == 2 * whole + again
    stores = [Store.in_folder(done.folder) for done in (first, second, third)]
    assert [store.reused() for store in stores] == [0, whole - again, 0]
    assert again == sum(usage.requests for usage in stores[1].paid_by_model().values()), (
        "latency probes and the final check are asked afresh"
    )
    told = [(done.folder / "run.log").read_text("utf-8") for done in (first, second, third)]
    assert ["came from the cache" in log for log in told] == [False, True, False]
    assert stores[0].usage()[:4] == stores[1].usage()[:4]
    replays = [steelyard.compare(first, later).notes for later in (second, third)]
    assert ["came from the cache" in " ".join(notes) for notes in replays] == [True, False]
    for arm, other in zip(first.result["arms"], second.result["arms"], strict=True):
        assert arm["tokens"] == other["tokens"]
        if arm["model"]:
            assert arm["cost"]["per_request"] == other["cost"]["per_request"]
            assert other["latency_seconds"]["n"] == arm["latency_seconds"]["n"] > 0
            whole = arm["latency_seconds"]
            assert 0 < whole["first_token"]["p50"] <= whole["p50"]
    for store in stores:
        store.close()


def test_a_run_in_batches(tmp_path: Path) -> None:
    def answer(line: Line, before: int) -> Line:
        said = line["body"]["messages"][-1]["content"]
        response = {"status_code": 200, "body": body(label_of(said))}
        return {"custom_id": line["custom_id"], "response": response, "error": None}

    with batches(answer=answer) as endpoint:
        prices = "prices: {small: {input: 1000, output: 1000, batch: 0.5}}\n"
        task = task_at(tmp_path / "task", endpoint.base_url, ", batch: true", prices)
        done = run(task, tmp_path / "out")
        store = Store.in_folder(done.folder)
        assert store.usage().requests == sum(endpoint.paid.values())
        store.close()
    arm = next(arm for arm in done.result["arms"] if arm["model"])
    assert arm["latency_seconds"]["p50"] is None
    assert arm["latency_seconds"]["reason"] == "answers come in batches"
    assert float(arm["cost"]["per_request"]) == pytest.approx(0.5 * 43 * 1000 / 1e6)
