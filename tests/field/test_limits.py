"""A server that says ``stop`` of answers that the limit cut is read as one that says ``length``.

llama.cpp, proxies and gateways were reported to: the count of tokens tells.
"""

from __future__ import annotations

import pytest

from tests.field.endpoint import Asked, Behaviour, Reply, streamed, used
from tests.field.runs import ModelOutcome, weigh_models

WORDS = {"12345": "dozen", "67890": "balance", "13579": "change", "24680": "budget"}
STEPS = (
    "We take the sum of all the parts, step by step, and then we add them up, of which 7 count. "
)


def ends_at(words: int, finish: str, *, is_counted: bool = True) -> Behaviour:
    """Reason for so many words, cut at the limit of the request, four characters a token."""

    def behave(asked: Asked) -> Reply:
        labels = {word: label for label, word in WORDS.items()}
        name = next(word for word in labels if f"my {word}," in asked.text.rpartition("Ticket")[2])
        text = f"{STEPS * words}The answer is {labels[name]}"
        limit = asked.body["max_tokens"]
        is_cut = len(text) > 4 * limit
        usage = used(100, min(limit, -(-len(text) // 4))) if is_counted else None
        return streamed(text[: 4 * limit], finish if is_cut else "stop", usage)

    return behave


MODELS = {
    "stop": ends_at(1, "stop"),
    "length": ends_at(1, "length"),
    "stop-without-usage": ends_at(1, "stop", is_counted=False),
    "never-stop": ends_at(900, "stop"),
    "never-length": ends_at(900, "length"),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelOutcome]:
    return weigh_models(
        tmp_path_factory.mktemp("limits"),
        MODELS,
        words=WORDS,
        instruction="How much is it?",
        output={"kind": "text"},
        metric="numeric",
    )


def limits(outcome: ModelOutcome) -> set[int]:
    return {asked.body["max_tokens"] for asked in outcome.asked}


@pytest.mark.parametrize("name", ["stop", "length", "stop-without-usage"])
def test_a_limit_that_cuts_is_raised(outcomes: dict[str, ModelOutcome], name: str) -> None:
    outcome = outcomes[name]
    assert max(limits(outcome)) > min(limits(outcome))
    assert set(outcome.scores.values()) == {1.0}, outcome.scores
    assert outcome.failed == 0


def test_both_words_come_to_the_same(outcomes: dict[str, ModelOutcome]) -> None:
    assert limits(outcomes["stop"]) == limits(outcomes["length"])
    assert limits(outcomes["never-stop"]) == limits(outcomes["never-length"])


@pytest.mark.parametrize("name", ["never-stop", "never-length"])
def test_what_stays_cut_failed(outcomes: dict[str, ModelOutcome], name: str) -> None:
    records = [record for arm in outcomes[name].arms.values() for record in arm]
    assert {record.outcome for record in records} == {"failed"}
    assert all("cut after" in str(record.reason) for record in records)
