from __future__ import annotations

import numpy as np
import pytest

from steelyard.stats import (
    compare,
    detectable_difference,
    items_for_interval,
    items_for_mean,
    items_needed,
)
from steelyard.stats.binary import mcnemar
from steelyard.stats.power import mcnemar_power
from steelyard.stats.resample import design_effect
from steelyard.words import points


def test_power_equals_simulation():
    rng = np.random.default_rng(0)
    counts = rng.multinomial(120, [0.2, 0.08, 0.72], size=2000)
    simulated = np.mean([mcnemar(int(b), int(c)) <= 0.05 for b, c, _ in counts])
    assert mcnemar_power(120, 0.12, 0.28, 0.05) == pytest.approx(simulated, abs=0.03)


def test_without_a_difference_power_is_at_most_the_level():
    assert 0 < mcnemar_power(300, 0.0, 0.3, 0.05) <= 0.05


def test_the_detectable_difference_falls_with_items_and_rises_with_comparisons():
    few, many = detectable_difference(100), detectable_difference(1000)
    assert many.difference < few.difference < 0.2
    corrected = detectable_difference(100, comparisons=8)
    assert corrected.difference > few.difference
    assert corrected.correction == ", after correction for 8 comparisons"
    assert few.correction == ""


def test_items_needed_and_detectable_difference_are_inverse():
    needed = items_needed(0.1)
    assert detectable_difference(needed.items).difference == pytest.approx(0.1, abs=0.005)
    assert mcnemar_power(needed.items, 0.1, 0.3, 0.05) >= 0.8


@pytest.mark.parametrize("n", [0, 1, 3, 10])
def test_too_few_items_detect_nothing_and_say_so(n):
    found = detectable_difference(n)
    assert found.difference is None
    assert found.reason


def test_differences_nobody_can_show():
    assert items_needed(0.0).items is None
    assert "more than" in items_needed(0.0001).reason
    assert items_for_mean(0.0, 0.1).items is None
    assert "more than" in items_for_mean(1e-5, 0.5).reason


def test_items_for_a_mean_follow_the_textbook_formula():
    """(1.960 + 0.842)^2 * 0.25 / 0.1^2 = 196.2."""
    assert items_for_mean(0.1, 0.25).items == 197


def test_items_for_an_interval():
    assert items_for_interval(0.25, 0.05) == 385
    assert items_for_interval(0.25, 0.0) is None


def test_clusters_make_a_range_and_a_design_effect_a_figure():
    alone, fewer = detectable_difference(240), detectable_difference(80)
    found = detectable_difference(240, clusters=80)
    assert (found.difference, found.if_dependent) == (alone.difference, fewer.difference)
    assert found.dependence.startswith(f"; {points(fewer.difference)} if each of the 80 clusters")
    assert detectable_difference(240, clusters=240) == alone and alone.dependence == ""
    known = detectable_difference(240, design_effect=3.0)
    assert (known.difference, known.n) == (fewer.difference, 240)
    assert "; none if each" in detectable_difference(240, clusters=5).dependence
    assert items_needed(0.1, design_effect=2.0).items == 2 * items_needed(0.1).items
    assert (
        items_for_mean(0.1, 0.2, design_effect=2.0).items >= 2 * items_for_mean(0.1, 0.2).items - 1
    )
    assert items_for_interval(0.2, 0.05, design_effect=2.0) >= 2 * items_for_interval(0.2, 0.05) - 1


def test_the_design_effect_is_kishs():
    """1 + (size - 1) icc for clusters of one size; 1 for independent items, the size for copies."""
    rng, clusters = np.random.default_rng(0), [item // 5 for item in range(5000)]
    for icc in (0.0, 0.3, 1.0):
        shared, own = rng.normal(size=(3, 1000)), rng.normal(size=(3, 5000))
        differences = np.sqrt(icc) * np.repeat(shared, 5, axis=1) + np.sqrt(1 - icc) * own
        assert design_effect(differences, clusters) == pytest.approx(1 + 4 * icc, rel=0.1)
    assert design_effect(rng.normal(size=(3, 40)), None) == 1
    assert design_effect(rng.normal(size=(3, 40)), [0] * 40) == 40
    assert design_effect(np.zeros((3, 40)), [item // 2 for item in range(40)]) == 1


def test_the_power_at_the_printed_figure_holds_for_groups_with_the_design_effect():
    rng, size, clusters = np.random.default_rng(5), 5, 60
    codes, icc, psi = np.repeat(np.arange(clusters), size), 0.3, 0.3
    effect = 1 + (size - 1) * icc
    difference = detectable_difference(size * clusters, design_effect=effect).difference
    assert difference is not None
    shares, hits = [(psi + difference) / 2, (psi - difference) / 2, 1 - psi], 0
    for _ in range(200):
        shared = np.repeat(rng.choice([1.0, -1.0, 0.0], size=clusters, p=shares), size)
        own = rng.choice([1.0, -1.0, 0.0], size=size * clusters, p=shares)
        scores = np.where(np.repeat(rng.random(clusters) < icc, size), shared, own)
        a, b = (scores > 0).astype(float), (scores < 0).astype(float)
        hits += compare(a, b, ("a", "b"), "accuracy", rng, clusters=codes.tolist()).p_value <= 0.05
    assert 0.7 <= hits / 200 <= 0.9
