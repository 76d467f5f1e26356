"""Which constraints an arm breaks, and where few requests cannot tell."""

from __future__ import annotations

import pytest

from steelyard.verdict import Case, Limits, decide
from steelyard.verdict.limits import apply_limits


def case(*arms, most_ms=500):
    limits = Limits(max_latency_p95_ms=most_ms)
    return Case(arms, requests_per_day=100, horizon_days=365, limits=limits)


def latency(p95, low=None, high=None, n=20):
    return {
        "latency_p95_seconds": p95,
        "latency_p95_low_seconds": low,
        "latency_p95_high_seconds": high,
        "latency_requests": n,
    }


@pytest.mark.parametrize(
    ("figures", "dropped", "warning"),
    [
        (latency(0.40, 0.30), None, None),
        (
            latency(0.52, 0.43),
            None,
            "lora: p95 latency 520 ms [430 ms, ?] may be above 500 ms: 20 requests cannot tell",
        ),
        (latency(0.80, 0.51), "p95 latency 800 ms [510 ms, ?] is above 500 ms", None),
        (
            latency(0.80, 0.51, 0.9, 100),
            "p95 latency 800 ms [510 ms, 900 ms] is above 500 ms",
            None,
        ),
        (latency(0.80), "p95 latency 800 ms is above 500 ms", None),
        (latency(0.40), None, None),
        ({}, None, "lora: latency was not measured, so max_latency_p95_ms was not checked"),
    ],
)
def test_only_a_clear_breach_of_the_latency_drops_an_arm(make, figures, dropped, warning):
    arm = make("lora", 190, **figures)
    found = apply_limits(case(arm))
    assert found.dropped == ({} if dropped is None else {"lora": dropped})
    assert found.unknown == ([] if warning is None else [warning])
    both = decide(case(arm, make("majority", 60, latency_p95_seconds=0.1)))
    assert warning is None or warning in both.warnings
