from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.core import Request
from steelyard.errors import ConfigError, DataError
from steelyard.model.fake_script import ScriptedModel
from steelyard.score.judge import JudgeOptions, check_judge, judge_agreement, read_ratings
from tests.score.judge.scripts import example, fences, judge, preferring
from tests.score.tasks import task_with

LONGER = preferring(len)
COMPARE, RATE = JudgeOptions(), JudgeOptions(mode="rate")


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def row(output: str, rating: Any, **more: Any) -> dict[str, Any]:
    return {"input": "q", "output": output, "rating": rating, "reference": "four", **more}


def test_ratings_are_read_from_json_lines_and_tables(tmp_path: Path) -> None:
    rows = [row("five5", "win"), row("x", "LOSS ")]
    for name in ("mine.jsonl", "mine.csv"):
        ratings = read_ratings(write(tmp_path / name, rows), COMPARE)
        assert [rating.rating for rating in ratings] == ["win", "loss"]
        assert ratings[0].example.output == "four"
        assert ratings[1].example.source == f"{name}:{3 if name.endswith('csv') else 2}"
    marks = [row("x", mark) for mark in (1, "5", 3.0)]
    found = read_ratings(write(tmp_path / "marks.jsonl", marks), RATE)
    assert [rating.rating for rating in found] == ["1", "5", "3"]


def test_a_reference_is_taken_from_the_example_with_the_same_input(tmp_path: Path) -> None:
    path = write(
        tmp_path / "mine.jsonl", [{"input": "question e ", "output": "x", "rating": "tie"}]
    )
    [rating] = read_ratings(path, COMPARE, [example("e", "the reference")])
    assert rating.example.output == "the reference"
    [rating] = read_ratings(write(path, [{"input": "q", "output": "x", "rating": 2}]), RATE)
    assert rating.example.output == ""


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (
            [row("x", "wins")],
            COMPARE,
            r"line 1: rating 'wins' is not win, tie or loss .did you mean 'win'",
        ),
        ([row("x", 4)], COMPARE, "marks are for judge.mode rate"),
        (
            [row("x", "win")],
            RATE,
            "not a whole number from 1 to 5; win, tie and loss are for judge.mode",
        ),
        ([row("x", 6)], RATE, "rating '6' is not a whole number"),
        ([row("x", 2.5)], RATE, "rating '2.5' is not a whole number"),
        ([{"input": "q", "output": "x", "rating": "win"}], COMPARE, "no reference, and no example"),
        ([{"input": "q", "rating": "win"}], COMPARE, "line 1: no output"),
        (
            [{"input": "q", "output": "x", "ratng": "win"}],
            COMPARE,
            "no rating .did you mean 'ratng'",
        ),
        ([row(7, "win")], COMPARE, "output must be text, not 7"),  # type: ignore[arg-type]
        ([], COMPARE, "has no rows"),
        ([row("x", "bad")] * 7, COMPARE, "line 5: .*; and 2 more"),
    ],
)
def test_rows_that_cannot_be_used_are_named(
    tmp_path: Path, rows: list[dict[str, Any]], options: JudgeOptions, message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_ratings(write(tmp_path / "mine.jsonl", rows), options)
    assert "\n" not in str(caught.value)


def test_agreement_by_hand(tmp_path: Path) -> None:
    said = [("longer", "win")] * 4 + [("no", "loss")] * 4 + [("also longer", "loss")] * 2
    rows = [
        row(f"{text}{'!' * n}" if len(text) > 4 else text, rating)
        for n, (text, rating) in enumerate(said)
    ]
    metric = judge(LONGER)
    found = judge_agreement(metric, read_ratings(write(tmp_path / "m.jsonl", rows), COMPARE))
    # 8 of 10 agree; by chance 0.4 * 0.6 + 0.6 * 0.4
    assert found["kappa"] == pytest.approx((0.8 - 0.48) / 0.52)
    assert found["raw"]["value"] == 0.8
    assert (found["n"], found["rated"], found["failed"], found["weights"]) == (10, 10, 0, "none")
    assert found["table"]["categories"] == ["loss", "tie", "win"]
    assert found["table"]["counts"] == [[4, 0, 2], [0, 0, 0], [0, 0, 4]]
    assert [each["judged"] for each in found["disagreements"]] == ["win", "win"]
    json.dumps(found, allow_nan=False)


def test_marks_agree_by_their_distance_and_failures_are_counted(tmp_path: Path) -> None:
    def script(request: Request) -> str:
        return fences(request)["THE REPLY TO MARK"].partition(" ")[0]

    rows = [row(f"{mark} it says", max(1, mark - 1)) for mark in (1, 2, 3, 4, 5)]
    rows.append(row("never a number", 3))
    metric = judge(script, mode="rate")
    found = judge_agreement(metric, read_ratings(write(tmp_path / "m.jsonl", rows), RATE))
    assert (found["weights"], found["rated"], found["failed"], found["n"]) == ("quadratic", 6, 1, 5)
    assert found["raw"]["value"] == 0.2
    assert found["kappa"] > 0.7


def test_a_judge_that_always_says_the_same_agrees_by_chance(tmp_path: Path) -> None:
    rows = [row("x" * n, rating) for n, rating in enumerate(["win", "loss", "tie"] * 3, 1)]
    metric = judge(lambda request: "TIE")
    found = judge_agreement(metric, read_ratings(write(tmp_path / "m.jsonl", rows), COMPARE))
    assert (found["kappa"], found["low"]) == (0, None)
    assert "one rater gave every item the same rating" in found["reason"]


def test_a_judge_is_checked_before_anything_is_spent(tmp_path: Path) -> None:
    write(tmp_path / "mine.jsonl", [row("longer", "win"), row("no", "loss"), row("even", "tie")])
    model = ScriptedModel(LONGER)
    task = task_with(tmp_path, judge={"ratings": "mine.jsonl"}, model="fake:smart")
    found = check_judge(task, build_model=lambda spec: model)
    assert (found["model"], found["mode"], found["votes"]) == ("smart", "compare", 1)
    assert found["agreement"]["kappa"] == 1
    assert found["agreement"]["low"] < 1
    assert "prefer their own wording" in found["notes"][0]
    more = check_judge(task, build_model=lambda spec: model, options={"votes": 3})
    assert more["votes"] == 3


def test_a_check_without_ratings_says_how_to_give_them() -> None:
    with pytest.raises(ConfigError, match=r"under judge.ratings, with rows of input, output"):
        check_judge(task_with(model="fake:smart"))
