from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.core import Example, OutputKind, Split
from steelyard.data.base import CheckOptions
from steelyard.data.checks import leaks
from steelyard.data.likeness.rows import RowLikeness, normalised_key
from steelyard.data.splits.allocation import (
    carve_dev,
    part_sizes,
    split_of,
    split_rows,
    stratum_quotas,
)
from steelyard.errors import DataError
from steelyard.task.sections import SplitConfig
from tests.data.alike_rows import divided


def examples_of(rows: Sequence[tuple[str, str, str | None]]) -> list[Example]:
    return [
        Example(id=f"{i:04d}", input=text, output=label, group=group, source=f"e:{i}")
        for i, (text, label, group) in enumerate(rows)
    ]


def distinct(count: int, labels: str = "AB") -> list[Example]:
    rng = random.Random(count)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=8)) for _ in range(count * 4)]
    rows = [
        (" ".join(words[4 * i : 4 * i + 4]), labels[i % len(labels)], None) for i in range(count)
    ]
    return examples_of(rows)


def split_examples(
    examples: Sequence[Example], *, seed: int, kind: OutputKind = "label"
) -> tuple[Split, dict[str, Any]]:
    members, report, _ = split_rows(RowLikeness(examples), seed=seed, kind=kind)
    return split_of(examples, members), report


def leaks_of(split: Split) -> dict[str, Any]:
    facts = leaks.find(divided(split), CheckOptions(encoder=False)).facts
    return dict(facts["likeness"])


def ids(split: Split) -> list[list[str]]:
    return [[example.id for example in part] for part in split]


@pytest.mark.parametrize(
    ("n", "train", "dev", "test"),
    [
        (10, 5, 2, 3),
        (60, 30, 12, 18),
        (100, 50, 20, 30),
        (700, 385, 105, 210),
        (9000, 7800, 200, 1000),
    ],
)
def test_default_sizes(n: int, train: int, dev: int, test: int) -> None:
    assert part_sizes(n, None) == {"train": train, "dev": dev, "test": test}


@pytest.mark.parametrize(
    ("fractions", "sizes"),
    [
        ({"train": 0.6, "dev": 0.1, "test": 0.3}, (600, 100, 300)),
        ({"test": 0.5}, (350, 150, 500)),
        ({"train": 0.7}, (700, 100, 200)),
        ({"dev": 0.1, "test": 0.2}, (700, 100, 200)),
        ({"train": 0.8, "test": 0.1}, (800, 100, 100)),
        ({"dev": 0.4}, (300, 400, 300)),
    ],
)
def test_given_fractions_are_kept(fractions: dict[str, float], sizes: tuple[int, ...]) -> None:
    got = part_sizes(1000, SplitConfig(**fractions))
    assert (got["train"], got["dev"], got["test"]) == sizes


def test_fractions_that_empty_a_part_are_refused() -> None:
    with pytest.raises(DataError, match="leaves dev empty with 10 examples"):
        part_sizes(10, SplitConfig(train=0.69, dev=0.01, test=0.3))


@given(st.dictionaries(st.text(max_size=3), st.integers(1, 60), min_size=2, max_size=12))
def test_quotas_add_up_and_train_has_every_label(counts: dict[str, int]) -> None:
    n = sum(counts.values())
    if n < 10:
        return
    sizes = part_sizes(n, None)
    quotas = stratum_quotas(counts, sizes)
    for label, count in counts.items():
        assert sum(quotas[part][label] for part in sizes) == count
        assert quotas["train"][label] >= 1
        assert all(quotas[part][label] >= 0 for part in sizes)
    for part in ("dev", "test"):
        assert sum(quotas[part].values()) <= sizes[part]


def test_labels_are_stratified_exactly_without_duplicates() -> None:
    split, report = split_examples(distinct(400, "AAAB"), seed=3)
    assert [len(part) for part in split] == [220, 60, 120]
    for part in split:
        counts = Counter(example.output for example in part)
        assert counts["A"] == 3 * counts["B"]
    assert report["clusters"] == 400


