from __future__ import annotations

import json

import numpy as np
import pytest

from steelyard.core import cluster_count, clusters_of
from steelyard.data.prepare import prepare
from steelyard.errors import DataError
from tests.conftest import MakeTask

ROWS = [
    {"input": f"question {i * 7919} about {'xyz'[i % 3] * 9}", "output": "ABB"[i % 3]}
    for i in range(60)
]


def test_one_file_is_read_and_split(make_task: MakeTask) -> None:
    ready = prepare(make_task({"e.jsonl": ROWS}), seed=0)
    assert ready.labels == ready.task.output.labels == ("B", "A")
    assert [len(part) for part in ready.split] == [30, 12, 18]
    assert ready.split_report["seed"] == 0
    assert ready.unusable == ()


def test_the_split_does_not_depend_on_row_order(make_task: MakeTask) -> None:
    first = prepare(make_task({"e.jsonl": ROWS}), seed=0).split
    second = prepare(make_task({"e.jsonl": ROWS[::-1]}), seed=0).split
    assert [[e.id for e in part] for part in first] == [[e.id for e in part] for part in second]


def test_bad_rows_are_refused_or_left_out(make_task: MakeTask) -> None:
    task = make_task({"e.jsonl": "oops\n" + "".join(json.dumps(row) + "\n" for row in ROWS)})
    with pytest.raises(DataError, match="1 bad row"):
        prepare(task, seed=0)
    ready = prepare(task, seed=0, skip_bad_rows=True)
    assert (len(ready.unusable), len(ready.usable.examples)) == (1, 60)


def test_given_files_are_kept(make_task: MakeTask) -> None:
    files = {"train.jsonl": ROWS[:40], "test.jsonl": ROWS[35:]}
    task = make_task(files, examples={"train": "train.jsonl", "test": "test.jsonl"})
    ready = prepare(task, seed=0)
    assert [len(part) for part in ready.split] == [32, 8, 25]


def test_three_given_files(make_task: MakeTask) -> None:
    files = {"train.jsonl": ROWS[:30], "dev.jsonl": ROWS[30:40], "test.jsonl": ROWS[40:]}
    ready = prepare(make_task(files, examples={name[:-6]: name for name in files}), seed=0)
    assert [len(part) for part in ready.split] == [30, 10, 20]


REFUSED = [
    ([{"input": f"{i}", "output": "A"} for i in range(3)], (), "3 examples cannot be split"),
    ([{"input": f"{i}", "output": "A"} for i in range(30)], (), "every example has the label 'A'"),
    ([{"input": f"{i}", "output": f"{i}"} for i in range(30)], (), "30 different outputs in 30"),
    ([{"input": f"{i}", "output": "aA"[i % 2]} for i in range(30)], (), "differ only by case"),
    (
        [{"input": f"{i}", "output": ("A", "B", "a.")[i % 3]} for i in range(30)],
        ("A", "B"),
        "OUT corrects labels that differ by case, spaces or punctuation; fix the others, or skip",
    ),
    (
        [{"input": f"{i}", "output": "ABC"[i % 3]} for i in range(30)],
        ("A, B", "C"),
        "label 'A' is not in output.labels, where 'A, B' is one label: write its parts",
    ),
    (ROWS, ("A", "B", "C"), "train has no example of the label 'C'"),
]


@pytest.mark.parametrize(("rows", "labels", "said"), REFUSED, ids=[said for *_, said in REFUSED])
def test_unusable_data_is_refused_in_one_line(
    make_task: MakeTask, rows: list[dict[str, str]], labels: tuple[str, ...], said: str
) -> None:
    with pytest.raises(DataError) as caught:
        prepare(make_task({"e.jsonl": rows}, labels=labels), seed=0)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


_WORDS = np.random.default_rng(1).permutation(
    [f"{a}{b}{c}" for a in "blmrst" for b in "aeiou" for c in "knpvxz"]
)
THRICE = [
    {
        "input": f"{' '.join(_WORDS[[(i * 7 + k * (i + 3)) % 180 for k in range(12)]])}{end}",
        "output": "ABB"[i % 3],
    }
    for i in range(60)
    for end in ("", "!", " now")
]
"""Sixty inputs, each three times: as it is, with a mark, and with a word more."""


def test_repeats_share_a_cluster(make_task: MakeTask) -> None:
    for files, parts in (
        ({"e.jsonl": THRICE}, {}),
        (
            {"train.jsonl": THRICE[:90], "test.jsonl": THRICE[90:]},
            {"examples": {"train": "train.jsonl", "test": "test.jsonl"}},
        ),
    ):
        ready = prepare(make_task(files, **parts), seed=0)
        for part in (ready.split.test,) if parts else (ready.split.dev, ready.split.test):
            assert cluster_count(part) == len(part) / 3
            by_cluster: dict[object, set[str]] = {}
            for example, cluster in zip(part, clusters_of(part) or (), strict=True):
                by_cluster.setdefault(cluster, set()).add(example.input[:20])
            assert all(len(inputs) == 1 for inputs in by_cluster.values())
        assert ready.split == ready.usable.split
        assert clusters_of(ready.usable.split.test) == clusters_of(ready.split.test)


def test_rows_of_a_group_and_their_repeats_are_one_cluster(make_task: MakeTask) -> None:
    rows = [{**row, "group": f"g{i // 6}"} for i, row in enumerate(THRICE)]
    ready = prepare(make_task({"e.jsonl": rows}), seed=0)
    assert cluster_count(ready.split.test) == len(ready.split.test) / 6
    assert all(example.cluster is not None for example in ready.split.test)


def test_rows_of_their_own_are_independent(make_task: MakeTask) -> None:
    test = prepare(make_task({"e.jsonl": ROWS}), seed=0).split.test
    assert clusters_of(test) is None and cluster_count(test) == len(test)
