"""Requests that grow, and costs that are paid whatever the volume."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from steelyard.economics import volume_flip
from steelyard.verdict import Case, decide


def test_a_case_counts_the_requests_of_a_growing_traffic() -> None:
    case = Case((), 100, 75, growth_per_month=Decimal("0.5"))
    assert case.requests == 100 * 30 + 150 * 30 + 225 * 15


def test_a_flip_in_volume_counts_what_is_paid_anyway_and_is_silent_on_machines(make: Any) -> None:
    fixed = Decimal("365")
    on = make("few_shot", 180, per_request=Decimal("365") / 365_000, fixed=fixed)
    hosted = make("zero_shot", 180, per_request="0.0005", name="zero_shot")
    verdict = decide(Case((make("majority", 60), on, hosted), 1000, 365))
    assert verdict.arm == "zero_shot"
    at = volume_flip((fixed, Decimal(0)), (Decimal(0), Decimal("0.0005")), 365).at
    assert any(f"above {at:,.0f} requests a day" in flip for flip in verdict.flips)
    always = replace(on, is_always_on=True)
    verdict = decide(Case((make("majority", 60), always, hosted), 1000, 365))
    assert not any(flip.startswith("volume") for flip in verdict.flips), (
        "it would take more machines"
    )
