"""Shows trainings as they go on: on the terminal, and as ``train.html`` in the run folder."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steelyard.commands import command
from steelyard.files import write_whole
from steelyard.printing import console
from steelyard.progress import Display
from steelyard.report.html import render_training
from steelyard.report.training import TrainingOutcome, TrainingView, pass_line, settings_of
from steelyard.report.training_charts import text_curves
from steelyard.train.course import (
    CheckpointChoice,
    TrainingConfig,
    TrainingEvent,
    TrainingWatch,
    read_course,
)
from steelyard.train.curve import StepLoss, read_curve
from steelyard.words import one_line

log = logging.getLogger("steelyard")
PAGE_NAME = "train.html"
_LONGEST_REASON = 160
_PAGE_SECONDS = 30.0
"""Within a pass the page is written at most this often."""
_CHART_SECONDS = 60.0
"""After an epoch the curves are printed where they were not for so long; they are at the end."""


@dataclass(frozen=True)
class LivePlan:
    """What is trained: the run folder, the task's name and place, and the jobs' names in their order."""

    folder: Path
    task: str
    place: Path
    names: Sequence[str]

    def view(self, name: str, outcome: TrainingOutcome | None = None) -> TrainingView | None:
        """The training of a job as its folder has it; ``None`` before it has begun."""
        folder = self.folder / "work" / name
        course = read_course(folder)
        return None if course is None else TrainingView(name, course, read_curve(folder), outcome)


class LiveTraining:
    """The page, and what a terminal shows beside it."""

    def __init__(self, plan: LivePlan, display: Display) -> None:
        self._plan = plan
        self.display = display
        self._outcomes: Mapping[str, TrainingOutcome] = {}
        self._last = 0.0
        self._has_failed = False

    @property
    def path(self) -> Path:
        return self._plan.folder / PAGE_NAME

    def watch_of(self, name: str) -> TrainingWatch:
        """Return what looks on at the job of that name."""
        return _JobWatch(self, name)

    def view(self, name: str) -> TrainingView | None:
        """The training of a job as it stands; ``None`` before it has begun."""
        return self._plan.view(name, self._outcomes.get(name))

    def finish(self, outcomes: Mapping[str, TrainingOutcome]) -> bool:
        """Write the page for the last time, with what each job left; say whether it is there."""
        self._outcomes = outcomes
        self.draw()
        return not self._has_failed and self.path.is_file()

    def draw(self, *, now: bool = True) -> None:
        """Write the page, or where it is not needed at once, now and then.

        A page that cannot be written fails no training: it is said once. Where a run has removed what
        trainings left in its folder, an earlier page stays.
        """
        if not now and time.monotonic() - self._last < _PAGE_SECONDS:
            return
        self._last = time.monotonic()
        try:
            views = [view for name in self._plan.names if (view := self.view(name)) is not None]
            if views:
                page = render_training(self._plan.task, views, self._steps)
                write_whole(self.path, page, private=True)
        except Exception as error:
            log.debug("%s could not be written", self.path, exc_info=True)
            if not self._has_failed:
                reason = one_line(str(error) or type(error).__name__, _LONGEST_REASON)
                self.display.say(f"{self.path} cannot be written ({reason}); the training goes on")
            self._has_failed = True
        else:
            self._has_failed = False

    def _steps(self, view: TrainingView) -> list[tuple[str, str]]:
        """What to do next, with the command."""
        folder, place = self._plan.folder, self._plan.place
        if not view.is_over:
            return [("Go on after an interruption", command("train", place, "--out", folder))]
        arms = [folder / "arms" / name for name in view.arms]
        steps = [("Ask it", f'{command("ask", arm)} "…"') for arm in arms[:1]]
        steps.append(("Weigh it against prompts", command("run", place, "--out", folder)))
        steps += [
            ("Export it, after that run", command("export", arm, "--to", "gguf"))
            for arm in arms[:1]
        ]
        return steps


class _JobWatch(TrainingWatch):
    """Looks on at one job."""

    def __init__(self, live: LiveTraining, name: str) -> None:
        self._live = live
        self._name = name
        self._charted = time.monotonic()

    def began(self, config: TrainingConfig) -> None:
        self._live.display.print(settings_text(self._name, config))
        self._live.draw()

    def stepped(self, point: StepLoss) -> None:
        self._live.display.note(_point_words(point))
        self._live.draw(now=False)

    def passed(self, figures: Mapping[str, Any]) -> None:
        self._live.display.say(f"{self._name}, {pass_line(figures)}")
        self._live.draw()
        if figures["stage"] == "epoch" and time.monotonic() - self._charted >= _CHART_SECONDS:
            self._charted = time.monotonic()
            view = self._live.view(self._name)
            if view is not None:
                self._live.display.print(text_curves(view, console(stderr=True).width))

    def happened(self, event: TrainingEvent) -> None:
        self._live.display.say(f"{self._name}: {event.text}")
        self._live.draw()

    def chose(self, choice: CheckpointChoice) -> None:
        self._live.draw()


def _point_words(point: StepLoss) -> str:
    """``step 40/120, loss 0.512, rate 1.2e-04, 3,400 tokens/s``."""
    loss = "not a number" if point.loss is None else f"{point.loss:.3f}"
    rate = "" if point.step_rate is None else f", rate {point.step_rate:.1e}"
    speed = "" if point.tokens_per_second is None else f", {point.tokens_per_second:,.0f} tokens/s"
    return f"loss {loss}{rate}{speed}"


def settings_text(name: str, config: TrainingConfig) -> str:
    """The settings as lines of a terminal, the names in a column."""
    settings = settings_of(config)
    wide = max(len(one.about) for one in settings)
    lines = (f"  {one.about:<{wide}}  {one.text}" for one in settings)
    return "\n".join([f"{name} on {config.model}", *lines])
