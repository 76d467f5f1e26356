"""The one-standard-error rule over settings that answered the same examples."""

from __future__ import annotations

import numpy as np

from steelyard.stats.selection import cheapest


def test_the_cheapest_setting_within_one_standard_error() -> None:
    best = np.ones(50)
    near, far = best.copy(), best.copy()
    near[:1], far[:10] = 0, 0
    noisy = np.tile([1.0, 0.0], 25)
    assert cheapest([0.8, 1.0], [far, best]) == 1
    assert cheapest([0.98, 0.98, 1.0], [near, near, best]) == 0
    assert cheapest([1.0, 1.0], [best, best]) == 0
    assert cheapest([0.5, 0.5], [noisy, 1 - noisy]) == 0
    assert cheapest([0.0, 1.0], [np.zeros(1), np.ones(1)]) == 1
