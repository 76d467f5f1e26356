from __future__ import annotations

import json
from pathlib import Path

import pytest

from steelyard.data.base import CheckOptions, CheckResult
from steelyard.data.checks.languages import (
    MOST_CHARACTERS,
    MOST_READ,
    LanguageGuess,
    find,
    guess,
    is_same,
    mixed_words,
)
from steelyard.data.dataset import open_dataset
from steelyard.languages import identifier, named
from steelyard.task import build_task
from tests.conftest import HidePackages

pytest.importorskip("py3langid")

ENGLISH = [
    "I would like to know when my new card will arrive",
    "Why was I charged a fee for withdrawing cash yesterday?",
    "My transfer has not been received by the other person",
    "Can I change the address on my account online?",
    "The app keeps crashing when I open the statement page",
]
GERMAN = "Ich habe meine Karte verloren und möchte sie bitte sofort sperren lassen"
FRENCH = "Je voudrais savoir pourquoi mon virement n'est pas encore arrivé"


def check(
    folder: Path, rows: list[tuple[str, str]], kind: str = "label", seed: int = 0
) -> CheckResult:
    lines = (json.dumps({"input": asked, "output": output}) + "\n" for asked, output in rows)
    (folder / "x.jsonl").write_text("".join(lines), encoding="utf-8")
    config = {"name": "t", "instruction": "Do.", "output": {"kind": kind}, "examples": "x.jsonl"}
    return find(open_dataset(build_task(config, folder)), CheckOptions(seed=seed))


def english(count: int) -> list[tuple[str, str]]:
    return [(f"{ENGLISH[n % 5]}, please {n}", "ab"[n % 2]) for n in range(count)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (ENGLISH[0], "en"),
        (GERMAN, "de"),
        (FRENCH, "fr"),
        ("カードがまだ届きません。いつ届きますか", "ja"),
        ("Где моя карта? Она ещё не пришла", "ru"),
    ],
)
def test_plain_sentences_are_told(text: str, code: str) -> None:
    found = guess(text)
    assert found is not None and found.code == code


@pytest.mark.parametrize(
    "text", ["", "ok", "12345 67890 !!", "Berlin", "{'a': [1, 2, 3], 'b': [4, 5, 6], 'c': 9}"]
)
def test_what_says_too_little_is_not_guessed(text: str) -> None:
    assert guess(text) is None


def test_addresses_and_code_do_not_weigh() -> None:
    assert guess("see https://www.beispiel.de/konto/karte-sperren-und-freischalten") is None


def test_languages_easily_confused_count_as_one_until_certain() -> None:
    assert is_same(LanguageGuess("no", 0.9, False), LanguageGuess("da", 1.0, True))
    assert not is_same(LanguageGuess("no", 0.99, True), LanguageGuess("da", 1.0, True))
    assert not is_same(LanguageGuess("de", 0.9, False), LanguageGuess("en", 1.0, True))
    assert named("de") == "German" and named("xx") == "xx"


def test_rows_in_another_language_are_found(tmp_path: Path) -> None:
    rows = english(40)
    rows[6], rows[30] = (GERMAN, "a"), (FRENCH, "b")
    result = check(tmp_path, rows)
    (finding,) = result.findings
    assert sorted(finding.rows) == [7, 31]
    assert {each["language"] for each in finding.evidence} == {"German", "French"}
    assert finding.severity == "warning"  # 5 % of the rows
    assert result.facts["input"]["languages"] == {"en": 38, "de": 1, "fr": 1}


def test_few_of_many_are_a_note(tmp_path: Path) -> None:
    (finding,) = check(tmp_path, [*english(60), (GERMAN, "a")]).findings
    assert (finding.severity, finding.rows) == ("note", (61,))


def test_one_language_throughout_is_clean(tmp_path: Path) -> None:
    result = check(tmp_path, english(50))
    assert result.findings == () and result.reason is None


def test_replies_in_another_language_than_their_input(tmp_path: Path) -> None:
    rows = [(asked, "Thank you for your message, we will look into it") for asked, _ in english(30)]
    rows[4] = (rows[4][0], GERMAN)
    (finding,) = check(tmp_path, rows, "text").findings
    assert (finding.severity, finding.rows) == ("warning", (5,))


def test_in_translations_the_untranslated_row_is_odd(tmp_path: Path) -> None:
    rows = [(asked, f"{GERMAN} {n}") for n, (asked, _) in enumerate(english(30))]
    rows[9] = (rows[9][0], "We have blocked your card and will send you a new one")
    (finding,) = check(tmp_path, rows, "text").findings
    assert finding.rows == (10,)


def test_a_quote_from_the_input_is_no_switch(tmp_path: Path) -> None:
    rows = [(asked, "Thank you for your message, we will look into it") for asked, _ in english(30)]
    rows[2] = (f"{ENGLISH[0]} and {ENGLISH[1]}: {GERMAN}", GERMAN)
    assert check(tmp_path, rows, "text").findings == ()


def test_many_rows_are_sampled_by_seed_and_the_message_says_so(tmp_path: Path) -> None:
    long = [(f"{asked}. " * 5, output) for asked, output in english(4000)]
    rows = [*long, *((f"{GERMAN} {n}. " * 4, "a") for n in range(800))]
    result = check(tmp_path, rows)
    looked_at = result.facts["looked_at"]
    assert result.facts["is_sample"]
    assert MOST_READ / MOST_CHARACTERS * 0.95 < looked_at < len(rows)
    assert result.findings[0].message.startswith(f"in a sample of {looked_at:,} rows, ")
    assert set(result.findings[0].rows) <= set(range(4001, 4801))
    assert check(tmp_path, rows) == result


@pytest.mark.parametrize("word", ["раyment", "Βank", "cлово"])
def test_words_that_only_look_like_one_alphabet(word: str) -> None:
    assert mixed_words(f"my {word} is late") == [word]


@pytest.mark.parametrize("text", ["SMSка пришла", "10 kΩ and 5 μm", "IT-отдел", "naïve café", ""])
def test_rightful_mixtures_are_left(text: str) -> None:
    assert mixed_words(text) == []


def test_mixed_words_are_a_finding_with_the_words(tmp_path: Path) -> None:
    rows = english(20)
    rows[3] = ("my раyment is late and I would like to know why", "a")
    (finding,) = check(tmp_path, rows).findings
    assert finding.rows == (4,) and finding.evidence[0]["words"] == "раyment"


def test_without_the_library_the_reason_has_the_command(
    tmp_path: Path, without_packages: HidePackages
) -> None:
    identifier.cache_clear()
    without_packages("py3langid", "py3langid.langid")
    result = check(tmp_path, english(12))
    assert result.reason is not None and 'pip install "steelyard[data]"' in result.reason
