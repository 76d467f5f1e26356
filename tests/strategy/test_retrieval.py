from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from steelyard.core import Question
from steelyard.errors import ArmError, ConfigError
from steelyard.families import RETRIEVERS
from steelyard.model import ModelSpec, load_model
from steelyard.retrieve.base import Hit, Passage
from steelyard.retrieve.tfidf import TfidfIndex
from steelyard.strategy import StrategySpec, build_strategy, load_arm, save_arm
from steelyard.strategy.base import ArmFacts, Brief
from steelyard.strategy.formats import Shot
from steelyard.strategy.prompt import Prompt, PromptRecipe, Retrieval
from steelyard.strategy.prompting import PromptArm
from steelyard.strategy.retrieved_few_shot import RetrievedFewShotOptions

SHOTS = [
    Shot("my card is lost", "LOST"),
    Shot("my card is lost again", "LOST"),
    Shot("my card is lost today", "LOST"),
    Shot("my card was stolen", "STOLEN"),
    Shot("the weather is fine", "OTHER"),
]
QUESTIONS = [Question("my card is lost")]
INDEX = TfidfIndex.fit([Passage(*shot) for shot in SHOTS], "word")


def prompt(retrieval: Retrieval, k: int = 3) -> Prompt:
    return retrieval.prompt(PromptRecipe("Label it.", "system_user", retrieved=k), INDEX)


def shots_of(shown: Prompt) -> list[Shot]:
    [request] = shown.requests(QUESTIONS)
    turns = [message.content for message in request.messages if message.role != "system"][:-1]
    return [Shot(*pair) for pair in zip(turns[::2], turns[1::2], strict=True)]


def shown(retrieval: Retrieval, k: int = 3) -> list[Shot]:
    return shots_of(prompt(retrieval, k))


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


def saved(shown: Prompt, folder: Path) -> PromptArm:
    facts = ArmFacts("retrieved_few_shot", "retrieved_few_shot", Brief("Label it.", "label"))
    arm = PromptArm(facts, shown, ModelSpec("fake", "smart"), load_model)
    save_arm(arm, folder)
    return arm


class Listed:
    """An index of another kind: the passages in the order of a list, whatever is asked."""

    name: ClassVar[str] = "listed"

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages = passages

    def find(self, texts: Sequence[str], k: int) -> list[list[Hit]]:
        return [[Hit(passage, 1.0) for passage in self.passages[:k]] for _ in texts]

    def save(self, folder: Path) -> None:
        (folder / "list.json").write_text(json.dumps(self.passages))

    @classmethod
    def load(cls, folder: Path) -> Listed:
        return cls([Passage(*row) for row in json.loads((folder / "list.json").read_text())])


def test_an_arm_is_loaded_with_its_own_kind_of_index(tmp_path: Path) -> None:
    recipe = PromptRecipe("Label it.", "system_user", retrieved=2)
    listed = Listed([Passage(*shot) for shot in reversed(SHOTS)])
    RETRIEVERS.register("listed", Listed)
    try:
        saved(Prompt(recipe, listed, "nearest_first"), tmp_path)
        loaded = load_arm(tmp_path)
    finally:
        RETRIEVERS.remove("listed")
    assert isinstance(loaded, PromptArm)
    assert shots_of(loaded.prompt) == list(reversed(SHOTS))[:2]
    with pytest.raises(ArmError, match="unknown index 'listed'"):
        load_arm(tmp_path)


@pytest.mark.parametrize("retrieval", [Retrieval(), Retrieval(0.4, 2, "nearest_first")])
def test_the_way_is_saved_with_the_arm(retrieval: Retrieval, tmp_path: Path) -> None:
    arm = saved(prompt(retrieval), tmp_path / "arm")
    loaded = load_arm(tmp_path / "arm")
    assert isinstance(loaded, PromptArm)
    assert loaded.prompt.requests(QUESTIONS) == arm.prompt.requests(QUESTIONS)


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        (None, Retrieval()),
        (
            {"diversity": 0.7, "per_label": 0, "order": "nearest_first"},
            Retrieval(0.7, 0, "nearest_first"),
        ),
    ],
)
def test_an_arm_of_older_versions_shows_what_it_showed(
    kept: dict[str, object] | None, expected: Retrieval, tmp_path: Path
) -> None:
    saved(prompt(Retrieval(order="nearest_first")), tmp_path)
    manifest = json.loads((tmp_path / "arm.json").read_text())
    del manifest["retrieved_order"], manifest["retriever"]
    (tmp_path / "arm.json").write_text(json.dumps(manifest))
    path = tmp_path / "index" / "retrieval.json"
    path.unlink() if kept is None else path.write_text(json.dumps(kept))
    loaded = load_arm(tmp_path)
    assert isinstance(loaded, PromptArm)
    assert shots_of(loaded.prompt) == shown(expected)


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
