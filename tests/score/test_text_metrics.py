"""Metrics over text: worked values, options, and what they refuse."""

from __future__ import annotations

import time
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.core import Example
from steelyard.errors import ConfigError
from steelyard.score import build_metric
from steelyard.score.chrf import Chrf, ngram_counts
from steelyard.score.text import RougeL, longest_common


def score(name: str, output: str, reference: str, **options: Any) -> float:
    return build_metric(name, options).score(output, reference)


@pytest.mark.parametrize(
    ("output", "reference", "same"),
    [
        ("Hello, World!", "hello world", True),
        ("**Yes.**", "yes", True),
        ("ﬁve", "five", True),  # a ligature
        ("–5", "-5", True),
        ("–5", "5", False),
        ("10²", "102", False),
        ("5 m²", "5 m2", True),
        ("H₂O", "H2O", True),
        ("The U.S.", "the US", True),
        ("well-known", "well known", True),
        ("don’t", "dont", True),
        ("1,000 users", "1000 users", True),
        ("3.5", "35", False),
        ("-5", "5", False),
        ("50%", "50", False),
        ("C#", "C", False),
        ("$5", "5", False),
        ("the cat", "cat", False),
        ("!", "!", True),
        ("!", "?", False),
        ("!", "a", False),
    ],
)
def test_normalised_match(output: str, reference: str, same: bool) -> None:
    assert score("normalised_match", output, reference) == same


@pytest.mark.parametrize(
    ("output", "reference", "same"),
    [
        ("Well–Known", "well-known", True),
        ("don’t", "don't", True),
        ("“yes”", '"yes"', True),
        ("cafe\u0301", "café", True),
        ("a\u200bb", "ab", True),
        ("STRASSE", "straße", True),
        ("well known", "well-known", False),
        ("dont", "don't", False),
        ("café", "cafe", False),
        ("10²", "102", False),
        ("-5", "5", False),
    ],
)
def test_exact_match_folds_what_reads_the_same(output: str, reference: str, same: bool) -> None:
    assert score("exact_match", output, reference) == same


@pytest.mark.parametrize(
    ("output", "reference", "expected"),
    [
        ("the cat sat", "The cat sat.", 1),
        ("the cat sat", "the cat", 2 * 2 / 5),
        ("don’t go", "don't stop", 2 * 2 / 6),
        ("今天天气好", "今天天气坏", 4 / 5),
        ("東京タワー", "東京", 2 * 2 / 7),
        ("แมว", "แม", 2 * 2 / 5),
        ("ＡＢＣ", "abc", 1),
        ("हिन्दी भाषा", "हिन्दी", 2 / 3),
    ],
)
def test_token_f1_counts_words_of_any_script(output: str, reference: str, expected: float) -> None:
    assert score("token_f1", output, reference) == pytest.approx(expected)


def test_normalised_match_ignores_what_it_is_told() -> None:
    assert (
        score("normalised_match", "The café", "cafe", ignore=["case", "articles", "accents"]) == 1
    )
    assert score("normalised_match", "A.", "a.", ignore=["punctuation"]) == 0
    assert score("normalised_match", "a!", "a", ignore=[]) == 0


@pytest.mark.parametrize(
    ("output", "reference"),
    [
        ("thus \\boxed{\\frac{1}{2}}, as 3 is odd", "0.5"),
        ("\\boxed{18\\text{ dollars}}", "#### 18"),
        ("#### 72\n\nQuestion: how many are 5?", "#### 72"),
        ("#### 2. Compute\nso it is 7", "7"),
        ("#### Step 3\nso it is 7", "7"),
        ("so $1,234.50 a day", "1234.5"),
        ("it costs 3,50 €", "3.5"),
        ("1.234.567", "1234567"),
        ("1.234,5", "1234.5"),
        ("1,00,000", "100000"),
        ("10\u202f000 km", "10000"),
        ("-$5", "-5"),
        ("1 1/2 cups", "1.5"),
        ("2½", "2.5"),
        ("it is 3/4.", "0.75"),
        ("1.5 × 10^6", "1500000"),
        ("1.5e6", "1500000"),
        ("10^6", "1000000"),
        ("50 %", "0.5"),
        ("50 %", "50"),
        ("0.5", "50%"),
        ("50 percent", "50 %"),
        ("18kg", "18"),
        ("0.3333333", "1/3"),
    ],
)
def test_numbers_are_read_as_they_are_written(output: str, reference: str) -> None:
    assert score("numeric", output, reference) == 1


@pytest.mark.parametrize(
    ("output", "reference"),
    [
        ("50 %", "5"),
        ("m2", "2"),
        ("1/0", "1"),
        ("none", "0"),
        ("5:30", "5"),
        ("in 12/05/2020", "2020"),
    ],
)
def test_what_is_another_number_or_none(output: str, reference: str) -> None:
    assert score("numeric", output, reference) == 0


