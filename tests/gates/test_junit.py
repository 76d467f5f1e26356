"""JUnit XML: well-formed whatever a name holds, and the counts are those of the cases."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from steelyard.changes import compare_runs
from steelyard.gates.junit import junit
from steelyard.gates.rules import GateResult, Gating
from steelyard.gates.summary import RunSummary
from steelyard.result import Result
from steelyard.result.arm import ArmCost, ArmResult
from steelyard.result.figures import Quality
from steelyard.result.run import StoppedArm, UnmeasuredArm
from tests.made_runs import made_run

HOSTILE = [
    "]]><x/>",
    'a" b="c',
    "\x1b[31mred",
    "\x00\ufffe\uffff",
    "\ud800",
    "&amp; <!-- -->",
    "ü→日本",
]


def suite(summary: RunSummary) -> ElementTree.Element:
    text = junit(summary)
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    root = ElementTree.fromstring(text.encode())
    assert root.tag == "testsuites"
    [only] = root
    return only


def properties(case: ElementTree.Element) -> dict[str, str]:
    return {one.attrib["name"]: one.attrib["value"] for one in case.iter("property")}


def test_each_gate_and_each_arm_is_a_case() -> None:
    result = Result(
        arms=(
            ArmResult(
                name="few",
                quality=Quality(metric="accuracy", value=0.8, low=0.7, high=0.9, n=50),
                cost=ArmCost(per_request=0.001),
            ),
        ),
        ended=(UnmeasuredArm(strategy="lora", model_tag="m", reason="no GPU"),),
        stopped=(StoppedArm(arm="zero", rival="few"),),
    )
    gates = (
        GateResult("--fail-below 0.9", "failed", "below"),
        GateResult("--fail-on undecided", "passed", "few is recommended"),
        GateResult("--fail-if-worse-than a", "error", "cannot"),
    )
    cases = suite(RunSummary("t", result, Gating(gates)))
    ends = {case.get("name"): [part.tag for part in case] for case in cases.findall("testcase")}
    assert ends == {
        "t": [],
        "--fail-below 0.9": ["failure"],
        "--fail-on undecided": ["system-out"],
        "--fail-if-worse-than a": ["error"],
        "few": ["properties"],
        "zero": ["skipped"],
        "lora on m": ["skipped"],
    }
    assert {n: cases.get(n) for n in ("tests", "failures", "errors", "skipped")} == {
        "tests": "7",
        "failures": "1",
        "errors": "1",
        "skipped": "2",
    }
    figures = properties(cases.findall("testcase")[4])
    assert figures["accuracy"] == "0.8"
    assert figures["cost_per_request_USD"] == "0.001"
    assert "latency_p95_seconds" not in figures  # unknown figures are left out


def test_an_arm_shows_its_change_against_the_baseline() -> None:
    before = made_run("a", {"few": [1.0] * 30 + [0.0] * 10})
    now = made_run("b", {"few": [1.0] * 20 + [0.0] * 20})
    comparison = compare_runs(before, now)
    cases = suite(RunSummary("t", now.result, Gating((), comparison))).findall("testcase")
    assert float(properties(cases[-1])["change"]) == pytest.approx(-0.25)


def test_a_run_that_ended_with_an_error_is_an_error() -> None:
    [case] = suite(RunSummary("t", error="the endpoint is gone")).findall("testcase")
    error = case.find("error")
    assert error is not None and error.get("message") == "the endpoint is gone"


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_leaves_it_well_formed(text: str) -> None:
    result = Result(
        arms=(ArmResult(name=text, quality=Quality(metric=text, value=1.0)),),
        ended=(UnmeasuredArm(strategy="s", arm=text, reason=text),),
    )
    gate = GateResult(text, "failed", text)
    cases = suite(RunSummary(text, result, Gating((gate,))))
    assert len(cases.findall("testcase")) == 4
    assert "\x1b" not in junit(RunSummary(text, result))
    if text == "ü→日本":
        assert cases.findall("testcase")[2].get("name") == text
