from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.retrieve.index import terms
from steelyard.retrieve.index.terms import Tokenizer, fold

plain = Tokenizer("none")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Café CAFÉ cafe\u0301", ["cafe"] * 3),
        ("straße STRASSE", ["strasse"] * 2),
        ("ＡＢＣ１２ ﬁne", ["abc12", "fine"]),
        ("İstanbul ıslak Łódź smørrebrød", ["istanbul", "islak", "lodz", "smorrebrod"]),
        ("й и ёлка", ["й", "и", "елка"]),
        ("5", ["5"]),
        ("١٢٣", ["123"]),
        ("X-9 x9 X‑9", ["x", "9", "x9", "x9", "x", "9", "x9"]),
        ("C++, C# or c", ["c", "c++", "c", "c#", "or", "c"]),
        (".NET and the end.Next", ["net", ".net", "and", "the", "end", "next"]),
        ("AT&T", ["at", "t", "at&t"]),
        ("U.S. e-mail", ["u", "s", "us", "e", "mail"]),
        ("1,000 3.50 2024-05-01", "1 000 1000 3 50 3.50 2024 05 01 2024-05-01".split()),
        ("the dogs' dog's don’t", ["the", "dogs", "dog", "don", "t"]),
        ("5% of €7 ☂", ["5", "%", "of", "€", "7", "☂"]),
        ("退款政策", ["退", "款", "政", "策", "退款", "款政", "政策"]),
        ("iPhone手机", ["iphone", "手", "机", "手机"]),
        ("소음", ["소", "음", "소음"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("so\u00adft zero\u200bwidth", ["soft", "zerowidth"]),
        ("… | = + ~ --- **", []),
        ("", []),
    ],
)
def test_terms(text: str, expected: list[str]) -> None:
    assert plain(text) == expected


def test_words_are_stemmed_by_language_and_codes_are_not() -> None:
    assert Tokenizer("english")("running refunds X-9s") == ["run", "refund", "x", "9s", "x9s"]
    assert Tokenizer("german")("Häuser") == Tokenizer("german")("Haus")


def test_a_long_run_is_cut() -> None:
    assert plain("a" * 100_000) == ["a" * terms.LONGEST_TERM]
    assert len(plain("退" * 1000)) == 1999


@given(st.text())
def test_both_unicode_forms_have_the_same_terms(text: str) -> None:
    whole, apart = (plain(unicodedata.normalize(form, text)) for form in ("NFC", "NFD"))
    assert whole == apart


@given(st.text(alphabet="abz019 .-+#$%'&/_:@*,()=~X\n"))
def test_the_fast_pattern_is_the_other_one(text: str) -> None:
    folded = fold(text)
    assert [match[0] for match in terms._ASCII_TERM.finditer(folded)] == [
        match[0] for match in terms._TERM.finditer(folded)
    ]
