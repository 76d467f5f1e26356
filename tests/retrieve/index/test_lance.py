from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from steelyard.errors import DataError, MissingExtraError, StorageError
from steelyard.families import RETRIEVERS
from steelyard.retrieve.base import Passage, TextSpan
from steelyard.retrieve.index.lance import MANIFEST, LanceIndex
from steelyard.retrieve.index.passage_index import PassageIndex
from steelyard.retrieve.index.settings import FinderSettings
from tests.retrieve.index.concepts import ConceptEncoder

ENCODER = ConceptEncoder({f"w{number}": number for number in range(12)})
PASSAGES = [
    Passage(
        "The café in Zürich has C++ w1 w2.", "out", TextSpan("a.md", 3, 36, 2), (("p", "it's"),)
    ),
    Passage("退款政策是七天之内 w3", "", TextSpan("b.md", 0, 12)),
    Passage("Model X-9. It is w1. Then w4 w5.", metadata=(("p", "y"),)),
    Passage(""),
]
needs_lance = pytest.mark.skipif(
    importlib.util.find_spec("lancedb") is None, reason="lancedb is not installed"
)


def texts(index: LanceIndex, question: str, k: int = 3) -> list[str]:
    return [hit.passage.text for hit in index.find([question], k)[0]]


@needs_lance
def test_it_finds_what_terms_are_shared(tmp_path: Path) -> None:
    index = LanceIndex.fit(PASSAGES, tmp_path, FinderSettings("bm25"))
    for question, place in (("cafe Zurich", 0), ("c++", 0), ("退款政策", 1), ("x9", 2), ("X-9", 2)):
        assert texts(index, question)[0] == PASSAGES[place].text
    for question in ("", " ", "zzz", "…"):
        assert texts(index, question, 100) == []
    assert index.find(["cafe"], 0) == [[]]
    [[hit]] = index.find(["cafe"], 100)
    assert hit.passage == PASSAGES[0]
    assert hit.score > 0


@needs_lance
@pytest.mark.parametrize("legs", ["bm25", "dense", "rrf", "convex"])
def test_it_ranks_as_the_index_in_files_does(tmp_path: Path, legs: str) -> None:
    rng = np.random.default_rng(0)
    words = [f"w{number}" for number in range(12)]
    passages = [
        Passage(
            " ".join(rng.choice(words, 6)) + ". " + " ".join(rng.choice(words, 6)) + f" n{place}."
        )
        for place in range(80)
    ]
    settings = FinderSettings(legs, windows=(1,))  # type: ignore[arg-type]
    ours = PassageIndex.fit(passages, settings, ENCODER)
    other = LanceIndex.fit(passages, tmp_path, settings, ENCODER)
    first, same = 0, 0
    for place in range(0, 80, 4):
        question = passages[place].text
        a, b = (index.find([question], 10)[0] for index in (ours, other))
        first += a[0].passage == b[0].passage == passages[place]
        same += len({hit.passage for hit in a} & {hit.passage for hit in b})
    assert first == 20
    assert same >= 180  # LanceDB has other constants in its BM25, and other ties


@needs_lance
def test_a_filter_comes_before_the_best(tmp_path: Path) -> None:
    passages = [
        Passage("the w1 is red", metadata=(("product", "x" if place == 900 else "y"),))
        for place in range(1000)
    ]
    for legs in ("bm25", "dense", "rrf", "convex"):
        index = LanceIndex.fit(passages, tmp_path, FinderSettings(legs), ENCODER)  # type: ignore[arg-type]
        assert [hit.passage for hit in index.find(["w1"], 3, {"product": "x"})[0]] == [
            passages[900]
        ]
        assert index.find(["w1"], 3, {"product": "z"}) == [[]]
        assert index.find(["w1"], 3, {"product": []}) == [[]]
        assert len(index.find(["w1"], 3, {"product": ["x", "y"]})[0]) == 3


