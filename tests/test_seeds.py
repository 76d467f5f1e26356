from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from steelyard.seeds import fit_generator, generator


@pytest.mark.parametrize("stream", [generator, fit_generator])
def test_a_stream_hangs_on_the_seed_and_the_name_alone(
    stream: Callable[[int, str], np.random.Generator],
) -> None:
    draws = {
        (seed, name): tuple(stream(seed, name).integers(2**32, size=4))
        for seed in (0, 1)
        for name in ("a", "b")
    }
    assert len(set(draws.values())) == 4
    assert draws[1, "b"] == tuple(stream(1, "b").integers(2**32, size=4))
