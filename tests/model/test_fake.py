from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.core import Completion, Message, Request
from steelyard.errors import ConfigError
from steelyard.model import load_model
from steelyard.model.base import ModelSpec
from steelyard.model.fake import FakeModel, FakeOptions, load

LABELS = ("BILLING", "TECHNICAL")
SHOTS = (
    Message("user", "the invoice is wrong"),
    Message("assistant", "BILLING"),
    Message("user", "the screen is frozen"),
    Message("assistant", "TECHNICAL"),
)


def ask(text: str, choices: tuple[str, ...] = (), shots: tuple[Message, ...] = ()) -> Request:
    return Request((Message("system", "Classify."), *shots, Message("user", text)), 8, choices)


def answers(model: FakeModel, requests: list[Request]) -> list[Completion]:
    completions = model.generate(requests)
    assert all(completion is not None for completion in completions)
    return [completion for completion in completions if completion is not None]


@given(st.lists(st.text(max_size=40), min_size=1, max_size=20), st.integers(1, 9))
def test_an_answer_depends_on_its_request_alone(texts: list[str], batch: int) -> None:
    requests = [ask(text, LABELS, SHOTS) for text in texts]
    together = answers(FakeModel(options=FakeOptions(batch=batch)), requests)
    for request, completion in zip(requests, together, strict=True):
        alone = answers(FakeModel(), [request])[0]
        assert (alone.text, alone.probabilities) == (completion.text, completion.probabilities)


@given(st.text(max_size=60), st.lists(st.text(min_size=1, max_size=9), min_size=1, unique=True))
def test_choices_are_honoured_and_probabilities_sum_to_one(text: str, choices: list[str]) -> None:
    completion = answers(FakeModel(), [ask(text, tuple(choices))])[0]
    assert completion.text in choices
    assert completion.probabilities is not None
    assert set(completion.probabilities) == set(choices)
    assert sum(completion.probabilities.values()) == pytest.approx(1)


def test_shots_help_as_turns_and_as_a_list() -> None:
    listed = "Text: the invoice is wrong\nLabel: BILLING\n\nText: the screen is frozen\n"
    listed += "Label: TECHNICAL\n\nText: my invoice\nLabel:"
    turns = ask("my invoice", LABELS, SHOTS)
    assert [each.text for each in answers(FakeModel(), [turns, ask(listed, LABELS)])] == [
        "BILLING",
        "BILLING",
    ]
    assert answers(FakeModel(), [ask("a frozen screen", (), SHOTS)])[0].text == "TECHNICAL"


def test_echo_repeats_the_input_and_stops_at_the_limit() -> None:
    long, short = answers(FakeModel("echo"), [ask("one two " * 6), ask("hello, there")])
    assert (long.finish_reason, long.output_tokens) == ("length", 8)
    assert (short.text, short.finish_reason, short.output_tokens) == ("hello, there", "stop", 3)


def test_shared_prefix_is_counted_as_cached() -> None:
    first, second = answers(FakeModel(), [ask("a b", LABELS, SHOTS), ask("c d e f", LABELS, SHOTS)])
    assert first.cached_tokens == 0
    assert 0 < second.cached_tokens < second.input_tokens
    assert second.input_tokens == first.input_tokens + 2


def test_skipped_requests_shape_the_plan_but_are_not_asked() -> None:
    requests = [ask(f"word {'more ' * number}", LABELS) for number in range(20)]
    full, model = FakeModel(), FakeModel()
    seen: list[int] = []
    done = model.generate(requests, lambda pairs: seen.extend(i for i, _ in pairs), frozenset({3}))
    assert done[3] is None
    assert sorted(seen) == [index for index in range(20) if index != 3]
    assert model.calls == 19
    expected = full.generate(requests)
    assert [each for each in done if each] == [e for i, e in enumerate(expected) if i != 3]


def test_flaky_fails_the_same_requests_every_time() -> None:
    requests = [ask(f"ticket {number}", LABELS) for number in range(60)]
    first, second = (answers(load(ModelSpec("fake", "flaky")), requests) for _ in range(2))
    failures = [completion.failure for completion in first]
    assert 2 < sum(failure is not None for failure in failures) < 30
    assert failures == [completion.failure for completion in second]


def test_the_log_holds_one_line_for_each_request_asked(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    model = load_model(ModelSpec("fake", f"smart?log={log}&sleep=0"))
    model.generate([ask("a"), ask("b")])
    model.generate([ask("c")])
    lines = [json.loads(line)["request"] for line in log.read_text().splitlines()]
    assert len(lines) == len(set(lines)) == 3


def test_sampling_follows_seed_and_nonce() -> None:
    def sampled(nonce: str) -> str:
        request = Request((Message("user", "x"),), choices=LABELS, temperature=1.0, nonce=nonce)
        return answers(FakeModel(), [request])[0].text

    drawn = [sampled(str(number)) for number in range(30)]
    assert set(drawn) == set(LABELS)
    assert drawn == [sampled(str(number)) for number in range(30)]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("smrat", "unknown fake model 'smrat' (did you mean 'smart'?)"),
        ("smart?slep=1", "model fake:smart: unknown option 'slep' (did you mean 'sleep'?)"),
        ("smart?sleep=long", "model fake:smart: sleep must be a number, not 'long'"),
        ("smart?batch=0", "batch must be more than 0, not '0'"),
    ],
)
def test_wrong_names_are_refused(name: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(ModelSpec("fake", name))
    assert message in str(error.value)


def test_an_unknown_provider_is_refused() -> None:
    with pytest.raises(ConfigError, match="did you mean 'fake'"):
        load_model(ModelSpec("fak", "smart"))
