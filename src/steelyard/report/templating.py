"""What every page is drawn with: the templates' environment, and files that pages carry inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steelyard.packaged import packaged
from steelyard.report import formats
from steelyard.report.marks import breakable, interval_bar, key
from steelyard.report.view import ArmView, View, words

if TYPE_CHECKING:
    from jinja2 import Environment


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
    return str(packaged(f"report/static/{name}"))


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
