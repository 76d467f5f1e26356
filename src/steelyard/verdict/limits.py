"""The task's constraints: who breaks one, and where that is not known."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from steelyard.economics import DAYS_PER_MONTH
from steelyard.verdict import words
from steelyard.verdict.base import Candidate, Case
from steelyard.verdict.coverage import coverage_broken, coverage_unknown
from steelyard.words import counted


class WithinLimits(NamedTuple):
    """Who stays, who drops out and why, and which limits could not be checked for certain."""

    within: list[Candidate]
    dropped: dict[str, str]
    unknown: list[str]


def apply_limits(case: Case) -> WithinLimits:
    """Drop every candidate that breaks a constraint; an unknown figure breaks none but is named.

    Latency breaks its limit only where the interval lies above it, or where none is known the figure.
    """
    within, dropped, unknown = [], {}, []
    for candidate in case.candidates:
        broken = broken_limits(case, candidate)
        if broken:
            dropped[candidate.name] = "; ".join(broken)
        else:
            within.append(candidate)
            unknown += _unknown(case, candidate)
    return WithinLimits(within, dropped, unknown)


def broken_limits(case: Case, candidate: Candidate) -> list[str]:
    """Say which constraints a candidate breaks."""
    limits, reasons = case.limits, []
    if candidate.quality.value is None:
        reasons.append(f"its quality is unknown: {candidate.quality.reason}")
    elif limits.min_quality is not None and candidate.quality.value < limits.min_quality:
        figure = words.estimate(candidate.quality)
        reasons.append(f"quality {figure} is below min_quality {limits.min_quality:g}")
    seconds, most_ms = candidate.latency_p95_seconds, limits.max_latency_p95_ms
    low = candidate.latency_p95_low_seconds
    least = seconds if low is None else low
    if least is not None and most_ms is not None and least * 1000 > most_ms:
        reasons.append(f"{_latency(candidate)} is above {words.milliseconds(most_ms)}")
    monthly, most = candidate.monthly, limits.max_monthly_cost
    if monthly is not None and most is not None and monthly > most:
        figure = words.money(monthly, case.currency)
        when = " in its dearest month" if case.growth_per_month else " a month"
        reasons.append(f"{figure}{when} is above {words.money(most, case.currency)}")
    return reasons + coverage_broken(case, candidate)


def lacks_only_quality(case: Case, candidate: Candidate) -> bool:
    """Whether ``min_quality`` is all that a candidate breaks, and its interval still reaches it."""
    least, high = case.limits.min_quality, candidate.quality.high
    if least is None or high is None or high < least:
        return False
    others = replace(case, limits=replace(case.limits, min_quality=None))
    return not broken_limits(others, candidate)


def affordable_volume(case: Case, candidate: Candidate) -> Decimal | None:
    """Requests a day up to which a candidate keeps the monthly limit; ``None`` when not known."""
    most, price = case.limits.max_monthly_cost, candidate.per_request
    if most is None or price is None or price <= 0:
        return None
    if candidate.costs is None or not candidate.costs.is_line:
        return None
    return most / (price * DAYS_PER_MONTH)


def _latency(candidate: Candidate) -> str:
    """``p95 latency 520 ms [430 ms, ?]``; the question mark for a side that is not bounded."""
    seconds, low = candidate.latency_p95_seconds or 0.0, candidate.latency_p95_low_seconds
    figure = f"p95 latency {words.milliseconds(seconds * 1000)}"
    if low is None:
        return figure
    high = candidate.latency_p95_high_seconds
    most = "?" if high is None else words.milliseconds(high * 1000)
    return f"{figure} [{words.milliseconds(low * 1000)}, {most}]"


def _unknown(case: Case, candidate: Candidate) -> list[str]:
    """What of a candidate that breaks no limit is not known for certain."""
    reasons, most_ms = [], case.limits.max_latency_p95_ms
    seconds = candidate.latency_p95_seconds
    if most_ms is not None and seconds is None:
        reasons.append(
            f"{candidate.name}: latency was not measured, so max_latency_p95_ms was not checked"
        )
    elif most_ms is not None and seconds is not None and seconds * 1000 > most_ms:
        requests = counted(candidate.latency_requests, "request")
        reasons.append(
            f"{candidate.name}: {_latency(candidate)} may be above {words.milliseconds(most_ms)}: "
            f"{requests} cannot tell"
        )
    if case.limits.max_monthly_cost is not None and candidate.monthly is None:
        reasons.append(f"{candidate.name}: cost is unknown, so max_monthly_cost was not checked")
    return reasons + coverage_unknown(case, candidate)
