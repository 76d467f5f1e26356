"""The pages, each one HTML file: no network, no script that it needs, no figure of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from steelyard._version import __version__
from steelyard.advice.measured import against_measurement
from steelyard.packaged import packaged
from steelyard.report import (
    break_even_rows,
    breakeven,
    charts,
    comparison,
    formats,
    money_charts,
    training,
    training_charts,
)
from steelyard.report.audit import AuditView
from steelyard.report.certainty import Certainty
from steelyard.report.differences import DifferencesView
from steelyard.report.documents import DocumentsView
from steelyard.report.exchange import Exchange, labels_sentence
from steelyard.report.freshness import FreshnessView
from steelyard.report.marks import breakable, interval_bar, key
from steelyard.report.methods import Methods
from steelyard.report.money_over_time import MoneyOverTime
from steelyard.report.pieces import Pieces
from steelyard.report.reasons import Reasons
from steelyard.report.samples import samples, totals
from steelyard.report.searches import searches
from steelyard.report.slices import Slices
from steelyard.report.steadiness import Steadiness
from steelyard.report.sums import Sums
from steelyard.report.training import TrainingView
from steelyard.report.view import ArmView, View, words
from steelyard.result import DataAudit, Result

if TYPE_CHECKING:
    from jinja2 import Environment


def render(result: Result) -> str:
    """Return ``report.html``. What was not measured is shown as such, with the reason."""
    view = View(result)
    return (
        _environment()
        .get_template("report.html")
        .render(
            view=view,
            reasons=Reasons(view),
            exchange=Exchange(view),
            labels=labels_sentence(view),
            audit=AuditView(view.audit),
            scatter=charts.scatter(view),
            unplaced=charts.unplaced(view),
            breakeven=breakeven.chart(view),
            crossings=breakeven.crossings(view),
            pairs=break_even_rows.pair_rows(view),
            sums=Sums(view),
            money=MoneyOverTime(view),
            course=money_charts.course(view),
            tornado=money_charts.tornado(view),
            columns=comparison.columns(view),
            rows=comparison.rows(view),
            thumbs=against_measurement(result),
            slices=Slices(view),
            differences=DifferencesView(view),
            documents=DocumentsView(view),
            samples=samples(view),
            totals=totals(view),
            steadiness=Steadiness(view),
            certainty=Certainty(view),
            pieces=Pieces(view),
            freshness=FreshnessView(view),
            searches=searches(view),
            methods=Methods(view),
        )
    )


def render_audit(audit: DataAudit, name: str) -> str:
    """Return the audit of one data set as a page."""
    page = _environment().get_template("audit_page.html")
    return page.render(name=name, data=audit, audit=AuditView(audit))


def render_training(
    name: str, views: Sequence[TrainingView], steps: Callable[[TrainingView], list[tuple[str, str]]]
) -> str:
    """Return ``train.html``: the trainings of the task ``name``, with the ``steps`` to take after each."""
    page = _environment().get_template("training_page.html")
    return page.render(
        name=name or "a task",
        views=views,
        steps=steps,
        loss=training.loss,
        between=training.between,
        losses=training_charts.losses,
        scores=training_charts.scores,
        rates=training_charts.rates,
        running_points=training_charts.running_points,
        version=__version__,
        written=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


@cache
def _environment() -> Environment:
    """What the pages are drawn with; a template that reads what is not there raises.

    Its templates are compiled once.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("steelyard.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        f=formats,
        words=words(),
        key=key,
        bar=_bar,
        breakable=breakable,
        break_even_rows=break_even_rows.rows,
        css=Markup(packaged("report/static/report.css")),
        js=Markup(packaged("report/static/report.js")),
    )
    return environment


def _bar(arm: ArmView, view: View) -> str:
    """The small interval bar in an arm's row, on the axis all arms share."""
    quality = arm.quality
    title = f"{arm.name}: {formats.percent(quality.value)}, {formats.interval(quality)}"
    return interval_bar(quality, view.quality_range, title, "winner" if arm.winner else "")
