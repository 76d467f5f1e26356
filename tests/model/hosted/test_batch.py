"""The batch interface: answers find their requests, and no batch is paid twice."""

from __future__ import annotations

import json
import time
from collections.abc import MutableMapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from steelyard.core import Completion, Message, Price, Request
from steelyard.errors import BudgetError, CredentialError, EndpointError
from steelyard.model import ModelSpec, load_model
from steelyard.model.hosted.batch import BatchModel
from steelyard.model.hosted.batch_api import LineResult, results
from steelyard.model.hosted.batch_client import BatchOptions
from steelyard.model.phase import during
from steelyard.store.budget import Budget, prices_of
from steelyard.store.database import Store
from steelyard.store.recorder import Recorder
from steelyard.store.tables import AskedModel
from tests.model.batch_endpoint import Batches, Line, batches, body, good, refused, undone

QUICK = BatchOptions(least_wait_seconds=0.01, most_wait_seconds=0.02, patience_seconds=0.5)


def requests(count: int, **fields: object) -> list[Request]:
    return [Request((Message("user", f"item {n}"),), **fields) for n in range(count)]  # type: ignore[arg-type]


def build(
    endpoint: Batches, memory: MutableMapping[str, Any] | None = None, **options: object
) -> BatchModel:
    spec = ModelSpec("openai", "small", endpoint.base_url, batch=True)
    model = BatchModel(spec, BatchOptions(**{**vars(QUICK), **options}))  # type: ignore[arg-type]
    if memory is not None:
        model.memory = memory
    return model


def number(line: Line) -> int:
    return int(line["body"]["messages"][-1]["content"].split()[1])


def texts(found: list[Completion | None]) -> list[str | None]:
    return [None if each is None else each.text for each in found]


def test_answers_find_their_requests() -> None:
    with batches(looks=3, answer=good) as endpoint:
        model = build(endpoint)
        told: list[int] = []
        found = model.generate(
            requests(20), lambda done: told.extend(i for i, _ in done), frozenset({4})
        )
    assert texts(found) == [None if n == 4 else f"ITEM {n}" for n in range(20)]
    assert sorted(told) == [n for n in range(20) if n != 4]
    assert endpoint.paid == {f"item {n}": 1 for n in range(20) if n != 4}
    [batch] = endpoint.batches.values()
    assert batch["endpoint"] == "/v1/chat/completions"
    assert batch["completion_window"] == "24h"
    first = found[0]
    assert first is not None
    assert (first.input_tokens, first.output_tokens) == (40, 3)
    assert (first.total_seconds, first.batch_size) == (60, 19)


def test_a_line_is_the_request_as_it_would_be_sent_by_itself() -> None:
    with batches() as endpoint:
        build(endpoint).generate(requests(1, seed=3, stop=("\n",)))
    line = json.loads(endpoint.files["file-0"])
    assert line["method"] == "POST"
    assert line["url"] == "/v1/chat/completions"
    assert line["body"]["seed"] == 3
    assert line["body"]["model"] == "small"
    assert "stream" not in line["body"] and "stream_options" not in line["body"]


def test_the_spec_says_batch() -> None:
    with batches() as endpoint:
        spec = ModelSpec("openai", "small", endpoint.base_url, batch=True)
        model = load_model(spec)
        assert model.fingerprint == f"openai|{endpoint.base_url}|small|batch"
        assert (model.name, model.local, model.count_tokens("x")) == ("small", False, None)
        assert spec.to_dict()["batch"] is True
        assert "batch" not in ModelSpec("openai", "small").to_dict()


def test_an_estimate_and_another_model_are_told_of() -> None:
    def answer(line: Line, before: int) -> Line:
        told = good(line)
        body = told["response"]["body"]
        del body["usage"]
        body["model"] = "huge-2"
        return told

    with batches(answer=answer) as endpoint:
        model = build(endpoint)
        model.generate(requests(2))
    assert model.notes[1:] == (
        "the endpoint reports no usage: token counts are estimated",
        "the endpoint says that huge-2 answered",
    )
    with batches() as endpoint:
        model = build(endpoint)
        model.generate(requests(2))
    assert model.notes == ("answers came through the provider's batch interface",)


