"""How fast arms are, timed in rounds over all arms, so that a busy machine is busy for all of them alike.

Another program may slow this machine down many times over for a while: what is timed then says nothing
about the arm. So every arm is timed in each of several rounds, minutes apart, and the same questions
are answered together in each of them. Other work only ever adds time, so the fastest repeat is the least
disturbed one; Chen and Revels (2016), "Robust benchmarking in noisy environments".
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import NamedTuple

from steelyard.core import Question, Record
from steelyard.model.phase import during
from steelyard.planning.jobs import Job
from steelyard.planning.probes import (
    EXTRA_ROUNDS,
    LATENCY_ROUNDS,
    ROUND_BATCH,
    ROUND_REQUESTS,
)
from steelyard.strategy import Arm
from steelyard.verdict.words import factor
from steelyard.weigh.arms import MeasuredArm
from steelyard.weigh.failed_arms import FailedArms
from steelyard.weigh.kept import settings_of
from steelyard.weigh.measure import Timing, latency
from steelyard.weigh.steps import RunSteps

BUSY = 2.0
"""The same work that takes this many times as long was disturbed."""
LEAST_SECONDS = 0.02
"""What takes less in all is too short to tell a busy machine from the clock's own noise."""


class Round(NamedTuple):
    """One timing of an arm: requests one at a time, and the same few questions answered together.

    ``batch`` holds the machine seconds of each of `spread_places`, ``None`` for one that was not
    answered; it is empty for a hosted arm, whose time is not this machine's.
    """

    timings: tuple[Timing, ...]
    batch: tuple[float | None, ...] = ()


Timed = list[tuple[Job, MeasuredArm]]


def time_arms(
    steps: RunSteps, arms: Sequence[tuple[Job, MeasuredArm]], failures: FailedArms
) -> tuple[list[MeasuredArm], float]:
    """Time all arms, and return them with their latency and how much longer the same work once took.

    Where that is more than `BUSY`, local arms are timed once more, and the calmest rounds count. An arm
    whose model fails is left to ``failures``. What was timed before is not timed again.
    """
    remaining = list(arms)
    for number in range(LATENCY_ROUNDS):
        remaining = _round(steps, remaining, number, failures)
    if _spread(steps, remaining) > BUSY:
        for number in range(LATENCY_ROUNDS, LATENCY_ROUNDS + EXTRA_ROUNDS):
            remaining = _round(steps, remaining, number, failures)
    timed = [_timed(steps, measured) for _, measured in remaining]
    for measured in timed:
        steps.store.finish_step(f"measured:{measured.arm.name}", settings_of(steps.plan), 0.0)
    slowest = max((measured.slowdown for measured in timed), default=1.0)
    return timed, max(slowest, _spread(steps, remaining))


def timing_warnings(spread: float) -> list[str]:
    """Say that timings are rough where the same work took ``spread`` times as long at one time."""
    if spread <= BUSY:
        return []
    return [
        f"timings of this run vary by a factor of {factor(spread)}: the machine was busy with other work, "
        "so costs and latencies are rough"
    ]


def _round(steps: RunSteps, arms: Timed, number: int, failures: FailedArms) -> Timed:
    """Time all arms in one round; return those whose models did not fail."""
    remaining: Timed = []
    for job, measured in arms:
        arm = measured.arm
        if failures.skips(job, arm.name):
            continue
        with failures.catching(job, arm.name):
            if job not in steps.plan.kept and _lacks(steps, arm, number):
                time_round(steps, arm, number)
            remaining.append((job, measured))
    return remaining


def _lacks(steps: RunSteps, arm: Arm, number: int) -> bool:
    """Whether an arm is still to be timed in a round: none asked in batches, no hosted one in an extra."""
    rounds = rounds_of(steps, arm)
    if len(rounds) > number or steps.is_batched(arm) or not steps.plan.split.test:
        return False
    return number < LATENCY_ROUNDS or steps.is_local(arm)


