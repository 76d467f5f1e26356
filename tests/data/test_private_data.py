from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steelyard.data.base import CheckOptions, CheckResult
from steelyard.data.checks.private_data import find
from steelyard.data.dataset import Dataset, open_dataset
from steelyard.data.private.traffic import PrivateRows, chance_of_any, is_hosted, largest, monthly
from steelyard.model import ModelSpec
from steelyard.strategy import STRATEGIES
from steelyard.strategy.chain_of_thought import ReasoningOptions
from steelyard.strategy.few_shot import FewShotOptions
from steelyard.strategy.optimise.search import SearchRules
from steelyard.strategy.retrieved_few_shot import RetrievedFewShotOptions
from steelyard.task import build_task
from tests.conftest import HidePackages

CARD = "4242 4242 4242 4242"
ROWS: list[dict[str, Any]] = [
    {"input": "the lamp is broken", "output": "OTHER"},
    {"input": "write to jo@example.com or ann@example.com", "output": "MAIL"},
    {"input": f"my card {CARD} does not work", "output": "CARD"},
    {"input": "where is my order 4155550132", "output": "OTHER"},
    {"input": "ring 4155550132", "output": "call jo@example.com"},
    {"input": "log in from 203.0.113.9", "output": "OTHER"},
    {"input": "my number is (415) 555-0132", "output": "OTHER"},
    {
        "messages": [
            {"role": "user", "content": "I am jo@example.com"},
            {"role": "assistant", "content": "Hello"},
            {"role": "user", "content": "and my lamp?"},
            {"role": "assistant", "content": "OTHER"},
        ]
    },
]


def dataset(folder: Path, rows: list[dict[str, Any]], **config: Any) -> Dataset:
    (folder / "rows.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8"
    )
    base = {
        "name": "t",
        "instruction": "Do it.",
        "output": {"kind": "text"},
        "examples": "rows.jsonl",
    }
    return open_dataset(build_task({**base, **config}, folder))


@pytest.fixture
def result(tmp_path: Path) -> CheckResult:
    return find(dataset(tmp_path, ROWS), CheckOptions())


def test_one_finding_for_each_kind_the_gravest_first(result: CheckResult) -> None:
    found = [(each.severity, each.rows) for each in result.findings]
    assert found == [
        ("error", (3,)),  # card
        ("warning", (2, 5, 8)),  # e-mail: two in a row come first
        ("warning", (7, 5)),  # phone: by its form before by the words near it
        ("note", (6,)),  # IP address
    ]
    assert {each.check for each in result.findings} == {"private_data"}
    assert result.reason is None


def test_messages_say_how_many_and_where(result: CheckResult) -> None:
    card, email, phone, _ = (each.message for each in result.findings)
    assert card.startswith("1 row contains a payment card number (1 in the input); ")
    assert (
        email
        == "3 rows contain e-mail addresses (1 in the input, 1 in the output, 1 in the earlier turns)"
    )
    assert phone == "2 rows contain phone numbers (2 in the input); 1 of them less certain"


def test_nothing_of_it_leaks(result: CheckResult) -> None:
    text = json.dumps([each.to_dict() for each in result.findings]) + json.dumps(dict(result.facts))
    for secret in (CARD, "jo@example", "ann@example", "555-0132", "203.0.113.9", "ring 4155550132"):
        assert secret not in text
    evidence = result.findings[1].evidence[0]
    assert evidence["input"] == "write to [EMAIL_1] or [EMAIL_2]"
    assert evidence["found"] == ["jo@******** (email)", "ann******** (email)"]
    assert evidence["where"] == ["input"]


def test_the_facts_say_what_was_looked_at_and_what_is_missed(result: CheckResult) -> None:
    facts = result.facts
    assert facts["rows_searched"] == 8
    assert facts["rows_with_any"] == 6
    assert facts["kinds"]["email"] == {
        "rows": 3, "values": 4, "input": 1, "output": 1, "earlier_turns": 1, "accepted_answers": 0,
        "rejected_answers": 0,
    }  # fmt: skip
    assert "Names" in facts["missed"]


def test_what_would_go_to_a_provider(result: CheckResult) -> None:
    # Rows 2, 3, 5, 7 and 8 of 8 hold something in what is sent; an IP address alone does not count.
    total = 10_000 * 30
    months = result.facts["requests_per_month"]
    assert set(months) == set(STRATEGIES)
    assert months["zero_shot"] == months["lora"] == round(total * 5 / 8)
    assert months["majority"] == months["tfidf_linear"] == months["nearest_neighbour"] == 0
    assert months["few_shot"] == months["retrieved_few_shot"] == total  # all eight rows are shots
    assert result.facts["traffic"]["strategies"]["lora"]["rows_uploaded_once"] == 5
    assert "300,000 of 300,000 requests a month (assumed) would send" in result.findings[0].message
    assert result.findings[0].message.endswith("today no request leaves the machine")


