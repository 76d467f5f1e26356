"""A training as a page, as lines and as curves: at each stage, and with what may go wrong."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from steelyard.progress import Display
from steelyard.report import render_training
from steelyard.report.live import LivePlan, LiveTraining
from steelyard.report.training import TrainingOutcome, TrainingView, pass_line, settings_of
from steelyard.report.training_charts import losses, running_points, text_curves
from steelyard.train.course import CourseFile, Watches, happens, read_course
from steelyard.train.curve import CurveFile, PassName, PointFigures, read_curve
from tests.report.test_html import Outline
from tests.train.courses import RATE, config_with, figures, train_by_hand, trained_folder


def view_of(folder: Path, name: str = "lora") -> TrainingView:
    course = read_course(folder)
    assert course is not None
    return TrainingView(name, course, read_curve(folder), TrainingOutcome(["lora"], course.notes))


def page(*views: TrainingView) -> Outline:
    steps = [("Ask it", 'steelyard ask x "…"')]
    return Outline(render_training("tickets <i>", list(views), lambda view: steps))


def test_a_finished_training_is_on_its_page(tmp_path: Path) -> None:
    outline = page(view_of(trained_folder(tmp_path)))
    words = outline.words
    assert "Epoch 2 of 3 was taken, at learning rate 0.001." in words
    assert "80.0\u202f%" in words and "60.0 to 85.0, 95 % interval" in words
    assert "epoch 2 taken" in words and "Learning rates that were tried" in words
    assert "1,000 of 40,000 weights" in words and 'steelyard ask x "…"' in words
    assert words.count("taken") >= 3, "in the title, in the picture, in the table"
    assert not outline.stack and "hf/tiny<b>" in words and "<i>" in words, "closed and escaped"


def test_the_page_is_one_file_with_ids_of_its_own(tmp_path: Path) -> None:
    views = [view_of(trained_folder(tmp_path / name), name) for name in ("lora", "dora@x")]
    outline = page(*views)
    ids = Counter(attributes["id"] for _, attributes in outline.elements if "id" in attributes)
    assert max(ids.values()) == 1
    for attributes in outline.named("svg"):
        assert set((attributes["aria-labelledby"] or "").split()) <= set(ids)
    assert not outline.named("link") and not outline.named("script") and not outline.named("img")
    assert [one["href"] for one in outline.named("a")][1:] == ["#lora", "#dora@x"]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_training_that_is_killed_leaves_a_page(tmp_path: Path, count: int) -> None:
    file = CourseFile(tmp_path)
    file.began(config_with())
    for number in range(count):
        file.passed(figures("epoch", number, 1.0))
    outline = page(view_of(tmp_path))
    assert "the same command goes on from its last checkpoint" in outline.words
    assert outline.words.count("Epoch\u00a0") == count and not outline.stack


def test_what_was_not_measured_is_no_figure(tmp_path: Path) -> None:
    file = CourseFile(tmp_path)
    file.began(
        config_with(memory_bytes=None, memory_reason="not forecast: why", available_bytes=None)
    )
    lost = {"dev_score": None, "dev_low": None, "dev_high": None, "metric": None}
    file.passed(figures("epoch", 0, None, **lost, diverged="the loss is not a number"))
    happens(file, "divergence", "training diverged in epoch 1")
    view = view_of(tmp_path)
    words = page(view).words
    assert view.state == "Training diverged and was stopped."
    assert "diverged: the loss is not a number" in words and "not forecast: why" in words
    assert "nan" not in words.lower() and "None" not in words
    assert "diverged (the loss is not a number)" in pass_line(view.course.epochs[0])


def test_what_an_objective_measures_beside_the_loss_is_shown(tmp_path: Path) -> None:
    file = CourseFile(tmp_path)
    file.began(config_with(kind="DPO over LoRA", loss_unit="nats per example", is_quantised=True))
    file.passed(figures("trial", 0, 1.0))
    file.passed(figures("epoch", 0, 1.0, reward_margin=0.4321))
    words = page(view_of(tmp_path)).words
    assert "Reward margin" in words and "0.432" in words
    assert "losses in nats per example" in words and "per learnt token" not in words
    assert "those below the adapters in four bits" in words


def test_a_metric_without_an_interval_says_so(tmp_path: Path) -> None:
    file = CourseFile(tmp_path)
    file.began(config_with())
    file.passed(figures("epoch", 0, 1.0, dev_low=None, dev_high=None))
    assert "no interval for this metric" in page(view_of(tmp_path)).words
    assert "[" not in pass_line(figures("epoch", 0, 1.0, dev_low=None, dev_high=None))


def settings(**changes: Any) -> dict[str, str]:
    return {one.about: one.text for one in settings_of(config_with(**changes))}


def test_the_settings_say_where_the_rate_comes_from() -> None:
    assert settings()["Learning rate"].startswith(
        "chosen on dev, from 0.0005 to 0.002 around 0.001"
    )
    formula = settings(learning_rate_from="formula", learning_rates=(1e-3,), trials=())
    assert formula["Learning rate"].startswith("0.001, by the formula")
    assert formula["Trials"].startswith("none: the budget or the train set")
    fixed = settings(learning_rate_from="given", learning_rates=(2e-4,), trials=())
    assert "0.0002, as given (the formula's is 0.001)" in fixed["Learning rate"]
    assert fixed["Trials"] == "none: one rate is given"
    assert settings()["Trials"].startswith(
        "3 rates on 16 examples each (2 steps), 1 more at an edge"
    )


def test_the_settings_count_what_is_learnt() -> None:
    lines = settings()
    assert "1,600 tokens of which 96 are learnt" in lines["Data"]
    assert "2 of train left out, over 1,024 tokens" in lines["Data"]
    assert lines["Kind"] == "LoRA, rank 4, alpha 8; adapters on k_proj and q_proj"
    assert lines["Memory"] == "about 1.2 GB (forecast); 9.2 GB are available at the start"
    assert lines["Fingerprint"].startswith("sha256 abababab")
    assert "adapters" not in settings(targets=(), kind="full fine-tuning")["Kind"]


def test_an_axis_marks_whole_steps_once(tmp_path: Path) -> None:
    course = CourseFile(tmp_path)
    course.began(config_with(epochs=1, steps_per_epoch=2))
    curve = CurveFile(tmp_path, PassName("epoch", RATE, 0), 2)
    for step in (1, 2):
        curve.add(step, PointFigures(1.0 / step, RATE, 100.0))
    wide = str(losses(view_of(tmp_path))).partition("</svg>")[0]
    marks = re.findall(r">(\d+)</text>", wide)
    assert {"0", "1", "2"} <= set(marks)
    assert all(marks.count(mark) == 1 for mark in ("0", "2")), "half a step is none"


def test_the_curves_are_plain_characters(tmp_path: Path) -> None:
    text = text_curves(view_of(trained_folder(tmp_path)), 70)
    assert text.isascii() and max(map(len, text.splitlines())) <= 71
    assert ". loss on train" in text and "x accuracy on dev" in text and "taken: epoch 2" in text
    CourseFile(tmp_path / "..").began(config_with())
    assert text_curves(view_of(tmp_path / ".."), 70) == ""


def test_a_long_curve_has_a_running_mean_and_a_wide_one_is_logarithmic(tmp_path: Path) -> None:
    file = CourseFile(tmp_path)
    file.began(config_with(steps_per_epoch=200, epochs=1))
    curve = CurveFile(tmp_path, PassName("epoch", RATE, 0), 200)
    curve.begin(0)
    for step in range(1, 201):
        curve.add(step, PointFigures((5.0 if step < 20 else 0.1) + 0.01 * (step % 2)))
    view = view_of(tmp_path)
    words = page(view).words
    assert (
        running_points(view) == 4 and "the mean over 4 points" in words and "logarithmic" in words
    )
    assert "loss on train (logarithmic)" in text_curves(view, 80)


class Lines(Display):
    """A display that keeps what it is to show."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.notes: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    def print(self, text: str) -> None:
        self.lines.append(text)

    def note(self, text: str) -> None:
        self.notes.append(text)


