"""Money over time: what the result's economics say, drawn as they are."""

from __future__ import annotations

import re
from typing import Any

import pytest

from steelyard.report import render
from steelyard.report.money_charts import course, tornado
from steelyard.report.money_over_time import MOST_LINES, MoneyOverTime
from steelyard.report.terminal import verdict_text
from steelyard.report.view import View
from steelyard.result import parse_result

TUNED = {"arm": "lora", "against": "zero_shot", "chance": 0.831}
DAYS = {"days_low": 11.2, "days": 40.7, "days_high": 299.5}
MONTHS = (1, 3, 6, 12, 24, 36)
VOLUMES = (100.0, 1000.0, 10_000.0, 100_000.0)


def arm(name: str, monthly: float, cheapest: float, **more: Any) -> dict[str, Any]:
    ends = [monthly * min(month, 365 / 30) for month in range(1, 14)]
    band = {
        key: [end * by for end in ends] for key, by in (("low", 0.9), ("median", 1), ("high", 1.2))
    }
    return {
        "arm": name,
        "upfront": {"search": 0.0, "training": 0.0},
        "total": ends[-1],
        "cheapest": cheapest,
        "band": band,
        **more,
    }


def with_economics(result: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The sample, whose choice is lora and whose reference retrieved_few_shot, with made-up money."""
    cells = [[["zero_shot"]] * 6, [["zero_shot", "lora"]] * 6, [["lora"]] * 6, [["lora"]] * 6]
    result["economics"] = {
        "currency": "USD",
        "horizon_days": 365,
        "requests_per_day": 10_000,
        "scenarios": 20_000,
        "arms": [arm("zero_shot", 0.5, 0.0008), arm("lora", 0.4, 0.9992)],
        "map": {"volumes": VOLUMES, "months": MONTHS, "cheapest": cells},
        "assumptions": ["machines are paid by their busy seconds"],
        **more,
    }
    return result


def money(result: dict[str, Any], **more: Any) -> MoneyOverTime:
    return MoneyOverTime(View(parse_result(with_economics(result, **more))))


def page(result: dict[str, Any], **more: Any) -> str:
    """The section alone."""
    whole = render(parse_result(with_economics(result, **more)))
    return whole.partition('<section id="money"')[2].partition("</section>")[0]


WHERE = "Over 365 days at 10,000 requests a day"
BEST = f"{WHERE} lora is the cheapest of the 2 arms in the choice in over 99 % of the scenarios"
PAID = "lora has paid for itself against zero_shot with a chance of 83 %"


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({}, f"{BEST}."),
        (
            {"paid_back": [{**TUNED, **DAYS}]},
            f"{BEST}; {PAID}, in half of the scenarios by day 41 (90 %: day 12 to day 300).",
        ),
        (
            {"paid_back": [{**TUNED, **DAYS, "days_high": None}]},
            f"{BEST}; {PAID}, in half of the scenarios by day 41 (90 %: day 12 to after day 365).",
        ),
        (
            {"paid_back": [{**TUNED, "days_low": 0, "days": 0, "days_high": 0}]},
            f"{BEST}; {PAID}, on day 1.",
        ),
        ({"paid_back": [{**TUNED, "days_low": 90.0}]}, f"{BEST}; {PAID}."),
        ({"paid_back": [{**TUNED, "chance": None}]}, f"{BEST}."),
        (
            {"arms": [arm("zero_shot", 0.3, 0.7), arm("lora", 0.4, 0.3)]},
            f"{WHERE} zero_shot is the cheapest of the 2 arms in the choice in 70 % of the scenarios, "
            "lora, which is recommended, in 30 %.",
        ),
        (
            {"with_errors": True},
            f"{WHERE} lora is the cheapest of the 2 arms in the choice, wrong answers included, in over "
            "99 % of the scenarios.",
        ),
        (
            {"paid_back": [{**TUNED, "against": "few_shot"}]},
            f"{BEST}.",
        ),
        (
            {"arms": [arm("lora", 0.4, 1.0, total=2.0)], "with_errors": True},
            "lora is the only arm in the choice: $4.87 in all over 365 days at 10,000 requests a day, wrong "
            "answers included, and $2.00 without them.",
        ),
        (
            {"arms": [arm("lora", 0.4, 1.0)]},
            "lora is the only arm in the choice: $4.87 over 365 days at 10,000 requests a day.",
        ),
    ],
)
def test_the_sentence(result: dict[str, Any], more: dict[str, Any], sentence: str) -> None:
    assert money(result, **more).sentence.replace("\u202f", " ") == sentence


OF_PAIR = {"arm": "lora", "against": "zero_shot", "never": 0.9, "first": "zero_shot"}
TURNED = {"arm": "zero_shot", "against": "lora", "never": 0.1, "first": "zero_shot"}


@pytest.mark.parametrize(
    ("even", "bare"),
    [
        (OF_PAIR, "; without wrong answers, 10 %"),
        (TURNED, "; without wrong answers, 10 %"),
        ({**TURNED, "first": None}, ""),
        ({**OF_PAIR, "never": None}, ""),
        ({**OF_PAIR, "against": "rag"}, ""),
    ],
)
def test_a_chance_with_wrong_answers_says_so_and_what_it_is_without(
    result: dict[str, Any], even: dict[str, Any], bare: str
) -> None:
    result["crossover"] = {**result["crossover"], "arms": [], "pairs": [even]}
    only = [arm("majority", 0.4, 1.0)]
    for more in ({}, {"arms": only}):
        whole = page(result, paid_back=[TUNED], with_errors=True, **more).replace("\u202f", " ")
        clause = "against zero_shot, wrong answers included, with a chance of 83 %"
        assert whole.count(clause + bare) == 1 and ("without wrong answers" in whole) == bool(bare)
        assert "lora has" not in money(result, arms=only, paid_back=[TUNED]).sentence
    without = page(result, paid_back=[TUNED])
    assert "wrong answers" not in without.partition("Every part")[0]


def test_assumed_traffic_is_called_assumed(result: dict[str, Any]) -> None:
    result["task"]["traffic"]["assumed"] = True
    assert "10,000 requests a day (assumed)" in money(result).sentence


@pytest.mark.parametrize("lead", [0.0002, 35.0])
def test_a_lead_that_decides_nothing_is_no_sure_winner(result: dict[str, Any], lead: float) -> None:
    near = {**arm("zero_shot", 0.5, 0.0), "total": 788.0 + lead}
    cheap, far = (
        {**arm("few_shot", 0.5, 1.0), "total": 788.0},
        {**arm("lora", 0.5, 0.0), "total": 999.0},
    )
    sentence = money(result, arms=[near, cheap, far]).sentence.replace("\u202f", " ")
    assert "zero_shot and few_shot cost least, and about the same (within 1 USD or 5 %)" in sentence
    assert "over 99 %" not in sentence
    assert "lora, which is recommended, is the cheapest in under 1 % of the scenarios" in sentence
    cheap["total"] = 700.0
    assert (
        "few_shot is the cheapest of the 3 arms" in money(result, arms=[near, cheap, far]).sentence
    )


def test_the_sentence_says_how_the_volume_grows(result: dict[str, Any]) -> None:
    result["task"]["traffic"]["growth_per_month"] = 0.03
    sentence = money(result).sentence.replace("\u202f", " ")
    assert "at 10,000 requests a day, growing by 3.0 % a month, lora is" in sentence
    assert money(result, arms=[arm("lora", 0.4, 1.0)]).sentence.endswith("a month.")


def test_with_errors_the_order_is_by_the_cost_in_all(result: dict[str, Any]) -> None:
    arms = [arm("lora", 0.4, 0.9), arm("majority", 9.0, 0.1, total=0.001)]
    assert [row.name for row in money(result, arms=arms).rows] == ["majority", "lora"]
    section = money(result, arms=arms, with_errors=True)
    assert [row.name for row in section.rows] == ["lora", "majority"]
    assert section.rows[0].in_all == "$4.87"


def test_the_map_names_the_arms_of_every_cell_and_marks_the_task(result: dict[str, Any]) -> None:
    cells = money(result).map
    assert [row.volume for row in cells.rows] == list(VOLUMES)
    assert cells.rows[1].cells[0].names == ("zero_shot", "lora")
    marked = [(row.volume, at) for row in cells.rows for at, c in enumerate(row.cells) if c.is_task]
    assert marked == [(10_000.0, MONTHS.index(12))], "365 days are the column of 12 months"
    assert cells.where.endswith("is the cell marked “your task”.")
    section = page(result)
    assert section.count("<td class=") == 24 + section.count('<td class="num')
    assert section.count("your task</small>") == 1
    assert '<td class="t1 tie"' in section and '<td class="t0 here"' in section


@pytest.mark.parametrize(
    ("volume", "days", "place"),
    [
        (2500, 365, "between 1,000 and 10,000 requests a day, and at 12 months"),
        (20, 10, "below 100 requests a day, and below 1 month"),
        (10_000_000, 2000, "above 100,000 requests a day, and above 36 months"),
        (1000, 270, "at 1,000 requests a day, and between 6 months and 12 months"),
    ],
)
def test_a_task_between_the_cells_is_placed_in_words(
    result: dict[str, Any], volume: int, days: int, place: str
) -> None:
    cells = money(result, requests_per_day=volume, horizon_days=days).map
    assert not any(cell.is_task for row in cells.rows for cell in row.cells)
    assert cells.where.endswith(f"lies {place}.")


def test_one_arm_everywhere_is_a_sentence_and_no_map(result: dict[str, Any]) -> None:
    same = {"volumes": VOLUMES, "months": MONTHS, "cheapest": [[["lora"]] * 6] * 4}
    section = page(result, map=same)
    assert "lora is the cheapest at every volume from 100 to 100,000 requests a day" in section
    assert "territory" not in section


def test_six_lines_at_most_the_choice_the_reference_then_by_total(result: dict[str, Any]) -> None:
    names = ["retrieved_few_shot", "lora", *(f"arm_{n}" for n in range(8))]
    arms = [arm(name, 9.0 - at, 0.0) for at, name in enumerate(names)]
    section = money(result, arms=arms)
    first = ["lora", "retrieved_few_shot", "arm_7", "arm_6", "arm_5", "arm_4"]
    assert [line.arm for line in section.lines] == first
    assert len({section.tone(line.arm) for line in section.lines}) == MOST_LINES
    drawn = str(course(View(parse_result(result))))
    assert drawn.count('class="band"') == drawn.count('class="course"') == 2 * MOST_LINES
    assert [row.name for row in section.rows][:2] == ["arm_7", "arm_6"]
    assert "4 more in the table" in page(result, arms=arms)


def test_a_band_holds_its_line_from_upfront_to_the_horizon(result: dict[str, Any]) -> None:
    drawn = str(course(View(parse_result(with_economics(result)))))
    band = re.search(r'd="M([^"]+)Z" class="band"', drawn)
    line = re.search(r'd="M([^"]+)" class="course"', drawn)
    assert band is not None and line is not None
    points = [tuple(map(float, point.split(","))) for point in line[1].split("L")]
    edges = [tuple(map(float, point.split(","))) for point in band[1].split("L")]
    assert len(points) == 14 and len(edges) == 28, "day 0 and 13 ends of months"
    lows, highs = edges[:14], edges[14:][::-1]
    for low, middle, high in zip(lows, points, highs, strict=True):
        assert low[0] == middle[0] == high[0]
        assert low[1] >= middle[1] >= high[1], "on paper a larger sum lies higher"
    assert "logarithmic" not in drawn


def test_totals_far_apart_get_a_logarithmic_axis(result: dict[str, Any]) -> None:
    arms = [arm("lora", 0.4, 0.0), arm("zero_shot", 0.001, 1.0)]
    assert "logarithmic" in str(course(View(parse_result(with_economics(result, arms=arms)))))


def test_a_free_arm_and_a_month_alone_can_be_drawn(result: dict[str, Any]) -> None:
    short = {"low": [0.0], "median": [0.0], "high": [0.0]}
    arms = [arm("lora", 0.4, 0.5), arm("majority", 0.0, 0.5, band=short)]
    view = View(parse_result(with_economics(result, arms=arms, horizon_days=20)))
    assert "Days at 10,000 requests a day" in str(course(view))
    view = View(parse_result(with_economics(result, arms=arms[1:])))
    assert str(course(view)) == "", "nothing but zeros is no picture"


SWINGS = [
    {"input": "prices of machines", "low": 5.0, "high": -1.5},
    {"input": "input tokens of lora", "low": 2.0, "high": 3.0},
]


def test_the_tornado_is_about_the_first_of_the_pairs(result: dict[str, Any]) -> None:
    other = {"arm": "lora_free", "against": "few_shot", "chance": 0.2}
    section = page(result, paid_back=[TUNED, other], tornado=SWINGS)
    assert "What moves the saving of lora over zero_shot" in section
    assert "lora_free has paid for itself against few_shot with a chance of 20\u202f%." in section
    drawn = str(tornado(View(parse_result(result))))
    assert drawn.count('class="swing"') == 2 * len(SWINGS)
    assert "prices of machines: $5.00 at its 10th percentile, \u2212$1.50 at its 90th" in drawn


def test_no_pair_no_tornado(result: dict[str, Any]) -> None:
    assert "What moves the saving" not in page(result, tornado=SWINGS)


def test_machines_by_busy_seconds_and_always_on(result: dict[str, Any]) -> None:
    machine = {"hour": 0.5, "busy_month": 0.41, "on_month": 720.0, "replicas": 2}
    arms = [arm("lora", 0.4, 0.9, machine=machine), arm("zero_shot", 0.5, 0.1)]
    section = re.sub(r"<[^>]+>", " ", page(result, arms=arms))
    assert re.search(r"\$0\.41 +at \$0\.50 an hour +\$720\.00 +2 machines", section)
    assert "no machine of your own" in section
    assert "always on" not in page(result), "no arm has a machine"


def test_what_upfront_was_for_where_in_parts_or_not_known(result: dict[str, Any]) -> None:
    parts = {"search": 0.4, "training": 1.2, "labels": 0.0}
    arms = [
        arm("lora", 0.4, 0.9, upfront=parts),
        arm("zero_shot", 0.5, 0.1, upfront={"labels": None}),
    ]
    first, second = money(result, arms=arms).rows
    assert first.kinds == ["search $0.40", "training $1.20"]
    assert second.kinds == ["labels not known"]


def test_chances_are_never_certain_in_the_table(result: dict[str, Any]) -> None:
    rows = money(result, arms=[arm("lora", 0.4, 1.0), arm("zero_shot", 0.5, 0.0)]).rows
    assert [row.chance for row in rows] == ["over 99\u202f%", "under 1\u202f%"]


def test_the_small_print_has_every_assumption(result: dict[str, Any]) -> None:
    section = page(result)
    assert "20,000 scenarios of measured tokens and assumed prices." in section
    assert "Machines are paid by their busy seconds." in section
    assert "wrong answers" not in section
    assert "Wrong answers count at their price" in page(result, with_errors=True)


def test_with_a_reason_that_line_stands_alone(result: dict[str, Any]) -> None:
    why = "no arm that the verdict could choose has a known cost"
    result["economics"] = {"reason": why}
    section = (
        render(parse_result(result)).partition('<section id="money"')[2].partition("</section>")[0]
    )
    assert f"Not weighed: {why}." in section
    assert "<table" not in section and "<svg" not in section


def test_an_older_result_has_no_section(result: dict[str, Any]) -> None:
    assert "economics" not in result
    whole = render(parse_result(result))
    assert 'id="money"' not in whole and 'href="#money"' not in whole
    assert 'href="#money"' in render(parse_result(with_economics(result)))


def test_names_are_escaped(result: dict[str, Any]) -> None:
    name = '<b>"x"</b>'
    cells = {"volumes": [100.0], "months": [1, 3], "cheapest": [[[name], [name, "lora"]]]}
    section = page(
        result,
        arms=[arm(name, 0.4, 0.9), arm("lora", 0.5, 0.1)],
        map=cells,
        paid_back=[{**TUNED, "against": name}],
        tornado=[{**SWINGS[0], "input": f"prices of {name}"}],
        assumptions=[f"cost unknown, so not weighed: {name}"],
    )
    assert "<b>" not in section and 'title="<' not in section
    assert section.count("&lt;b&gt;") > 8


def test_the_terminal_says_once_whether_the_choice_has_paid_for_itself(
    result: dict[str, Any],
) -> None:
    plain = verdict_text(parse_result(result))
    text = verdict_text(parse_result(with_economics(result, paid_back=[{**TUNED, **DAYS}])))
    assert "paid for itself" not in plain
    assert " ".join(text.split()).count(f"{WHERE} {PAID}, in half of the scenarios by day 41") == 1
    other = {**TUNED, **DAYS, "arm": "lora_free"}
    assert verdict_text(parse_result(with_economics(result, paid_back=[other]))) == plain
