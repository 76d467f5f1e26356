"""One arm of a run against an arm of another, over the test examples that both runs have."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from steelyard.changes.finished import FinishedRun
from steelyard.changes.matching import check_comparable, joint_clusters
from steelyard.changes.records import ArmChange, ArmFigures, ItemChange
from steelyard.core import Record
from steelyard.errors import DataError
from steelyard.result import ArmResult
from steelyard.score import compare_records
from steelyard.score.measure import item_scores
from steelyard.seeds import generator

RecordPair = tuple[Record, Record]


@dataclass(frozen=True)
class MatchedRuns:
    """Two runs that can be compared, and the test examples that both have: ids and clusters."""

    before: FinishedRun
    now: FinishedRun
    common: Sequence[str]
    clusters: Sequence[Hashable] | None

    def arm_change(self, before: str, now: str, most_items: int = 0) -> ArmChange:
        """Compare the arm ``before`` of the first run with ``now`` of the second, p uncorrected.

        Of the examples whose score changed, the ``most_items`` that changed most are listed, losses first.
        """
        first = [self.before.records[before][name] for name in self.common]
        second = [self.now.records[now][name] for name in self.common]
        metric = self.now.metric
        rng = generator(self.now.result.seed, f"runs:{before}:{now}")
        comparison = compare_records(metric, second, first, rng, clusters=self.clusters)
        pairs = list(zip(first, second, strict=True))
        steps = (item_scores(metric, second) - item_scores(metric, first)).tolist()
        order = sorted((step, at) for at, step in enumerate(steps) if step)
        order.sort(key=lambda pair: (-abs(pair[0]), pair[0], pair[1]))
        order.sort(key=lambda pair: pair[0] > 0)
        return ArmChange(
            before=_figures(self.before, before),
            now=_figures(self.now, now),
            comparison=comparison,
            better=sum(step > 0 for step in steps),
            worse=sum(step < 0 for step in steps),
            same_answers=sum(_said(one) == _said(other) for one, other in pairs),
            replayed=max(self.before.replayed[before], self.now.replayed[now]),
            items=tuple(
                _item(pairs[at], self.now.result.task.metric) for _, at in order[:most_items]
            ),
        )

    def deployed_change(self, most_items: int = 0) -> ArmChange | None:
        """Compare what each run says to deploy; ``None`` where one of them has no such arm."""
        before, now = self.before.deployed, self.now.deployed
        return None if before is None or now is None else self.arm_change(before, now, most_items)


def match_runs(before: FinishedRun, now: FinishedRun) -> MatchedRuns:
    """Match two runs. Raises `DataError` where they cannot be compared."""
    if before.folder.resolve() == now.folder.resolve():
        raise DataError(f"{now.folder} is one run: name two run folders to compare")
    common = check_comparable(before.measured, now.measured)
    clusters = joint_clusters(before.measured, now.measured, common)
    return MatchedRuns(before, now, common, clusters)


def _said(record: Record) -> tuple[str, str | None]:
    return record.answer.completion.text, record.answer.output


def _item(pair: RecordPair, metric: str) -> ItemChange:
    before, now = pair
    return ItemChange(
        example_id=now.example_id,
        reference=now.reference,
        before=None if before.outcome == "failed" else before.answer.output,
        now=None if now.outcome == "failed" else now.answer.output,
        score_before=before.scores.get(metric, before.score),
        score_now=now.scores.get(metric, now.score),
    )


def _figures(run: FinishedRun, name: str) -> ArmFigures:
    arm: ArmResult = next(arm for arm in run.result.arms if arm.name == name)
    return ArmFigures(
        arm=name,
        quality=arm.quality,
        failed=arm.outcomes.failed,
        per_request=arm.cost.per_request,
        currency=arm.cost.currency,
        latency_p50_seconds=arm.latency_seconds.p50,
        latency_p95_seconds=arm.latency_seconds.p95,
        input_tokens=arm.tokens.input_mean,
        output_tokens=arm.tokens.output_mean,
    )