def test_another_seed_gives_another_split_and_the_same_seed_the_same() -> None:
    examples = distinct(60)
    assert split_examples(examples, seed=1) == split_examples(examples, seed=1)
    assert ids(split_examples(examples, seed=1)[0]) != ids(split_examples(examples, seed=2)[0])


texts = st.sampled_from(
    ["Hello, world", "hello world!", "HELLO  WORLD", "good bye", "Ｇood bye", "x", "y?"]
)
rows = st.lists(
    st.tuples(
        st.one_of(texts, st.text(min_size=1, max_size=12)),
        st.sampled_from("AB"),
        st.one_of(st.none(), st.sampled_from(["g1", "g2", "g3"])),
    ),
    min_size=10,
    max_size=60,
)


@settings(deadline=None)
@given(rows, st.integers(0, 5), st.randoms(use_true_random=False))
def test_nothing_straddles_and_order_does_not_matter(
    rows: list[tuple[str, str, str | None]], seed: int, shuffler: random.Random
) -> None:
    examples = examples_of(rows)
    try:
        split, _ = split_examples(examples, seed=seed)
    except DataError:
        return  # too clustered, or one label: refused in words
    assert sorted(example.id for part in split for example in part) == [e.id for e in examples]
    homes: dict[str, set[int]] = {}
    for place, part in enumerate(split):
        for example in part:
            homes.setdefault("key:" + normalised_key(example), set()).add(place)
            if example.group:
                homes.setdefault("group:" + example.group, set()).add(place)
    assert all(len(places) == 1 for places in homes.values())
    leaking = leaks_of(split)
    assert not any(leaking[name]["rows"] for name in ("exact", "normalised", "group"))
    shuffler.shuffle(examples)
    assert split_examples(examples, seed=seed)[0] == split


def test_near_duplicates_stay_together() -> None:
    base = distinct(100)
    twins = [
        Example(id=f"twin{i}", input=f"{example.input} again", output=example.output)
        for i, example in enumerate(base)
    ]
    split, _ = split_examples(base + twins, seed=0)
    homes = {example.input: place for place, part in enumerate(split) for example in part}
    assert all(homes[example.input] == homes[f"{example.input} again"] for example in base)
    assert leaks_of(split)["near"]["rows"] == 0


def test_a_template_does_not_weld_all_rows_into_one() -> None:
    rows = [
        (f"Dear support, my order number {i} has not arrived yet", "AB"[i % 2], None)
        for i in range(200)
    ]
    split, report = split_examples(examples_of(rows), seed=0)
    assert report["largest_cluster"] <= 10
    assert [len(part) for part in split] == [110, 30, 60]
    assert leaks_of(split)["near"]["test_rows"] == 60, "what was cut is reported"


def test_too_little_or_one_sided_data_is_refused_in_words() -> None:
    with pytest.raises(DataError, match=r"3 examples cannot be split .* at least 10"):
        split_examples(distinct(3), seed=0)
    with pytest.raises(DataError, match="every example has the label 'A'"):
        split_examples(distinct(30, "A"), seed=0)
    two_groups = [(f"{i} {'ab'[i % 2] * i}", "AB"[i % 2], f"g{i % 2}") for i in range(40)]
    with pytest.raises(DataError, match="fall into 2 groups"):
        split_examples(examples_of(two_groups), seed=0)


def test_text_tasks_need_no_labels() -> None:
    split, _ = split_examples(distinct(20, "A"), seed=0, kind="text")
    assert [len(part) for part in split] == [10, 4, 6]


def test_a_rare_label_goes_to_train() -> None:
    examples = [*distinct(40), Example(id="rare", input="something else", output="C")]
    split, _ = split_examples(examples, seed=0)
    assert "rare" in [example.id for example in split.train]


def test_dev_is_carved_from_train_when_only_test_is_given() -> None:
    rows = RowLikeness(distinct(110))
    carved = carve_dev(rows, range(5, 105), seed=0, kind="label")
    assert {part: len(indices) for part, indices in carved.items()} == {"train": 80, "dev": 20}
    assert sorted(carved["train"] + carved["dev"]) == list(range(5, 105))
    with pytest.raises(DataError, match="there is no dev file"):
        carve_dev(rows, range(5), seed=0, kind="label")
