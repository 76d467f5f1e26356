from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from steelyard.retrieve.base import Passage, TextSpan
from steelyard.retrieve.index.disk import MANIFEST
from steelyard.retrieve.index.passage_index import PassageIndex
from steelyard.retrieve.index.settings import FinderSettings
from steelyard.retrieve.index.update import IndexChange, update
from tests.retrieve.index.concepts import ConceptEncoder

WORDS = [f"w{number}" for number in range(40)]
SETTINGS = FinderSettings(windows=(1,))
Documents = Mapping[str, Sequence[Passage]]


def encoder() -> ConceptEncoder:
    return ConceptEncoder({word: place for place, word in enumerate(WORDS)})


def documents(count: int, seed: int = 0) -> dict[str, list[Passage]]:
    rng = np.random.default_rng(seed)
    made = {}
    for number in range(count):
        name = f"d{number:03}.md"
        texts = [
            f"Part {place} of {number}. "
            + " ".join(rng.choice(WORDS, 8))
            + f". {rng.choice(WORDS)}."
            for place in range(3)
        ]
        made[name] = [Passage(text, "", TextSpan(name, 0, len(text))) for text in texts]
    return made


def results(index: PassageIndex) -> object:
    return index.find([*WORDS, "w1 w2 w3", "part 2"], 10)


def assert_is_fresh(folder: Path, now: Documents) -> None:
    """The index in the folder is in every byte that of the documents, and so are its results."""
    ours = PassageIndex.load(folder, encoder())
    fresh = PassageIndex.fit(
        [one for name in sorted(now) for one in now[name]], SETTINGS, encoder()
    )
    assert results(ours) == results(fresh)
    before = (folder / MANIFEST).read_bytes()
    fresh.save(folder)
    assert (folder / MANIFEST).read_bytes() == before


def test_only_what_changed_is_encoded(tmp_path: Path) -> None:
    now, counting = documents(20), encoder()
    assert update(tmp_path, now, SETTINGS, counting) == IndexChange(60, 0, 0, 60)
    assert_is_fresh(tmp_path, now)

    counting.calls.clear()
    changed = now["d007.md"][1]._replace(text="A w1 that is new.")
    now["d007.md"] = [now["d007.md"][0], changed, now["d007.md"][2]]
    assert update(tmp_path, now, SETTINGS, counting) == IndexChange(1, 1, 59, 1)
    assert counting.calls == ["A w1 that is new."]
    assert_is_fresh(tmp_path, now)


def test_a_renamed_document_is_not_encoded_again(tmp_path: Path) -> None:
    now, counting = documents(5), encoder()
    update(tmp_path, now, SETTINGS, counting)
    counting.calls.clear()
    now["z.md"] = [
        one._replace(span=one.span._replace(document="z.md"))
        for one in now.pop("d001.md")
        if one.span
    ]
    assert update(tmp_path, now, SETTINGS, counting) == IndexChange(0, 0, 15, 0)
    assert counting.calls == []
    [hits] = PassageIndex.load(tmp_path, encoder()).find(["part 1"], 20, {"document": "z.md"})
    assert len(hits) == 3
    assert_is_fresh(tmp_path, now)


def test_another_heading_is_encoded_again(tmp_path: Path) -> None:
    now, counting = documents(3), encoder()
    update(tmp_path, now, SETTINGS, counting)
    counting.calls.clear()
    now["d001.md"][0] = now["d001.md"][0]._replace(metadata=(("heading", "W1"), ("other", "x")))
    assert update(tmp_path, now, SETTINGS, counting) == IndexChange(1, 1, 8, 1)
    assert all(text.startswith("W1: ") for text in counting.calls)
    now["d001.md"][0] = now["d001.md"][0]._replace(metadata=(("heading", "W1"), ("other", "y")))
    assert update(tmp_path, now, SETTINGS, counting).encoded == 0
    assert_is_fresh(tmp_path, now)


