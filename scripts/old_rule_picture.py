"""Draw docs/old-rule.svg: which way is the cheapest, by volume and horizon, in three price worlds.

It is drawn from the calculator's worked examples; a test compares the file with what this writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from steelyard.calculator.prices import PriceList
from steelyard.calculator.sections import CostConfig
from steelyard.calculator.sheets import SheetMaker, traffic_of
from steelyard.calculator.worked_examples import worked_example
from steelyard.economics.floats import FloatSheet

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "old-rule.svg"
DAY = date(2026, 12, 1)
WORLDS = (
    ("bot-2023", "2023: list price of GPT-4"),
    ("bot-2026", "2026: gpt-4.1, tuned and hosted"),
    ("bot-machine", "2026: a machine of one's own"),
)
RULE = 10_000  # requests a day
MONTHS = 36
DECADES = (2, 7)
LEFT, TOP, WIDE, HIGH, GAP = 56, 66, 270, 216, 44
STEPS = WIDE * 4
SAME = 1e-9
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1b1f24 }
.title { font-weight: 600 } .note { fill: #57606a } .rule { stroke: #1b1f24; stroke-dasharray: 4 3 }
.page { fill: #ffffff } .frame { fill: none; stroke: #8c959f }
.long-prompt { fill: #cfe0f5 } .tuned { fill: #fbd49b } .prefix-kept { fill: #c4e6cf } .same { fill: #e4e6e9 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .note { fill: #9da7b1 } .rule { stroke: #e6edf3 }
  .page { fill: #0d1117 } .frame { stroke: #6e7681 }
  .long-prompt { fill: #1f4270 } .tuned { fill: #7a4a10 }
  .prefix-kept { fill: #1f5a38 } .same { fill: #363c44 }
}
""".strip()


class Box(NamedTuple):
    """Volumes from ``left`` to ``right`` and horizons from month ``low`` up to ``high``, of one colour."""

    left: int
    right: int
    low: int
    high: int
    names: tuple[str, ...]


def main() -> None:
    PICTURE.write_text(picture(), encoding="utf-8")


def picture() -> str:
    """The drawing, which follows the reader's light or dark."""
    width = LEFT + len(WORLDS) * (WIDE + GAP)
    height = TOP + HIGH + 46
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-label="Which way is the cheapest, by requests a day and '
        'months, in three price worlds">',
        f"<style>{STYLE}</style>",
        f'<rect class="page" width="{width}" height="{height}"/>',
        _text(
            LEFT,
            18,
            "The cheapest way for the support bot: 500 prompt tokens or, tuned, 50",
            "title",
        ),
        _text(LEFT, TOP + HIGH + 36, "requests a day"),
        f'<text transform="translate(14 {TOP + HIGH / 2:g}) rotate(-90)" text-anchor="middle">months</text>',
    ]
    for at, (example, title) in enumerate(WORLDS):
        parts += _panel(LEFT + at * (WIDE + GAP), title, boxes(example), is_first=at == 0)
    return "\n".join([*parts, "</svg>", ""])


def boxes(example: str) -> list[Box]:
    """Who is the cheapest in an example, as boxes of the grid; ways that cost the same are named together."""
    config = CostConfig.model_validate(worked_example(example))
    sheets = SheetMaker(config, PriceList(config, DAY), lambda amount: amount.middle).sheets()
    floats, traffic = [FloatSheet.of(sheet) for sheet in sheets], traffic_of(config)
    volumes = np.logspace(*DECADES, STEPS + 1)
    volumes = np.sqrt(volumes[1:] * volumes[:-1])  # the middle of each step
    rows = []
    for month in range(1, MONTHS + 1):
        here = replace(traffic, horizon_days=30 * month)
        totals = np.array([sheet.total(here, volumes) for sheet in floats])
        rows.append(tuple(_runs(totals, [sheet.name for sheet in sheets])))
    result, low = [], 0
    for runs, same in groupby(rows):
        high = low + len(list(same))
        result += [Box(left, right, low, high, names) for left, right, names in runs]
        low = high
    return result