def live(folder: Path, *names: str) -> tuple[LiveTraining, Lines]:
    display = Lines()
    folder.mkdir(exist_ok=True)
    return LiveTraining(LivePlan(folder, "t", Path("task"), names), display), display


def go(training: LiveTraining, folder: Path, name: str, *, ends: bool = True) -> None:
    work = folder / "work" / name
    work.mkdir(parents=True)
    train_by_hand(Watches(CourseFile(work), training.watch_of(name)), work, ends=ends)


def test_the_settings_stand_before_the_first_step(tmp_path: Path) -> None:
    training, display = live(tmp_path, "lora")
    go(training, tmp_path, "lora")
    assert display.lines[0].startswith("lora on hf/tiny") and "Learning rate" in display.lines[0]
    assert display.lines[1].startswith(
        "lora, trial of 0.001: loss 1.000, on dev 1.500, accuracy 90.0%"
    )
    assert display.notes[-1] == "loss 0.167, rate 2.5e-04, 1,000 tokens/s"
    assert len(display.lines) == 5, "settings, a trial, three epochs"


def test_the_page_is_written_as_training_goes_and_at_the_end(tmp_path: Path) -> None:
    training, _ = live(tmp_path, "lora", "rslora")
    go(training, tmp_path, "lora", ends=False)
    text = training.path.read_text(encoding="utf-8")
    assert "Epoch 3 of 3 is trained." in text and "steelyard train task --out" in text
    go(training, tmp_path, "rslora")
    outcome = TrainingOutcome(["rslora", "rslora_free"], ["64 of 64 examples are pairs"])
    assert training.finish({"rslora": outcome})
    words = Outline(training.path.read_text(encoding="utf-8")).words
    for text in ("Epoch 2 of 3 was taken", "arms/rslora", "steelyard export"):
        assert text in words
    assert "64 of 64 examples are pairs." in words


def test_a_page_that_cannot_be_written_fails_no_training(tmp_path: Path) -> None:
    training, display = live(tmp_path, "lora")
    training.path.mkdir()
    go(training, tmp_path, "lora")
    assert not training.finish({})
    warnings = [line for line in display.lines if "cannot be written" in line]
    assert len(warnings) == 1 and warnings[0].endswith("the training goes on")
