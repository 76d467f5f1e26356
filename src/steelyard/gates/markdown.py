"""A run's summary as Markdown, short enough for a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from steelyard.changes.records import ArmChange, RunComparison
from steelyard.gates.rules import GateResult, Gating
from steelyard.gates.summary import RunSummary
from steelyard.printing import printable
from steelyard.report import formats
from steelyard.report.changes import difference_text, documents_text
from steelyard.report.view import ArmView, View
from steelyard.result import Result
from steelyard.words import counted, one_line

_MOST_ARMS = 15
_LONGEST = 400  # characters of a text that comes from elsewhere
_SYMBOLS = {"passed": "✅", "failed": "❌", "error": "⚠️"}
_MARKUP = re.compile(r"([\\`*_{}\[\]<>|~&$])")
_LINKED = re.compile(r"(@|#|:(?=//)|www(?=\.))(?=\S)")
_APART = "\N{ZERO WIDTH SPACE}"
"""After ``@``, ``#`` and the like: a text from elsewhere notifies nobody and links nowhere."""


def markdown(summary: RunSummary) -> str:
    """Return the verdict, the gates, and a table of the arms, with the baseline's where there is one."""
    lines = [f"## Steelyard: {escaped(summary.task)}", ""]
    if summary.error is not None:
        lines += [f"{_SYMBOLS['error']} {escaped(summary.error)}", ""]
    if summary.result is not None:
        lines += [*_verdict(summary.result), *_gates(summary.gating), *_arms(summary)]
    return "\n".join(lines).rstrip() + "\n"


def escaped(text: str) -> str:
    """A text as plain words of Markdown, on one line: no markup, no mention, nothing invisible."""
    plain = _MARKUP.sub(r"\\\1", one_line(printable(text), _LONGEST))
    return str(_LINKED.sub(rf"\1{_APART}", plain))


def _verdict(result: Result) -> list[str]:
    view = View(result)
    sure = f"Confidence: {result.verdict.confidence}." if result.verdict.arm else view.leading
    return [f"**{escaped(view.headline)}** {escaped(sure)}".rstrip(), ""]


def _gates(gating: Gating) -> list[str]:
    return [*map(_gate, gating.gates), ""] if gating.gates else []


def _gate(gate: GateResult) -> str:
    return f"- {_SYMBOLS[gate.status]} {escaped(gate.line)}"


def _arms(summary: RunSummary) -> Iterator[str]:
    result, comparison = summary.result, summary.gating.comparison
    if result is None:
        return
    view = View(result)
    changes = summary.gating.changes
    head = ["Arm", f"{view.metric_name} ({formats.plain(view.level)} interval)", "Failed"]
    head += ["Cost per 1,000", "p95"]
    head += ["Change, points", "p"] if comparison is not None else []
    yield _row(map(escaped, head))
    yield _row(["---", *["---:"] * (len(head) - 1)])
    for arm in view.arms[:_MOST_ARMS]:
        change = changes.get(arm.name)
        yield _row([*_cells(arm), *(_change(change, comparison.common) if comparison else [])])
    yield ""
    if (more := len(view.arms) - _MOST_ARMS) > 0:
        yield f"And {counted(more, 'more arm')}: see `result.json`."
    yield from _unmeasured(result)
    if comparison is not None:
        yield _about(comparison)
        if text := documents_text(comparison):
            yield f"- {escaped(text)}"
        yield from (f"- {escaped(note)}" for note in comparison.notes)


def _unmeasured(result: Result) -> Iterator[str]:
    """The arms without figures: a model failed, or dev showed that they cannot win."""
    ends = [(arm.title, arm.end) for arm in result.ended]
    ends += [(arm.arm, arm.end) for arm in result.stopped]
    yield from (f"- {escaped(f'{name}: {end}')}" for name, end in ends[:_MOST_ARMS])
    if (more := len(ends) - _MOST_ARMS) > 0:
        yield f"- And {counted(more, 'more arm')} without figures: see `result.json`."
    yield from [""] if ends else []


def _row(cells: Sequence[str] | Iterator[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(arm: ArmView) -> list[str]:
    name = escaped(arm.title)
    cost, quality = arm.cost, arm.quality
    figures = [
        f"{formats.percent(quality.value)} ({formats.interval(quality)})",
        formats.count(arm.outcomes.failed),
        formats.per_thousand(cost.per_request, cost.currency),
        formats.seconds(arm.latency_seconds.p95),
    ]
    return [
        f"**{name}**" if arm.winner else name,
        *(escaped(formats.plain(cell)) for cell in figures),
    ]


def _change(change: ArmChange | None, common: int) -> list[str]:
    if change is None:
        return ["new", formats.plain(formats.NONE)]
    cells = [difference_text(change, common), formats.p_value(change.comparison.p_adjusted)]
    return [escaped(formats.plain(cell)) for cell in cells]


def _about(comparison: RunComparison) -> str:
    text = (
        f"Change against {comparison.before.folder}, on {comparison.common:,} test examples in both; "
        "p by Holm over the arms."
    )
    if comparison.gone:
        text += f" No longer there: {', '.join(comparison.gone)}."
    if comparison.missing_now:
        names = (arm.arm for arm in comparison.missing_now)
        text += f" Without figures now, see above: {', '.join(names)}."
    return escaped(text)
