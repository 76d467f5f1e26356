"""How long a refused request waits before it is asked again."""

from __future__ import annotations

import random

from steelyard.model.hosted.refusals import Retries


def test_waits_grow_have_jitter_and_keep_to_what_is_asked() -> None:
    retries, rng = Retries(least_seconds=1.0, most_seconds=10.0), random.Random(0)
    first = [retries.wait(0, None, rng) for _ in range(200)]
    fifth = [retries.wait(5, None, rng) for _ in range(200)]
    assert 0 <= min(first) < 0.1 < 0.9 < max(first) <= 1
    assert 9 < max(fifth) <= 10
    assert all(3.0 <= retries.wait(2, 3.0, rng) <= 3.5 for _ in range(50))
