from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest

from steelyard.strategy.base import FitContext
from steelyard.strategy.formats import Shot
from steelyard.strategy.optimise.design import Design, PromptFactory
from steelyard.strategy.optimise.moves import moves
from steelyard.strategy.optimise.shot_sets import (
    ProbedShot,
    bootstrapped,
    sequences,
    shot_designs,
    sized,
)
from steelyard.strategy.optimise.wordings import Wording
from steelyard.strategy.optimized_prompt import OptimizedPromptOptions
from steelyard.strategy.prompt import Retrieval
from steelyard.strategy.prompt_search import DevEvaluator
from tests.strategy.samples import TOPICS

MakeFactory = Callable[..., PromptFactory]


@pytest.fixture
def factory(fit_context: Callable[..., FitContext]) -> MakeFactory:
    def make(limit: int = 1500) -> PromptFactory:
        return PromptFactory(
            DevEvaluator(fit_context(), OptimizedPromptOptions(), "optimized_prompt"), limit
        )

    return make


def near(factory: PromptFactory, design: Design, count: int = 200, seed: int = 0) -> list[Design]:
    spare = sequences(factory, 3)["diverse"]
    return moves(factory, design, spare, count, np.random.default_rng(seed))


def test_moves_are_new_unique_and_small(factory: MakeFactory) -> None:
    made = factory()
    shots = sequences(made, 3)["random"][:6]
    design = made.design(Wording(), "user_turn").with_shots(shots, "6 random")
    found = near(made, design)
    assert len({each.key for each in found}) == len(found) > 20
    assert design.key not in {each.key for each in found}
    for each in found:
        changed = [
            each.instruction != design.instruction,
            each.format != design.format,
            each.shots != design.shots,
        ]
        assert sum(changed) == 1
        assert abs(len(each.shots) - 6) <= 1
        assert len(set(each.shots) - set(shots)) <= 1
    orders = [each for each in found if Counter(each.shots) == Counter(shots)]
    assert {"reversed", "shuffled"} <= {each.shots_name.split(", ")[-1] for each in orders}


def test_a_swap_keeps_the_label(factory: MakeFactory) -> None:
    made = factory()
    shots = sequences(made, 3)["random"][:6]
    design = made.design(Wording(), "user_turn").with_shots(shots, "6 random")
    swapped = [each for each in near(made, design) if each.shots_name.endswith("swapped")]
    assert swapped
    labels = [shot.output for shot in shots]
    assert all([shot.output for shot in each.shots] == labels for each in swapped)


def test_kinds_of_move_come_in_turn_and_the_seed_decides(factory: MakeFactory) -> None:
    made = factory()
    shots = sequences(made, 3)["random"][:6]
    design = made.design(Wording(), "user_turn").with_shots(shots, "6 random")
    first = near(made, design, 5)
    assert first == near(made, design, 5) != near(made, design, 5, seed=1)
    assert sum(each.format != design.format for each in first) == 1
    assert sum(each.instruction != design.instruction for each in first) == 1
    assert sum(each.shots != design.shots for each in first) == 3


def test_retrieved_shots_move_in_number_diversity_and_order(factory: MakeFactory) -> None:
    made = factory()
    design = made.design(Wording(), "user_turn").with_retrieved(4, Retrieval())
    found = [
        each for each in near(made, design) if each.retrieved != 4 or each.retrieval != Retrieval()
    ]
    assert {each.retrieved for each in found} == {3, 4, 5, 6}
    assert Retrieval(order="nearest_first") in {each.retrieval for each in found}
    assert all(not each.shots for each in found)


def test_a_model_written_instruction_keeps_its_words(factory: MakeFactory) -> None:
    design = Design("Do it well.", "reflected 1", "user_turn")
    assert {each.instruction for each in near(factory(), design)} == {"Do it well."}


def test_nothing_outgrows_the_prompt(factory: MakeFactory) -> None:
    made = factory(80)
    plain = made.design(Wording(), "user_turn")
    ways = sequences(made, 3)
    design = plain.with_shots(ways["random"], "as many as fit")
    found = near(made, design)
    assert found and all(made.tokens(each, ()) <= 80 for each in found)
    assert any(made.tokens(each, ()) > 80 for each in near(factory(1500), design))
    designs = shot_designs(made, plain, ways, (1, 2, 4), (2, 8))
    assert designs and all(made.tokens(each, ()) <= 80 for each in designs)


def test_sets_are_whole_rounds_of_labels_or_what_fits(factory: MakeFactory) -> None:
    sequence = sequences(factory(), 3)["typical"]
    assert [len(each) for each in sized(factory(), sequence, (1, 2, 4))] == [3, 6, 12]
    [tight] = sized(factory(70), sequence, (4,))
    assert 0 < len(tight) < 12


def test_every_way_comes_once_before_any_comes_again(factory: MakeFactory) -> None:
    made = factory()
    designs = shot_designs(
        made, made.design(Wording(), "user_turn"), sequences(made, 3), (1, 2), (2, 4)
    )
    shown = [each.shots_name for each in designs[:5]]
    assert shown == [
        "2 retrieved",
        "2 retrieved, diversity 0.3",
        "3 random",
        "3 diverse",
        "3 typical",
    ]


def test_bootstrapped_shots_are_the_wrong_the_close_and_the_sure(factory: MakeFactory) -> None:
    made = factory()
    pool = [shot for shot in made.pool if shot.output == "BILLING"]
    sure, close, lost, hopeless = pool[:4]
    tried = [
        ProbedShot(sure, 1.0, 0.9),
        ProbedShot(close, 1.0, 0.1),
        ProbedShot(lost, 0.0, -0.2),
        ProbedShot(hopeless, 0.0, -0.8),
    ]
    fallback = sequences(made, 3)["typical"]
    found = bootstrapped(made, tried, 3, fallback)

    def first(name: str) -> Shot:
        return next(shot for shot in found[name] if shot.output == "BILLING")

    assert (first("wrong"), first("border"), first("right")) == (hopeless, close, sure)
    for sequence in found.values():
        assert {shot.output for shot in sequence[:3]} == set(TOPICS)


def test_without_probabilities_nothing_is_close(factory: MakeFactory) -> None:
    made = factory()
    tried = [
        ProbedShot(shot, float(place % 2), float(place % 2))
        for place, shot in enumerate(made.pool[:6])
    ]
    found = bootstrapped(made, tried, 3, made.pool)
    assert set(found) == {"wrong", "right"}
    assert bootstrapped(made, [], 3, made.pool) == {}
