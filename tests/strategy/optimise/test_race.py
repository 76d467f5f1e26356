from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.core import Request
from steelyard.model.fake_script import ScriptedModel
from steelyard.strategy.base import FitContext
from steelyard.strategy.optimise.board import AnswerBoard
from steelyard.strategy.optimise.budget import BudgetTracker
from steelyard.strategy.optimise.design import Design, PromptFactory
from steelyard.strategy.optimise.race import RaceSettings, affordable, behind, race, rounds
from steelyard.strategy.optimise.search import SearchPart, choose_finalist
from steelyard.strategy.optimized_prompt import OptimizedPromptOptions
from steelyard.strategy.prompt_search import DevEvaluator
from tests.strategy.optimise.players import asked, said
from tests.strategy.samples import TOPICS, tickets

MakeContext = Callable[..., FitContext]
DEV = tickets(40, 100)


def known(request: Request) -> str:
    """Right on the numbers that the instruction names: ``Right from 100 to 119.``"""
    low, high = map(int, re.findall(r"from (\d+) to (\d+)", said(request))[0])
    query = asked(request)
    labels = list(TOPICS)
    right = next(label for label, words in TOPICS.items() if any(w in query for w in words))
    is_known = low <= int(query.split()[-1]) <= high
    return right if is_known else labels[labels.index(right) - 1]


def knows(low: int, high: int) -> Design:
    return Design(f"Right from {low} to {high}.", f"{low} to {high}", "system_user")


@pytest.fixture
def board(fit_context: MakeContext) -> Callable[..., AnswerBoard]:
    def make(allowed: int = 10**6, model: ScriptedModel | None = None) -> AnswerBoard:
        context = fit_context(model=model or ScriptedModel(known, local=False), dev=DEV)
        evaluator = DevEvaluator(context, OptimizedPromptOptions(), "optimized_prompt")
        return AnswerBoard(PromptFactory(evaluator, 1500), BudgetTracker(allowed, local=False), DEV)

    return make


def heat(items: int = 40, first: int = 5, keep: int = 2) -> RaceSettings:
    return RaceSettings(tuple(place * 7 % items for place in range(items)), first, keep, "test")


def test_the_best_wins_and_few_meet_all(board: Callable[..., AnswerBoard]) -> None:
    model = ScriptedModel(known, local=False)
    made = board(model=model)
    designs = [knows(100, 100 + 4 * count) for count in range(10)]
    won = race(made, designs, heat())
    assert won[0].design == designs[-1]
    assert [each.items for each in won].count(40) <= 4
    assert len(won) == 10
    assert len(model.requests) == sum(trial.asked for trial in made.trace) < 10 * 40 / 2
    assert len({said(request) for request in model.requests}) == len(model.requests)


def test_an_equal_score_goes_to_the_shorter_prompt(board: Callable[..., AnswerBoard]) -> None:
    long = Design("Right from 100 to 119. " + "Really. " * 9, "long", "system_user")
    assert race(board(), [long, knows(100, 119)], heat())[0].design == knows(100, 119)


def test_one_that_is_behind_goes_though_there_is_room(board: Callable[..., AnswerBoard]) -> None:
    won = race(board(), [knows(100, 139), knows(900, 901)], heat(first=10))
    assert [each.items for each in won] == [40, 10]


def test_a_race_takes_no_more_than_there_is(board: Callable[..., AnswerBoard]) -> None:
    for allowed in (0, 100, 500, 2_000):
        made = board(allowed)
        won = race(made, [knows(100, 100 + count) for count in range(8)], heat())
        assert made.budget.spent <= allowed
        assert bool(won) == bool(made.trace)


def test_what_was_answered_costs_nothing(board: Callable[..., AnswerBoard]) -> None:
    made = board(700)
    assert made.ask(knows(100, 110), range(10), "test")
    spent = made.budget.spent
    made.budget.allowed = made.budget.limit = spent
    assert affordable(made, [knows(100, 110), knows(0, 1)], range(10)) == [knows(100, 110)]
    assert made.ask(knows(100, 110), range(10), "again")
    assert (made.budget.spent, len(made.trace)) == (spent, 1)


@given(st.integers(0, 200), st.integers(1, 50))
def test_rounds_grow_to_everything(items: int, first: int) -> None:
    found = rounds(heat(items, first))
    sizes = [len(each) for each in found]
    assert sizes == sorted(set(sizes))
    assert (sizes or [0])[-1] == items


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30))
def test_a_design_that_is_behind_is_told_by_mcnemars_test(pairs: list[tuple[bool, bool]]) -> None:
    from scipy.stats import binomtest

    mine = np.array([float(a) for a, _ in pairs])
    best = np.array([float(b) for _, b in pairs])
    worse, better = int(np.sum(mine < best)), int(np.sum(mine > best))
    p = binomtest(worse, worse + better, 0.5, "greater").pvalue if worse + better else 1.0
    assert behind(mine, best) == (p < 0.05)
    assert not (behind(mine, best) and behind(best, mine))


def test_what_only_fits_the_searched_part_loses(board: Callable[..., AnswerBoard]) -> None:
    made = board()
    part = SearchPart(tuple(range(20)), tuple(range(20, 40)), ())
    fitted, honest = knows(100, 119), knows(106, 139)
    for design in (fitted, honest):
        made.ask(design, part.search, "test")
    assert made.score(fitted, part.search) > made.score(honest, part.search)
    chosen = choose_finalist(made, [fitted, honest], part)
    assert [each.design for each in chosen] == [honest, fitted]
    assert chosen[0].score == 34 / 40


def test_what_the_held_back_part_cannot_tell_apart_all_of_dev_decides(
    board: Callable[..., AnswerBoard],
) -> None:
    made = board()
    part = SearchPart(tuple(range(20)), tuple(range(20, 40)), ())
    steady, lucky = knows(100, 130), knows(112, 131)
    for design in (steady, lucky):
        made.ask(design, part.search, "test")
    assert choose_finalist(made, [lucky, steady], part)[0].design == steady


def test_a_finalist_that_met_too_little_is_left_out(board: Callable[..., AnswerBoard]) -> None:
    made = board()
    part = SearchPart(tuple(range(20)), tuple(range(20, 40)), ())
    made.ask(knows(100, 139), range(5), "test")
    assert choose_finalist(made, [knows(100, 139)], part) == []