@pytest.mark.parametrize(
    ("output", "reference", "right"),
    [
        ("97406785", "97406784", 0),
        ("97,406,785", "97406784.0", 0),
        ("-97406785", "-97406785", 1),
        ("6.02214e23", "6.02214076e23", 1),
        ("97406784.1", "97406784.2", 1),
        ("2.5 million", "2500000", 1),
        ("500000100 %", "500000000 %", 0),
    ],
)
def test_whole_numbers_are_compared_exactly_unless_a_tolerance_is_given(
    output: str, reference: str, right: int
) -> None:
    assert score("numeric", output, reference) == right
    assert score("numeric", output, reference, tolerance={"relative": 1e-6}) == 1


@pytest.mark.parametrize(
    ("tolerance", "output", "right"),
    [
        (0.5, "10.5", 1),
        (0.5, "10.6", 0),
        ("5 %", "10.5", 1),
        ("5 %", "11", 0),
        ({"absolute": 1}, "11", 1),
        ({"absolute": 0.1, "relative": 0.2}, "12", 1),
        ({"relative": 0.01}, "10.2", 0),
        (0, "10.0000001", 0),
    ],
)
def test_numeric_keeps_its_tolerance(tolerance: Any, output: str, right: int) -> None:
    assert score("numeric", output, "10", tolerance=tolerance) == right


def test_numeric_refuses_outputs_without_a_number_and_a_tolerance_that_is_none() -> None:
    metric = build_metric("numeric")
    metric.check([Example("1", "x", "refund"), Example("2", "x", "It is 4.")])
    with pytest.raises(ConfigError, match="none of the 1 outputs contains a number"):
        metric.check([Example("1", "x", "refund")])
    with pytest.raises(ConfigError, match="a share such as 1 %"):
        score("numeric", "1", "1", tolerance="five")


def test_reading_numbers_in_a_long_text_takes_no_time() -> None:
    started = time.perf_counter()
    for piece in ("1", "1,", "1/", "1.111", "\\boxed{", "#### "):
        score("numeric", piece * 20_000, "1")
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    ("output", "reference", "expected"),
    [
        # Lin (2004), section 3: police killed the gunman; LCS 3 of 4, and 2 of 4
        ("police kill the gunman", "police killed the gunman", 3 / 4),
        ("the gunman kill police", "police killed the gunman", 2 / 4),
        ("the cat sat", "the cat sat on the mat", 2 * 3 / 9),
        ("a b c", "c b a", 1 / 3),
        ("Hello, World!", "hello world", 1),
        ("日本語", "日本", 2 * 2 / 5),
        ("a", "", 0),
        ("!", "!", 1),
    ],
)
def test_rouge_l_of_worked_pairs(output: str, reference: str, expected: float) -> None:
    assert score("rouge_l", output, reference) == pytest.approx(expected)


def test_rouge_l_weighs_recall_by_beta() -> None:
    # precision 1, recall 1/2: F2 = 5 * 1/2 / (1/2 + 4) = 5/9
    assert score("rouge_l", "a b", "a b c d", beta=2) == pytest.approx(5 / 9)


@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), max_size=12))
def test_the_longest_common_subsequence_is_the_textbooks(a: list[str], b: list[str]) -> None:
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, left in enumerate(a, 1):
        for j, right in enumerate(b, 1):
            same = table[i - 1][j - 1] + 1
            table[i][j] = same if left == right else max(table[i - 1][j], table[i][j - 1])
    assert longest_common(a, b) == table[-1][-1]


@pytest.mark.parametrize(
    ("output", "reference", "options", "expected"),
    [
        ("abc", "abc", {}, 1),
        ("a b", "ab", {}, 1),  # white space is left out
        ("abc", "xyz", {}, 0),
        # by hand, order 1 and 2: P = (2/3 + 1/2)/2, R = (1 + 1)/2, F2 = 5PR/(4P + R)
        ("abc", "ab", {"char_order": 2}, 5 * (7 / 12) / (4 * (7 / 12) + 1)),
        # order 1 with words: chars 2/2, words 0/1 said and 0/2 wanted
        ("ab", "a b", {"char_order": 1, "word_order": 1}, 5 * 0.25 / (4 * 0.5 + 0.5)),
        ("Ab", "ab", {"char_order": 1, "beta": 1}, 0.5),  # case counts
        # sentence-level values of sacrebleu 2.6.0, over 100
        ("Hello, world!", "hello world", {}, 0.46123358414818777),
        ("The cat sat on the mat.", "A cat sat on a mat.", {"word_order": 2}, 0.5717647524586179),
    ],
)
def test_chrf_of_worked_pairs(
    output: str, reference: str, options: dict[str, Any], expected: float
) -> None:
    assert score("chrf", output, reference, **options) == pytest.approx(expected)


TEXT = st.text(alphabet="ab ü\0日", max_size=12)


