"""What choosing each arm took, and what its search tried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from steelyard.report import formats
from steelyard.report.marks import Frame, drawing, grid, tag, text
from steelyard.report.scale import Scale, quality_axis
from steelyard.report.view import ArmView, View
from steelyard.result.arm import SearchFacts, SearchTrial

_SIZE = (520.0, 210.0, 44.0, 12.0, 16.0, 34.0, 12.0)
_FRAME = Frame("search", *_SIZE)


class SearchView(NamedTuple):
    """One arm's search, with its trials as a drawing."""

    arm: ArmView
    facts: SearchFacts
    picture: Markup

    @property
    def budget(self) -> str:
        budget = self.facts.budget
        if budget is None or budget.allowed is None:
            return ""
        unit = budget.unit.replace("_", " ")
        return f"{formats.count(budget.used)} of {formats.count(budget.allowed)} {unit}"

    @property
    def late_gain(self) -> str:
        """Whether the search still gained when it ended, in words; empty where that was not looked at."""
        gain = self.facts.late_gain
        if gain is None:
            return ""
        if gain.trend == "unknown":
            return f"cannot tell whether it still gained: {gain.reason or 'no reason given'}"
        trend = "still gaining" if gain.trend == "gaining" else "no gain shown"
        late = "over the last third of the tokens it spent"
        if gain.low is None or gain.high is None:
            return f"{trend} {late}: {gain.reason or 'the difference was not measured'}"
        between = f"[{formats.points(gain.low)}, {formats.points(gain.high)}]"
        figure = f"{formats.points(gain.difference)} points {between}"
        return f"{trend} {late}: {figure}, on {formats.count(gain.items)} dev examples"


def searches(view: View) -> list[SearchView]:
    """A row for each arm that was chosen by asking or training a model, the best first."""
    searched = [(arm, arm.known_options.search) for arm in view.arms if arm.model]
    return [SearchView(arm, facts, _picture(arm, facts.trace)) for arm, facts in searched]


def _picture(arm: ArmView, trace: Sequence[SearchTrial]) -> Markup:
    """The score of each candidate on dev in the order tried, and the best so far as a line."""
    trials = [(trial, trial.score) for trial in trace if trial.score is not None]
    if len(trials) < 2:
        return Markup("")
    y = quality_axis((score for _, score in trials), _FRAME.y_end, _FRAME.top)
    x = Scale(0, len(trials) - 1, _FRAME.left + 8, _FRAME.x_end - 8)
    body = grid(_FRAME, [(y(tick), formats.percent_tick(tick)) for tick in y.ticks(4)])
    words = f"{len(trials)} trials, in order"
    body += text(words, _FRAME.x_end, _FRAME.y_end + 22, "tick", "end")
    for place, (trial, score) in enumerate(trials):
        figure = f"{formats.percent(score)} on {formats.count(trial.items)}"
        label = f"{trial.name}: {figure} ({trial.stage})"
        mark = "mark" if trial.is_whole else "mark free"
        title = tag("title", str(Markup.escape(label)))
        dot = tag("circle", title, cx=x(place), cy=y(score), r=4.0, class_=mark)
        body += tag("g", dot, class_="arm winner" if arm.winner and trial.is_whole else "arm")
    frame = Frame(f"search-{arm.name}", *_SIZE, everywhere=True)
    described = "; ".join(f"{trial.name} {formats.percent(score)}" for trial, score in trials)
    return drawing(frame, f"The search of {arm.name}", described, body)
