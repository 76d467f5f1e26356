"""``steelyard.compare``: what changed between two runs, and whether it is real."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from steelyard.changes.arms import MatchedRuns, match_runs
from steelyard.changes.documents import documents_change
from steelyard.changes.finished import FinishedRun, read_run
from steelyard.changes.records import ArmChange, ComparedRun, MissingArm, RunComparison
from steelyard.changes.settings import changed_settings
from steelyard.stats import holm
from steelyard.weigh import RunResult
from steelyard.words import counted, listed


def compare(
    before: RunResult | Path | str, now: RunResult | Path | str, *, items: int = 0
) -> RunComparison:
    """Compare two finished runs of a task, given by folder or as `steelyard.run` returned them.

    Arms are paired by name over the test examples whose id and content are the same in both runs; each
    difference is ``now - before``. Lists up to ``items`` examples of each arm whose score changed. Raises
    `StorageError` for a folder without a finished run, and `DataError` for runs that cannot be compared.
    """
    return compare_runs(read_run(before), read_run(now), items=items)


def compare_runs(before: FinishedRun, now: FinishedRun, *, items: int = 0) -> RunComparison:
    """Compare two runs that were read; see :func:`compare`."""
    runs = match_runs(before, now)
    names = [name for name in now.records if name in before.records]
    arms = _corrected([runs.arm_change(name, name, items) for name in names])
    only_before = tuple(name for name in before.records if name not in now.records)
    only_now = tuple(name for name in now.records if name not in before.records)
    return RunComparison(
        before=_about(before),
        now=_about(now),
        metric=now.result.task.metric,
        metric_title=now.result.task.title_of(now.result.task.metric),
        common=len(runs.common),
        settings=changed_settings(before, now),
        deployed=runs.deployed_change(items),
        arms=arms,
        only_before=only_before,
        only_now=only_now,
        missing_before=_missing(before, only_now),
        missing_now=_missing(now, only_before),
        notes=tuple(_notes(runs, arms)),
        documents=documents_change(before, now),
    )


def _missing(run: FinishedRun, names: Sequence[str]) -> tuple[MissingArm, ...]:
    """Of arms that ``run`` has no figures of, those that it began, and how these ended."""
    ends = [(stopped.arm, stopped.end) for stopped in run.result.stopped]
    ends += [(arm.arm, arm.end) for arm in run.result.ended if arm.arm]
    return tuple(MissingArm(arm=name, reason=end) for name, end in ends if name in names)


def _corrected(arms: Sequence[ArmChange]) -> tuple[ArmChange, ...]:
    """The arms with p-values adjusted over those that could show a difference, the best now first.

    A test whose least possible p-value is 1 cannot be a false alarm and is not counted: Tarone (1990),
    Biometrics 46, 515-522. So it is with an arm none of whose scores changed.
    """
    tested = [arm for arm in arms if arm.better or arm.worse]
    adjusted = holm([arm.comparison.p_value for arm in tested])
    p_values = {arm.now.arm: p for arm, p in zip(tested, adjusted, strict=True)}
    changes = [
        arm.updated(comparison=replace(arm.comparison, p_adjusted=p_values.get(arm.now.arm, 1.0)))
        for arm in arms
    ]
    return tuple(sorted(changes, key=lambda arm: -(arm.now.quality.value or 0.0)))


def _about(run: FinishedRun) -> ComparedRun:
    verdict = run.result.verdict
    return ComparedRun(
        folder=str(run.folder),
        created=run.result.created,
        recommendation=verdict.recommendation,
        arm=verdict.arm,
        confidence=verdict.confidence,
        deployed=run.deployed,
        test=len(run.items),
    )


def _notes(runs: MatchedRuns, arms: Sequence[ArmChange]) -> Iterator[str]:
    """What must be known to read the figures."""
    count = len(runs.common)
    for run in (runs.before, runs.now):
        if more := len(run.items) - count:
            yield (
                f"{counted(more, 'test example')} of {run.folder} {'is' if more == 1 else 'are'} not in "
                f"the other run and {'is' if more == 1 else 'are'} left out of the differences"
            )
    if runs.clusters is not None:
        clusters = len(set(runs.clusters))
        yield f"the {count:,} examples form {counted(clusters, 'cluster')}; each is drawn as one"
    if replayed := [arm for arm in arms if arm.replayed and arm.same_answers]:
        requests = counted(sum(arm.replayed for arm in replayed), "test request")
        names = listed([f"{arm.now.arm} ({arm.same_answers:,} of {count:,})" for arm in replayed])
        yield (
            f"{requests} came from the cache of earlier runs, and answers are the same for {names}: "
            "replayed answers say nothing about how much answers vary (--no-cache asks again)"
        )
