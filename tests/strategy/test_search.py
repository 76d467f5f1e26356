from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from steelyard.core import Answer, Completion, Example, Question
from steelyard.score import build_metric
from steelyard.strategy.search import (
    Choice,
    Halving,
    SearchCandidate,
    choose,
    stratified_subset,
)
from tests.strategy.samples import tickets


def score(examples: Sequence[Example], answers: Sequence[Answer]) -> float:
    return build_metric("accuracy").over(examples, answers) or 0.0


EXAMPLES = {example.input: example for example in tickets(100)}


class Oracle:
    """Answers rightly up to a given share of ids, and counts how often each one was asked."""

    def __init__(self) -> None:
        self.asked: Counter[tuple[float, str]] = Counter()

    def __call__(self, share: float, questions: Sequence[Question]) -> list[Answer]:
        examples = [EXAMPLES[question.input] for question in questions]
        self.asked.update((share, example.id) for example in examples)
        texts = [e.output if int(e.id) % 100 < share * 100 else "WRONG" for e in examples]
        return [Answer(text, Completion(text, "stop")) for text in texts]


def search(shares: Sequence[float], dev: int, oracle: Oracle, plan: Halving) -> Choice[float]:
    candidates = [SearchCandidate(f"{share}", share) for share in shares]
    rng = np.random.default_rng(3)
    return choose(candidates, tickets(dev), oracle, score, rng, plan)


def test_the_best_wins_and_nothing_is_asked_twice() -> None:
    oracle = Oracle()
    choice = search([0.1, 0.9, 0.3, 0.5], 100, oracle, Halving(40, 2))
    assert choice.best.value == 0.9
    assert choice.score == 0.9
    assert max(oracle.asked.values()) == 1
    assert choice.dev_calls == sum(oracle.asked.values()) == 4 * 40 + 2 * 60
    assert choice.ranking()[:2] == ["0.9", "0.5"]


def test_everyone_meets_a_small_dev_in_full() -> None:
    choice = search([0.1, 0.9, 0.3], 30, Oracle(), Halving(40, 2))
    assert [trial.items for trial in choice.trace] == [30, 30, 30]


def test_a_tie_goes_to_the_shorter_prompt() -> None:
    candidates = [SearchCandidate("long", 0.5, 90), SearchCandidate("short", 0.5, 10)]
    choice = choose(candidates, tickets(20), Oracle(), score, np.random.default_rng(0))
    assert choice.best.name == "short"


def test_without_dev_the_shortest_is_taken_and_has_no_score() -> None:
    candidates = [SearchCandidate("long", 0.5, 90), SearchCandidate("short", 0.5, 10)]
    choice = choose(candidates, (), Oracle(), score, np.random.default_rng(0))
    assert (choice.best.name, choice.score, choice.dev_calls) == ("short", None, 0)


def test_a_failed_answer_counts_nothing() -> None:
    failed = Answer(None, Completion("", "error", failure="no"), "no")
    right = Answer("BILLING", Completion("BILLING", "stop"))
    assert score(tickets(4)[0::3], [failed, right]) == 0.5


@given(st.integers(1, 60), st.integers(0, 70), st.integers(0, 9))
def test_a_subset_keeps_shares(count: int, size: int, seed: int) -> None:
    examples = tickets(count)
    chosen = stratified_subset(examples, size, np.random.default_rng(seed))
    assert len(chosen) == len(set(chosen)) == min(size, count)
    assert chosen == sorted(chosen)
    parts = Counter(examples[index].output for index in chosen)
    wholes = Counter(example.output for example in examples)
    for label, whole in wholes.items():
        assert abs(parts[label] - whole * len(chosen) / count) <= 1.5
