"""How many examples of which label each part should get."""

from __future__ import annotations

from collections.abc import Mapping

from steelyard.errors import DataError
from steelyard.task.sections import SplitConfig

TEST_SHARE, TEST_MOST = 0.30, 1000
DEV_SHARE, DEV_LEAST, DEV_MOST = 0.15, 20, 200


def part_sizes(n: int, fractions: SplitConfig | None) -> dict[str, int]:
    """Examples wanted in train, test and dev.

    By default 30 % is for test (at most 1,000) and 15 % for dev (at most 200, and 20 as soon as
    they are no more than a fifth of all). Given fractions are kept. Raises `DataError`.
    """
    if fractions is None:
        test = min(round(n * TEST_SHARE), TEST_MOST)
        dev = min(max(round(n * DEV_SHARE), min(DEV_LEAST, n // 5)), DEV_MOST)
    else:
        dev_share, test_share = _filled(fractions)
        test, dev = round(n * test_share), round(n * dev_share)
    sizes = {"train": n - test - dev, "test": test, "dev": dev}
    empty = [part for part, size in sizes.items() if size < 1]
    if empty:
        raise DataError(
            f"split leaves {' and '.join(empty)} empty with {n} examples: change the fractions, "
            "or add rows"
        )
    return sizes


def _filled(fractions: SplitConfig) -> tuple[float, float]:
    """The shares of dev and test: what is left out shares the rest as the defaults do (1 to 2)."""
    dev, test, train = fractions.dev, fractions.test, fractions.train
    if dev is None and test is None:
        rest = 1 - (train if train is not None else 1 - DEV_SHARE - TEST_SHARE)
        return rest / 3, rest * 2 / 3
    if dev is None and test is not None:
        return (1 - train - test if train is not None else min(DEV_SHARE, (1 - test) / 3)), test
    if test is None and dev is not None:
        return dev, (1 - train - dev if train is not None else min(TEST_SHARE, (1 - dev) / 2))
    return dev or 0.0, test or 0.0


def stratum_quotas(
    counts: Mapping[str, int], sizes: Mapping[str, int]
) -> dict[str, dict[str, int]]:
    """Share each part's size among the labels by largest remainder; train keeps one of each."""
    total = sum(counts.values())
    remaining = dict(counts)
    quotas: dict[str, dict[str, int]] = {"train": remaining}
    for part in ("test", "dev"):
        ideal = {label: count * sizes[part] / total for label, count in counts.items()}
        quota = {label: min(int(ideal[label]), remaining[label] - 1) for label in counts}
        by_remainder = sorted(counts, key=lambda label: (quota[label] - ideal[label], label))
        missing = sizes[part] - sum(quota.values())
        for label in by_remainder:
            if missing > 0 and remaining[label] - quota[label] > 1:
                quota[label] += 1
                missing -= 1
        for label in counts:
            remaining[label] -= quota[label]
        quotas[part] = quota
    return quotas
