"""A misbehaving endpoint: outcomes add up, and what may have been paid is on the account."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from decimal import Decimal

import pytest

from steelyard.core import Completion, Message, Price, Request
from steelyard.errors import BudgetError, EndpointError
from steelyard.model import ModelSpec
from steelyard.model.hosted.client import HostedModel, HostedOptions
from steelyard.model.hosted.refusals import Retries
from steelyard.store.budget import Budget
from steelyard.store.tables import AskedModel
from tests.model.faulty import Faulty, events, faulty, good, send


def ask_all(
    endpoint: Faulty, count: int, **options: object
) -> tuple[list[Completion], HostedModel, list[int]]:
    chosen = {"retries": Retries(3, least_seconds=0.01), "timeout_seconds": 0.5, **options}
    model = HostedModel(
        ModelSpec("openai", "small", base_url=endpoint.base_url),
        HostedOptions(**chosen),  # type: ignore[arg-type]
    )
    requests = [Request((Message("user", f"item {n}"),)) for n in range(count)]
    told: list[int] = []

    def on_done(done: Sequence[tuple[int, Completion]]) -> None:
        told.extend(index for index, _ in done)

    found = model.generate(requests, on_done)
    assert all(completion is not None for completion in found)
    return [completion for completion in found if completion is not None], model, told


def test_a_rate_limit_slows_down_and_every_item_is_answered() -> None:
    def behave(connection: socket.socket, said: str, before: int) -> None:
        if before == 0 and int(said.split()[1]) % 3 == 1:
            send(connection, "429 Too Many Requests", b"{}", "Retry-After: 0.05")
        else:
            good(connection, said)

    with faulty(behave) as endpoint:
        found, _, told = ask_all(endpoint, 60)
    assert [each.text for each in found] == [f"ITEM {n}" for n in range(60)]
    assert sorted(told) == list(range(60))
    assert sum(endpoint.asked.values()) == 80


def cut(connection: socket.socket, said: str) -> None:
    send(connection, "200 OK", events(said)[:40], length=500)
    connection.shutdown(socket.SHUT_RDWR)


def stall(connection: socket.socket, said: str) -> None:
    time.sleep(1.0)


def drip(connection: socket.socket, said: str) -> None:
    send(connection, "200 OK", b"", length=5000)
    for _ in range(20):
        time.sleep(0.1)
        connection.sendall(b": still here\n")


def garble(connection: socket.socket, said: str) -> None:
    send(connection, "200 OK", b"data: {oh no\n\n")


def slow(connection: socket.socket, said: str) -> None:
    """One word, and then nothing for long."""
    body = events(said)
    send(connection, "200 OK", body[:90], length=len(body))
    time.sleep(1.0)


def all_good(connection: socket.socket, said: str, before: int) -> None:
    good(connection, said)


def hang_up(connection: socket.socket, said: str) -> None:
    connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (cut, "no readable answer"),
        (stall, "timed out"),
        (drip, "timed out"),
        (garble, "no readable answer"),
        (hang_up, "Server disconnected"),
        (slow, "timed out"),
    ],
)
def test_a_torn_answer_is_asked_again_and_each_try_is_paid(
    fault: Callable[[socket.socket, str], None], reason: str
) -> None:
    def behave(connection: socket.socket, said: str, before: int) -> None:
        torn = (said == "item 2" and before < 2) or said == "item 5"
        (fault if torn else good)(connection, said)

    with faulty(behave) as endpoint:
        found, model, told = ask_all(endpoint, 12)
    failed = [n for n, each in enumerate(found) if each.failure is not None]
    assert failed == [5]
    assert reason in str(found[5].failure)
    assert sorted(told) == list(range(12))
    assert [endpoint.asked[f"item {n}"] for n in (1, 2, 5)] == [1, 3, 3]
    assert found[2].text == "ITEM 2"
    assert found[2].output_tokens == found[1].output_tokens, "a lost try is not the answer's"
    assert [found[n].torn.requests for n in (1, 2, 5)] == [0, 2, 2]
    assert [found[n].torn.output_tokens for n in (1, 2, 5)] == [0, 2 * 64, 2 * 64]
    assert found[5].output_tokens == 64
    assert "the endpoint failed some requests after all tries" in " ".join(model.notes)


@pytest.mark.parametrize(("cap", "tries"), [(40, 1), (50, 2), (60, 3)])
def test_a_torn_answer_is_asked_again_within_the_cap(cap: int, tries: int) -> None:
    """A token costs one; what may be used is 10 and some room, and a torn answer costs all of it."""
    price = Price(input=Decimal(0), output=Decimal(10**6))
    budget = Budget(Decimal(cap), {"small": price})
    told: dict[int, Completion] = {}
    request = Request((Message("user", "item 0"),), max_output_tokens=10)
    with faulty(lambda c, said, before: (cut if before < 2 else good)(c, said)) as endpoint:
        model = HostedModel(
            ModelSpec("openai", "small", base_url=endpoint.base_url),
            HostedOptions(retries=Retries(3, least_seconds=0.01)),
        )
        model.meter = budget.meter(AskedModel("a", "small"), len)
        if tries == 3:
            model.generate([request], told.update)
        else:
            with pytest.raises(BudgetError) as caught:
                model.generate([request], told.update)
            assert caught.value.unserved == {0}, "it is asked again when there is more money"
    assert endpoint.asked["item 0"] == tries
    paid = told[0].output_tokens + told[0].torn.output_tokens
    assert paid == budget.spent == (21 if tries == 3 else 10 * tries)


@pytest.mark.parametrize("status", ["500 Oops", "503 Busy", "529 Overloaded", "408 Late"])
def test_what_passes_by_itself_is_asked_again(status: str) -> None:
    def behave(connection: socket.socket, said: str, before: int) -> None:
        if before < 2 and said == "item 4":
            send(connection, status, b"later", "Content-Type: text/plain")
        else:
            good(connection, said)

    with faulty(behave) as endpoint:
        found, _, _ = ask_all(endpoint, 8)
    assert all(each.failure is None for each in found)
    assert endpoint.asked["item 4"] == 3


def test_a_connection_that_was_never_made_is_made_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as place:
        port = place.getsockname()[1]
    server = threading.Timer(
        0.3, lambda: opened.append(stack.enter_context(faulty(all_good, port)))
    )
    opened: list[Faulty] = []
    with ExitStack() as stack:
        server.start()
        found, _, _ = ask_all(Faulty(port), 4, retries=Retries(8, least_seconds=0.2))
    assert [each.text for each in found] == [f"ITEM {n}" for n in range(4)]
    assert set(opened[0].asked.values()) == {1}


def test_another_model_than_asked_for_is_said() -> None:
    with faulty(lambda c, said, _: send(c, "200 OK", events("x", "huge-2"))) as endpoint:
        _, model, _ = ask_all(endpoint, 2)
    assert "the endpoint says that huge-2 answered" in model.notes
    dated = events("x", "small-2026-01-01")
    with faulty(lambda c, said, _: send(c, "200 OK", dated)) as endpoint:
        _, model, _ = ask_all(endpoint, 2)
    assert model.notes == ()


def test_a_total_deadline_ends_the_waiting() -> None:
    def behave(connection: socket.socket, said: str, before: int) -> None:
        if said == "item 1":
            send(connection, "429 Too Many", b"{}", "Retry-After: 60")
        else:
            good(connection, said)

    with faulty(behave) as endpoint:
        started = time.monotonic()
        with pytest.raises(EndpointError, match="HTTP 429") as caught:
            ask_all(endpoint, 2, deadline_seconds=1.0)
    assert time.monotonic() - started < 5
    assert caught.value.unserved == {1}
    assert endpoint.asked["item 1"] == 1


def test_an_endpoint_that_goes_away_ends_with_what_was_paid_delivered() -> None:
    def behave(connection: socket.socket, said: str, before: int) -> None:
        if int(said.split()[1]) < 10:
            good(connection, said)
        else:
            send(connection, "500 Oops", b"{}", "Content-Type: application/json")

    told: list[int] = []
    with faulty(behave) as endpoint:
        model = HostedModel(
            ModelSpec("openai", "small", base_url=endpoint.base_url),
            HostedOptions(retries=Retries(0), patience=3),
        )
        requests = [Request((Message("user", f"item {n}"),)) for n in range(200)]
        with pytest.raises(EndpointError, match="failed 3 requests in a row"):
            model.generate(requests, lambda done: told.extend(index for index, _ in done))
    assert set(range(10)) <= set(told)
    assert len(told) == len(set(told)) == sum(endpoint.asked.values())
    assert sum(endpoint.asked.values()) < 200


def pieces(connection: socket.socket, said: str) -> None:
    """A JSON answer, not streamed, in two packets."""
    body = json.dumps(
        {
            "choices": [{"message": {"content": said.upper()}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 1},
        }
    ).encode()
    send(connection, "200 OK", body[:30], "Content-Type: application/json", length=len(body))
    time.sleep(0.05)
    connection.sendall(body[30:])


def test_an_answer_in_one_piece_may_come_in_several() -> None:
    with faulty(lambda c, said, _: pieces(c, said)) as endpoint:
        found, _, _ = ask_all(endpoint, 3)
    assert [each.text for each in found] == ["ITEM 0", "ITEM 1", "ITEM 2"]


def test_a_model_refused_with_400_stops_after_a_few() -> None:
    body = b'{"error": {"message": "The model smal is none of ours"}}'
    with faulty(lambda c, said, _: send(c, "400 Bad", body, "Content-Type: x/json")) as endpoint:
        model = HostedModel(ModelSpec("openai", "smal", base_url=endpoint.base_url))
        requests = [Request((Message("user", f"item {n}"),)) for n in range(50)]
        with pytest.raises(
            EndpointError, match=r"none of the first 5 requests.*smal is none of ours"
        ):
            model.generate(requests)
    assert sum(endpoint.asked.values()) == 5


def test_a_redirect_is_named_and_not_followed() -> None:
    with faulty(lambda c, said, _: send(c, "307 Moved", b"", "Location: http://b/v1")) as endpoint:
        model = HostedModel(ModelSpec("openai", "small", base_url=endpoint.base_url))
        with pytest.raises(
            EndpointError, match=r"redirect to http://b/v1; set model\.base_url to that"
        ):
            model.generate([Request((Message("user", "item 0"),))])


def test_giving_up_does_not_wait_for_the_pause() -> None:
    def behave(connection: socket.socket, said: str, before: int) -> None:
        if said == "item 0":
            good(connection, said)
        elif int(said.split()[1]) < 9:
            send(connection, "429 Too Many", b"{}", "Retry-After: 30")
        else:
            good(connection, said)

    with faulty(behave) as endpoint:
        model = HostedModel(
            ModelSpec("openai", "small", base_url=endpoint.base_url),
            HostedOptions(retries=Retries(0), patience=3),
        )
        requests = [Request((Message("user", f"item {n}"),)) for n in range(60)]
        started = time.monotonic()
        with pytest.raises(EndpointError, match="failed 3 requests in a row"):
            model.generate(requests)
        assert time.monotonic() - started < 5


def test_what_arrived_of_a_broken_answer_is_on_the_account() -> None:
    def behave(connection: socket.socket, said: str, before: int) -> None:
        if said == "item 1":
            body = events("a long answer that is cut")
            send(connection, "200 OK", body[: len(body) // 2], length=5000)
            connection.shutdown(socket.SHUT_RDWR)
        else:
            good(connection, said)

    with faulty(behave) as endpoint:
        found, _, _ = ask_all(endpoint, 2)
    assert found[1].failure is not None
    assert found[1].text == ""
    assert found[1].input_tokens > 0


def test_half_a_character_fails_no_run() -> None:
    with faulty(lambda c, said, _: send(c, "200 OK", events("ok \ud83d"))) as endpoint:
        found, _, _ = ask_all(endpoint, 1)
    found[0].text.encode()
    assert found[0].text.startswith("ok ")