def test_no_more_than_fit_into_one_batch() -> None:
    with batches() as endpoint:
        found = build(endpoint, most_requests=8).generate(requests(20))
    sizes = [
        len(endpoint.files[each["input_file_id"]].splitlines())
        for each in endpoint.batches.values()
    ]
    assert sizes == [8, 8, 4]
    assert texts(found) == [f"ITEM {n}" for n in range(20)]
    with batches() as endpoint:
        build(endpoint, most_bytes=600).generate(requests(20))
    inputs = [endpoint.files[each["input_file_id"]] for each in endpoint.batches.values()]
    assert len(inputs) > 5
    assert all(len(content) <= 600 for content in inputs)


def test_repeats_are_asked_each_for_itself_and_twins_once() -> None:
    asked = [Request((Message("user", "item 1"),), nonce=nonce) for nonce in ("", "a", "b", "b")]
    with batches() as endpoint:
        found = build(endpoint).generate(asked)
        assert endpoint.paid == {"item 1": 3}
    assert texts(found) == ["ITEM 1"] * 4


def test_an_error_file_gives_each_failure_its_reason() -> None:
    def answer(line: Line, before: int) -> Line | None:
        if number(line) == 2:
            return refused(line, 400, "maximum context length is 10 tokens")
        return None if number(line) == 3 else good(line)

    with batches(answer=answer) as endpoint:
        found = build(endpoint).generate(requests(6))
    failures = {n: each.failure for n, each in enumerate(found) if each and each.failure}
    assert "maximum context length" in str(failures.pop(2))
    assert "holds no answer to this request" in str(failures.pop(3))
    assert failures == {}
    assert found[3] is not None and found[3].output_tokens == 64, "it may have been paid"
    assert len(endpoint.batches) == 1


def test_what_the_endpoint_stumbled_over_goes_into_another_batch() -> None:
    tried: list[int] = []

    def answer(line: Line, before: int) -> Line:
        tried.append(number(line))
        stumbles = number(line) == 7 or (number(line) == 5 and tried.count(5) < 2)
        return refused(line, 500, "oops") if stumbles else good(line)

    with batches(answer=answer) as endpoint:
        found = build(endpoint).generate(requests(10))
    assert (tried.count(5), tried.count(7), tried.count(1)) == (2, 3, 1)
    assert found[5] is not None and found[5].text == "ITEM 5"
    assert found[7] is not None and found[7].failure == "HTTP 500: oops"


def test_a_parameter_that_is_refused_is_left_out_in_another_batch() -> None:
    def answer(line: Line, before: int) -> Line:
        if "seed" in line["body"]:
            return refused(line, 400, "Unsupported parameter: 'seed'", param="seed")
        return good(line)

    with batches(answer=answer) as endpoint:
        model = build(endpoint)
        found = model.generate(requests(5, seed=1))
    assert texts(found) == [f"ITEM {n}" for n in range(5)]
    assert len(endpoint.batches) == 2
    assert "the endpoint does not accept a seed: answers may vary from call to call" in model.notes


def test_a_system_role_that_is_refused_is_left_out_for_the_whole_batch() -> None:
    def answer(line: Line, before: int) -> Line:
        if line["body"]["messages"][0]["role"] == "system":
            return refused(line, 400, "the chat template has no system role")
        return good(line)

    asked = [
        Request((Message("system", "Echo."), *request.messages), request.max_output_tokens)
        for request in requests(5)
    ]
    with batches(answer=answer) as endpoint:
        found = build(endpoint).generate(asked)
    assert [one.failure for one in found if one is not None] == [None] * 5
    assert len(endpoint.batches) == 2


@pytest.mark.parametrize(
    "trouble",
    [
        {"response": None, "error": {"code": "server_error", "message": "busy"}},
        {"response": None, "error": {"code": "rate_limit_exceeded", "message": "slow down"}},
        {"response": {"status_code": 200, "body": "Internal Server Error"}},
    ],
)
def test_what_the_endpoint_failed_goes_into_another_batch(trouble: Line) -> None:
    def answer(line: Line, before: int) -> Line:
        is_first = len(endpoint.batches) == 1
        return {"custom_id": line["custom_id"], **trouble} if is_first else good(line)

    with batches(answer=answer) as endpoint:
        found = build(endpoint).generate(requests(3))
    assert texts(found) == [f"ITEM {n}" for n in range(3)]