def time_round(steps: RunSteps, arm: Arm, number: int) -> None:
    """Time an arm in one round, and keep that in the store."""
    rounds, test = rounds_of(steps, arm), steps.plan.split.test
    name, started = f"latency:{arm.name}", time.perf_counter()
    batch = _batch(steps, arm, number) if steps.is_local(arm) else ()
    timings = []
    with during(name), steps.display.job(f"{arm.name}: latency") as progress:
        for place_in_round in range(ROUND_REQUESTS):
            place = number * ROUND_REQUESTS + place_in_round
            question = test[place % len(test)].question
            [answer] = arm.answer_all([question], nonce=f"latency-{place}")
            if answer.completion.failure is None:
                took, first = answer.completion, answer.completion.first_token_seconds
                timings.append(Timing(took.total_seconds, first if arm.model_name else None))
            progress(place_in_round + 1, ROUND_REQUESTS)
    seconds = steps.store.step_seconds(name) + time.perf_counter() - started
    steps.store.finish_step(name, {"rounds": [*rounds, Round(tuple(timings), batch)]}, seconds)


def _batch(steps: RunSteps, arm: Arm, number: int) -> tuple[float | None, ...]:
    """Answer the same few test questions together, and again: the second time is the measured one.

    The first reads what the questions share into the model's memory, where single requests find it too.
    """
    test = steps.plan.split.test
    questions: list[Question] = [test[place].question for place in spread_places(len(test))]
    with during(f"warm:{arm.name}"):
        for turn in ("warm", "timed"):
            answers = arm.answer_all(questions, nonce=f"{turn}-{number}-{steps.run.attempts}")
    completions = [answer.completion for answer in answers]
    return tuple(one.machine_seconds if one.failure is None else None for one in completions)


def spread_places(test: int) -> list[int]:
    """The places of a few test examples from all over the split: short and long ones are among them."""
    count = min(ROUND_BATCH, test)
    return [place * test // count for place in range(count)]


_TIMED = {"rounds": list[Round] | None}
"""What the step leaves; an earlier version left something else."""


def rounds_of(steps: RunSteps, arm: Arm) -> list[Round]:
    """What was timed of an arm so far. What an earlier version left is timed anew."""
    finished = steps.store.step(f"latency:{arm.name}", _TIMED) or {}
    return [
        Round(tuple(Timing(*timing) for timing in timings), tuple(batch))
        for timings, batch in finished.get("rounds") or ()
    ]


def _total(batch: Sequence[float | None]) -> float:
    """Seconds of a batch; 0 where not all was answered or the time is too short to tell anything."""
    seconds = 0.0 if None in batch else sum(filter(None, batch))
    return seconds if seconds >= LEAST_SECONDS else 0.0


def _spread(steps: RunSteps, arms: Timed) -> float:
    """The most that the same questions took longer in one round than in another, over all arms.

    Of the calmest `LATENCY_ROUNDS` of each arm, which are those that count.
    """
    spreads = [1.0]
    for _, measured in arms:
        totals = [_total(r.batch) for r in calmest(rounds_of(steps, measured.arm))]
        if totals and min(totals) > 0:
            spreads.append(max(totals) / min(totals))
    return max(spreads)


def calmest(rounds: Sequence[Round]) -> list[Round]:
    """The rounds that count: the least disturbed ones, as many as there always are."""
    return sorted(rounds, key=lambda one: _total(one.batch) or inf)[:LATENCY_ROUNDS]


def slowdown(records: Sequence[Record], rounds: Sequence[Round]) -> float:
    """How many times longer the test took than the same questions in the calmest round; 1 below `BUSY`.

    Few questions are answered no faster for each than many, so a test that is much slower was disturbed.
    """
    totals = [total for total in (_total(one.batch) for one in rounds) if total > 0]
    answered = [records[place].answer.completion for place in spread_places(len(records))]
    if not totals or any(completion.failure is not None for completion in answered):
        return 1.0
    ratio = sum(completion.machine_seconds for completion in answered) / min(totals)
    return ratio if ratio > BUSY else 1.0


def _timed(steps: RunSteps, measured: MeasuredArm) -> MeasuredArm:
    rounds = calmest(rounds_of(steps, measured.arm))
    timings = [timing for one in rounds for timing in one.timings]
    return replace(
        measured,
        latency=latency(timings, steps.is_batched(measured.arm)),
        slowdown=slowdown(measured.records, rounds),
    )
