"""A run weighed again at the prices of another day."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import steelyard
from steelyard.cli import main
from steelyard.errors import ConfigError
from tests.tickets import write_task

DATED = (
    "consistency: false\ntraffic: {requests_per_day: 1000, horizon_days: 365, error_cost: 0.01}\n"
    "prices: {smart: {input: 1, output: 2, hosting_hour: 1, "
    "date: 2026-01-15, ends: 2027-06-01, rebuild: 50}}\n"
)


def test_ages_and_ends_of_life_are_counted_from_that_day(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", rows=60, strategies=["zero_shot"], extra=DATED)
    early = steelyard.run(task, tmp_path / "out", prices_at="2026-02-01").record
    assert early.prices_at == "2026-02-01"
    [price] = [one for one in early.prices if one.name == "smart"]
    assert price.age_days == 17 and not price.is_stale
    [sums] = [one for one in early.economics.sums if one.arm == "zero_shot"]
    assert (sums.ends_on, sums.until_end) == ("2027-06-01", None), "it ends after the horizon"
    late = steelyard.run(task, tmp_path / "out", prices_at=date(2026, 12, 1)).record
    [price] = [one for one in late.prices if one.name == "smart"]
    assert price.is_stale
    [sums] = [one for one in late.economics.sums if one.arm == "zero_shot"]
    assert sums.ends_on == "2027-06-01"
    assert sums.total is not None and sums.without_end is not None and sums.until_end is not None
    assert sums.total - sums.without_end == pytest.approx(50)
    # 182 of 365 days, without upfront: half of what the horizon costs
    assert sums.until_end == pytest.approx(sums.without_end * 182 / 365, rel=0.01)
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Weighed at the prices of 2026-12-01" in report
    assert "up to the vendor's end on 2027-06-01" in report.replace("&#39;", "'")


def test_the_tornado_is_of_the_choice_and_its_rival_where_nothing_is_tuned(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", rows=90, extra=DATED)
    money = steelyard.run(task, tmp_path / "out").record.economics
    assert money.paid_back == () and money.tornado_of is not None
    assert money.tornado, "some input moves the saving"
    assert set(money.tornado_of) <= {arm.arm for arm in money.arms}


def test_wrong_answers_cost_what_the_verdict_expects(tmp_path: Path) -> None:
    task = write_task(tmp_path / "task", rows=600, extra=DATED)
    record = steelyard.run(task, tmp_path / "out").record
    expected = record.verdict.details.expected_cost
    for arm in record.economics.arms:
        if arm.arm in expected and arm.band is not None:
            assert arm.band.median[-1] == pytest.approx(expected[arm.arm], rel=0.02, abs=5)


def test_what_is_no_day_and_a_run_given_to_the_calculator_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = write_task(tmp_path / "task", rows=60, strategies=["majority"])
    with pytest.raises(ConfigError, match=r"prices_at.*is not a date"):
        steelyard.plan(task, prices_at="soon")
    with pytest.raises(ConfigError, match=r"prices_at.*2999-01-01 is still to come"):
        steelyard.plan(task, prices_at="2999-01-01")
    assert main(["run", str(task), "--out", str(tmp_path / "out")]) == 0
    capsys.readouterr()
    assert main(["cost", str(tmp_path / "out"), "--prices-at", "2026-06-01"]) == 2
    assert "is a run: steelyard run TASK --out" in capsys.readouterr().err
