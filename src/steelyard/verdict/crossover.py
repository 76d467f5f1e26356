"""From what volume an arm that costs something upfront pays for itself."""

from __future__ import annotations

from typing import Any

from steelyard.cost import break_even, to_number
from steelyard.verdict import words
from steelyard.verdict.base import Candidate, Case
from steelyard.verdict.pairs import against, differs


def crossover(case: Case, labels: int, arm: str | None = None) -> dict[str, Any]:
    """Return the ``crossover`` block of ``result.json``.

    ``arms[]`` has an entry per arm: requests and days to break even with the cheapest prompt-only
    arm that is not significantly worse, and ``labels``, the training examples it was fitted on. The
    block's own ``arm, against, requests, days, labels, reason`` repeat the entry of ``arm``, or
    else of the best fitted arm. What is undefined is ``None`` with a reason; where every
    prompt-only arm is worse, ``nearest`` has the break-even with the best of them all the same.
    """
    entries = [_entry(case, c, labels) for c in case.candidates if not c.is_floor]
    named = {entry["arm"]: entry for entry in entries}
    fitted = [c for c in case.candidates if not c.is_floor and not c.prompt_only]
    fitted.sort(key=lambda candidate: -(candidate.quality.value or 0.0))
    head: dict[str, Any] | None = named.get(arm or "") or (
        named[fitted[0].name] if fitted else None
    )
    if head is None:
        head = dict.fromkeys(("arm", "against", "requests", "days", "nearest"))
        head |= {"labels": labels, "reason": "no fitted arm was measured"}
    return {**head, "arms": entries}


def _entry(case: Case, candidate: Candidate, labels: int) -> dict[str, Any]:
    row: dict[str, Any] = {"arm": candidate.name, "against": None, "labels": labels}
    row |= {"requests": None, "days": None, "reason": None, "nearest": None}
    rivals = [
        c
        for c in case.candidates
        if c.prompt_only and c is not candidate and c.quality.value is not None
    ]
    if candidate.quality.value is None:
        return row | {"reason": "its quality is unknown"}
    if not rivals:
        return row | {"reason": "there is no other prompt-only arm to break even with"}
    tests = against(case, candidate, rivals)
    level = [
        c for c in rivals if not (tests[c.name].difference > 0 and differs(case, tests[c.name]))
    ]
    if not level:
        nearest = max(rivals, key=lambda c: c.quality.value or 0.0)
        why = f"no prompt-only arm matches its quality; the closest is {words.quality(nearest)}"
        return row | {"reason": why, "nearest": _even(case, candidate, nearest)}
    priced = [(c.per_request, c.name, c) for c in level if c.per_request is not None]
    if not priced:
        return row | {"reason": "no prompt-only arm of its quality has a known cost"}
    return row | _even(case, candidate, min(priced, key=lambda entry: entry[:2])[2])


def _even(case: Case, candidate: Candidate, rival: Candidate) -> dict[str, Any]:
    even = break_even(*candidate.money, *rival.money, case.requests_per_day)
    figures = {"requests": even.requests, "days": to_number(even.days), "reason": even.reason}
    return {"against": rival.name, **figures}
