"""A paired test that may be looked at again and again while the test grows."""

from __future__ import annotations

from math import exp, log
from typing import NamedTuple


class Evidence(NamedTuple):
    """Evidence against equal arms: the e-value, and the p-value that holds at any time.

    ``e_value`` is the wealth of a fair bet against "equal", ``log_e_value`` its logarithm, for those too
    large to hold.
    ``p_value`` is one over the largest e-value so far, never above 1.
    """

    e_value: float
    log_e_value: float
    p_value: float


def evidence(wins: int, losses: int, largest_log_e: float = 0.0) -> Evidence:
    """Evidence that two arms differ, by the items on which exactly one of them is right.

    Under equal arms each such item is a fair coin. The e-value is the likelihood of the coins under an even
    mixture of all biases, over that of a fair one: ``B(wins + 1, losses + 1) 2^(wins + losses)``, a test
    martingale (Robbins 1970, Annals of Mathematical Statistics 41, 1397-1409; Waudby-Smith and Ramdas 2024,
    JRSS B 86, 1-27). The chance that it ever reaches ``1 / alpha`` is at most ``alpha`` (Ville's
    inequality), however often and whenever it is looked at. Items must be independent: count whole clusters
    once. ``largest_log_e`` is the largest ``log_e_value`` of earlier looks.
    """
    from scipy.special import betaln

    if wins < 0 or losses < 0:
        raise ValueError(f"wins and losses are counts, got {wins} and {losses}")
    log_e = float(betaln(wins + 1, losses + 1)) + (wins + losses) * log(2)
    largest = max(0.0, log_e, largest_log_e)
    return Evidence(exp(min(log_e, 700.0)), log_e, exp(-largest))
