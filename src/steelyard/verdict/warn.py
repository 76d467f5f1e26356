"""What a reader should know before trusting a verdict."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from steelyard.stats import Detectable, detectable_difference
from steelyard.verdict.base import Candidate, Case
from steelyard.verdict.coverage import coverage_warnings
from steelyard.verdict.limits import WithinLimits
from steelyard.verdict.pairs import family_of
from steelyard.words import counted, points

THIN_TEST = 100
MANY_FAILED = 0.05


def find_warnings(
    case: Case, choice: Candidate | None, limits: WithinLimits, role: str = "the choice"
) -> list[str]:
    """Name everything in the test, the audit and the costs that weakens the verdict.

    ``role`` is what ``choice`` is to it.
    """
    return [
        *_thin(case),
        *_failed(case, choice, role),
        *_cut(case, choice, role),
        *_audit(case),
        *_priced_errors(case),
        *_costs(case),
        *coverage_warnings(case, choice, limits.within),
        *limits.unknown,
    ]


def _thin(case: Case) -> list[str]:
    n = max((len(candidate.scores) for candidate in case.candidates), default=0)
    if n >= THIN_TEST:
        return []
    return [f"small test: {_not_shown(case, n)}"]


def _not_shown(case: Case, n: int) -> str:
    """What the test is too small for: the plan's figure, so that a run says one thing throughout."""
    detectable = case.detectable
    if n == 0:
        return "no test items"
    if detectable is None:
        return f"{counted(n, 'item')}; only large differences will show"
    if detectable.difference is None:
        return detectable.reason or "no difference can be detected"
    if detectable.clusters is not None:
        return _in_clusters(detectable, family_of(case).design_effect)
    least = points(detectable.difference)
    return f"{n} items; differences below about {least} will hardly show{detectable.correction}"


def _in_clusters(planned: Detectable, effect: float) -> str:
    """What items in clusters are too few for, by the design effect that the answers show."""
    shown = detectable_difference(
        planned.n, planned.discordant, comparisons=planned.comparisons, design_effect=effect
    )
    items = f"{planned.n} items in {planned.clusters} clusters (design effect {effect:.2g})"
    if shown.difference is None:
        return f"{items} hardly show any difference{planned.correction}"
    least = points(shown.difference)
    return f"{items}; differences below about {least} will hardly show{planned.correction}"


def _failed(case: Case, choice: Candidate | None, role: str) -> list[str]:
    warnings = []
    for candidate in case.candidates:
        n = len(candidate.scores)
        if not n or candidate.failed <= MANY_FAILED * n:
            continue
        which = f" ({role})" if choice is candidate else ""
        warnings.append(
            f"failed answers: {candidate.name}{which} failed on {candidate.failed} of {n} examples "
            "(counted as wrong)"
        )
    return warnings


def _cut(case: Case, choice: Candidate | None, role: str) -> list[str]:
    """Name every arm of which answers were cut, however few: by our limit, the user's or the server's."""
    return [
        f"cut answers: {candidate.name}{f' ({role})' if candidate is choice else ''} {cut}"
        for candidate in case.candidates
        for cut in _cut_by(candidate)
    ]


def _cut_by(candidate: Candidate) -> Iterator[str]:
    """How many answers were cut by each kind of limit, and what to do."""
    of_all = f"of {len(candidate.scores)} examples"
    if at_limit := candidate.cut - candidate.cut_early:
        yield (
            f"reached its limit of tokens on {at_limit} {of_all}; raise max_output_tokens in "
            "task.yaml to see whole answers"
        )
    if candidate.cut_early:
        yield (
            f"was cut below its limit of tokens on {candidate.cut_early} {of_all}: the server's own limit "
            "or context is full, and raising max_output_tokens cannot help; give the server more context, or "
            "shorten the prompt"
        )


def _audit(case: Case) -> list[str]:
    notes, warnings = case.notes, []
    if notes.instruction is not None:
        warnings.append(notes.instruction)
    if notes.leaks:
        items = counted(notes.leaks, "test item appears", "test items appear")
        warnings.append(
            f"leaks: {items} in train or dev too, exactly or nearly; scores will look too high"
        )
    if notes.conflicts:
        inputs = counted(notes.conflicts, "input has", "inputs have")
        warnings.append(
            f"conflicts: {inputs} several different outputs; no arm can get all of them right"
        )
    if notes.skipped_rows:
        rows = counted(notes.skipped_rows, "bad row was", "bad rows were")
        warnings.append(f"left out: {rows} skipped")
    if notes.left_out:
        rows = counted(
            notes.left_out, "row says itself that it is", "rows say themselves that they are"
        )
        warnings.append(f"left out: {rows} no example (a rejected answer, or one of weight 0)")
    return warnings


def _priced_errors(case: Case) -> list[str]:
    """Say what the price of a wrong answer is multiplied by, where the metric counts none."""
    scores = (candidate.scores for candidate in case.candidates)
    counts_right = case.decomposable and all(np.isin(row, (0, 1)).all() for row in scores)
    if case.error_cost is None or counts_right:
        return []
    return [
        f"errors: {case.metric} is no share of right answers; what it lacks to 1 is priced as the share of "
        "wrong ones"
    ]


def _costs(case: Case) -> list[str]:
    old = [f"old price: {sentence}" for sentence in case.notes.old_prices]
    unknown = [c for c in case.candidates if c.total_cost(case.requests) is None]
    if not unknown:
        return old
    can_be_priced = any(c.failed < len(c.scores) for c in unknown)
    todo = "; add prices to task.yaml" if can_be_priced else "; none of its answers was usable"
    names = ", ".join(candidate.name for candidate in unknown)
    return [*old, f"cost unknown: {names} cannot win on cost{todo}"]
