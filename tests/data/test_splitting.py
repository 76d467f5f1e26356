from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.core import Example
from steelyard.data import split
from steelyard.data.base import CheckOptions
from steelyard.data.checks.leaks import find as find_leaks
from steelyard.data.prepare import prepare
from steelyard.data.splits.allocation import nested_order, subset_sizes
from steelyard.data.splits.cuts import cut_by_time, moment
from steelyard.data.splitting import SplitFiles, verify
from steelyard.errors import ConfigError, DataError, StorageError
from steelyard.task import load_task

Rows = list[dict[str, Any]]
LABELS = ("ONE", "TWO", "THREE")


def some_rows(count: int = 60, **more: Any) -> Rows:
    words = "apple river stone cloud lamp tiger piano chair wheel honey".split()
    return [
        {
            "input": f"{words[n % 10]} {words[n // 10 % 10]} {words[n * 7 % 10]} number {n * 37}",
            "output": LABELS[n % 3],
            "extra": {"kept": [n]},
            **{name: make(n) for name, make in more.items()},
        }
        for n in range(count)
    ]


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read(path: Path) -> Rows:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write_task(folder: Path, rows: Rows, more: str = "") -> Path:
    folder.mkdir()
    write(folder / "rows.jsonl", rows)
    (folder / "task.yaml").write_text(
        "name: numbers\ninstruction: |\n  Say which.\n  One word.\n"
        f"output: {{kind: label, labels: [{', '.join(LABELS)}]}}\nexamples: rows.jsonl\n{more}",
        encoding="utf-8",
    )
    return folder


def inputs(files: SplitFiles) -> dict[str, list[str]]:
    return {part: [row["input"] for row in read(path)] for part, path in files.parts.items()}


def test_every_row_is_written_once_with_its_fields(tmp_path: Path) -> None:
    rows = some_rows()
    files = split(write(tmp_path / "rows.jsonl", rows), tmp_path / "out")
    written = [row for path in files.parts.values() for row in read(path)]
    assert sorted(written, key=str) == sorted(rows, key=str)
    assert {part: len(read(path)) for part, path in files.parts.items()} == {
        "train": 30,
        "dev": 12,
        "test": 18,
    }
    for path in files.parts.values():
        assert Counter(row["output"] for row in read(path)).keys() == set(LABELS)


def test_a_split_is_the_one_that_a_run_makes(tmp_path: Path) -> None:
    rows = some_rows()
    rows += [{**rows[3]}, {**rows[3], "input": rows[3]["input"].upper()}]
    folder = write_task(tmp_path / "task", rows, "split: {test: 0.4, dev: 0.2}\n")
    files = split(folder, tmp_path / "out", seed=5)
    made = prepare(load_task(folder), seed=5).split
    for part, texts in inputs(files).items():
        assert sorted(texts) == sorted(example.input for example in getattr(made, part))


