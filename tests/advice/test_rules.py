"""The rules are data: each with a threshold, a source, a date and a strength."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

import steelyard.rules_of_thumb
from steelyard import advise
from steelyard.advice.base import range_of
from steelyard.advice.decide import WAYS
from steelyard.advice.questions import answer_keys
from steelyard.advice.reasons import keys_of
from steelyard.rules_of_thumb import ThumbRule, thumb_rules

RULE: dict[str, Any] = {
    "id": "toy",
    "about": "labels",
    "reads": "examples",
    "at_least": 10,
    "way": "fine_tune",
    "speaks": "for",
    "text": "ten will do",
    "source": "a friend",
    "date": "2026-11",
    "strength": "word",
}
SEVEN = {"labels", "volume", "cost", "format", "consistency", "latency", "data"}


def read(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> ThumbRule:
    entry = {key: value for key, value in (RULE | changes).items() if value is not None}
    monkeypatch.setattr(steelyard.rules_of_thumb, "packaged", lambda _: [entry])
    try:
        thumb_rules.cache_clear()
        return thumb_rules()["toy"]
    finally:
        thumb_rules.cache_clear()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"date": None}, "date"),
        ({"date": "last year"}, "date"),
        ({"date": 2026}, "date"),
        ({"strength": "sure"}, "strength"),
        ({"about": "weather"}, "matter"),
        ({"at_least": None}, "one condition"),
        ({"below": 5}, "one condition"),
    ],
)
def test_a_rule_without_what_makes_it_one_is_refused(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], says: str
) -> None:
    assert read(monkeypatch).mark == 10
    with pytest.raises(ValueError, match=says):
        read(monkeypatch, **changes)


def test_every_rule_is_whole() -> None:
    rules = thumb_rules().values()
    assert len(rules) >= 30
    for rule in rules:
        assert rule.source and rule.text and rule.way in WAYS, rule.id
        assert rule.mark is None or rule.unit, rule.id
        assert set(keys_of(rule)) <= set(answer_keys()), rule.id
        for key, values in rule.needs.items():
            assert set(values) <= set(answer_keys()[key].words), rule.id
        if rule.irrelevant != "all":
            assert set(rule.irrelevant) <= set(answer_keys()), rule.id
    assert {rule.about for rule in rules} >= SEVEN


def test_every_value_of_every_answer_is_some_rules_matter() -> None:
    for key in answer_keys().values():
        for value in key.words or ():
            case = advise({key.name: value})
            assert case.reasons, (key.name, value)


def test_where_sources_differ_the_range_is_shown() -> None:
    labels, volume = range_of(thumb_rules()["labels_500"]), range_of(thumb_rules()["volume_10000"])
    assert labels is not None and volume is not None
    assert (labels.low, labels.high, labels.high_unit) == (10, 100_000, "examples")
    assert (volume.low, volume.low_unit) == (1_000, "requests a day")
    assert (volume.high, volume.high_unit) == (10_000_000, "requests a month")
    prices = range_of(thumb_rules()["training_100"])
    assert prices is not None and prices.text == "4 to 5,000 US dollars in 5 rules"
    assert range_of(thumb_rules()["need_tone"]) is None
    cited = {entry.rule.id: entry for entry in advise({"examples": 70}).rules}
    assert cited["labels_500"].range == labels


@pytest.mark.parametrize(
    ("today", "old"),
    [(date(2026, 7, 1), False), (date(2026, 11, 30), False), (date(2026, 12, 1), True)],
)
def test_a_rule_is_old_after_eighteen_months(today: date, old: bool) -> None:
    assert thumb_rules()["stale_in_90_days"].date == "2025-05"
    cited = {entry.rule.id: entry.old for entry in advise({"change": "weekly"}, today=today).rules}
    assert cited["stale_in_90_days"] is old
    assert cited["expires_in_90_days"] is False


@pytest.mark.parametrize(
    ("rule", "hour", "million"),
    [
        ("hosting_tokens", 1.70, 2),
        ("hosting_tokens_mini", 1.70, 0.40),
        ("hosting_tokens_gpu", 4.50, 0.10),
    ],
)
def test_a_rule_on_hosting_is_its_own_arithmetic(rule: str, hour: float, million: float) -> None:
    assert thumb_rules()[rule].mark == round(24 * hour / million * 1_000_000)
    assert f"${hour:.2f} an hour" in thumb_rules()[rule].text


def test_marks_a_month_are_compared_with_requests_a_day() -> None:
    rule = thumb_rules()["volume_10m_month"]
    assert rule.holds({"requests_per_day": 333_334}) is True
    assert rule.holds({"requests_per_day": 333_333}) is False
    assert rule.holds({}) is None


def test_marks_are_told_with_their_unit() -> None:
    answers = {"requests_per_day": 50_000, "prompt_tokens": 1500, "examples": 40, "budget": 150}
    texts = [reason.text for reason in advise(answers).reasons if "(mark" in reason.text]
    for unit in ("requests a day", "input tokens a day", "examples", "US dollars"):
        assert any(text.endswith(f" {unit})") for text in texts), unit
    assert not [text for text in texts if text.endswith(tuple(f"{digit})" for digit in range(10)))]
