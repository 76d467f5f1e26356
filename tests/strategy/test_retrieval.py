from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from steelyard.errors import ConfigError
from steelyard.strategy import StrategySpec, build_strategy
from steelyard.strategy.formats import Shot
from steelyard.strategy.retrieved_few_shot import RetrievedFewShotOptions
from steelyard.strategy.tfidf import Retrieval, ShotIndex

SHOTS = [
    Shot("my card is lost", "LOST"),
    Shot("my card is lost again", "LOST"),
    Shot("my card is lost today", "LOST"),
    Shot("my card was stolen", "STOLEN"),
    Shot("the weather is fine", "OTHER"),
]
ASKED = ["my card is lost"]


def shown(retrieval: Retrieval, k: int = 3) -> list[Shot]:
    return ShotIndex.fit(SHOTS, "word").showing(retrieval).shown(ASKED, k)[0]


def test_the_nearest_stand_last_or_first() -> None:
    last, first = shown(Retrieval()), shown(Retrieval(order="nearest_first"))
    assert last == list(reversed(first))
    assert first[0] == SHOTS[0]
    assert {shot.output for shot in first} == {"LOST"}


def test_diversity_lets_another_kind_in() -> None:
    varied = shown(Retrieval(diversity=0.7, order="nearest_first"))
    assert varied[0] == SHOTS[0]
    assert SHOTS[3] in varied
    assert len(set(varied)) == 3


def test_a_cap_holds_for_each_output_even_where_shots_run_out() -> None:
    capped = shown(Retrieval(per_label=1), k=4)
    assert Counter(shot.output for shot in capped) == {"LOST": 1, "STOLEN": 1, "OTHER": 1}
    assert capped[-1] == SHOTS[0]


def test_more_than_there_are_gives_all() -> None:
    assert Counter(shown(Retrieval(diversity=0.3), k=50)) == Counter(SHOTS)


@pytest.mark.parametrize("retrieval", [Retrieval(), Retrieval(0.4, 2, "nearest_first")])
def test_the_way_is_saved_with_the_index(retrieval: Retrieval, tmp_path: Path) -> None:
    index = ShotIndex.fit(SHOTS, "word+char").showing(retrieval)
    index.save(tmp_path)
    loaded = ShotIndex.load(tmp_path)
    assert loaded.retrieval == retrieval
    assert loaded.shown(ASKED, 3) == index.shown(ASKED, 3)


def test_an_index_of_the_first_versions_shows_the_nearest_last(tmp_path: Path) -> None:
    ShotIndex.fit(SHOTS, "word").save(tmp_path)
    (tmp_path / "retrieval.json").unlink()
    assert ShotIndex.load(tmp_path).shown(ASKED, 3)[0] == shown(Retrieval())


def test_only_the_largest_k_meets_every_way() -> None:
    usual = Retrieval(per_label=2)
    every = [usual, Retrieval(0.3, 2), Retrieval(0.0, 2, "nearest_first")]
    options = RetrievedFewShotOptions(per_label=2, k=(2, 8, 100))
    assert options.ways_to_try(60) == (2, [(2, usual), *((8, way) for way in every)])
    assert options.ways_to_try(1) == (1, [(1, usual)])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"diversity": [0.2, 1.5]}, "diversity.1 must be at most 1, not 1.5"),
        ({"order": "nearest_frist"}, "did you mean 'nearest_first'"),
        ({"per_label": -1}, "per_label must be at least 0, not -1"),
    ],
)
def test_wrong_ways_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        build_strategy(StrategySpec("retrieved_few_shot", options))
    assert message in str(error.value)
