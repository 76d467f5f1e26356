from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from steelyard.errors import ConfigError, ModelError, StorageError
from steelyard.retrieve.base import Passage, TextSpan
from steelyard.retrieve.index.disk import MANIFEST, _one_writer
from steelyard.retrieve.index.passage_index import PassageIndex
from steelyard.retrieve.index.settings import FinderSettings
from tests.retrieve.index.concepts import ConceptEncoder

ENCODER = ConceptEncoder({"car": 0, "auto": 0, "dog": 1, "hound": 1})
PASSAGES = [
    Passage("The café has a car. A dog too.", "out", TextSpan("a.md", 3, 33, 2), (("p", "x"),)),
    Passage("退款 \x00 C++ “quotes”\r\n", "", TextSpan("b.md", 0, 21)),
    Passage("half a pair \ud800 of an auto"),
    Passage(""),
]
QUESTIONS = ["cafe dog", "退款", "C++", "car", "hound", ""]


def answers(index: PassageIndex) -> list[list[tuple[str, float]]]:
    return [[tuple(hit) for hit in hits] for hits in index.find(QUESTIONS, 3)]


@pytest.mark.parametrize("legs", ["bm25", "dense", "rrf", "convex"])
def test_a_saved_index_finds_the_same(tmp_path: Path, legs: str) -> None:
    index = PassageIndex.fit(PASSAGES, FinderSettings(legs, windows=(1, 3)), ENCODER)  # type: ignore[arg-type]
    index.save(tmp_path)
    again = PassageIndex.load(tmp_path, ENCODER)
    assert list(again.passages) == PASSAGES
    assert answers(again) == answers(index)
    assert again.settings == index.settings
    assert again.find(["dog"], 2, {"p": "x"}) == index.find(["dog"], 2, {"p": "x"})


def test_saving_again_changes_nothing_and_leaves_nothing_behind(tmp_path: Path) -> None:
    index = PassageIndex.fit(PASSAGES, FinderSettings(), ENCODER)
    index.save(tmp_path)
    before = (tmp_path / MANIFEST).read_bytes()
    PassageIndex.load(tmp_path, ENCODER).save(tmp_path)
    assert (tmp_path / MANIFEST).read_bytes() == before
    PassageIndex.fit(PASSAGES[:1], FinderSettings(), ENCODER).save(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    assert len(PassageIndex.load(tmp_path).passages) == 1


def test_an_index_that_is_open_goes_on_when_it_is_replaced(tmp_path: Path) -> None:
    PassageIndex.fit(PASSAGES * 2000, FinderSettings(), ENCODER).save(tmp_path)
    before = PassageIndex.load(tmp_path, ENCODER)
    expected = answers(before)
    PassageIndex.fit(PASSAGES[:1], FinderSettings(), ENCODER).save(tmp_path)
    assert answers(before) == expected


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    index = PassageIndex.fit(PASSAGES, FinderSettings(), ENCODER)
    with _one_writer(tmp_path), pytest.raises(StorageError, match="another process"):
        index.save(tmp_path)
    index.save(tmp_path)


def test_a_folder_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="cannot write"):
        PassageIndex.fit(PASSAGES, FinderSettings(), ENCODER).save(tmp_path / "none")


def test_an_empty_index(tmp_path: Path) -> None:
    PassageIndex.fit([], FinderSettings(), ENCODER).save(tmp_path)
    assert PassageIndex.load(tmp_path, ENCODER).find(["car"], 3) == [[]]


def test_another_encoder_is_refused_before_it_answers(tmp_path: Path) -> None:
    PassageIndex.fit(PASSAGES, FinderSettings(), ENCODER).save(tmp_path)
    with pytest.raises(ModelError, match="vectors of concepts"):
        PassageIndex.load(tmp_path, ConceptEncoder({"car": 0}, "another")).find(["car"], 1)
    with pytest.raises(ModelError, match="index the documents again"):
        PassageIndex.load(tmp_path).find(["car"], 1)
    nameless = PassageIndex.fit(PASSAGES, FinderSettings(), ConceptEncoder({"car": 0}, ""))
    with pytest.raises(ConfigError, match="without a fingerprint"):
        nameless.save(tmp_path)


def spoil_version(folder: Path) -> None:
    change_manifest(folder, version=2)


def spoil_path(folder: Path) -> None:
    change_manifest(folder, files="../elsewhere")


def spoil_settings(folder: Path) -> None:
    settings = json.loads((folder / MANIFEST).read_text())["settings"]
    change_manifest(folder, settings={**settings, "language": "klingon"})


def spoil_size(folder: Path) -> None:
    with next(folder.glob("index-*/terms.json")).open("a") as file:
        file.write(" ")


def spoil_places(folder: Path) -> None:
    path = next(folder.glob("index-*/term_passages.npy"))
    np.save(path, np.full_like(np.load(path), 99))


def spoil_starts(folder: Path) -> None:
    path = next(folder.glob("index-*/vector_starts.npy"))
    np.save(path, np.load(path)[::-1])


def spoil_type(folder: Path) -> None:
    path = next(folder.glob("index-*/lengths.npy"))
    np.save(path, np.array([object()] * 4), allow_pickle=True)
    change_manifest(folder, bytes={})


def spoil_line(folder: Path) -> None:
    path = next(folder.glob("index-*/passages.jsonl"))
    path.write_bytes(path.read_bytes().replace(b'[["p","x"]]', b'[["p", 12]]'))


def change_manifest(folder: Path, **fields: object) -> None:
    path = folder / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_version,
        spoil_path,
        spoil_settings,
        spoil_size,
        spoil_places,
        spoil_starts,
        spoil_type,
        spoil_line,
    ],
)
def test_a_damaged_index_is_a_value_error(tmp_path: Path, spoil: object) -> None:
    PassageIndex.fit(PASSAGES, FinderSettings(), ENCODER).save(tmp_path)
    spoil(tmp_path)  # type: ignore[operator]
    with pytest.raises(ValueError):
        PassageIndex.load(tmp_path, ENCODER).find(["cafe"], 1)
