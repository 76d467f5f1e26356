from __future__ import annotations

import random
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.data.likeness.near import DisjointSets, near_matches, near_pairs
from steelyard.data.likeness.shingles import MOST_CHARACTERS, SHINGLE, Shingles


def random_texts(count: int, seed: int = 0) -> list[str]:
    rng = random.Random(seed)
    words = ["".join(rng.choices("abcdefghijklmnop", k=rng.randint(3, 9))) for _ in range(2000)]
    return [" ".join(rng.choices(words, k=40)) for _ in range(count)]


def jaccard(a: str, b: str) -> float:
    first, second = (
        {text[i : i + SHINGLE] for i in range(max(1, len(text) - SHINGLE + 1))} for text in (a, b)
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


def clusters(texts: list[str]) -> list[int]:
    sets = DisjointSets(len(texts))
    for pair in near_pairs(texts):
        sets.join(pair.a, pair.b)
    return sets.roots().tolist()


def test_pairs_at_the_threshold_are_found() -> None:
    """The chance to miss one is below 0.0003; `benchmarks/near.py` measures it at size."""
    rng = random.Random(2)
    texts, planted = random_texts(1500, seed=3), []
    while len(planted) < 300:
        source = rng.randrange(1500)
        words = texts[source].split()
        for position in rng.sample(range(40), rng.randint(1, 4)):
            words[position] = "".join(rng.choices("qrstuvwxyz", k=rng.randint(2, 7)))
        if 0.8 <= jaccard(texts[source], " ".join(words)) < 0.85:
            planted.append((source, len(texts)))
            texts.append(" ".join(words))
    together = clusters(texts)
    found = sum(together[a] == together[b] for a, b in planted)
    assert found / len(planted) >= 0.99


def test_in_crowded_buckets_the_alike_stand_side_by_side() -> None:
    """Each text shares a long template with all, and one word more with its twin only."""
    rng = random.Random(4)
    frame = "dear support please look into it because my order has still not arrived"
    tails = ["".join(rng.choices("abcdefghijklmnop", k=24)) for _ in range(1500)]
    texts = [f"{frame} {tail}{end}" for tail in tails for end in ("x", "y")]
    rng.shuffle(texts)
    together: dict[int, set[str]] = {}
    for text, root in zip(texts, clusters(texts), strict=True):
        together.setdefault(root, set()).add(text[:-1])
    assert jaccard(texts[0], texts[1]) < 0.8
    assert len(together) <= 1.05 * len(tails)


def forms(count: int) -> list[str]:
    """A form that leaves few characters to tell texts apart: near those of one name only."""
    rng = random.Random(7)
    names = ["".join(rng.choices("abcdefghijklmnop", k=10)) for _ in range(count // 4)]
    return [
        f"dear support the order {rng.randrange(10**6)} of {rng.choice(names)} has not arrived at "
        "our address yet please look into it and call us back"
        for _ in range(count)
    ]


def test_in_a_form_the_few_that_are_alike_are_found() -> None:
    texts = forms(600)
    true = [(a, b) for b in range(600) for a in range(b) if jaccard(texts[a], texts[b]) >= 0.8]
    together = clusters(texts)
    assert len(true) > 300
    assert sum(together[a] == together[b] for a, b in true) >= 0.95 * len(true)
    parts = [index % 2 for index in range(600)]
    expected = {b if parts[b] else a for a, b in true if parts[a] != parts[b]}
    found = {pair.b for pair in near_matches(texts, parts)}
    assert found <= expected
    assert len(found) >= 0.95 * len(expected)


def test_the_closest_pairs_come_first_and_in_order_of_index() -> None:
    base = " ".join(random_texts(1)[0].split()[:20])
    pairs = near_pairs([f"{base} and more", base, "unlike anything", f"{base} x"])
    assert [(pair.a, pair.b) for pair in pairs] == [(1, 3), (0, 1)]
    assert pairs[0].similarity > pairs[1].similarity


def test_matches_are_compared_across_parts_whatever_ties_them() -> None:
    base = random_texts(1)[0]
    texts = [f"{base} a", base, f"{base} b", "unlike anything", base, f"{base} a"]
    found = near_matches(texts, [2, 0, 2, 2, 1, 2])
    assert [(pair.a, pair.b) for pair in found] == [(1, 0), (1, 2), (1, 4), (1, 5)]
    assert found[2].similarity == 1
    assert found[0].similarity == pytest.approx(jaccard(texts[0], base))
    assert near_matches(texts, [0] * 6) == []
    assert near_matches([], []) == []


def test_a_match_is_the_closest_of_the_lower_parts() -> None:
    base = random_texts(1)[0]
    texts = [f"{base} and more of it", f"{base} and", f"{base} an"]
    (found,) = [pair for pair in near_matches(texts, [0, 1, 2]) if pair.b == 2]
    assert found.a == 1


def test_matches_are_those_of_the_plain_definition() -> None:
    rng = random.Random(5)
    texts = random_texts(200, seed=6)
    for text in texts[:100]:
        words = text.split()
        for position in rng.sample(range(40), rng.randint(1, 4)):
            words[position] = "changed"
        texts.append(" ".join(words))
    parts = [rng.randrange(3) for _ in texts]
    expected = {
        b
        for b in range(len(texts))
        if any(
            parts[a] < parts[b] and jaccard(texts[a], texts[b]) >= 0.8 for a in range(len(texts))
        )
    }
    assert {pair.b for pair in near_matches(texts, parts)} == expected
    assert len(expected) > 10


@given(st.lists(st.text(max_size=40), min_size=1, max_size=8))
def test_similarities_are_those_of_plain_sets(texts: list[str]) -> None:
    shingles = Shingles(texts)
    first, second = (grid.ravel() for grid in np.indices((len(texts), len(texts))))
    found = shingles.similarities(first, second)
    padded = [text.ljust(SHINGLE, "\0") for text in texts]
    expected = [jaccard(padded[a], padded[b]) for a, b in zip(first, second, strict=True)]
    assert found == pytest.approx(expected)


def test_blocks_do_not_show() -> None:
    texts = [*random_texts(2000), "", "a" * 300_000, *random_texts(10)]
    shingles = Shingles(texts)
    alone = [Shingles([text]) for text in texts]
    assert shingles.sizes.tolist() == [int(each.sizes[0]) for each in alone]
    assert (shingles.signatures == np.concatenate([each.signatures for each in alone])).all()


def test_of_a_huge_text_the_beginning_counts() -> None:
    texts = ["ab" * (MOST_CHARACTERS // 2) + end for end in ("", "something else entirely")]
    assert Shingles(texts).similarities(np.array([0]), np.array([1])) == [1.0]


def test_roots_are_what_find_says() -> None:
    sets = DisjointSets(6)
    sets.join(5, 4)
    sets.join(4, 1)
    sets.join(2, 3)
    assert sets.roots().tolist() == [sets.find(index) for index in range(6)]
    assert DisjointSets(0).roots().tolist() == []