def _twice(*texts: str) -> dict[str, LineResult]:
    lines = [
        {"custom_id": "a", "response": {"status_code": 200, "body": body(text)}} for text in texts
    ]
    return results("\n".join(map(json.dumps, lines)).encode())


def test_two_different_answers_to_one_request_are_none() -> None:
    broken = _twice("A", "B")["a"].broken
    assert broken is not None and "several different answers" in str(broken)
    assert _twice("A", "B", "A")["a"].reply is None
    assert _twice("A", "B", "B")["a"].reply is None
    same = _twice("A", "A")["a"].reply
    assert same is not None and same.text == "A"


@pytest.mark.parametrize("first", ["answer", "refusal"])
def test_an_answer_and_a_refusal_of_one_request_are_none(first: str) -> None:
    answer = good({"custom_id": "a", "body": {"messages": [{"content": "x"}]}})
    lines = [answer, refused({"custom_id": "a"}, 400, "no")]
    lines = lines if first == "answer" else lines[::-1]
    result = results("\n".join(map(json.dumps, lines)).encode())["a"]
    assert result.broken is not None and (result.reply, result.refusal) == (None, None)


def test_what_a_batch_answers_twice_and_differently_goes_into_another_one() -> None:
    with batches(answer=good) as endpoint:
        store = endpoint.take

        def take(content: bytes) -> Line:
            if len(endpoint.batches) == 1 and b"ITEM 0" in content:
                content += b"\n" + content.splitlines()[0].replace(b"ITEM 0", b"ITEM 9")
            return store(content)

        endpoint.take = take  # type: ignore[method-assign]
        found = build(endpoint).generate(requests(3))
    assert texts(found) == [f"ITEM {n}" for n in range(3)]
    assert len(endpoint.batches) == 2


def test_an_expired_batch_keeps_what_was_answered_and_asks_the_rest_again() -> None:
    def answer(line: Line, before: int) -> Line:
        endpoint.status = "completed" if len(endpoint.batches) > 1 else "expired"
        late = len(endpoint.batches) == 1 and number(line) >= 6
        return undone(line) if late else good(line)

    with batches(answer=answer, status="expired") as endpoint:
        found = build(endpoint).generate(requests(10))
    assert texts(found) == [f"ITEM {n}" for n in range(10)]
    assert set(endpoint.paid.values()) == {1}
    assert len(endpoint.batches) == 2


def test_batches_that_always_expire_end_with_a_reason_and_what_was_answered() -> None:
    def answer(line: Line, before: int) -> Line:
        return undone(line) if number(line) == 3 else good(line)

    told: list[int] = []
    with batches(answer=answer, status="expired") as endpoint:
        model = build(endpoint)
        with pytest.raises(EndpointError, match=r"expired with 1 request unanswered.*run again"):
            model.generate(requests(5), lambda done: told.extend(i for i, _ in done))
    assert sorted(told) == [0, 1, 2, 4]
    assert len(endpoint.batches) == 3
    assert set(endpoint.paid.values()) == {1}


def test_a_cancelled_batch_is_not_begun_again_behind_the_users_back() -> None:
    def answer(line: Line, before: int) -> Line:
        return undone(line, "batch_cancelled") if number(line) > 2 else good(line)

    told: list[int] = []
    with batches(answer=answer, status="cancelled") as endpoint:
        with pytest.raises(EndpointError, match="was cancelled with 2 requests unanswered"):
            build(endpoint).generate(requests(5), lambda done: told.extend(i for i, _ in done))
        assert len(endpoint.batches) == 1
    assert sorted(told) == [0, 1, 2]


def test_a_batch_that_fails_validation_says_why() -> None:
    errors = [{"code": "model_not_found", "message": "The model small has no batches"}]
    with batches(status="failed", errors=errors) as endpoint:
        with pytest.raises(EndpointError, match="The model small has no batches") as caught:
            build(endpoint).generate(requests(5))
        assert caught.value.is_final
        assert len(endpoint.batches) == 1


def test_too_many_tokens_at_once_become_smaller_batches() -> None:
    with batches(status="failed", errors=[{"code": "token_limit_exceeded"}]) as endpoint:
        look = endpoint.look

        def patient(name: str) -> Line:
            size = len(endpoint.files[endpoint.batches[name]["input_file_id"]].splitlines())
            if size <= 3:
                endpoint.status, endpoint.errors = "completed", []
            return look(name)

        endpoint.look = patient  # type: ignore[method-assign]
        found = build(endpoint).generate(requests(10))
    assert texts(found) == [f"ITEM {n}" for n in range(10)]
    assert set(endpoint.paid.values()) == {1}


