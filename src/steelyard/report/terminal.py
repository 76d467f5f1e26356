"""The result on a terminal: a table of the arms, and the verdict in plain text."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steelyard.report import formats
from steelyard.report.documents import DocumentsView
from steelyard.report.exchange import Exchange, labels_sentence
from steelyard.report.freshness import FreshnessView
from steelyard.report.money_over_time import MoneyOverTime
from steelyard.report.view import ArmView, View
from steelyard.result import Result
from steelyard.result.steadiness import Handover
from steelyard.words import counted

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

_WIDTH = 80
_MOST_REASONS = 3
_INDENT = "  "


@dataclass(frozen=True)
class ArmLabel:
    """An arm's name in a table: where the column is narrow it breaks before ``@`` or after ``_``."""

    mark: str
    name: str

    def lines(self, room: int) -> list[str]:
        """Return the name on as few lines of ``room`` columns as its parts allow."""
        lines = [self.mark]
        for part in filter(None, re.findall(r"@?[^@_]*_?", self.name)):
            if len(lines[-1]) + len(part) <= room or lines == [self.mark]:
                lines[-1] += part
            else:
                lines.append(_INDENT[: len(self.mark)] + part)
        return lines

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        from rich.measure import Measurement

        return Measurement(max(map(len, self.lines(0))), len(self.mark + self.name))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[Text]:
        from rich.text import Text

        yield Text("\n".join(self.lines(options.max_width)), overflow="fold")


def table(result: Result) -> Table:
    """Return the arms as a rich table that fits 80 columns and reads without colour."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    view = View(result)
    grid = Table(box=box.SIMPLE_HEAD, padding=0, pad_edge=False, show_edge=False)
    grid.add_column("Arm", overflow="fold")
    grid.add_column(
        f"{view.metric_name}, {formats.plain(view.level)}", justify="right", overflow="fold"
    )
    for name in ("Fail", *_coverage_column(view), "p", "p95", "A month", "Upfront"):
        grid.add_column(name, justify="right", overflow="fold")
    for arm in view.arms:
        style = "bold" if arm.winner else "dim" if arm.breaks or arm.is_ceiling else ""
        figures = (Text(cell) for cell in _cells(arm, bool(_coverage_column(view))))
        grid.add_row(ArmLabel(_mark(arm), formats.plain(arm.name)), *figures, style=style)
    grid.caption = Text(_caption(view), justify="left")
    grid.caption_justify = "left"
    return grid


def _coverage_column(view: View) -> list[str]:
    """The head of the column of what can be left to an arm, where the task asks for it."""
    target = view.task.constraints.min_accuracy_at_coverage
    return [] if target is None else [f"At {100 * target:.6g}%"]


def _cells(arm: ArmView, has_coverage: bool) -> list[str]:
    cost, handover = arm.cost, arm.handover or Handover()
    p = formats.p_value(arm.versus.p_adjusted if arm.versus else None).replace(" ", "")
    between = formats.interval(arm.quality).replace(" to ", "-")
    quality = formats.percent(arm.quality.value)
    figures = [
        formats.NONE if arm.quality.value is None else f"{quality} {between}",
        formats.count(arm.outcomes.failed),
        *([formats.percent(handover.coverage)] if has_coverage else []),
        "ref" if arm.reference else "ceil." if arm.is_ceiling else p,
        formats.seconds(arm.latency_seconds.p95),
        formats.money(cost.monthly, cost.currency),
        formats.money(cost.upfront, cost.currency),
    ]
    return [formats.plain(figure) for figure in figures]


def _mark(arm: ArmView) -> str:
    return "* " if arm.winner else "^ " if arm.is_ceiling else "x " if arm.breaks else _INDENT


def _caption(view: View) -> str:
    notes = ["* recommended"] if view.winner else []
    if any(arm.is_ceiling for arm in view.arms):
        notes.append("^ ceiling: shown the evidence, so not in the choice")
    notes += ["x breaks a constraint"] if any(arm.breaks for arm in view.arms) else []
    if kept := [arm.name for arm in view.arms if arm.measured_before]:
        notes.append(f"measured before: {', '.join(kept)}")
    if view.result.reference:
        notes.append(f"p: against {view.result.reference}, Holm")
    if head := _coverage_column(view):
        notes.append(f"{head[0]}: requests on which it is shown to be so right")
    return "; ".join(notes)


def verdict_text(result: Result) -> str:
    """Return the verdict in 80 columns of plain text: what, how sure, why, what would flip it."""
    view = View(result)
    lines = [f"VERDICT  {view.headline}"]
    confidence, dropped = view.verdict.confidence, view.verdict.details.dropped
    if view.winner is not None:
        lines += _figures(view, view.winner)
    elif view.leading:
        lines += textwrap.wrap(view.leading, _WIDTH)
    if confidence and view.winner is not None:
        sure = f", {view.certainty}" if view.certainty else ""
        lines += textwrap.wrap(f"Confidence: {confidence}{sure}.", _WIDTH)
    more = len(view.reasons) - _MOST_REASONS
    rest = [f"And {counted(more, 'more reason')}: see the report."] if more > 0 else []
    lines += _block("Why", [*view.reasons[:_MOST_REASONS], *rest])
    lines += _block("Documents", filter(None, [DocumentsView(view).largest_bin]))
    if dropped:
        names = ", ".join(arm.arm for arm in dropped)
        lines += _block("Ruled out by constraints", [names])
    paid_back = MoneyOverTime(view).of_choice
    changes = [Exchange(view).sentence, paid_back, *view.flips, labels_sentence(view)]
    lines += _block("What would change it", filter(None, changes))
    lines += _block("Prompt and tuned weights together", _hybrids(view))
    lines += _block("When a fact changes", filter(None, [FreshnessView(view).sentence]))
    lines += _block("Warnings", view.warnings)
    return "\n".join(lines)


def _hybrids(view: View) -> list[str]:
    """How the gains of each hybrid's first arm add; its free twin is in the report."""
    first = {each.strategy: each for each in reversed(view.result.hybrids)}
    return [f"{each.arm}: {each.sentence}." for each in reversed(first.values())]


def _figures(view: View, arm: ArmView) -> list[str]:
    figures = [f"{_inside(label)} {value} ({note})" for label, value, note in view.keys]
    return textwrap.wrap(f"{arm.name}: {_thin('; '.join(figures))}.", _WIDTH)


def _inside(label: str) -> str:
    """A label within a sentence: ``cost a month``, but ``ROUGE-L``."""
    return label[:1].lower() + label[1:] if label[1:2].islower() else label


def _thin(words: str) -> str:
    return words.replace(formats.THIN, " ").replace("< ", "<")


def _block(title: str, points: Iterable[str]) -> list[str]:
    wrapped = [
        textwrap.fill(_thin(point), _WIDTH, initial_indent="  - ", subsequent_indent="    ")
        for point in points
    ]
    return ["", title, *wrapped] if wrapped else []
