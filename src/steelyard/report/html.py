"""The report as one HTML file: no network, no script that it needs, no figure of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.report import breakeven, charts, comparison, formats
from steelyard.report.marks import breakable, interval_bar, key
from steelyard.report.page import Page
from steelyard.report.samples import asides, samples
from steelyard.report.view import ArmView, View, words


def render(result: Mapping[str, Any]) -> str:
    """Return ``report.html`` for a ``result.json`` of schema version 1.

    Fields that are null or missing show as "not measured", with their reason where there is one.
    """
    from jinja2 import ChainableUndefined, Environment, PackageLoader
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("steelyard.report"),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(f=formats, words=words(), key=key, bar=_bar, breakable=breakable)
    view = Page(result)
    return environment.get_template("report.html").render(
        view=view,
        css=Markup(_static("report.css")),
        js=Markup(_static("report.js")),
        scatter=charts.scatter(view),
        unplaced=charts.unplaced(view),
        breakeven=breakeven.chart(view),
        crossings=breakeven.crossings(view),
        columns=comparison.columns(view),
        rows=comparison.rows(view),
        samples=samples(view),
        asides=asides(view),
    )


def _static(name: str) -> str:
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