@needs_lance
def test_filters_are_quoted_and_checked(tmp_path: Path) -> None:
    index = LanceIndex.fit(PASSAGES, tmp_path, FinderSettings(), ENCODER)
    assert len(index.find(["w1"], 3, {"p": "it's"})[0]) == 1
    assert len(index.find(["w1"], 3, {"document": "a.md"})[0]) == 1
    assert index.find(["w1"], 3, {"p": "x'] ) OR true --"}) == [[]]
    with pytest.raises(DataError, match="there is document and p"):
        index.find(["w1"], 3, {"q": "x"})


@needs_lance
def test_a_saved_index_finds_the_same_wherever_it_is_moved(tmp_path: Path) -> None:
    index = LanceIndex.fit(PASSAGES, tmp_path / "db", FinderSettings(), ENCODER)
    (tmp_path / "a").mkdir()
    index.save(tmp_path / "a")
    expected = index.find(["w1", "cafe w4"], 3)
    shutil.move(tmp_path / "a", tmp_path / "b")
    shutil.rmtree(tmp_path / "db")
    assert LanceIndex.load(tmp_path / "b", ENCODER).find(["w1", "cafe w4"], 3) == expected


@needs_lance
def test_saving_again_drops_the_tables_before(tmp_path: Path) -> None:
    LanceIndex.fit(PASSAGES, tmp_path, FinderSettings(), ENCODER).save(tmp_path)
    LanceIndex.fit(PASSAGES[1:], tmp_path, FinderSettings(), ENCODER).save(tmp_path)
    assert len(list(tmp_path.glob("*.lance"))) == 2
    index = LanceIndex.load(tmp_path, ENCODER)
    assert texts(index, "cafe") == []
    LanceIndex.fit([], tmp_path, FinderSettings(), ENCODER).save(tmp_path)
    assert LanceIndex.load(tmp_path, ENCODER).find(["w1"], 3) == [[]]


@needs_lance
def test_a_damaged_manifest_is_a_value_error(tmp_path: Path) -> None:
    LanceIndex.fit(PASSAGES, tmp_path, FinderSettings(), ENCODER).save(tmp_path)
    saved = json.loads((tmp_path / MANIFEST).read_text())
    for change in ({"version": 9}, {"tables": "../x"}, {"tables": "0" * 16}, {"more": 1}):
        (tmp_path / MANIFEST).write_text(json.dumps({**saved, **change}))
        with pytest.raises(ValueError):
            LanceIndex.load(tmp_path, ENCODER)


def test_without_the_extra_one_line_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lancedb", None)
    with pytest.raises(MissingExtraError, match=r"steelyard\[rag\]"):
        LanceIndex.fit(PASSAGES, tmp_path, FinderSettings("bm25"))