def test_a_deleted_document_is_gone_from_both_legs(tmp_path: Path) -> None:
    now = documents(5)
    now["gone.md"] = [Passage("The w1 secret.", "", TextSpan("gone.md", 0, 14))]
    update(tmp_path, now, SETTINGS, encoder())
    index = PassageIndex.load(tmp_path, encoder())
    assert index.find(["w1 secret"], 1)[0][0].passage.text == "The w1 secret."
    del now["gone.md"]
    assert update(tmp_path, now, SETTINGS, encoder()).removed == 1
    index = PassageIndex.load(tmp_path, encoder())
    for legs in ("bm25", "dense", "rrf", "convex"):
        found = index.varied(FinderSettings(legs, windows=(1,))).find(["w1 secret"], 100)[0]  # type: ignore[arg-type]
        assert all("secret" not in hit.passage.text for hit in found)
    assert_is_fresh(tmp_path, now)


def test_the_same_again_writes_the_same(tmp_path: Path) -> None:
    now = documents(5)
    update(tmp_path, now, SETTINGS, encoder())
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    counting = encoder()
    assert update(tmp_path, now, SETTINGS, counting) == IndexChange(0, 0, 15, 0)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert counting.calls == []


def test_many_changes_in_any_order_equal_a_fresh_index(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    pool = documents(12, seed=1)
    repeated = Passage("Twice the same w3.")
    for _ in range(15):
        names = rng.choice(sorted(pool), rng.integers(0, 12), replace=False)
        now = {str(name): [*pool[name], *[repeated] * int(rng.integers(0, 3))] for name in names}
        update(tmp_path, now, SETTINGS, encoder())
        assert_is_fresh(tmp_path, now)


def test_other_windows_or_another_encoder_are_encoded_again(tmp_path: Path) -> None:
    now = documents(3)
    update(tmp_path, now, SETTINGS, encoder())
    assert update(tmp_path, now, FinderSettings(windows=(3,)), encoder()).encoded == 9
    other = ConceptEncoder({"w1": 0}, "other")
    assert update(tmp_path, now, FinderSettings(windows=(3,)), other).encoded == 9
    assert update(tmp_path, now, FinderSettings("bm25", windows=(3,))).encoded == 0
    german = FinderSettings(windows=(1,), language="german")
    assert update(tmp_path, now, german, encoder()) == IndexChange(0, 0, 9, 9)


def test_a_damaged_index_is_built_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    now = documents(3)
    update(tmp_path, now, SETTINGS, encoder())
    (tmp_path / MANIFEST).write_text("{")
    assert update(tmp_path, now, SETTINGS, encoder()).added == 9
    assert "built anew" in caplog.text
    assert_is_fresh(tmp_path, now)


PARENT = """
import os, sys
from pathlib import Path
from steelyard.retrieve.index.update import update
from tests.retrieve.index.test_update import SETTINGS, documents, encoder
for line in sys.stdin:
    if not (child := os.fork()):
        for turn in range(10_000):
            update(Path(sys.argv[1]), documents(30, seed=turn % 2), SETTINGS, encoder())
    print(child, flush=True)
    os.waitpid(child, 0)
    print("gone", flush=True)
"""
"""Has imported all that an update needs before the first of its children is killed in one."""


@pytest.mark.parametrize("kills", [2, pytest.param(50, marks=pytest.mark.slow)])
def test_killed_at_any_moment_the_index_is_the_one_before_or_after(
    tmp_path: Path, kills: int
) -> None:
    rng = np.random.default_rng(0)
    update(tmp_path, documents(30), SETTINGS, encoder())
    either = [
        results(PassageIndex.fit([p for ps in documents(30, seed).values() for p in ps], SETTINGS, encoder()))
        for seed in (0, 1)
    ]  # fmt: skip
    assert either[0] != either[1]
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
    ) as parent:
        assert parent.stdin is not None and parent.stdout is not None
        for _ in range(kills):
            print(file=parent.stdin, flush=True)
            child = int(parent.stdout.readline())
            time.sleep(float(rng.uniform(0.0, 0.25)))
            os.kill(child, signal.SIGKILL)
            assert parent.stdout.readline() == "gone\n"
            assert results(PassageIndex.load(tmp_path, encoder())) in either
            update(tmp_path, documents(30), SETTINGS, encoder())
            assert_is_fresh(tmp_path, documents(30))
            assert len(list(tmp_path.iterdir())) == 2
