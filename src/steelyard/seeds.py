"""Random generators: one seed for a run, an independent stream for each named purpose."""

from __future__ import annotations

import hashlib
import zlib

import numpy as np

from steelyard.errors import ConfigError
from steelyard.words import shortened

SEEDS = 2**32


def check_seed(seed: int) -> None:
    """Raise `ConfigError` for what cannot seed every generator that is used."""
    if not 0 <= seed < SEEDS:
        raise ConfigError(f"the seed must be from 0 to {SEEDS - 1}, not {shortened(str(seed), 40)}")


def generator(seed: int, name: str) -> np.random.Generator:
    """Return the generator of one named step, so that no step disturbs the numbers of another."""
    digest = hashlib.sha256(name.encode()).digest()
    return np.random.default_rng([seed % 2**64, *np.frombuffer(digest, dtype=np.uint32).tolist()])


def fit_generator(seed: int, name: str) -> np.random.Generator:
    """Return the generator of one named step of a strategy's fit.

    Apart from `generator` only because published figures rest on these draws: other shots and
    prompts would be tried under the same seed.
    """
    return np.random.default_rng([seed, zlib.crc32(name.encode())])
