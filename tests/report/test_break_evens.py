"""The real cost so far, every part of the sums, and break-evens with their intervals, as they are drawn."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest

from steelyard.report import breakeven, render
from steelyard.report.break_even_rows import pair_rows, rows
from steelyard.report.sums import NOT_KNOWN, Sums
from steelyard.report.view import View
from steelyard.result import parse_result

PAIR = ("lora", "retrieved_few_shot")
TURNS = [
    {"day": 20.0, "requests": 200_000, "cheaper": "lora"},
    {"day": 100.0, "requests": 1_000_000, "cheaper": "retrieved_few_shot"},
    {"day": 140.0, "requests": 1_400_000, "cheaper": "lora"},
]
EVEN = {
    "against": "retrieved_few_shot",
    "requests": 1_400_000,
    "requests_low": 1_300_000,
    "requests_high": None,
    "days": 140.0,
    "days_low": 130.0,
    "days_high": None,
    "never": 0.12,
    "first": "retrieved_few_shot",
    "crossings": TURNS,
    "reason": "from then on: the cheaper of the two changes 3 times in all",
}
LINES: dict[str, dict[str, list[float]]] = {
    # lora pays 400 upfront and once more on day 100; the other 20 a day
    "lora": {"days": [0, 100, 100, 365], "cost": [400, 400, 2800, 2800]},
    "retrieved_few_shot": {"days": [0, 365], "cost": [0, 7300]},
}


@pytest.fixture
def paid(result: dict[str, Any]) -> dict[str, Any]:
    """The sample with costs over time for two of its arms, lora's with a step."""
    result["task"]["traffic"] = {"requests_per_day": 10_000, "horizon_days": 365}
    sums = []
    for name, line in LINES.items():
        band = {edge: [c * by for c in line["cost"]] for edge, by in (("low", 0.9), ("high", 1.1))}
        running = [{"part": "tokens", "amount": line["cost"][-1] - line["cost"][0]}]
        sums.append(
            {
                "arm": name,
                "upfront": [{"part": "training", "amount": 400.0}] if name == "lora" else [],
                "running": running,
                "total": line["cost"][-1],
                "line": {**line, **band},
            }
        )
    result["economics"] = {"horizon_days": 365, "requests_per_day": 10_000, "sums": sums}
    entry = {"arm": "lora", **EVEN}
    result["crossover"] = {**entry, "arms": [entry], "pairs": [entry], "scenarios": 20_000}
    return result


def drawn(result: dict[str, Any]) -> str:
    return str(breakeven.chart(View(parse_result(result)))).partition("</svg>")[0]


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+),([\d.]+)", path)]


