"""The metric ``numeric``: what it cannot read is a failure, and is said."""

from __future__ import annotations

import logging

import pytest

from steelyard.core import Example
from steelyard.score import build_metric


def test_an_answer_without_a_sure_number_is_unreadable() -> None:
    metric = build_metric("numeric")
    assert metric.unreadable("It is 42.") is None
    assert metric.unreadable("3-5") == "no number can be read for certain in '3-5'"
    assert build_metric("exact_match").unreadable("3-5") is None


def test_references_without_a_sure_number_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    examples = [Example("1", "x", "4"), Example("2", "x", "3-5", source="e.jsonl:2")]
    with caplog.at_level(logging.WARNING, logger="steelyard"):
        build_metric("numeric").check(examples)
    assert "1 of 2 outputs holds no number that can be read for certain" in caplog.text
    assert "e.jsonl:2: '3-5'" in caplog.text


@pytest.mark.parametrize(("output", "reference"), [("1" * 40, "1" * 40), ("1e400", "1e400")])
def test_very_long_numbers_are_compared(output: str, reference: str) -> None:
    assert build_metric("numeric").score(output, reference) == 1
    assert build_metric("numeric").score(output, "1") == 0


@pytest.mark.parametrize(("answer", "reference"), [("500 g", "500 kg"), ("$5", "€5"), ("5 m", "5")])
def test_units_but_percent_are_not_read(answer: str, reference: str) -> None:
    assert build_metric("numeric").score(answer, reference) == 1
