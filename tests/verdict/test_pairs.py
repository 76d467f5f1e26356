"""One family of tests over all arms, whatever is asked of which."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from steelyard.stats import Family, shaffer
from steelyard.verdict import Case
from steelyard.verdict.pairs import against, family_of, items_to_bound, items_to_show, pair


def case(*arms, **more):
    return Case(arms, requests_per_day=100, horizon_days=365, **more)


@pytest.fixture
def arms(make):
    shifts = {"zero_shot": (150, 0), "few_shot": (165, 3), "lora": (172, 9), "majority": (90, 40)}
    return [make(name, right, shift=shift) for name, (right, shift) in shifts.items()]


def test_a_pair_has_one_p_value_whichever_arm_it_is_looked_at_from(arms):
    weighed = case(*arms)
    for one, other in combinations(arms, 2):
        [here] = against(weighed, one, [other]).values()
        there = against(weighed, other, [arm for arm in arms if arm is not other])[one.name]
        assert (here.p_value, here.p_adjusted) == (there.p_value, there.p_adjusted)
        assert here == there.turned()
        assert pair(weighed, one, other).p_value == here.p_value
        assert pair(weighed, one, other).level == 0.95
    raw = [test.p_value for test in family_of(weighed).tests]
    adjusted = [
        family_of(weighed).corrected(*test.names).p_adjusted for test in family_of(weighed).tests
    ]
    assert adjusted == shaffer(raw, 4), "of all six pairs"
    assert len(weighed.memo) == 1


def test_the_tests_that_are_handed_over_are_used(arms):
    made = family_of(case(*arms, seed=5))
    few = case(*arms[:2], family=made)
    assert family_of(few) is made
    more = case(*arms, family=Family(("lora", "few_shot"), made.tests[:1]))
    assert family_of(more).arms == tuple(arm.name for arm in arms), "it does not cover all arms"


def test_items_to_show_a_difference_grow_with_the_design_effect(make):
    """Every item twice: half as many are worth anything."""
    one, other = make("lora", 170), make("few_shot", 150, shift=7)
    codes = tuple(item // 2 for item in range(200))
    twins = [replace(arm, scores=np.repeat(arm.scores[::2], 2)) for arm in (one, other)]
    alone, paired = case(*twins), case(*twins, clusters=codes)
    assert family_of(paired).design_effect == pytest.approx(2, rel=0.02)
    few, many = items_to_show(alone, *twins, 1).items, items_to_show(paired, *twins, 1).items
    assert many == pytest.approx(2 * few, rel=0.03)
    few, many = items_to_bound(alone, *twins, 0.05), items_to_bound(paired, *twins, 0.05)
    assert many == pytest.approx(2 * few, rel=0.03)
