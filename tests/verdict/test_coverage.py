"""What ``min_accuracy_at_coverage`` does to a choice: rules out, could not be checked, warns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from math import ceil

import numpy as np
import pytest

from steelyard.stats import proportion
from steelyard.verdict import Candidate, Case, Limits, decide
from steelyard.verdict.limits import apply_limits
from steelyard.verdict.warn import find_warnings

Make = Callable[..., Candidate]


def case(*candidates: Candidate, target: float | None = 0.99) -> Case:
    return Case(candidates, 1000, 365, limits=Limits(min_accuracy_at_coverage=target))


@pytest.mark.parametrize(
    ("target", "coverage", "n", "dropped", "unknown"),
    [
        (None, 0.0, 200, None, False),
        (None, None, 200, None, False),
        (0.99, 0.6, 200, None, False),
        (0.99, 1.0, 200, None, False),
        (0.99, None, 200, None, True),
        (0.9, 0.0, 200, "none of its answers is shown to be 90 % right", False),
        (
            0.99,
            0.0,
            200,
            "99 % right, which takes at least 381 test items, all of them right; there are 200",
            False,
        ),
        (1.0, 0.0, 200, "100 % right, which no number of test items shows", False),
    ],
)
def test_an_arm_is_ruled_out_only_where_nothing_can_be_left_to_it(
    make: Make,
    target: float | None,
    coverage: float | None,
    n: int,
    dropped: str | None,
    unknown: bool,
) -> None:
    limits = apply_limits(case(make("lora", 190, n, coverage_shown=coverage), target=target))
    assert set(limits.dropped) == (set() if dropped is None else {"lora"})
    assert dropped is None or dropped in limits.dropped["lora"]
    assert (
        any("min_accuracy_at_coverage was not checked" in why for why in limits.unknown) == unknown
    )


@pytest.mark.parametrize(
    ("target", "coverage", "warning"),
    [
        (
            0.99,
            0.62,
            "people needed: lora is shown to be 99 % right on 62 % of the requests; the other 38 % go "
            "to people, and its cost leaves these out",
        ),
        (0.99, 1.0, None),
        (0.99, None, None),
        (None, 0.62, None),
    ],
)
def test_people_beside_the_choice_are_warned_of(
    make: Make, target: float | None, coverage: float | None, warning: str | None
) -> None:
    choice = make("lora", 190, coverage_shown=coverage)
    weighed = case(choice, target=target)
    warnings = find_warnings(weighed, choice, apply_limits(weighed))
    assert [w for w in warnings if w.startswith("people needed")] == ([warning] if warning else [])


def test_the_arm_that_is_cheapest_with_people_is_named(make: Make) -> None:
    choice = make("tfidf_linear", 190, coverage_shown=0.2, per_request="0.0001")
    other = make("lora", 190, shift=3, coverage_shown=0.9, per_request="0.001")
    weighed = replace(case(choice, other), label_cost=Decimal("0.5"))
    [warning] = find_warnings(weighed, choice, apply_limits(weighed))[-1:]
    assert warning.endswith(
        "; with people at $0.50 an answer lora costs less in all, $18,615.00 against $146,036.50 for "
        "tfidf_linear"
    )
    [warning] = find_warnings(weighed, other, apply_limits(weighed))[-1:]
    assert warning.endswith("and its cost leaves these out")


def test_the_best_arm_goes_where_nothing_can_be_left_to_it(make: Make) -> None:
    best = make("lora", 190, coverage_shown=0.0)
    second = make("few_shot", 160, shift=3, coverage_shown=0.3)
    verdict = decide(case(make("majority", 60, coverage_shown=0.0), best, second))
    assert verdict.arm == "few_shot"
    assert any("lora is ruled out: none of its answers is shown" in why for why in verdict.reasons)
    assert any(warning.startswith("people needed: few_shot") for warning in verdict.warnings)


def test_perfect_answers_are_short_of_labels_and_imperfect_ones_are_not(make: Make) -> None:
    """381 right answers show 99 %: 240 of 240 lack 141, of which one wrong answer is too many."""
    verdict = decide(case(make("lora", 240, 240, coverage_shown=0.0)))
    assert verdict.more_labels.n == 141
    assert verdict.reasons[0].endswith("relax a constraint, or label 141 more test items")
    # the posterior predictive of 141 right answers in a row, by Jeffreys' prior
    chance = np.prod([(240.5 + i) / (241 + i) for i in range(141)])
    assert verdict.more_labels.chance == pytest.approx(chance, abs=0.02)
    below = decide(case(make("lora", 235, 240, coverage_shown=0.0))).more_labels
    assert below.n is None
    assert (below.reason or "").startswith("it is not labels that are missing: lora 0.98 [")


def test_the_number_for_answers_above_the_target_shows_it(make: Make) -> None:
    arm = make("lora", 239, 240, coverage_shown=0.0)
    more = decide(case(arm, target=0.99)).more_labels
    assert more.n is not None
    n = 240 + more.n
    wrong = ceil(n / 240)
    assert (proportion(n - wrong, n).low or 0.0) >= 0.99
    assert 0.3 < (more.chance or 0.0) < 0.8


def test_a_constraint_on_money_is_no_matter_of_labels(make: Make) -> None:
    arm = make("lora", 240, 240, coverage_shown=0.0, monthly=100)
    limits = Limits(min_accuracy_at_coverage=0.99, max_monthly_cost=Decimal(50))
    more = decide(replace(case(arm), limits=limits)).more_labels
    assert more.reason == "more labels would not bring an arm within the constraints"
