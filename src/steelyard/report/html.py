"""The report as one HTML file: no network, no script that it needs, no figure of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from steelyard.report import breakeven, charts, comparison, formats
from steelyard.report.audit import AuditView
from steelyard.report.certainty import Certainty
from steelyard.report.marks import breakable, interval_bar, key
from steelyard.report.page import Page
from steelyard.report.pieces import Pieces
from steelyard.report.samples import asides, samples
from steelyard.report.searches import searches
from steelyard.report.steadiness import Steadiness
from steelyard.report.view import ArmView, View, words

if TYPE_CHECKING:
    from jinja2 import Environment


def render(result: Mapping[str, Any]) -> str:
    """Return ``report.html`` for a ``result.json`` of schema version 1.

    Fields that are null or missing show as "not measured", with their reason where there is one.
    """
    from markupsafe import Markup

    view = Page(result)
    return (
        environment()
        .get_template("report.html")
        .render(
            view=view,
            audit=AuditView(view.audit),
            css=Markup(static("report.css")),
            js=Markup(static("report.js")),
            scatter=charts.scatter(view),
            unplaced=charts.unplaced(view),
            breakeven=breakeven.chart(view),
            crossings=breakeven.crossings(view),
            columns=comparison.columns(view),
            rows=comparison.rows(view),
            samples=samples(view),
            steadiness=Steadiness(view),
            certainty=Certainty(view),
            pieces=Pieces(view),
            searches=searches(view),
            asides=asides(view),
        )
    )


def environment() -> Environment:
    """What the page templates are drawn with."""
    from jinja2 import ChainableUndefined, Environment, PackageLoader

    made = Environment(
        loader=PackageLoader("steelyard.report"),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(f=formats, words=words(), key=key, bar=_bar, breakable=breakable)
    return made


def static(name: str) -> str:
    """The text of a file that pages carry inside."""
    from importlib.resources import files

    return files("steelyard.report").joinpath("static", name).read_text(encoding="utf-8")


def _bar(arm: ArmView, view: View) -> str:
    """The small interval bar in an arm's row, on the axis all arms share."""
    figures = {
        "value": arm.quality,
        "low": arm.low,
        "high": arm.high,
        "least": view.least,
        "most": view.most,
    }
    between = formats.interval(arm.low, arm.high, view.metric)
    title = f"{arm.name}: {formats.score(arm.quality, view.metric)}, {between}"
    return interval_bar(figures, title, "winner" if arm.winner else "")
