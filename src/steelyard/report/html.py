"""The report as one HTML file: no network, no script that it needs, no figure of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.report import breakeven, charts, comparison
from steelyard.report.audit import AuditView
from steelyard.report.certainty import Certainty
from steelyard.report.page import Page
from steelyard.report.pieces import Pieces
from steelyard.report.samples import asides, samples
from steelyard.report.searches import searches
from steelyard.report.steadiness import Steadiness
from steelyard.report.templating import environment, static


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
