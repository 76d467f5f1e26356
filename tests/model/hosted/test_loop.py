"""The loop on a thread of its own, and Ctrl-C meanwhile: what is paid for is delivered before it ends."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Sequence

import pytest

from steelyard.core import Completion, Message, Request
from steelyard.model import ModelSpec
from steelyard.model.hosted.client import HostedModel, HostedOptions
from steelyard.model.hosted.loop import LoopThread, on_interrupt
from tests.model.faulty import faulty, good


def press() -> None:
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def requests(count: int) -> list[Request]:
    return [Request((Message("user", f"item {n}"),)) for n in range(count)]


def test_what_is_in_flight_is_delivered_before_ctrl_c_takes_effect() -> None:
    def behave(connection: socket.socket, said: str, before: int) -> None:
        if said == "item 20":
            press()
        time.sleep(0.02)
        good(connection, said)

    told: list[int] = []
    with faulty(behave) as endpoint:
        model = HostedModel(ModelSpec("openai", "small", base_url=endpoint.base_url))
        with pytest.raises(KeyboardInterrupt):
            model.generate(requests(500), lambda done: told.extend(i for i, _ in done))
        assert sorted(told) == sorted(int(said.split()[1]) for said in endpoint.asked)
        assert 20 in told
        assert len(told) < 500
        again = model.generate(requests(500), skip=frozenset(told))
    assert sum(each is not None for each in again) == 500 - len(told)
    assert set(endpoint.asked.values()) == {1}, "nothing is paid twice"


def test_ctrl_c_while_an_answer_is_stored_does_not_lose_it() -> None:
    stored: list[int] = []

    def store(done: Sequence[tuple[int, Completion]]) -> None:
        if len(stored) < 30 <= len(stored) + len(done):
            press()
            time.sleep(0.01)
        stored.extend(index for index, _ in done)

    with faulty(lambda c, said, _: good(c, said)) as endpoint:
        model = HostedModel(ModelSpec("openai", "small", base_url=endpoint.base_url))
        with pytest.raises(KeyboardInterrupt):
            model.generate(requests(300), store)
        assert len(stored) == sum(endpoint.asked.values()) < 300


def test_what_does_not_end_in_time_is_left() -> None:
    release = threading.Event()

    def behave(connection: socket.socket, said: str, before: int) -> None:
        if said == "item 5":
            press()
            release.wait(10)
        good(connection, said)

    told: list[int] = []
    with faulty(behave) as endpoint:
        options = HostedOptions(grace_seconds=0.2)
        model = HostedModel(ModelSpec("openai", "small", base_url=endpoint.base_url), options)
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            model.generate(requests(50), lambda done: told.extend(i for i, _ in done))
        assert time.monotonic() - started < 5
        release.set()
    assert 5 not in told
    assert 0 in told


def test_the_second_ctrl_c_leaves_at_once() -> None:
    release = threading.Event()

    def behave(connection: socket.socket, said: str, before: int) -> None:
        if said == "item 3":
            press()
            time.sleep(0.1)
            press()
            release.wait(10)
        good(connection, said)

    with faulty(behave) as endpoint:
        model = HostedModel(
            ModelSpec("openai", "small", base_url=endpoint.base_url),
            HostedOptions(grace_seconds=60),
        )
        started = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            model.generate(requests(10))
        assert time.monotonic() - started < 5
        release.set()


def test_the_handler_is_put_back_and_other_threads_are_left_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    with on_interrupt(lambda: None, lambda: None) as pressed:
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
    assert not pressed()

    def elsewhere() -> None:
        with on_interrupt(lambda: None, lambda: None):
            seen.append(signal.getsignal(signal.SIGINT))

    seen: list[object] = []
    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == [before]


async def nothing() -> None:
    await asyncio.sleep(0)


def test_a_loop_that_is_closed_from_its_own_thread_leaves_nothing_open() -> None:
    loop = LoopThread("a loop of the tests")
    [thread] = [one for one in threading.enumerate() if one.name == "a loop of the tests"]
    loop.call(lambda: loop.close(nothing()))
    thread.join(timeout=5)
    assert not thread.is_alive()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.call(lambda: None)