def test_clean_rows_have_facts_and_no_finding(tmp_path: Path) -> None:
    clean = find(dataset(tmp_path, ROWS[:1] * 3), CheckOptions())
    assert clean.findings == ()
    assert clean.facts["rows_with_any"] == 0
    assert set(clean.facts["requests_per_month"].values()) == {0}


def test_an_instruction_that_holds_some_goes_with_every_request(tmp_path: Path) -> None:
    instruction = "Do it. Doubts go to boss@example.com."
    found = find(dataset(tmp_path, ROWS[:1], instruction=instruction), CheckOptions())
    first = found.findings[0]
    assert (first.severity, first.count, first.rows) == ("warning", 1, ())
    assert "the instruction itself contains an e-mail address" in first.message
    assert "boss@example" not in first.message
    assert found.facts["requests_per_month"]["zero_shot"] == 300_000


@pytest.mark.parametrize("model", ["openai:gpt-4o-mini", ["smollm2-135m", "openai:gpt-4o-mini"]])
def test_a_hosted_model_and_stated_traffic(model: object, tmp_path: Path) -> None:
    data = dataset(
        tmp_path,
        ROWS,
        model=model,
        traffic={"requests_per_day": 10, "horizon_days": 30},
    )
    message = find(data, CheckOptions()).findings[0].message
    assert "300 of 300 requests a month send such data to a hosted provider" in message
    assert "today" not in message


@pytest.mark.parametrize(
    ("spec", "hosted"),
    [
        (ModelSpec("embedded", "smollm2-135m"), False),
        (ModelSpec("hf", "x"), False),
        (ModelSpec("openai", "x"), True),
        (ModelSpec("openai", "x", base_url="https://api.example.com/v1"), True),
        (ModelSpec("openai", "x", base_url="http://localhost:8000/v1"), False),
    ],
)
def test_which_models_are_hosted(spec: ModelSpec, hosted: bool) -> None:
    assert is_hosted(spec) is hosted


def test_without_the_library_the_check_says_so(
    tmp_path: Path, without_packages: HidePackages
) -> None:
    without_packages("phonenumbers")
    found = find(dataset(tmp_path, ROWS), CheckOptions())
    assert found.reason is not None
    assert 'pip install "steelyard[data]"' in found.reason
    assert "begin with +" in found.reason


def test_the_chance_that_a_shot_holds_some() -> None:
    assert chance_of_any(0, 10, 4) == 0
    assert chance_of_any(1, 10, 4) == pytest.approx(0.4)
    assert chance_of_any(3, 10, 2) == pytest.approx(1 - (7 / 10) * (6 / 9))
    assert chance_of_any(1, 10, 10) == pytest.approx(1)
    assert chance_of_any(1, 10, 20) == pytest.approx(1)
    assert chance_of_any(0, 0, 4) == 0


def test_shots_come_from_train_and_count_as_the_strategies_do(tmp_path: Path) -> None:
    labels = ["A", "B"]
    rows = [{"input": f"lamp {number}", "output": labels[number % 2]} for number in range(40)]
    data = dataset(tmp_path, rows, output={"kind": "label", "labels": labels})
    nothing = [False] * 40
    one = [True, *nothing[1:]]
    traffic = monthly(data, PrivateRows(nothing, nothing, one))
    few, near = (traffic["strategies"][name] for name in ("few_shot", "retrieved_few_shot"))
    assert few["shots"] == max(FewShotOptions().k) * len(labels)
    assert near["shots"] == max(RetrievedFewShotOptions().k)
    assert few["share"] == pytest.approx(few["shots"] / 40)
    assert few["requests_if_a_shot_holds_some"] == traffic["requests"]
    assert near["share"] == pytest.approx(near["shots"] / 40)
    assert traffic["strategies"]["zero_shot"]["requests"] == 0
    searched, reasoned = (
        traffic["strategies"][name]["shots"] for name in ("optimized_prompt", "chain_of_thought")
    )
    rules = SearchRules()
    assert searched == max(rules.counts) * len(labels) + rules.climbs
    assert reasoned == max(ReasoningOptions().k)
    assert set(traffic["strategies"]) == set(STRATEGIES)
    assert "optimized_prompt with 20 shots" in largest(traffic)