def _runs(
    totals: npt.NDArray[np.float64], names: list[str]
) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    is_least = totals <= totals.min(axis=0) * (1 + SAME)
    left = 0
    for winners, same in groupby(map(tuple, is_least.T)):
        right = left + len(list(same))
        yield left, right, tuple(name for name, wins in zip(names, winners, strict=True) if wins)
        left = right


def _panel(left: int, title: str, cells: list[Box], *, is_first: bool) -> Iterator[str]:
    yield _text(left, TOP - 24, title, "title")
    for box in cells:
        y = TOP + HIGH * (1 - box.high / MONTHS)
        colour = box.names[0].replace(" ", "-") if len(box.names) == 1 else "same"
        yield (
            f'<rect class="{colour}" x="{left + box.left / 4:g}" y="{y:g}" '
            f'width="{(box.right - box.left) / 4:g}" height="{HIGH * (box.high - box.low) / MONTHS:g}" '
            'shape-rendering="crispEdges"/>'
        )
    yield f'<rect class="frame" x="{left}" y="{TOP}" width="{WIDE}" height="{HIGH}"/>'
    yield from _labels(left, cells)
    x = left + _place(np.log10(RULE))
    yield f'<line class="rule" x1="{x:g}" x2="{x:g}" y1="{TOP - 6}" y2="{TOP + HIGH}"/>'
    yield _text(x, TOP - 9, f"the old rule: tune from {RULE:,}", "note", "middle")
    for power in range(DECADES[0], DECADES[1] + 1):
        text = {2: "100", 3: "1,000", 4: "10,000", 5: "100k", 6: "1m", 7: "10m"}[power]
        yield _text(left + _place(power), TOP + HIGH + 16, text, "note", "middle")
    if is_first:
        for month in (1, 12, 24, 36):
            y = TOP + HIGH * (1 - (month - 0.5) / MONTHS)
            yield _text(left - 6, y + 4, str(month), "note", "end")


def _labels(left: int, cells: list[Box]) -> Iterator[str]:
    """The names of each colour, in the middle of where it lies."""
    rule = _place(np.log10(RULE))
    for names in dict.fromkeys(box.names for box in cells):
        here = [box for box in cells if box.names == names]
        sizes = np.array([(box.right - box.left) * (box.high - box.low) for box in here])
        x = sum(size * (box.left + box.right) / 8 for size, box in zip(sizes, here, strict=True))
        y = sum(size * (box.low + box.high) / 2 for size, box in zip(sizes, here, strict=True))
        lines = list(names) if len(names) == 1 else [*names, "cost the same"]
        if sizes.sum() < 4 * STEPS * MONTHS / 100:
            continue  # too small for words
        top = TOP + HIGH * (1 - y / sizes.sum() / MONTHS) - 8 * (len(lines) - 1) + 4
        middle = x / sizes.sum()
        if abs(middle - rule) < WIDE / 5:  # beside the line of the rule, not on it
            ends = min(box.left for box in here) / 4, max(box.right for box in here) / 4
            wider = ends[0] if rule - ends[0] > ends[1] - rule else ends[1]
            middle = (rule + wider) / 2
        for row, line in enumerate(lines):
            yield _text(left + middle, top + 16 * row, line, "", "middle")


def _place(power: float) -> float:
    return WIDE * (power - DECADES[0]) / (DECADES[1] - DECADES[0])


def _text(x: float, y: float, text: str, name: str = "", anchor: str = "start") -> str:
    kind = f' class="{name}"' if name else ""
    safe = text.replace("&", "&amp;").replace("<", "&lt;")
    return f'<text{kind} x="{x:g}" y="{y:g}" text-anchor="{anchor}">{safe}</text>'


if __name__ == "__main__":
    main()