def test_a_wrong_key_and_a_missing_interface_are_said_at_once() -> None:
    with batches(troubles={"POST /files": [401]}) as endpoint, pytest.raises(CredentialError):
        build(endpoint).generate(requests(2))
    with (
        batches(troubles={"POST /files": [404]}) as endpoint,
        pytest.raises(EndpointError, match=r"no such batch interface.*leave model\.batch out"),
    ):
        build(endpoint).generate(requests(2))


def test_stumbling_while_it_is_looked_at_does_not_matter() -> None:
    troubles = {
        "POST /files": [503],
        "GET /batches/batch_0": [500, 429, 502],
        "GET /files/file-1/content": [500],
    }
    with batches(looks=2, troubles=troubles) as endpoint:
        found = build(endpoint, patience_seconds=5.0).generate(requests(4))
    assert texts(found) == [f"ITEM {n}" for n in range(4)]
    assert len(endpoint.batches) == 1


def test_an_endpoint_that_falls_silent_is_not_waited_for_forever_and_nothing_is_paid_twice() -> (
    None
):
    memory: dict[str, Any] = {}
    with batches(looks=3, troubles={"GET /batches/batch_0": [500] * 1000}) as endpoint:
        started = time.monotonic()
        with pytest.raises(EndpointError, match="not be sent twice"):
            build(endpoint, memory).generate(requests(6))
        assert time.monotonic() - started < 5
        endpoint.troubles.clear()
        found = build(endpoint, memory).generate(requests(6))
        assert texts(found) == [f"ITEM {n}" for n in range(6)]
        assert len(endpoint.batches) == 1
    assert set(endpoint.paid.values()) == {1}
    assert [key for key in memory if key != "run"] == []


def test_one_that_does_not_end_is_left_and_found_again() -> None:
    memory: dict[str, Any] = {}
    with batches(looks=1000) as endpoint:
        with pytest.raises(
            EndpointError, match=r"is in_progress after .* run again to keep waiting"
        ):
            build(endpoint, memory, deadline_seconds=0.05).generate(requests(6))
        endpoint.looks = endpoint.batches["batch_0"]["seen"] + 1
        found = build(endpoint, memory).generate(requests(6))
    assert texts(found) == [f"ITEM {n}" for n in range(6)]
    assert len(endpoint.batches) == 1


def test_a_batch_whose_beginning_was_not_heard_is_found_by_its_mark() -> None:
    with batches(drop_after_create=True) as endpoint:
        for _ in range(5):
            endpoint.create({"metadata": {"steelyard": "somebody else's"}})
        found = build(endpoint).generate(requests(6))
        assert texts(found) == [f"ITEM {n}" for n in range(6)]
        assert len(endpoint.batches) == 6
    assert set(endpoint.paid.values()) == {1}


@pytest.mark.parametrize(("status", "final"), [(400, False), (403, True)])
def test_a_batch_that_is_refused_gives_its_money_back(status: int, final: bool) -> None:
    price = Price(input=Decimal(1000), output=Decimal(1000))
    memory: dict[str, Any] = {}
    with batches(troubles={"POST /batches": [status]}) as endpoint:
        model = build(endpoint, memory)
        budget = Budget(Decimal(1), {"small": price})
        model.meter = budget.meter(AskedModel(model.fingerprint, "small"), model.count_tokens)
        with pytest.raises(EndpointError) as caught:
            model.generate(requests(5))
        assert caught.value.is_final is final
        assert [key for key in memory if key != "run"] == []
        found = model.generate(requests(5))
    assert texts(found) == [f"ITEM {n}" for n in range(5)]
    assert budget.spent == 5 * Decimal("0.043")


def test_a_stumble_at_the_beginning_begins_one_batch() -> None:
    with batches(troubles={"POST /batches": [503, 500]}) as endpoint:
        found = build(endpoint).generate(requests(3))
        assert len(endpoint.batches) == 1
    assert texts(found) == ["ITEM 0", "ITEM 1", "ITEM 2"]