def test_it_is_imported_only_when_it_is_used() -> None:
    assert RETRIEVERS.get("lance") is LanceIndex
    assert RETRIEVERS.get("passages") is PassageIndex
    code = (
        "import sys; import steelyard.retrieve.index.lance, steelyard.retrieve.index.passage_index;"
        "assert not {'lancedb', 'pyarrow', 'torch', 'Stemmer', 'aiohttp'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def changed() -> tuple[list[Passage], list[Passage]]:
    """60 passages of three documents, and what becomes of them.

    The second document has one other passage, and what follows that has moved; the third is renamed; a
    text is there twice from now on, and the last one is gone.
    """
    rng = np.random.default_rng(1)
    words = [f"w{number}" for number in range(12)]
    rows = [f"{' '.join(rng.choice(words, 6))} n{place}." for place in range(60)]
    before = [
        Passage(text, "", TextSpan(f"d{place // 20}.md", 50 * (place % 20), 50 * (place % 20) + 40))
        for place, text in enumerate(rows)
    ]
    after = []
    for place, passage in enumerate(before[:-1]):
        span = passage.span
        assert span is not None
        if place == 25:
            after.append(Passage("fresh w1 w2 n25.", "", span))
        elif 25 < place < 40:
            after.append(Passage(passage.text, "", span._replace(start=span.start + 7)))
        elif place >= 40:
            after.append(Passage(passage.text, "", span._replace(document="renamed.md")))
        else:
            after.append(passage)
    return before, [*after, Passage(before[0].text, "", TextSpan("copy.md", 0, 40))]


@needs_lance
@pytest.mark.parametrize("legs", ["bm25", "dense", "rrf", "convex"])
def test_an_update_finds_what_a_fresh_index_finds(tmp_path: Path, legs: str) -> None:
    before, after = changed()
    settings = FinderSettings(legs, windows=(1,))  # type: ignore[arg-type]
    index = LanceIndex.fit(before, tmp_path / "a", settings, ENCODER)
    (tmp_path / "b").mkdir()
    later, change = index.updated(after, tmp_path / "b", ENCODER)
    fresh = LanceIndex.fit(after, tmp_path / "c", settings, ENCODER)
    assert (change.added, change.removed, change.unchanged) == (2, 2, 58)
    assert set(later.passages) == set(after) and len(later.passages) == len(after)
    assert index.passages == tuple(before), "the index itself stays"
    for question in (*(passage.text for passage in after[::7]), "fresh", "n25", "w3 w4"):
        a, b = (one.find([question], 60)[0] for one in (later, fresh))
        assert {hit.passage for hit in a} == {hit.passage for hit in b}
        scores = {hit.passage: hit.score for hit in b}
        if legs != "rrf":  # which counts ranks: ties stand in another order
            assert all(hit.score == pytest.approx(scores[hit.passage], rel=1e-3) for hit in a)
    assert before[59] not in {hit.passage for hit in later.find(["n59 w1"], 60)[0]}
    if legs != "bm25":
        [hits] = later.find(["w1"], 60, {"document": "renamed.md"})
        assert hits and {hit.passage.span.document for hit in hits if hit.passage.span} == {
            "renamed.md"
        }
        with pytest.raises(DataError):
            later.find(["w1"], 3, {"product": "x"})
    assert later.find(["w1"], 60, {"document": "d2.md"}) == [[]]


@needs_lance
def test_an_update_encodes_new_texts_alone(tmp_path: Path) -> None:
    before, after = changed()
    counting = ConceptEncoder({f"w{number}": number for number in range(12)})
    index = LanceIndex.fit(before, tmp_path / "a", FinderSettings(windows=(1,)), counting)
    counting.calls.clear()
    (tmp_path / "b").mkdir()
    _, change = index.updated(after, tmp_path / "b", counting)
    assert change.encoded == 2
    assert sorted(set(counting.calls)) == sorted({"fresh w1 w2 n25.", before[0].text})


@needs_lance
def test_an_updated_index_is_saved_loaded_and_updated_again(tmp_path: Path) -> None:
    before, after = changed()
    index = LanceIndex.fit(before, tmp_path, FinderSettings(), ENCODER)
    index.save(tmp_path)
    later, _ = index.updated(after, tmp_path, ENCODER)
    assert LanceIndex.load(tmp_path, ENCODER).passages == tuple(before), "until it is saved"
    later.save(tmp_path)
    assert len(list(tmp_path.glob("*.lance"))) == 2
    loaded = LanceIndex.load(tmp_path, ENCODER)
    assert set(loaded.passages) == set(after)
    back, change = loaded.updated(before, tmp_path, ENCODER)
    assert (change.added, change.removed) == (2, 2) and set(back.passages) == set(before)
    same, change = back.updated(before, tmp_path, ENCODER)
    assert (change.added, change.removed) == (0, 0) and set(same.passages) == set(before)
    nothing, change = back.updated([], tmp_path, ENCODER)
    assert change.removed == 60 and nothing.find(["w1"], 3) == [[]]
    assert nothing.updated(before, tmp_path, ENCODER)[1].added == 60


@needs_lance
def test_an_index_in_an_object_store_is_not_updated(tmp_path: Path) -> None:
    index = LanceIndex.fit(PASSAGES, tmp_path, FinderSettings("bm25"))
    index._uri = "s3://bucket/folder"
    assert not index.is_local
    with pytest.raises(StorageError, match="fit a new one"):
        index.updated(PASSAGES, tmp_path, None)