def test_a_split_task_runs_at_once(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    more = "documents: ../docs\nsplit: {test: 0.3, dev: 0.2}\ncolumns: {slice: extra_slice}\n"
    folder = write_task(tmp_path / "task", some_rows(), more)
    files = split(folder, tmp_path / "deep" / "out")
    task = load_task(files.folder)
    before, after = load_task(folder).to_config(), task.to_config()
    assert after["examples"] == {
        "train": "train.jsonl",
        "dev": "dev.jsonl",
        "test": "test.jsonl",
    }
    assert task.document_paths == ((tmp_path / "docs").resolve(),)
    for key in ("examples", "documents", "split"):
        before.pop(key)
        after.pop(key, None)
    assert after == before
    prepared = prepare(task, seed=0)
    assert [len(part) for part in prepared.split] == [30, 12, 18]
    assert find_leaks(prepared, CheckOptions(encoder=False)).findings == ()


def test_the_same_source_and_seed_make_the_same_bytes(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "task", some_rows())
    made = [
        split(folder, tmp_path / name, seed=seed, subsets=(3, 10))
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    first, second, other = (
        {path.name: path.read_bytes() for path in files.folder.iterdir()} for files in made
    )
    assert first == second
    assert first["test.jsonl"] != other["test.jsonl"]


def test_a_table_keeps_its_form_and_columns(tmp_path: Path) -> None:
    source = tmp_path / "rows.csv"
    with source.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["nr", "text", "label", "remark"])
        writer.writerows(
            [n, f"{row['input']}, said", row["output"], ""] for n, row in enumerate(some_rows())
        )
    files = split(source, tmp_path / "out", subsets=(5,))
    assert {path.suffix for path in files.parts.values()} == {".csv"}
    with files.subsets[5].open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["nr", "text", "label", "remark"]
    assert len(rows) == 6
    assert files.task is None


def test_rows_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    source = write(tmp_path / "rows.jsonl", some_rows(30))
    bad = ['{"input": ""', '{"input": "x", "output": ""}', '{"a": "\\ud800", "input": "x y"}']
    half = '{"input": "half a pair elsewhere", "output": "ONE", "note": "\\ud800"}'
    source.write_text("\n".join([*bad, source.read_text(), half]), encoding="utf-8")
    found = split(source, tmp_path / "out").manifest
    assert [(row["row"], row["source"]) for row in found["left_out"]] == [
        (1, "rows.jsonl:1"),
        (2, "rows.jsonl:2"),
        (3, "rows.jsonl:3"),
        (34, "rows.jsonl:35"),
    ]
    assert "surrogate" in found["left_out"][3]["reason"]
    assert found["rows"] == 34
    assert sum(part["rows"] for part in found["parts"].values()) == 30


def test_groups_stay_whole(tmp_path: Path) -> None:
    source = write(tmp_path / "rows.jsonl", some_rows(customer=lambda n: f"c{n // 4}"))
    files = split(source, tmp_path / "out", by="group", columns={"group": "customer"})
    parts = [{row["customer"] for row in read(path)} for path in files.parts.values()]
    assert sum(map(len, parts)) == len(set().union(*parts)) == 15
    assert "15 groups" in files.manifest["notes"]


def test_groups_that_are_labels_are_split_all_the_same(tmp_path: Path) -> None:
    source = write(tmp_path / "r.jsonl", some_rows(90, team=lambda n: LABELS[n % 3]))
    files = split(source, tmp_path / "out", by="group", columns={"group": "team"})
    assert all(files.manifest["parts"][part]["rows"] >= 10 for part in files.parts)
    assert any("labels are not balanced" in note for note in files.manifest["notes"])


def test_a_split_by_group_needs_groups(tmp_path: Path) -> None:
    source = write(tmp_path / "rows.jsonl", some_rows(customer=lambda n: "c"))
    with pytest.raises(
        DataError, match=r"--columns group=NAME .* it has: input, output, extra, cu"
    ):
        split(source, tmp_path / "out", by="group")
    with pytest.raises(DataError, match="1 group cannot fill"):
        split(source, tmp_path / "out", by="group", columns={"group": "customer"})
    assert not (tmp_path / "out").exists()


def test_the_newest_rows_are_for_test(tmp_path: Path) -> None:
    def stamp(n: int) -> str:
        return f"2025-{1 + n % 6:02}-{1 + n % 20:02}"

    rows = some_rows(timestamp=stamp)
    rows[7]["timestamp"] = "03/04/2025"
    del rows[8]["timestamp"]
    rows[9]["input"] = rows[11]["input"]
    files = split(write(tmp_path / "rows.jsonl", rows), tmp_path / "out", by="time")
    stamps = [[row["timestamp"] for row in read(path)] for path in files.parts.values()]
    for earlier, later in pairwise(stamps):
        assert max(earlier) < min(later)
    assert sum(map(len, stamps)) == 58
    assert [(row["row"], row["reason"]) for row in files.manifest["left_out"]] == [
        (8, "timestamp '03/04/2025' is neither an ISO date or time nor an epoch"),
        (9, "no timestamp"),
    ]


def test_a_split_by_time_says_which_test_rows_leak(tmp_path: Path) -> None:
    rows = some_rows(timestamp=lambda n: 1_700_000_000 + n)
    rows[-1]["input"] = rows[0]["input"].upper()
    files = split(write(tmp_path / "rows.jsonl", rows), tmp_path / "out", by="time")
    assert files.manifest["test_rows_also_in_train_or_dev"]["normalised"] == 1
    assert any("scores will look too high" in note for note in files.manifest["notes"])


def test_a_label_that_only_test_has_is_said(tmp_path: Path) -> None:
    rows = some_rows(timestamp=lambda n: 1_700_000_000 + n)
    rows[-1]["output"] = "NEW"
    files = split(write(tmp_path / "rows.jsonl", rows), tmp_path / "out", by="time")
    assert any(
        "train has no example of the label 'NEW'" in note for note in files.manifest["notes"]
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02", 86_400),
        ("19700102", 86_400),
        ("1970/01/02", 86_400),
        ("1970-01-02T00:00:01Z", 86_401),
        ("1970-01-02 01:00:00+01:00", 86_400),
        ("1970-01-02 00:00:00 UTC", 86_400),
        ("1700000000", 1_700_000_000),
        ("1700000000.5", 1_700_000_000.5),
        ("1700000000500", 1_700_000_000.5),
        ("1700000000500000", 1_700_000_000.5),
        ("1700000000500000000", 1_700_000_000.5),
        ("03/04/2025", None),
        ("20250231", None),
        ("yesterday", None),
        ("1e999", None),
        ("", None),
    ],
)
def test_moments(text: str, seconds: float | None) -> None:
    assert moment(text) == seconds


