"""What choosing each arm took, and what its search tried."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from markupsafe import Markup

from steelyard.report import formats
from steelyard.report.marks import Frame, drawing, line, tag, text
from steelyard.report.scale import Scale, quality_axis
from steelyard.report.view import ArmView, View, entries, section

_SIZE = (520.0, 210.0, 44.0, 12.0, 16.0, 34.0, 12.0)
_FRAME = Frame("search", *_SIZE)

_WHOLE = ("final", "held_back", "free")
"""Stages whose candidates met all the dev examples that they were to be compared on."""


class Search(NamedTuple):
    """One arm's search: what it took, its trials as a drawing, and the prompt it ended with."""

    arm: ArmView
    asked: str
    tokens: str
    seconds: str
    money: str
    budget: str
    dev_score: str
    picture: Markup
    prompt: str


def searches(view: View) -> list[Search]:
    """A row for each arm that was chosen by asking or training a model, the best first."""
    return [_search(view, arm) for arm in view.arms if arm.data.get("model")]


def _search(view: View, arm: ArmView) -> Search:
    options = arm.section("options")
    found = section(options, "search")
    fit, asked = arm.section("fit"), section(arm.section("fit"), "requests")
    given, made = (formats.number(asked.get(f"{kind}_tokens")) for kind in ("input", "output"))
    trained = formats.number(section(options, "training").get("tokens"))
    total = sum(each for each in (given, made, trained) if each is not None)
    return Search(
        arm=arm,
        asked=formats.count(found.get("dev_calls")),
        tokens=formats.count(total) if total else formats.NONE,
        seconds=formats.seconds(fit.get("seconds")),
        money=formats.money(fit.get("cost"), arm.currency),
        budget=_budget(section(found, "budget")),
        dev_score=formats.score(found.get("dev_score"), view.metric),
        picture=_picture(view, arm, entries(found, "trace")),
        prompt=str(options.get("instruction") or "") if arm.strategy == "optimized_prompt" else "",
    )


def _budget(found: Mapping[str, Any]) -> str:
    used, allowed = formats.number(found.get("used")), formats.number(found.get("allowed"))
    if allowed is None:
        return ""
    unit = str(found.get("unit") or "").replace("_", " ")
    return f"{formats.count(used)} of {formats.count(allowed)} {unit}"


def _picture(view: View, arm: ArmView, trace: list[Mapping[str, Any]]) -> Markup:
    """The score of each candidate on dev in the order tried, and the best so far as a line."""
    trials = [
        (str(each.get("name")), str(each.get("stage")), score, formats.number(each.get("items")))
        for each in trace
        if (score := formats.number(each.get("score"))) is not None
    ]
    if len(trials) < 2:
        return Markup("")
    scores = [score for _, _, score, _ in trials]
    y = quality_axis(scores, _FRAME.y_end, _FRAME.top, formats.is_share(view.metric))
    x = Scale(0, len(trials) - 1, _FRAME.left + 8, _FRAME.x_end - 8)
    body = ""
    for tick in y.ticks(4):
        body += line(_FRAME.left, y(tick), _FRAME.x_end, y(tick), "grid")
        label = formats.percent(tick, 0) if formats.is_share(view.metric) else f"{tick:g}"
        body += text(label, _FRAME.left - 8, y(tick) + 4, "tick", "end")
    body += line(_FRAME.left, _FRAME.y_end, _FRAME.x_end, _FRAME.y_end, "axis")
    words = f"{len(trials)} trials, in order"
    body += text(words, _FRAME.x_end, _FRAME.y_end + 22, "tick", "end")
    for place, (name, stage, score, items) in enumerate(trials):
        said = f"{name}: {formats.score(score, view.metric)} on {formats.count(items)} ({stage})"
        mark = "mark" if stage in _WHOLE else "mark free"
        title = tag("title", str(Markup.escape(said)))
        dot = tag("circle", title, cx=x(place), cy=y(score), r=4.0, class_=mark)
        body += tag("g", dot, class_="arm winner" if arm.winner and stage in _WHOLE else "arm")
    frame = Frame(f"search-{arm.name}", *_SIZE, everywhere=True)
    told = "; ".join(f"{name} {formats.score(score, view.metric)}" for name, _, score, _ in trials)
    return drawing(frame, f"The search of {arm.name}", told, body)