def test_killed_before_the_id_was_kept() -> None:
    """The memory says that a batch was about to begin: the endpoint knows whether it did."""
    memory: dict[str, Any] = {}
    with batches() as endpoint:
        build(endpoint, memory).generate(requests(3))
        [batch] = endpoint.batches.values()
        key = f"batch:{batch['metadata']['steelyard']}"
        ids = [json.loads(line)["custom_id"] for line in endpoint.files["file-0"].splitlines()]
        memory[key] = {"ids": ids, "batch": None}
        again = build(endpoint, memory).generate(requests(3))
        assert texts(again) == ["ITEM 0", "ITEM 1", "ITEM 2"]
        assert len(endpoint.batches) == 1
        memory["batch:never begun"] = {"ids": ids, "batch": None}
        build(endpoint, memory).generate(requests(3))
        assert len(endpoint.batches) == 2
    assert [key for key in memory if key != "run"] == []


class Killed(BaseException):
    """As good as a kill."""


@pytest.mark.parametrize("moment", ["waiting", "delivering"])
def test_a_run_that_goes_on_finds_its_batch_again(tmp_path: Path, moment: str) -> None:
    with batches(looks=4) as endpoint:
        store = Store.in_folder(tmp_path)
        model = build(endpoint)
        recorder = Recorder(store)
        look = endpoint.look

        def killing(name: str) -> Line:
            if moment == "waiting" and endpoint.batches[name]["seen"] == 2:
                endpoint.troubles["GET /batches/batch_0"] = [401]
            return look(name)

        def deliver() -> None:
            if moment == "delivering":
                raise Killed

        endpoint.look = killing  # type: ignore[method-assign]
        with pytest.raises((Killed, CredentialError)), during("test:arm", deliver):
            recorder.wrap(model).generate(requests(8))
        store.close()
        endpoint.look = look  # type: ignore[method-assign]
        again = Recorder(Store.in_folder(tmp_path)).wrap(build(endpoint)).generate(requests(11))
        assert texts(again) == [f"ITEM {n}" for n in range(11)]
    assert set(endpoint.paid.values()) == {1}
    assert len(endpoint.batches) == 2, "the three that were not in the first"


def test_another_run_does_not_take_a_batch_that_is_not_its_own() -> None:
    with batches() as endpoint:
        build(endpoint, {}).generate(requests(2))
        build(endpoint, {}).generate(requests(2))
        assert len(endpoint.batches) == 2


def test_the_cap_holds_before_a_batch_is_sent(tmp_path: Path) -> None:
    """40 + 3 tokens are used where up to 94 are set aside: the money left makes smaller batches."""
    price = Price(input=Decimal(1000), output=Decimal(1000))
    with batches() as endpoint:
        spec = ModelSpec("openai", "small", endpoint.base_url, batch=True)
        store = Store.in_folder(tmp_path)
        budget = Budget(Decimal(1), prices_of([(spec, price)]))
        model = build(endpoint)
        with pytest.raises(BudgetError, match="raise --max-cost"):
            Recorder(store, budget).wrap(model).generate(requests(100, max_output_tokens=8))
        served = sum(endpoint.paid.values())
        assert store.usage().requests == served
        assert Decimal("0.9") < budget.spent == served * Decimal("0.043") <= 1
        assert len(endpoint.batches) > 1
        more = Budget(Decimal(9), prices_of([(spec, price)]))
        Recorder(store, more).wrap(build(endpoint)).generate(requests(100, max_output_tokens=8))
    assert set(endpoint.paid.values()) == {1}
    assert more.spent == Decimal("4.3")


def test_a_torn_answer_goes_into_another_batch_and_both_are_paid() -> None:
    def answer(line: Line, before: int) -> Line | None:
        done = good(line)
        done["response"]["body"] |= {"choices": []} if number(line) == 2 and before < 1 else {}
        if number(line) == 3:
            done["response"]["body"] = {"error": {"message": "busy", "code": 503}}
        return done

    with batches(answer=answer) as endpoint:
        model = build(endpoint)
        found = model.generate(requests(4))
    assert any("failed some requests after all tries" in note for note in model.notes)
    assert found[2] is not None and found[3] is not None
    assert (found[2].text, found[2].output_tokens) == ("ITEM 2", 3)
    assert (found[2].torn.requests, found[2].torn.output_tokens) == (1, 3)
    assert "busy" in str(found[3].failure)
    assert not found[3].was_paid
    assert len(endpoint.batches) == 3