@settings(deadline=None)
@given(TEXT, TEXT)
def test_n_grams_are_the_textbooks(answer: str, reference: str) -> None:
    texts = (answer, reference)
    for n, counts in enumerate(ngram_counts(*texts, 3), 1):
        grams = [[text[i : i + n] for i in range(len(text) - n + 1)] for text in texts]
        shared = sum(min(grams[0].count(g), grams[1].count(g)) for g in set(grams[0]))
        assert counts == (len(grams[0]), len(grams[1]), shared)


def test_chrf_takes_any_alphabet() -> None:
    many = "".join(map(chr, range(0x4E00, 0x4E00 + 3000)))
    assert Chrf().score_answer(many, many) == 1
    assert Chrf().score_answer(many, many[:-1]) < 1


@pytest.mark.parametrize("name", ["rouge_l", "chrf"])
def test_overlap_metrics_are_fast(name: str) -> None:
    pairs = [(" ".join(f"w{i * j % 97}" for j in range(100)), "w1 w2 " * 50) for i in range(500)]
    metric = build_metric(name)
    examples = [Example(str(i), "x", wanted) for i, (_, wanted) in enumerate(pairs)]
    started = time.perf_counter()
    metric.grade_all(examples, [said for said, _ in pairs])
    assert time.perf_counter() - started < 5


def test_a_batch_scores_as_its_answers_alone_and_failed_ones_0() -> None:
    examples = [Example(str(i), "x", text) for i, text in enumerate(("ab", "bc", "!"))]
    grades = Chrf().grade_all(examples, ["ab", None, "!"])
    assert [grade.score for grade in grades] == [1, 0, 1]
    assert Chrf().grade_all(examples, [None, None, None])[0].score == 0


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("numeric", {"tolerence": 1}, r"'tolerence' \(did you mean 'tolerance'\?\)"),
        ("numeric", {"tolerance": -1}, "tolerance must be at least 0, not -1"),
        ("numeric", {"tolerance": "much %"}, "expected 0 % to 100 %, got 'much %'"),
        ("numeric", {"tolerance": {"relativ": 1}}, r"did you mean 'relative'\?"),
        ("numeric", {"tolerance": True}, "got True"),
        ("rouge_l", {"beta": "one"}, "beta must be a number"),
        ("chrf", {"word_order": 2.5}, "word_order must be a whole number, not 2.5"),
        ("chrf", {"char_order": 0}, "char_order must be at least 1, not 0"),
        ("normalised_match", {"ignore": ["cases"]}, r"did you mean 'case'\?"),
        ("normalised_match", {"ignore": 3}, "ignore must be 'case', 'punctuation', .*, not 3"),
        ("embedding_similarity", {"model": "x"}, "unknown option 'model'; known: none"),
    ],
)
def test_wrong_options_are_one_line(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        build_metric(name, options)
    assert "\n" not in str(caught.value)


def test_examples_without_references_are_refused() -> None:
    examples = [Example("a", "x", "y"), Example("b", "x", "", source="e.jsonl:2")]
    RougeL().check(examples[:1])
    with pytest.raises(ConfigError, match=r"1 example of 2 lack one \(the first: e.jsonl:2\)"):
        RougeL().check(examples)


@pytest.mark.parametrize("name", ["exact_match", "normalised_match", "token_f1", "rouge_l", "chrf"])
@pytest.mark.parametrize("text", ["Crème brûlée, café", "한국어 문장", "Привет, ёж"])
def test_a_text_is_the_same_in_either_unicode_form(name: str, text: str) -> None:
    metric = build_metric(name)
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD")]
    assert forms[0] != forms[1]
    [grade, back] = metric.grade_all(
        [Example("1", "", forms[0]), Example("2", "", forms[1])], [forms[1], forms[0]]
    )
    assert (grade.score, back.score) == (1.0, 1.0)


CODE = "    total = a + b\n    if total:\n        total += 1\n    return total\n"


@pytest.mark.parametrize(
    ("output", "reference", "same"),
    [
        (CODE, CODE, True),
        (CODE.rstrip(), CODE, True),
        (CODE.replace("\n", "  \r\n"), CODE, True),
        (CODE.lstrip(), CODE, False),
        (CODE.replace("        ", "    "), CODE, False),
        (" ".join(CODE.split()), CODE, False),
        (CODE.upper(), CODE, True),
        (" a\n-b\n+c", " a\n-b\n+c\n", True),
        ("a\n-b\n+c", " a\n-b\n+c", False),
        ("- a\n- b", "- a\n  - b", False),
        ("a:\n  b: 1", "a:\n    b: 1", False),
        (" Dear  Ann,\nthank you.", "Dear Ann,\n\nthank you.", True),
        ("select a\n  from b", "SELECT a FROM b", True),
        ("SELECT a FROM b", "SELECT a\n  FROM b", True),
        ("<a> <b/> </a>", "<a>\n  <b/>\n</a>", True),
        ('{ "a": 1 }', '{\n  "a": 1\n}', True),
    ],
)
def test_exact_match_counts_white_space_where_it_is_layout(
    output: str, reference: str, same: bool
) -> None:
    assert score("exact_match", output, reference) == same
