"""Numbers with their unit: refused, with the number to write."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from steelyard import ConfigError
from steelyard.advice.situation import situation_of
from steelyard.config.units import plain_number
from steelyard.task import build_task

TASK = {"name": "t", "instruction": "x", "output": {"kind": "text"}, "examples": "a.jsonl"}


@pytest.mark.parametrize(
    ("section", "key", "text", "number"),
    [
        ("constraints", "max_latency_p95_ms", "1.5 s", "1500, in milliseconds"),
        ("constraints", "max_latency_p95_ms", "1,500ms", "1500, in milliseconds"),
        ("constraints", "max_latency_p95_ms", "0.5 MS", "0.5, in milliseconds"),
        ("traffic", "horizon_days", "2 weeks", "14, in days"),
        ("traffic", "retrain_days", "48 h", "2, in days"),
        ("traffic", "requests_per_day", "10k", "10000"),
        ("traffic", "requests_per_day", "1.5 million", "1500000"),
        ("traffic", "requests_per_day", "10M", "10000000"),
        ("traffic", "requests_per_day", "2 bn", "2000000000"),
        ("model", "timeout_seconds", "2 min", "120, in seconds"),
    ],
)
def test_a_task_says_which_number_to_write(section: str, key: str, text: str, number: str) -> None:
    more: dict[str, Any] = {"provider": "openai", "name": "x"} if section == "model" else {}
    with pytest.raises(ConfigError, match=re.escape(f"{section}.{key}: ")) as error:
        build_task({**TASK, section: {**more, key: text}}, Path())
    assert str(error.value).endswith(f"is no plain number: write {number}")


@pytest.mark.parametrize(
    ("key", "text", "number"),
    [
        ("max_latency_ms", "1.5 s", "1500, in milliseconds"),
        ("needed_in_days", "2 weeks", "14, in days"),
        ("requests_per_day", "10k", "10000"),
    ],
)
def test_so_does_an_answer_to_the_advice(key: str, text: str, number: str) -> None:
    with pytest.raises(ConfigError, match=f"^{key} must be .*: write {number}$"):
        situation_of({key: text})


def test_what_cannot_be_read_for_certain_has_no_number() -> None:
    for text in ("1 year", "soon", "1.5", "5 s or so", "10,00 s"):
        assert plain_number(text, "max_latency_ms") is None
    assert plain_number("36 hours", "needed_in_days", whole=True) is None
    assert plain_number("10.000 days", "needed_in_days", whole=True) is None
    assert plain_number("5 s", "requests_per_day") is None
    assert plain_number("90 m", "busy_hours") is None, "these are minutes"