@given(st.lists(st.integers(0, 12), min_size=10, max_size=60))
def test_ties_never_straddle(moments: list[int]) -> None:
    sizes = {"train": len(moments) - 5, "dev": 2, "test": 3}
    if len(set(moments)) < 3:
        with pytest.raises(DataError, match="at least 3"):
            cut_by_time(moments, sizes)
        return
    parts = cut_by_time(moments, sizes)
    assert sorted(place for part in parts.values() for place in part) == list(range(len(moments)))
    train, dev, test = ([moments[place] for place in parts[name]] for name in sizes)
    assert max(train) < min(dev)
    assert max(dev) < min(test)


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=80), st.integers(0, 3))
def test_subsets_are_nested_and_fair(labels: list[str], seed: int) -> None:
    train = [Example(str(place), "x", label) for place, label in enumerate(labels)]
    order = nested_order(train, "label", seed)
    assert sorted(order) == list(range(len(labels)))
    whole = Counter(labels)
    for size in range(1, len(labels) + 1):
        counts = Counter(labels[place] for place in order[:size])
        assert len(counts) == min(size, len(whole))
        for label, count in counts.items():
            assert count <= max(1, size * whole[label] / len(labels) + 1)


def test_subset_files_are_nested(tmp_path: Path) -> None:
    files = split(write(tmp_path / "r.jsonl", some_rows(200)), tmp_path / "out", subsets="auto")
    assert list(files.subsets) == [25, 50, 100]
    sets = [{row["input"] for row in read(path)} for path in files.subsets.values()]
    sets.append({row["input"] for row in read(files.parts["train"])})
    assert [len(each) for each in sets] == [25, 50, 100, 110]
    assert all(small < large for small, large in pairwise(sets))


def test_subset_sizes() -> None:
    assert subset_sizes((100, 50, 50), 200) == (50, 100)
    assert subset_sizes("auto", 25) == ()
    with pytest.raises(ConfigError, match=r"of 200 .* 1 to 199"):
        subset_sizes((200,), 200)
    with pytest.raises(ConfigError, match="of 0 "):
        subset_sizes((0,), 200)


def test_parts_that_are_given_stay(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "task", some_rows(60))
    write(folder / "held.jsonl", some_rows(80)[60:])
    text = (folder / "task.yaml").read_text()
    text = text.replace("examples: rows.jsonl", "examples: {train: rows.jsonl, test: held.jsonl}")
    (folder / "task.yaml").write_text(text)
    files = split(folder, tmp_path / "out", subsets=(10,))
    made = prepare(load_task(folder), seed=0).split
    for part, texts in inputs(files).items():
        assert sorted(texts) == sorted(example.input for example in getattr(made, part))
    with pytest.raises(ConfigError, match="split already: leave out --by label"):
        split(folder, tmp_path / "other", by="label")


def test_fractions_are_kept_or_refused(tmp_path: Path) -> None:
    source = write(tmp_path / "rows.jsonl", some_rows(100))
    files = split(source, tmp_path / "out", fractions={"test": 0.5, "dev": 0.1})
    assert [part["rows"] for part in files.manifest["parts"].values()] == [40, 10, 50]
    with pytest.raises(ConfigError, match="leave room"):
        split(source, tmp_path / "other", fractions={"test": 0.5, "dev": 0.5})


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    source = write(tmp_path / "rows.jsonl", some_rows())
    out = tmp_path / "out"
    split(source, out, subsets=(10,))
    with pytest.raises(ConfigError, match=r"not empty.*--force"):
        split(source, out)
    split(source, out, seed=1, force=True)
    assert not (out / "train-10.jsonl").exists()
    (out / "mine.txt").write_text("dear")
    with pytest.raises(ConfigError, match=r"holds mine\.txt"):
        split(source, out, force=True)
    with pytest.raises(ConfigError, match="would be replaced"):
        split(out / "train.jsonl", out, force=True)
    with pytest.raises(ConfigError, match="is a file"):
        split(source, source)


def test_nothing_is_left_behind_where_nothing_can_be_written(tmp_path: Path) -> None:
    source = write(tmp_path / "rows.jsonl", some_rows())
    with pytest.raises(StorageError, match="cannot write"):
        split(source, source / "out")
    with pytest.raises(DataError, match="cannot be split"):
        split(write(tmp_path / "few.jsonl", some_rows(6)), tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["few.jsonl", "rows.jsonl"]


def test_a_manifest_tells_what_has_changed(tmp_path: Path) -> None:
    files = split(write(tmp_path / "rows.jsonl", some_rows()), tmp_path / "out", subsets=(10,))
    assert verify(files.folder) == ()
    files.parts["dev"].write_text("")
    files.subsets[10].unlink()
    assert verify(files.folder) == (
        "dev.jsonl has changed since the split",
        "train-10.jsonl is missing",
    )
    (files.folder / "manifest.json").write_text("[]")
    with pytest.raises(DataError, match="not a split manifest"):
        verify(files.folder)
    with pytest.raises(DataError, match=r"holds no manifest\.json"):
        verify(tmp_path)
