"""The terminal: 80 columns, no colour needed."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

from rich.console import Console

from steelyard.report import table, verdict_text
from steelyard.report.terminal import ArmLabel
from steelyard.result import parse_result


def _printed(result: dict[str, Any]) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=80, no_color=True, force_terminal=False).print(
        table(parse_result(result))
    )
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_each_arm_is_one_line_of_at_most_80_columns(result: dict[str, Any]) -> None:
    lines = _printed(result)
    assert max(map(len, lines)) <= 80
    for arm in result["arms"]:
        [line] = [line for line in lines if line[2:].split(" ")[0] == arm["name"]]
        assert f"{100 * arm['quality']['value']:.1f}%" in line


def test_what_can_be_left_to_an_arm_is_a_column_where_the_task_asks_for_it(
    result: dict[str, Any],
) -> None:
    assert "At 99%" not in "\n".join(_printed(result))
    result["task"]["constraints"]["min_accuracy_at_coverage"] = 0.99
    for arm in result["arms"]:
        arm["handover"] = {"target": 0.99, "share": 0.377, "coverage": 0.623}
    result["arms"][0]["handover"] = None
    lines = _printed(result)
    assert max(map(len, lines)) <= 80
    assert "At 99%" in lines[0]
    column = lines[0].index("At 99%")
    cells = [line[column : column + 6].strip() for line in lines if line.count("$") >= 2]
    assert sorted(set(cells)) == ["-", "62.3%"]
    assert "At 99%: requests on which it is shown to be so right" in " ".join(
        line.strip() for line in lines
    )


def test_long_names_break_between_their_parts(result: dict[str, Any]) -> None:
    for arm in result["arms"]:
        arm["name"] = f"{arm['name']}@sentinel-3b-long"
    lines = _printed(result)
    assert max(map(len, lines)) <= 80
    firsts = [line[2:].split(" ")[0] for line in lines[2:]]
    assert "retrieved_few_shot_free" in firsts
    assert "@sentinel-3b-long" in firsts


def test_a_name_breaks_only_before_at_and_after_underscores() -> None:
    name = ArmLabel("* ", "optimized_prompt_free@smart")
    assert name.lines(29) == ["* optimized_prompt_free@smart"]
    assert name.lines(26) == ["* optimized_prompt_free", "  @smart"]
    assert name.lines(20) == ["* optimized_prompt_", "  free@smart"]
    assert name.lines(5) == ["* optimized_", "  prompt_", "  free", "  @smart"]


def test_marks_carry_what_colour_would(result: dict[str, Any]) -> None:
    text = "\n".join(_printed(result))
    assert "* lora " in text
    assert "x zero_shot " in text
    assert "* recommended; x breaks a constraint" in text


def test_unknown_figures_are_dashes(result: dict[str, Any]) -> None:
    for arm in result["arms"]:
        arm["cost"] = {"upfront": None, "per_request": None, "monthly": None, "reason": "no price"}
        arm["quality"] |= {"value": None, "low": None, "high": None, "reason": "not asked"}
    [line] = [line for line in _printed(result) if line.startswith("* lora ")]
    assert line.split()[2] == "-"
    assert line.split()[-2:] == ["-", "-"]


def test_verdict_says_what_why_what_flips_and_what_to_mind(result: dict[str, Any]) -> None:
    text = verdict_text(parse_result(result))
    assert text.startswith("VERDICT  Fine-tune: use lora.\n")
    assert max(map(len, text.splitlines())) <= 80
    for title in ("Why", "Ruled out by constraints", "What would change it", "Warnings"):
        assert f"\n{title}\n" in text
    assert "\x1b" not in text


def test_reasons_that_a_terminal_leaves_to_the_report_are_counted(result: dict[str, Any]) -> None:
    result["verdict"]["reasons"] = [f"reason {place}" for place in range(9)]
    text = verdict_text(parse_result(result))
    assert "Reason 2." in text and "Reason 3." not in text
    assert "And 6 more reasons: see the report." in text


def test_an_acronym_keeps_its_capitals_within_a_sentence(result: dict[str, Any]) -> None:
    assert "lora: accuracy 86.7" in verdict_text(parse_result(result))
    result["task"] |= {"metric": "rouge_l", "metric_titles": {"rouge_l": "ROUGE-L"}}
    assert "lora: ROUGE-L 86.7" in verdict_text(parse_result(result))


def test_undecided_verdict(result: dict[str, Any]) -> None:
    result["verdict"] = {
        "recommendation": "undecided",
        "arm": None,
        "confidence": "low",
        "reasons": ["too few test items"],
        "flips": [],
        "warnings": [],
        "details": {"leading": "lora", "more_items": 300},
    }
    text = verdict_text(parse_result(result))
    assert "No clear answer yet." in text
    assert "About 300 more test items would settle it." in text
    assert "What would change it" not in text


def test_importing_the_report_loads_no_rich_or_jinja() -> None:
    code = "import sys, steelyard.report; print({'rich', 'jinja2'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
