"""What may be answered, how it is read, and what is refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard import ConfigError, advise
from steelyard.advice import read_answers
from steelyard.advice.questions import Tries, answer_keys, questions
from steelyard.advice.situation import Situation, situation_of
from steelyard.advice.ways import way_facts
from steelyard.task import load_task


def test_there_are_twelve_questions_at_most_and_each_says_why() -> None:
    assert len(questions()) == 12
    assert all(question.ask.endswith("?") and question.why for question in questions())
    assert set(answer_keys()) == set(Situation.__dataclass_fields__)


@pytest.mark.parametrize(
    ("key", "raw", "value"),
    [
        ("can_judge", "yes", True),
        ("can_judge", False, False),
        ("examples", "25,000", 25_000),
        ("examples", 0, 0),
        ("tries", "8 of 10", Tries(8, 10)),
        ("tries", "8/10", Tries(8, 10)),
        ("tries", {"good": 8, "of": 10}, Tries(8, 10)),
        ("tries", {"good": "08", "of": "10"}, Tries(8, 10)),
        ("examples", "010", 10),
        ("examples", "1_000", 1_000),
        ("budget", "0500", Decimal(500)),
        ("budget", "1_500", Decimal(1_500)),
        ("prompt_tokens", 10_000_000, 10_000_000),
        ("need", "Knowledge", "facts"),
        ("skills", "nobody", "none"),
        ("budget", "$1,500.50", Decimal("1500.50")),
        ("budget", "200 USD", Decimal(200)),
        ("change", "annually", "yearly"),
        ("examples", None, None),
    ],
)
def test_an_answer_is_read(key: str, raw: object, value: object) -> None:
    assert getattr(situation_of({key: raw}), key) == value


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({"exampels": 3}, "unknown key 'exampels' (did you mean 'examples'?)"),
        ({"need": "tones"}, "not 'tones' (did you mean 'tone'?)"),
        ({"examples": -1}, "examples must be a whole number of at least 0, not -1"),
        ({"examples": 4.0}, "not 4.0"),
        ({"examples": True}, "not true"),
        ({"examples": "10k"}, "not '10k'"),
        ({"requests_per_day": 0}, "at least 1"),
        ({"requests_per_day": "0.1"}, "at least 1"),
        ({"requests_per_day": 10**13}, "a whole number of at least 1"),
        ({"prompt_tokens": 100_000_000_000}, "at least 0 and at most 10,000,000, not 100000000000"),
        ({"max_latency_ms": 10**9}, "at most 86,400,000"),
        ({"needed_in_days": 40_000}, "at most 36,500"),
        ({"examples": "1_0"}, "not '1_0'"),
        ({"budget": "1:30"}, "US dollars"),
        ({"budget": "0x10"}, "US dollars"),
        ({"budget": "-5"}, "US dollars"),
        ({"can_judge": "perhaps"}, "can_judge must be yes or no, not 'perhaps'"),
        ({"tries": "11 of 10"}, "such as 8 of 10"),
        ({"tries": "0 of 0"}, "such as 8 of 10"),
        ({"tries": {"good": 3}}, "not {good: 3}"),
        ({"tries": 0.8}, "such as 8 of 10"),
        ({"budget": "500 EUR"}, "US dollars"),
        ({"budget": "nan"}, "US dollars"),
        ({"change": ["weekly"]}, "change must be one of"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(answers: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError) as error:
        advise(answers)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_of_answers_names_its_line(tmp_path: Path) -> None:
    file = tmp_path / "answers.yaml"
    file.write_text("can_judge: yes\ntries: {good: 3, of: 4}\nexamples:\n", encoding="utf-8")
    assert read_answers(file) == {"can_judge": True, "tries": {"good": 3, "of": 4}}
    file.write_text("can_judge: yes\nneed: toone\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"answers.yaml line 2: need must be .* 'tone'"):
        read_answers(file)


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("examples: 010", "examples", 10),
        ("examples: 08", "examples", 8),
        ("requests_per_day: 1_000", "requests_per_day", 1_000),
        ("budget: 0500", "budget", Decimal(500)),
        ("tries: {good: 08, of: 010}", "tries", Tries(8, 10)),
        ("can_judge: yes", "can_judge", True),
        ("private_data: true", "private_data", True),
    ],
)
def test_a_file_reads_a_number_as_an_option_does(
    tmp_path: Path, line: str, key: str, value: object
) -> None:
    file = tmp_path / "answers.yaml"
    file.write_text(line + "\n", encoding="utf-8")
    assert getattr(situation_of(read_answers(file)), key) == value


@pytest.mark.parametrize(
    "line", ["examples: 1:30", "examples: 0x10", "examples: 0b11", "needed_in_days: 0o7"]
)
def test_numbers_of_other_bases_are_refused(tmp_path: Path, line: str) -> None:
    file = tmp_path / "answers.yaml"
    file.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"answers.yaml line 1: .* must be a whole number"):
        read_answers(file)


def test_one_line_may_answer_two_keys() -> None:
    first, last = questions()[0], questions()[-1]
    assert first.read("yes, json") == {"can_judge": True, "kind": "json"}
    assert first.read("label") == {"kind": "label"}
    assert last.read("ml 2,000") == {"skills": "ml", "budget": Decimal(2000)}
    with pytest.raises(ConfigError, match="answer with none, software or ml"):
        last.read("ml soon")


@pytest.mark.parametrize(
    ("tries", "ends"),
    [("8 of 10", ("44 %", "97 %")), ("4 of 5", ("28 %", "99 %")), ("18 of 20", ("68 %", "99 %"))],
)
def test_tries_get_their_exact_interval(tries: str, ends: tuple[str, str]) -> None:
    text = advise({"tries": tries}).reasons[0].text
    assert f"95 % interval {ends[0]} to {ends[1]}" in text
    assert "Clopper-Pearson" in text


def test_how_many_tries_would_tell_is_said() -> None:
    (note,) = advise({"tries": "8 of 10"}).notes
    assert (
        note == "tries: at this share, 12 of 15 would show that more answers are right than wrong"
    )


@given(st.integers(0, 200), st.integers(1, 200))
def test_tries_that_settle_nothing_are_measured_on(good: int, of: int) -> None:
    case = situation_of({"tries": {"good": min(good, of), "of": of}})
    low, high = case.figures["tries_low"], case.figures["tries_high"]
    does = case.figures["tries_share"] >= 0.8 and low >= 0.5
    advice = advise(case)
    assert advice.recommendation == (
        "prompt" if does else "measure"
    )  # nothing to tune on is known of
    assert ("labels_100_parity" in advice.deciding_rules) == (high < 0.8)


def test_what_was_skipped_is_named_with_what_it_would_change() -> None:
    advice = advise({"need": "tone", "requests_per_day": 20_000})
    unknown = {(answer.key, answer.way): answer.values for answer in advice.unknown}
    assert advice.recommendation == "prompt"
    assert unknown["examples", "fine_tune"] == "500 or more"
    assert unknown["examples", "measure"] == "100 to 499"
    assert unknown["can_judge", "measure"] == "no"


@pytest.mark.parametrize("kind", ["label", "labels", "json", "text", None])
def test_the_task_that_comes_along_loads(tmp_path: Path, kind: str | None) -> None:
    answers = {"kind": kind, "requests_per_day": 700, "max_latency_ms": 900}
    text = advise(answers).task_yaml
    assert text is not None
    (tmp_path / "task.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "examples.jsonl").touch()
    task = load_task(tmp_path)
    assert task.output.kind == (kind or "text")
    assert (kind is None) == ("you did not say" in text)
    assert task.traffic.requests_per_day == 700
    assert task.constraints.max_latency_p95_ms == 900


def test_what_was_not_answered_is_no_value_of_the_task() -> None:
    text = advise({"need": "tone"}).task_yaml
    assert text is not None
    assert "traffic" not in text and "constraints" not in text


def test_labels_of_answers_that_are_no_labels_are_not_used_and_that_is_said() -> None:
    answers = {"kind": "text", "examples": 60, "need": "tone", "tries": "3 of 20"}
    plain, odd = advise(answers), advise({**answers, "labels": 30})
    assert "labels: not used, because answers are text: leave it out, or correct kind" in odd.notes
    assert [note for note in odd.notes if not note.startswith("labels: ")] == list(plain.notes)
    assert odd.reasons == plain.reasons and odd.mistakes == plain.mistakes
    assert odd.recommendation == plain.recommendation
    for kind in ("label", None):
        notes = advise({**answers, "kind": kind, "labels": 30}).notes
        assert not any(note.startswith("labels: ") for note in notes)


def test_the_prices_that_no_rule_knows_are_asked_for() -> None:
    (note,) = advise({"requests_per_day": 800, "prompt_tokens": 900}).notes
    assert "1,000 requests a day to 10,000,000 requests a month" in note
    assert "`steelyard cost`" in note
    texts = [
        reason.text for reason in advise({"requests_per_day": 800, "prompt_tokens": 900}).reasons
    ]
    assert any(text.startswith("720,000 prompt tokens a day, 21,600,000 a month") for text in texts)


@pytest.mark.parametrize(
    "way", ["measure", "prompt", "few_shot", "retrieval", "fine_tune", "hybrid", "classical"]
)
def test_every_way_has_its_ten_dimensions(way: str) -> None:
    facts = way_facts(way)
    assert facts.advantages and facts.limits
    assert len(facts.dimensions) == 10 and all(facts.dimensions.values())
