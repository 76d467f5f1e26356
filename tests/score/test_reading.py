from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.score.reading import folded, paragraphs, sentences, tokens, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Lee met Mr. J. Doe, e.g. in May.", ["Dr. Lee met Mr. J. Doe, e.g. in May."]),
        ("See No. 5 on p. 3. Then go.", ["See No. 5 on p. 3.", "Then go."]),
        ("I say no. Then 3.5 kg.", ["I say no.", "Then 3.5 kg."]),
        ("Tools etc. are here. All etc. Done.", ["Tools etc. are here.", "All etc.", "Done."]),
        ("“What?” he asked. Yes!", ["“What?” he asked.", "Yes!"]),
        ("all small. so what! fine", ["all small.", "so what!", "fine"]),
        ("Wait... what? Oh... Well.", ["Wait... what?", "Oh...", "Well."]),
        ("1. Open it. 2. Close it.", ["1. Open it.", "2. Close it."]),
        ("你好。我很好！", ["你好。", "我很好！"]),
        ("नमस्ते दुनिया। आप कैसे हैं?", ["नमस्ते दुनिया।", "आप कैसे हैं?"]),
        ("", []),
    ],
)
def test_sentences_end_where_people_end_them(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_blank_lines_and_list_items_part_sentences_unless_told_otherwise() -> None:
    text = "Dear Ann,\n\nThank you\nfor writing\n\n1. Open it\n2. Press Save\n\nBye"
    assert sentences(text) == [
        "Dear Ann,\nThank you\nfor writing",
        "1. Open it",
        "2. Press Save",
        "Bye",
    ]
    assert len(sentences(text, by_line=False)) == 1


def test_words_are_counted_as_people_do() -> None:
    assert words("Don’t re-open 3.5 kg – it's $1,000!") == [
        "Don’t",
        "re-open",
        "3.5",
        "kg",
        "it's",
        "1,000",
    ]
    assert words("नमस्ते दुनिया") == ["नमस्ते", "दुनिया"]
    assert words("日本 ok") == ["日", "本", "ok"]


def test_tokens_are_runs_of_letters_and_digits_in_small_letters() -> None:
    assert tokens("Don't_STOP 3.5") == ["don", "t", "stop", "3", "5"]


def test_paragraphs_lie_between_blank_lines() -> None:
    assert paragraphs("a\nb\n \n\nc\n\n") == ["a\nb", "c"]


def test_folded_makes_quotes_spaces_and_case_one() -> None:
    assert folded("“It’s\n GOOD”") == '"it\'s good"'


@given(st.text(alphabet="ab1.,!? \n-*\"'", max_size=80))
def test_no_letter_is_lost_between_sentences(text: str) -> None:
    def letters(part: str) -> str:
        return "".join(part.split())

    assert "".join(map(letters, sentences(text))) == letters(text)
    assert "".join(map(letters, sentences(text, by_line=False))) == letters(text)


@pytest.mark.parametrize("piece", ["a. ", ".", "\n", "\n \n", "1 \n", "-a", "x\n", "' "])
def test_reading_a_long_text_takes_no_time(piece: str) -> None:
    started = time.perf_counter()
    for read in (sentences, words, tokens, paragraphs):
        read(piece * 20_000)
    assert time.perf_counter() - started < 5
