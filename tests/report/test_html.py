"""The page: complete, closed, escaped, accessible, and honest about what is missing."""

from __future__ import annotations

import re
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from steelyard.report import render
from steelyard.result import parse_result

Attributes = dict[str, str | None]
_VOID = {"meta", "link", "br", "img", "input", "wbr", "hr"}


class Outline(HTMLParser):
    """Every element with its attributes, the visible text, and whether the tags balance."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, Attributes]] = []
        self.text: list[str] = []
        self.stack: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.stack):
            self.text.append(data)

    def named(self, tag: str) -> list[Attributes]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def words(self) -> str:
        return re.sub(r"[ \t\n]+", " ", " ".join(self.text))


def test_every_arm_and_its_quality_appears(result: dict[str, Any]) -> None:
    words = Outline(render(parse_result(result))).words
    for arm in result["arms"]:
        assert arm["name"].replace("_", "_ ") in words or arm["name"] in words
        assert f"{100 * arm['quality']['value']:.1f}\u202f%" in words


def test_verdict_comes_first(result: dict[str, Any]) -> None:
    found = re.findall(r'<h[12] id="([\w-]+)"', render(parse_result(result)))
    order = (
        "verdict warnings picture-h arms-h breakeven-h steady-h mistakes-h prompts-h ten-h data-h "
        "method-h"
    )
    assert found == order.split()


def test_reasons_flips_and_warnings_are_all_there(result: dict[str, Any]) -> None:
    words = Outline(render(parse_result(result))).words
    verdict = result["verdict"]
    dropped = {f"{d['arm']} is ruled out: {d['reason']}" for d in verdict["details"]["dropped"]}
    for said in verdict["reasons"] + verdict["flips"] + verdict["warnings"]:
        if said not in dropped:
            assert said[1:] in words
    for each in verdict["details"]["dropped"]:
        assert each["reason"] in words


def test_tags_balance_and_ids_are_unique(result: dict[str, Any]) -> None:
    outline = Outline(render(parse_result(result)))
    assert outline.stack == []
    ids = Counter(a["id"] for _, a in outline.elements if "id" in a)
    assert [name for name, n in ids.items() if n > 1] == []


@pytest.mark.parametrize("free", [(), ("zero_shot",), ("zero_shot", "few_shot")])
def test_the_legend_says_what_hollow_means_where_a_mark_is_hollow(
    result: dict[str, Any], free: tuple[str, ...]
) -> None:
    result["arms"] = [arm for arm in result["arms"] if not arm["name"].endswith("_free")]
    result["constraint"] = []
    for arm in result["arms"]:
        arm["options"]["decoding"] = "free" if arm["name"] in free else "constrained"
    page = render(parse_result(result))
    picture = page[page.index('id="picture"') : page.index('id="arms"')]
    assert picture.count('class="mark free"') == (2 * len(free) + 1 if free else 0)
    assert ("hollow: answers in free text" in picture) is bool(free)


def test_nothing_is_loaded_from_elsewhere(result: dict[str, Any]) -> None:
    page = render(parse_result(result))
    outline = Outline(page)
    for _, attributes in outline.elements:
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#")
    assert "http://" not in page
    assert "https://" not in page
    assert "url(" not in page
    assert "@import" not in page
    assert len(page.encode()) < 1_000_000


def test_user_text_is_escaped_everywhere(result: dict[str, Any]) -> None:
    evil = "<script>alert('x')</script><img src=x onerror=alert(1)>\"'"
    arm = result["arms"][-2]
    assert arm["name"] == "lora"
    result["task"]["name"] = evil
    result["task"]["instruction"] = evil
    result["verdict"]["reasons"] = [evil]
    result["verdict"]["warnings"] = [evil]
    result["arms"][0]["name"] = evil
    result["arms"][0]["options"] = {evil: evil, "spread": {evil: 0.5, "other": 0.2}}
    result["prices"][0]["source"] = evil
    result["confusion"]["lora"]["labels"][0] = evil
    result["per_slice"]["lora"][0]["slice"] = evil
    result["audit"]["skipped"]["rows"][0]["reason"] = evil
    result["left_out"] = [{"strategy": evil, "reason": evil}]
    turn = {"from": evil, "to": "lora", "error_cost": 0.01}
    result["verdict"]["turning_prices"] = [turn, {**turn, "error_cost": 0.5}]
    result["verdict"]["more_labels"] = {"reason": evil}
    figures = {each["name"]: {"value": None, "reason": evil} for each in result["arms"]}
    result["slices"] = {"a": "lora", "rows": [{"slice": evil, "n": 3, "arms": figures}]}
    result["split"]["method"] = evil
    sample = result["samples"][0]
    sample |= {"input": evil, "reference": evil, "slice": evil}
    sample["answers"]["lora"] = {"output": None, "text": evil, "score": 0.0, "reason": evil}
    outline = Outline(render(parse_result(result)))
    assert len(outline.named("script")) == 1
    assert outline.named("img") == []
    assert not any(name.startswith("on") for _, a in outline.elements for name in a)


def test_a_script_in_a_ticket_is_shown_as_text(result: dict[str, Any]) -> None:
    page = render(parse_result(result))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_no_nan_none_or_infinity_is_shown(result: dict[str, Any]) -> None:
    page = render(parse_result(result))
    words = Outline(page).words
    assert not re.search(r"\b(nan|NaN|None|inf|Infinity|undefined)\b", words)
    assert not re.search(r'(?:x|y|cx|cy|r|points|d|x1|y1)="[^"]*(?:nan|inf)', page)


def test_headings_are_in_order(result: dict[str, Any]) -> None:
    levels = [
        int(tag[1])
        for tag, _ in Outline(render(parse_result(result))).elements
        if tag in {"h1", "h2", "h3"}
    ]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_pictures_and_tables_are_named(result: dict[str, Any]) -> None:
    page = render(parse_result(result))
    outline = Outline(page)
    assert outline.named("html")[0]["lang"] == "en"
    for svg in re.findall(r"<svg.*?</svg>", page, flags=re.S):
        assert "<title" in svg or 'aria-hidden="true"' in svg
    for chart in re.findall(r'<svg class="chart.*?</svg>', page, flags=re.S):
        assert "<desc" in chart
        assert 'role="img"' in chart
    assert all(cell.get("scope") for cell in outline.named("th"))
    assert len(outline.named("caption")) == len(outline.named("table"))
    assert all(a.get("tabindex") == "0" for _, a in outline.elements if a.get("class") == "scroll")


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1])
def test_colours_have_contrast_aa(result: dict[str, Any], theme: int) -> None:
    blocks = re.findall(r":root \{(.*?)\}", render(parse_result(result)), flags=re.S)
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", blocks[theme]))
    for text in ("ink", "soft", "accent"):
        for ground in ("paper", "faint", "accent-soft"):
            light = sorted((_luminance(colours[text]), _luminance(colours[ground])))
            assert (light[1] + 0.05) / (light[0] + 0.05) >= 4.5, (text, ground)


def test_what_was_not_measured_gives_its_reason(result: dict[str, Any]) -> None:
    arm = next(arm for arm in result["arms"] if arm["name"] == "zero_shot")
    arm["quality"] |= {"value": None, "low": None, "high": None, "reason": "the endpoint went away"}
    arm["cost"] = {
        "upfront": None,
        "per_request": None,
        "monthly": None,
        "reason": "no price known",
    }
    arm["latency_seconds"] = {"p50": None, "p95": None, "reason": "no probe answered"}
    arm["tokens"] = {"input_mean": None, "reason": "no usage given"}
    words = Outline(render(parse_result(result))).words
    for reason in (
        "the endpoint went away",
        "no price known",
        "no probe answered",
        "no usage given",
    ):
        assert f"not measured {reason}" in words


def test_ten_rows_with_measured_figures(result: dict[str, Any]) -> None:
    page = render(parse_result(result))
    table = page[page.index('<table class="ten">') :]
    table = table[: table.index("</table>")]
    assert len(re.findall(r'<th scope="row">', table)) == 10
    assert "3\u202fmin 51\u202fs" in table
    for cell in re.findall(r"<td.*?</td>", table):
        assert "the field: " in cell
        assert re.search(r"<b>.+</b>|not (measured|applicable)<small>.+?</small>", cell), cell


def test_a_family_without_an_arm_says_why(result: dict[str, Any]) -> None:
    result["arms"] = [arm for arm in result["arms"] if arm["family"] != "fine_tune"]
    assert "not measured no such arm in this run" in Outline(render(parse_result(result))).words
    result["left_out"] = [{"strategy": "lora", "reason": "the model cannot be tuned here"}]
    assert (
        "not measured the model cannot be tuned here" in Outline(render(parse_result(result))).words
    )


def test_rules_of_thumb_stand_beside_what_was_measured(result: dict[str, Any]) -> None:
    words = Outline(render(parse_result(result))).words
    section = words.split("Rules of thumb against this run")[1].split("Each rule, with its source")[
        0
    ]
    for about in ("Volume", "Cost", "Format", "Consistency", "Latency", "Data"):
        assert about in section
    assert "break-even after 561 requests" in section and "divided" in section
    assert "cannot tell" in section and "not measured" in section


@pytest.mark.parametrize(
    "missing",
    ["comparisons", "crossover", "samples", "failures", "prices", "confusion", "per_slice"],
)
def test_any_extra_may_be_missing(result: dict[str, Any], missing: str) -> None:
    del result[missing]
    assert "Fine-tune: use lora." in render(parse_result(result))


def test_empty_crossover_says_why(result: dict[str, Any]) -> None:
    result["crossover"] = {"arm": None, "arms": [], "reason": "no fitted arm was measured"}
    assert (
        "No break-even: no fitted arm was measured." in Outline(render(parse_result(result))).words
    )


def test_undecided_names_the_leader_and_what_would_settle_it(result: dict[str, Any]) -> None:
    result["verdict"] |= {"recommendation": "undecided", "arm": None, "confidence": "low"}
    result["verdict"]["details"] |= {"leading": "lora", "more_items": 1340}
    words = Outline(render(parse_result(result))).words
    assert "No clear answer yet." in words
    assert "lora leads so far. About 1,340 more test items would settle it." in words
    assert "recommended" not in words.split("Every arm")[1].split("Break-even")[0]


@pytest.mark.parametrize("kind", ["json", "text"])
def test_tasks_without_labels(result: dict[str, Any], kind: str) -> None:
    result["task"] |= {"kind": kind, "labels": [], "metric": "rouge_l"}
    result |= {"confusion": {}, "per_label": {}}
    for part in result["audit"]["parts"].values():
        part["labels"] = None
    for arm in result["arms"]:
        arm["quality"]["metric"] = "rouge_l"
    for sample in result["samples"]:
        sample["answers"]["lora"]["score"] = 0.4
    words = Outline(render(parse_result(result))).words
    assert "ROUGE-L" in words
    assert "Confusion of" not in words
    assert "partly: " in words


def test_the_least_result_still_makes_a_page() -> None:
    words = Outline(render(parse_result({"schema_version": 2}))).words
    assert "No clear answer yet." in words
    assert "Not drawn" in words


def test_very_long_texts_are_cut(result: dict[str, Any]) -> None:
    result["samples"][0]["input"] = "word " * 20_000
    page = render(parse_result(result))
    assert "more characters" in page
    assert len(page.encode()) < 400_000


def test_the_same_result_gives_the_same_page(result: dict[str, Any]) -> None:
    assert render(parse_result(result)) == render(parse_result(result))


def test_the_data_section_shows_warnings_ceiling_and_findings(result: dict[str, Any]) -> None:
    audit = result["audit"]
    audit["skipped"] = {
        "count": 20,
        "rows": [{"file": "e.jsonl", "line": n, "reason": "empty output"} for n in range(1, 21)],
    }
    audit["warnings"] = ["1 input with different outputs: no arm can get them all right"]
    audit["leaks"]["near"] = {"count": 7, "test_count": 4}
    words = Outline(render(parse_result(result))).words
    assert "1 input with different outputs: no arm can get them all right." in words
    assert "e.jsonl:12: empty output" in words
    assert "e.jsonl:13: empty output" not in words
    assert "The first 12 of 20." in words
    assert "Best possible accuracy 99.87" in words
    assert "Shared between parts: near 7 4 in test" in words
    assert "Shared between parts: exact" not in words
    message = "1 input has different outputs (2 rows)"
    audit["checks"] = {"contradictions": {"state": "found"}}
    audit["findings"] = [{"check": "contradictions", "severity": "warning", "message": message}]
    audit["findings"][0] |= {"count": 30, "evidence": [{"row": 900 + n} for n in range(20)]}
    words = Outline(render(parse_result(result))).words
    assert message in words
    assert "1 check of the 740 examples" in words
    assert "1 input with different outputs: no arm can get them all right." in words
    assert "The first 12 of 30" in words
    assert "Shared between parts" not in words  # a finding says it
