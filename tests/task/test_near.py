from __future__ import annotations

import random
import time

import pytest

from steelyard.task.near import SHINGLE, near_pairs


def random_texts(count: int, seed: int = 0) -> list[str]:
    rng = random.Random(seed)
    words = ["".join(rng.choices("abcdefghijklmnop", k=rng.randint(3, 9))) for _ in range(2000)]
    return [" ".join(rng.choices(words, k=40)) for _ in range(count)]


def jaccard(a: str, b: str) -> float:
    first, second = (
        {text[i : i + SHINGLE] for i in range(len(text) - SHINGLE + 1)} for text in (a, b)
    )
    return len(first & second) / len(first | second)


def test_pairs_are_those_of_the_plain_definition() -> None:
    rng = random.Random(1)
    texts = random_texts(60)
    for text in texts[:30]:
        words = text.split()
        for position in rng.sample(range(40), rng.randint(1, 4)):
            words[position] = "changed"
        texts.append(" ".join(words))
    expected = {
        (a, b) for b in range(len(texts)) for a in range(b) if jaccard(texts[a], texts[b]) >= 0.8
    }
    pairs = near_pairs(texts)
    assert {(pair.a, pair.b) for pair in pairs} == expected
    assert 5 < len(expected) < 30
    for pair in pairs:
        assert pair.similarity == pytest.approx(jaccard(texts[pair.a], texts[pair.b]))


def test_equal_and_tiny_texts_make_no_pairs() -> None:
    assert near_pairs(["same text here", "same text here", "a", "b", ""]) == []
    assert near_pairs([]) == []


def test_ten_thousand_texts_and_one_huge_one_take_seconds() -> None:
    texts = [*random_texts(5000), "word " * 50_000]
    texts += [
        f"dear support my order number {i} has not arrived yet please help" for i in range(5000)
    ]
    start = time.perf_counter()
    pairs = near_pairs(texts)
    assert time.perf_counter() - start < 20
    assert len({index for pair in pairs for index in (pair.a, pair.b)}) >= 5000
