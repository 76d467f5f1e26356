"""The circuit breaker: an endpoint that is given up, its reason, and its next chance."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Sequence

import pytest

from steelyard.core import Completion, Message, Request
from steelyard.errors import CredentialError, EndpointError
from steelyard.model import ModelSpec
from steelyard.model.hosted.client import HostedModel, HostedOptions
from steelyard.model.hosted.refusals import Retries
from tests.model.faulty import events, faulty, good, send


def requests(*numbers: int) -> list[Request]:
    return [Request((Message("user", f"item {n}"),)) for n in numbers]


def build(base_url: str, **options: object) -> HostedModel:
    chosen = {"retries": Retries(1, least_seconds=0.01), "patience": 3, **options}
    return HostedModel(ModelSpec("openai", "small", base_url=base_url), HostedOptions(**chosen))  # type: ignore[arg-type]


def test_given_up_with_a_reason_then_one_request_decides() -> None:
    down = threading.Event()

    def behave(connection: socket.socket, said: str, before: int) -> None:
        if down.is_set():
            send(connection, "503 Busy", b"gone fishing", "Content-Type: text/plain")
        else:
            good(connection, said)

    with faulty(behave) as endpoint:
        model = build(endpoint.base_url)
        assert model.generate(requests(0))[0] is not None
        down.set()
        with pytest.raises(
            EndpointError, match=r"failed 3 requests in a row.*gone fishing"
        ) as caught:
            model.generate(requests(*range(1, 40)))
        assert not caught.value.is_final
        assert caught.value.unserved
        sent = sum(endpoint.asked.values())
        with pytest.raises(EndpointError, match="failed a request with"):
            model.generate(requests(*range(100, 140)))
        assert sum(endpoint.asked.values()) == sent + 2, "one request, and one try more"
        down.clear()
        back = model.generate(requests(*range(200, 240)))
    assert all(each is not None and each.failure is None for each in back)


def test_a_stalling_endpoint_does_not_hold_up_the_next_arm() -> None:
    release, stalls = threading.Event(), threading.Event()

    def behave(connection: socket.socket, said: str, before: int) -> None:
        if stalls.is_set():
            release.wait(20)
        good(connection, said)

    with faulty(behave) as endpoint:
        model = build(endpoint.base_url, timeout_seconds=0.3, probe_seconds=0.2)
        model.generate(requests(0))
        stalls.set()
        with pytest.raises(EndpointError, match="timed out"):
            model.generate(requests(*range(1, 40)))
        started = time.monotonic()
        with pytest.raises(EndpointError, match=r"within 0\.2 s"):
            model.generate(requests(*range(100, 140)))
        assert time.monotonic() - started < 2
        release.set()


@pytest.mark.parametrize(
    "limits",
    [
        "x-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 1h",
        "x-ratelimit-remaining-tokens: 0\r\nx-ratelimit-reset-tokens: 60m",
    ],
)
def test_a_pause_longer_than_the_deadline_ends_the_asking_and_is_named(limits: str) -> None:
    def behave(connection: socket.socket, said: str, before: int) -> None:
        send(connection, "200 OK", events("ok"), "Content-Type: text/event-stream", limits)

    told: dict[int, Completion] = {}
    with faulty(behave) as endpoint:
        model = build(endpoint.base_url)
        started = time.monotonic()
        with pytest.raises(EndpointError, match=r"wait 3,600 s, more than remains of the 600 s"):
            model.generate(requests(*range(1000)), told.update)
        with pytest.raises(EndpointError, match=r"wait 3,600 s, more than remains of the 30 s"):
            model.generate(requests(*range(1000)))
        assert time.monotonic() - started < 5
    assert told[0].text == "ok"
    assert sum(endpoint.asked.values()) == 1
    assert len(told) < 500, "the breaker comes before all requests are failed"


@pytest.mark.parametrize(
    ("status", "header", "reason"),
    [
        ("429 Slow", "Retry-After: 86400", "asked to wait 24 h"),
        ("429 Slow", "Retry-After: 0", "HTTP 429"),
        ("503 Busy", "Retry-After: 86400", "asked to wait 24 h"),
    ],
)
@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_limit_is_never_scored_however_few_are_asked(
    status: str, header: str, reason: str, count: int
) -> None:
    def behave(connection: socket.socket, said: str, before: int) -> None:
        if said == "item 99":
            good(connection, said)
        else:
            send(connection, status, b"{}", "Content-Type: a/json", header)

    with faulty(behave) as endpoint:
        for reached in (False, True):
            model = build(endpoint.base_url, patience=5)
            if reached:
                model.generate(requests(99))
            with pytest.raises(EndpointError, match=reason) as caught:
                model.generate(requests(*range(count)))
            assert caught.value.unserved == {*range(count)}
            assert not caught.value.is_final
            assert model.notes == ()


def test_a_day_without_requests_left_is_named_and_never_scored() -> None:
    limits = "x-ratelimit-remaining-requests: 0\r\nx-ratelimit-reset-requests: 24h"

    def behave(connection: socket.socket, said: str, before: int) -> None:
        send(connection, "200 OK", events("ok"), "Content-Type: text/event-stream", limits)

    with faulty(behave) as endpoint:
        model = build(endpoint.base_url)
        with pytest.raises(EndpointError, match="asked to wait 24 h") as caught:
            model.generate(requests(0, 1, 2))
    assert caught.value.unserved == {1, 2}


def ask_with_crashes(count: int, crashing: set[int]) -> list[Completion | None]:
    def behave(connection: socket.socket, said: str, before: int) -> None:
        if int(said.split()[1]) in crashing:
            send(connection, "500 Oops", b"{}", "Content-Type: application/json")
        else:
            good(connection, said)

    with faulty(behave) as endpoint:
        model = build(endpoint.base_url, patience=20)
        model.generate(requests(99))
        return model.generate(requests(*range(count)))


@pytest.mark.parametrize(("count", "crashing"), [(8, {3}), (1, {0}), (220, {7, 190})])
def test_the_odd_request_that_an_endpoint_cannot_stand_fails_alone(
    count: int, crashing: set[int]
) -> None:
    done = ask_with_crashes(count, crashing)
    failed = {place for place, each in enumerate(done) if each is None or each.failure is not None}
    assert failed == crashing


@pytest.mark.parametrize(("count", "crashing"), [(8, {1, 3, 6}), (2, {0, 1}), (100, {7, 50, 70})])
def test_more_than_the_odd_request_is_the_endpoint_s_failure(
    count: int, crashing: set[int]
) -> None:
    with pytest.raises(
        EndpointError, match=f"failed {len(crashing)} of {count} requests.*HTTP 500"
    ) as caught:
        ask_with_crashes(count, crashing)
    assert caught.value.unserved == crashing


def test_a_wait_that_a_refusal_asks_for_is_named() -> None:
    def behave(connection: socket.socket, said: str, before: int) -> None:
        send(connection, "429 Slow", b"{}", "Content-Type: a/json", "Retry-After: 3000")

    with faulty(behave) as endpoint:
        model = build(endpoint.base_url, patience=1)
        with pytest.raises(EndpointError, match=r"HTTP 429: .*it asked to wait 3,000 s"):
            model.generate(requests(0))


def test_what_the_endpoint_failed_is_asked_again_paid_or_not() -> None:
    def behave(connection: socket.socket, said: str, before: int) -> None:
        number = int(said.split()[1])
        if number < 4:
            good(connection, said)
        elif number % 2:
            send(connection, "500 Oops", b"{}", "Content-Type: application/json")
        else:
            connection.shutdown(socket.SHUT_RDWR)

    told: dict[int, Completion] = {}

    def store(done: Sequence[tuple[int, Completion]]) -> None:
        told.update(done)

    with faulty(behave) as endpoint:
        model = build(endpoint.base_url, retries=Retries(0))
        with pytest.raises(EndpointError) as caught:
            model.generate(requests(*range(60)), store)
    failed = {index for index, completion in told.items() if completion.failure is not None}
    assert caught.value.unserved == failed
    assert {index for index in failed if told[index].was_paid} == {n for n in failed if n % 2 == 0}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        ("401 No", b'{"error": "wrong key"}', CredentialError),
        ("404 No", b'{"error": "no such model"}', EndpointError),
        ("402 Pay", b'{"error": "no credit"}', EndpointError),
    ],
)
def test_what_asking_again_cannot_mend_is_final(
    status: str, body: bytes, kind: type[EndpointError]
) -> None:
    with faulty(lambda c, said, _: send(c, status, body, "Content-Type: a/json")) as endpoint:
        model = build(endpoint.base_url)
        for _ in range(2):
            with pytest.raises(kind) as caught:
                model.generate(requests(0, 1, 2))
            assert caught.value.is_final
    assert sum(endpoint.asked.values()) == 2
