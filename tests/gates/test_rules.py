"""The gates: what passes, what fails, and how often a run that is no worse does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from steelyard.changes import FinishedRun, RunComparison, compare_runs
from steelyard.gates.rules import decided, not_below, not_worse, one_sided
from steelyard.result import Result
from steelyard.result.arm import ArmResult
from steelyard.result.figures import Quality
from steelyard.result.verdict import VerdictDetails, VerdictResult
from tests.made_runs import made_run

PAIRS = 1000
MOST_ALARMS = 0.065


def result(value: float | None, arm: str | None = "few", leading: str | None = None) -> Result:
    low, high = (None, None) if value is None else (value - 0.1, value + 0.1)
    quality = Quality(metric="accuracy", value=value, low=low, high=high, reason="no items")
    return Result(
        arms=(ArmResult(name="few", quality=quality),),
        verdict=VerdictResult(
            recommendation="undecided" if arm is None else "prompt",
            arm=arm,
            details=VerdictDetails(leading=leading),
        ),
    )


@pytest.mark.parametrize(
    ("value", "status", "words"),
    [
        (
            0.84,
            "failed",
            "84 %, below 85 %; its 95 % interval, 74.0 to 94.0 %, does not exclude 85 %",
        ),
        (0.70, "failed", "excludes 85 %"),
        (
            0.85,
            "passed",
            "not below 85 %; its 95 % interval, 75.0 to 95.0 %, does not exclude 85 %",
        ),
        (0.96, "passed", "excludes 85 %"),
        (None, "error", "there is no quality to compare: no items"),
    ],
)
def test_quality_is_compared_by_its_estimate(value: float | None, status: str, words: str) -> None:
    gate = not_below(0.85, result(value))
    assert gate.status == status
    assert words in gate.reason and "\n" not in gate.line


def test_where_nothing_is_recommended_the_leading_arm_counts_and_is_called_that() -> None:
    assert "few (leading, not recommended) has" in not_below(0.5, result(0.8, None, "few")).reason
    assert not_below(0.5, result(0.8, None)).status == "error"


def test_an_undecided_verdict_fails_only_its_own_gate() -> None:
    assert decided(result(0.8, None, "few")).status == "failed"
    assert decided(result(0.8)).status == "passed"


def test_without_an_arm_to_deploy_worse_is_not_checked() -> None:
    gate = not_worse(RunComparison())
    assert gate.status == "error" and "was not checked" in gate.line


def scores(right: int, n: int = 100) -> list[float]:
    return [1.0] * right + [0.0] * (n - right)


@pytest.mark.parametrize(
    ("right", "status", "words"),
    [
        (70, "failed", "few is 10 points below few of a, on 100 test examples in both"),
        (76, "passed", "one-sided p 0.062"),  # four lost and none gained: 1/16
        (79, "passed", "not shown to be worse: few is 1 point below"),
        (95, "passed", "15 points above"),
    ],
)
def test_worse_is_what_a_one_sided_paired_test_shows(right: int, status: str, words: str) -> None:
    gate = not_worse(
        compare_runs(made_run("a", {"few": scores(80)}), made_run("b", {"few": scores(right)}))
    )
    assert gate.status == status
    assert words in gate.reason


def test_a_pass_says_what_loss_it_does_not_exclude() -> None:
    gate = not_worse(
        compare_runs(made_run("a", {"few": scores(80)}), made_run("b", {"few": scores(79)}))
    )
    assert "a loss of up to 5.4 points is not excluded" in gate.reason


def test_the_same_answers_pass_and_are_called_that() -> None:
    before = made_run("a", {"few": scores(80)})
    gate = not_worse(compare_runs(before, made_run("b", {"few": scores(80)}, replayed={"few": 3})))
    assert gate.status == "passed"
    assert gate.reason == (
        "few answers all 100 test examples in both as few of a did, some out of the cache of earlier runs"
    )


def test_right_or_wrong_answers_are_tested_exactly() -> None:
    from scipy.stats import binomtest

    compared = compare_runs(made_run("a", {"few": scores(80)}), made_run("b", {"few": scores(70)}))
    assert compared.deployed is not None
    exact = binomtest(0, 10, 0.5, alternative="less").pvalue
    assert one_sided(compared.deployed) == pytest.approx(exact)


def alike(n: int, arms: int, rng: np.random.Generator) -> tuple[FinishedRun, FinishedRun]:
    """Two runs of the same arms, whose answers differ by chance alone; some examples are harder."""
    skill = np.linspace(1.5, 1.3, arms)[:, None] + 1.5 * rng.normal(size=n)
    chances = 1 / (1 + np.exp(-skill))

    def run(name: str) -> FinishedRun:
        return made_run(name, _by_arm((rng.random(chances.shape) < chances).astype(float)))

    return run("a"), run("b")


def _by_arm(rows: NDArray[Any]) -> dict[str, list[float]]:
    return {f"arm{at}": row.tolist() for at, row in enumerate(rows)}


@pytest.mark.parametrize(("n", "arms"), [(120, 1), (60, 3)])
def test_runs_that_are_alike_seldom_fail(n: int, arms: int) -> None:
    rng = np.random.default_rng(11)
    gates = [not_worse(compare_runs(*alike(n, arms, rng))) for _ in range(PAIRS)]
    assert {gate.status for gate in gates} <= {"passed", "failed"}
    assert sum(gate.status == "failed" for gate in gates) <= MOST_ALARMS * PAIRS


def test_clusters_that_are_alike_seldom_fail() -> None:
    rng, pairs = np.random.default_rng(12), 300
    clusters = np.repeat(np.arange(40), 5).tolist()

    def run(name: str, shared: NDArray[Any]) -> FinishedRun:
        skill = 1.5 + np.repeat(shared + rng.normal(size=40), 5)
        right = (rng.random(200) < 1 / (1 + np.exp(-skill))).astype(float)
        return made_run(name, {"arm": right.tolist()}, clusters=clusters)

    failed = 0
    for _ in range(pairs):
        shared = rng.normal(size=40)
        failed += not_worse(compare_runs(run("a", shared), run("b", shared))).status == "failed"
    assert failed <= 0.085 * pairs  # 5 %, and as much above it as chance allows in so few


def test_a_real_loss_is_noticed() -> None:
    rng, failed = np.random.default_rng(13), 0
    for _ in range(100):
        before, now = alike(240, 1, rng)
        lost = np.array([record.score for record in now.records["arm0"].values()])
        lost[rng.random(240) < 0.15] = 0.0
        failed += (
            not_worse(compare_runs(before, made_run("b", {"arm0": lost.tolist()}))).status
            == "failed"
        )
    assert failed >= 80