def test_a_step_is_drawn_upright_inside_its_band(paid: dict[str, Any]) -> None:
    chart = drawn(paid)
    line = re.search(r'd="([^"]+)" class="curve winner"', chart)
    band = re.search(r'd="([^"]+)" class="spread winner"', chart)
    assert line is not None and band is not None
    track = points(line[1])
    jumps = [(a, b) for a, b in pairwise(track) if a[0] == b[0] and a[1] != b[1]]
    assert len(jumps) == 1, "the day on which it is paid once more"
    edges = points(band[1])
    low, high = edges[: len(edges) // 2], edges[len(edges) // 2 :][::-1]
    for (_, bottom), (_, middle), (_, top) in zip(low, track, high, strict=True):
        assert top - 0.1 <= middle <= bottom + 0.1, "on paper a larger sum lies higher"


def test_every_crossing_is_marked_with_its_requests_and_its_day(paid: dict[str, Any]) -> None:
    chart = drawn(paid)
    assert chart.count('class="crossing"') == len(TURNS)
    for text in ("200,000 requests, 20 days", "1,400,000 requests, 140 days"):
        assert text in chart
    assert "lora: " in chart and "$2,800 after 3,650,000 requests" in chart


def test_growth_moves_the_lines_on_paper_as_it_does_the_requests(paid: dict[str, Any]) -> None:
    still = drawn(paid)
    paid["task"]["traffic"]["growth_per_month"] = 0.2
    assert "$2,800 after 3,650,000 requests" in still
    assert "$2,800 after 3,650,000 requests" not in drawn(paid)


def test_an_older_result_is_drawn_where_its_costs_are_a_line(result: dict[str, Any]) -> None:
    assert drawn(result), "the sample has an amount upfront and one per request"
    result["task"]["traffic"]["growth_per_month"] = 0.1
    assert not drawn(result), "a mean request's line is not what it has cost so far"


def test_the_interval_the_chance_and_the_turns_stand_in_the_row(paid: dict[str, Any]) -> None:
    view = View(parse_result(paid))
    (row,) = rows(view, breakeven.crossings(view).happening)
    assert (row.requests, row.days) == ("1,400,000", "140 days")
    texts = [text.replace("\u202f", " ") for text in (row.requests_between, row.days_between)]
    assert texts == ["90 %: 1,300,000 to later", "90 %: day 130 to after day 365"]
    assert row.never == "costs more after 365 days in 12 % of the scenarios"
    assert row.turns == (
        "retrieved_few_shot costs less at first, lora from day 20 (200,000 requests), retrieved_few_shot "
        "from day 100 (1,000,000 requests), lora from day 140 (1,400,000 requests)."
    )
    assert pair_rows(view) == [row]
    page = render(parse_result(paid))
    section = page.partition('<section id="breakeven"')[2].partition("</section>")[0]
    assert section.count(row.turns) == 2 and "Any two arms" in section


def test_many_turns_are_counted(paid: dict[str, Any]) -> None:
    many = [{**TURNS[at % 2], "day": float(at + 1)} for at in range(20)]
    for one in (paid["crossover"], *paid["crossover"]["arms"], *paid["crossover"]["pairs"]):
        one["crossings"] = many
    (row,) = pair_rows(View(parse_result(paid)))
    assert row.turns.endswith("and 14 more changes.")
    assert drawn(paid).count('class="crossing"') == 1, "that of the break-even"


@pytest.mark.parametrize(
    ("fields", "none", "days", "never"),
    [
        ({"requests": 0, "days": 0.0, "days_low": 0.0, "days_high": 0.0, "requests_low": 0,
          "requests_high": 0, "never": 0.0, "reason": None}, "at once", "", ""),
        ({"requests": None, "days": None, "days_low": None, "requests_low": None, "never": 1.0,
          "reason": "never within 365 days"}, "never within 365 days", "", ""),
        ({"requests": None, "days": None, "days_low": None, "requests_low": None, "never": 0.97,
          "reason": "never within 365 days"}, "never within 365 days", "",
         "costs more after 365 days in 97 % of the scenarios"),
        ({"days_low": None, "requests_low": None, "never": 1.0}, "", "",
         "costs more after 365 days in every scenario"),
        ({"never": None}, "", "", ""),
    ],
)  # fmt: skip
def test_at_once_never_and_not_drawn(
    paid: dict[str, Any], fields: dict[str, Any], none: str, days: str, never: str
) -> None:
    paid["crossover"]["pairs"][0].update(fields | {"crossings": []})
    (row,) = pair_rows(View(parse_result(paid)))
    assert (row.none, row.days_between, row.never, row.turns) == (none, days, never, "")


def test_two_that_cost_the_same_say_so(paid: dict[str, Any]) -> None:
    tie = {"requests": 0, "requests_low": 0, "requests_high": None, "days": 0.0, "days_low": 0.0}
    tie |= {
        "days_high": None,
        "never": 0.5,
        "first": None,
        "crossings": [],
        "reason": "at once: of old",
    }
    paid["crossover"]["pairs"][0].update(tie)
    (row,) = pair_rows(View(parse_result(paid)))
    assert (row.none, row.days_between) == ("both cost the same", "")
    assert row.never == "costs more after 365 days in 50 % of the scenarios"


@pytest.mark.parametrize(
    ("low", "days", "high", "shown", "between"),
    [
        (1.23677, 1.24937, 1.26193, "30.0 hours", "29.7 hours to 30.3 hours"),
        (1.2, 1.25, 3.0, "30 hours", "29 hours to 72 hours"),
        (1.2, 1.25, 80.0, "1.25 days", "day 1.20 to day 80.00"),
        (1.2, 1.25, None, "1.25 days", "day 1.20 to after day 365"),
        (0.0, 0.5, 2.0, "12 hours", "the first request to 48 hours"),
        (139.6, 139.8, 140.4, "139.8 days", "day 139.6 to day 140.4"),
        (5.0, 5.0, 5.0, "5 days", "day 5"),
    ],
)
def test_a_day_and_its_interval_have_one_unit_and_are_apart(
    paid: dict[str, Any], low: float, days: float, high: float | None, shown: str, between: str
) -> None:
    fields = {"days_low": low, "days": days, "days_high": high, "crossings": []}
    fields["requests_high"] = None if high is None else 1_500_000
    paid["crossover"]["pairs"][0].update(fields)
    (row,) = pair_rows(View(parse_result(paid)))
    assert (row.days, row.days_between.partition(": ")[2]) == (shown, between)


def test_the_day_of_the_prices_is_named(paid: dict[str, Any]) -> None:
    paid["created"] = "2026-12-01T10:00:00+00:00"
    assert "at the prices of 2026-12-01;" in render(parse_result(paid))
    paid["prices_at"] = "2026-06-01"
    assert "at the prices of 2026-06-01;" in render(parse_result(paid))


def test_the_table_of_parts_has_a_dash_or_not_known_with_the_reason(paid: dict[str, Any]) -> None:
    lora, shots = paid["economics"]["sums"]
    lora["running"].append({"part": "rebuild", "amount": 2400.0})
    lora["ends_on"] = "2027-01-31"
    why = "not counted: give prices.label, what one label costs"
    for one in (lora, shots):
        one["upfront"].append({"part": "labels", "reason": why, "counted": False})
    shots["running"][0] = {"part": "tokens", "amount": None, "reason": "the price of m is unknown"}
    shots["total"] = None
    table = Sums(View(parse_result(paid)))
    assert list(table.upfront) == ["labels", "training"]
    assert list(table.running) == ["tokens", "rebuild"]
    first, last = table.rows
    assert [cell.amount for cell in first.upfront] == [NOT_KNOWN, "$400.00"]
    assert first.running[1].note == "from 2027-01-31"
    assert [cell.amount for cell in last.upfront] == [NOT_KNOWN, "\u2013"]
    assert [cell.amount for cell in last.running] == [NOT_KNOWN, "\u2013"]
    assert last.total.amount == NOT_KNOWN
    notes = " ".join(table.notes)
    assert f"Not known: labels ({why})." in notes
    assert "Not known: tokens of retrieved_few_shot (the price of m is unknown)." in notes
    assert "hand-over to people" in notes and "tokens" not in notes.partition("No arm has")[2]


def test_a_vendors_end_after_the_horizon_is_said(paid: dict[str, Any]) -> None:
    paid["economics"]["sums"][0]["ends_on"] = "2030-01-31"
    assert "ends the model of lora on 2030-01-31, after the horizon" in " ".join(
        Sums(View(parse_result(paid))).notes
    )


def test_an_older_result_has_no_table_of_parts(result: dict[str, Any]) -> None:
    assert not Sums(View(parse_result(result)))
    assert "Every part of the sums" not in render(parse_result(result))
