"""Which brackets of an answer are citations, and which are text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.strategy.citations import CitedText, read_citations

PASSAGES = 3

CITED = {
    "42 [1]": ("42", (1,)),
    "42 [12345]": ("42", (12345,)),
    "42 [1-2]": ("42", (1, 2)),
    "42 [1–3]": ("42", (1, 2, 3)),
    "42 [1, 2]": ("42", (1, 2)),
    "42 [1; 2].": ("42.", (1, 2)),
    "42 [1 and 2]": ("42", (1, 2)),
    "42 [1][7]": ("42", (1, 7)),
    "42 [1], [2].": ("42.", (1, 2)),
    "42 [1] and [2].": ("42.", (1, 2)),
    "42 [1]\n[2]": ("42", (1, 2)),
    "42[1]": ("42", (1,)),
    "42 [^1]": ("42", (1,)),
    "bar[^1]": ("bar", (1,)),
    "42 [#1]": ("42", (1,)),
    "42 [passage 1]": ("42", (1,)),
    "42 [passages 1 and 2]": ("42", (1, 2)),
    "42 [see passage 2]": ("42", (2,)),
    "42 [doc 9]": ("42", (9,)),
    "42 [Source: 1]": ("42", (1,)),
    "42 [Quelle 1]": ("42", (1,)),
    "42 [1, page 3]": ("42", (1,)),
    "42 [1, p. 3-4]": ("42", (1,)),
    "42 [1](#one)": ("42", (1,)),
    "42【1】": ("42", (1,)),
    "bar【1†source】.": ("bar.", (1,)),
    "42 ［1］": ("42", (1,)),
    "七天[1]。": ("七天。", (1,)),
    "42 (1)": ("42", (1,)),
    "42 (1, 2).": ("42.", (1, 2)),
    "42 (passage 1)": ("42", (1,)),
    "42 (passage 99)": ("42", (99,)),
    "42 (see [1])": ("42", (1,)),
    "42 (Source: [1])": ("42", (1,)),
    "42\n\nSources: [1], [2]": ("42", (1, 2)),
    "[1] 42": ("42", (1,)),
    "[1, 2]": ("", (1, 2)),
    "It is 5. [1] Then 6. [2]": ("It is 5. Then 6.", (1, 2)),
    "It is 5 [1]. Then 6 [9].": ("It is 5. Then 6.", (1, 9)),
    "It is 5.[1]": ("It is 5.", (1,)),
    "It is 5. [1].": ("It is 5.", (1,)),
    "**5 bar [1]**": ("**5 bar**", (1,)),
    "(5 bar [1])": ("(5 bar)", (1,)),
    "The pump [1] holds 3 [2]": ("The pump holds 3", (1, 2)),
    "5 [1], and 6 [3]": ("5, and 6", (1, 3)),
    "one [1]\ntwo [8]\n": ("one\ntwo", (1, 8)),
    "5 bar **[1]**": ("5 bar", (1,)),
    "5 bar *[1]*.": ("5 bar.", (1,)),
    "5 bar [[1]]": ("5 bar", (1,)),
    "5 bar [[1]](#1)": ("5 bar", (1,)),
    "5 bar [cite: 1, 2]": ("5 bar", (1, 2)),
    "5 bar [1]-[3]": ("5 bar", (1, 2, 3)),
    "5 bar [1 to 3]": ("5 bar", (1, 2, 3)),
    "5 bar [1: docs/a.md]": ("5 bar", (1,)),
    "5 bar [1, docs/a 2.md]": ("5 bar", (1,)),
    "5 bar [Source 1: a.md]": ("5 bar", (1,)),
    "5 bar\nSources: 1": ("5 bar", (1,)),
    "5 bar\n\nSource: passage 2.": ("5 bar", (2,)),
    "5 bar<sup>[1]</sup>": ("5 bar", (1,)),
    "5 bar \\[1\\]": ("5 bar", (1,)),
    "5 bar【1:0†source】": ("5 bar", (1,)),
    "5 bar[^1]\n\n[^1]: docs/a.md": ("5 bar", (1,)),
    "According to [1], 5 bar": ("5 bar", (1,)),
    "Laut [2]: 5 bar [1]": ("5 bar", (2, 1)),
    # The last word speaks of no number where the prompt has the passage.
    "the plus key [1]": ("the plus key", (1,)),
    "30-day returns [1].": ("30-day returns.", (1,)),
    "Model K10, version [2]": ("Model K10, version", (2,)),
    # Beside what is text.
    "In [2024] it was 5 [1]": ("In [2024] it was 5", (1,)),
    "The range is [1, 5] [1].": ("The range is [1, 5].", (1,)),
    "`a[1] [2]` works [1]": ("`a[1] [2]` works", (1,)),
    "array[1] [2]": ("array[1]", (2,)),
}
TEXT = (
    "arr[0] is 5",
    "Use arr[1]",
    "x2[1]",
    "f(1)",
    "The range is [1, 5]",
    "x = [1, 2]",
    '{"ids": [1, 2], "x": [3]}',
    "Press [1] to start",
    "Reference: 42",
    "Source: 2",
    "The part:\nReference: 48213",
    "Documents: 4 and 5",
    "Go to step [2] and wait",
    "the plus key [9]",
    "Press [1]",
    "**5 bar** is [1]",
    "option (2)",
    "Paris (1998)",
    "P5 (ID 12345)",
    "P5 (document 4711)",
    "In [2024] it was 5",
    "The pump [9] holds 3",
    "```\nx [1]\n``` ends",
    "[x] done",
    "see [A1]",
    "5 [1.5]",
    "5 [-1]",
    "5 [page 2]",
    "[click](https://example.com/1)",
    "5 [",
    "",
)


@pytest.mark.parametrize("text", CITED)
def test_citations_are_read_in_their_usual_forms(text: str) -> None:
    assert read_citations(text, PASSAGES) == CitedText(*CITED[text])


@pytest.mark.parametrize("text", TEXT)
def test_other_brackets_stay(text: str) -> None:
    assert read_citations(text, PASSAGES) == CitedText(text, ())


@given(st.text(st.characters(blacklist_characters="[]()【】［］（）")))
def test_a_text_without_brackets_is_unchanged(text: str) -> None:
    assert read_citations(text, PASSAGES) == CitedText(text, ())


@given(st.text("ab1 .,[]()^-:;\n`【】", max_size=40), st.integers(0, 5))
def test_what_is_taken_off_is_brackets_and_what_is_left_cites_no_more_words(
    text: str, passages: int
) -> None:
    cited = read_citations(text, passages)
    assert bool(cited.numbers) or cited.text == text
    letters = [one for one in cited.text if one in "ab"]
    assert letters == [one for one in text if one in "ab"], "no word of an answer is lost"


@given(st.integers(1, 10**6), st.sampled_from(["{} [{}]", "{} [{}].", "{}. [{}]", "{}【{}】"]))
def test_a_number_at_the_end_counts_whether_or_not_the_prompt_has_it(
    number: int, form: str
) -> None:
    text = form.format("It holds five bar", number)
    assert read_citations(text, PASSAGES).numbers == (number,)


@pytest.mark.parametrize(
    "text",
    ["[" * 20_000, "[1, " * 5_000, "(see " * 5_000, "[" + " " * 20_000, "a [1] b " * 3_000],
)
def test_hostile_answers_are_read_in_a_moment(text: str) -> None:
    started = time.process_time()
    read_citations(text, PASSAGES)
    assert time.process_time() - started < 3
