from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.score.judge.votes import read_judgement

COMPARE = ("A", "B", "TIE")
RATE = ("1", "2", "3", "4", "5")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A", "A"),
        ("b", "B"),
        (" **Tie.** ", "TIE"),
        ("[[B]]", "B"),
        ('{"verdict": "A"}', "A"),
        ('{"label": "TIE"}', "TIE"),
        ("Reply A", "A"),
        ("Answer: B.", "B"),
        ("The answer is A", "A"),
        ("Verdict: Reply B", "B"),
        ("**Verdict:** TIE", "TIE"),
        ("Reply A gives the date, reply B does not.\n\nVerdict: A", "A"),
        ("Verdict: A would be hasty. On a second look B is right.\nVerdict: B", "B"),
        ("The verdict is a tie.", "TIE"),
        ("Verdict: a draw", "TIE"),
        ("Reply B is clearly better.", "B"),
        ("It's a tie", "TIE"),
        ("B\n\nReply B is complete, and A is not.", "B"),
        ("I choose B.", "B"),
    ],
)
def test_what_a_judge_says_is_read(text: str, said: str) -> None:
    assert read_judgement(text, COMPARE) == said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Both have merits.",
        "A good reply names the date.",
        "A or B",
        "Neither A nor B convinces me.",
        "a reply",
        "Verdict: C",
        "I cannot answer that.",
    ],
)
def test_what_says_nothing_is_not_guessed(text: str) -> None:
    assert read_judgement(text, COMPARE) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("4", "4"),
        ("4.", "4"),
        ("4/5", "4"),
        ("Mark: 3", "3"),
        ("**Score:** 2 out of 5", "2"),
        ("I give it a rating of 5", "5"),
        ("Mark: 1 for tone, but on the whole\nMark: 4", "4"),
        ("[[2]]", "2"),
        ("6", None),
        ("4.5", None),
        ("Mark: 12", None),
        ("It has 3 steps and 4 words, which is what was asked for.", None),
        ("", None),
    ],
)
def test_marks_are_read(text: str, said: str | None) -> None:
    assert read_judgement(text, RATE) == said


@given(st.text(max_size=200), st.sampled_from([COMPARE, RATE]))
def test_any_text_gives_a_choice_or_nothing(text: str, choices: tuple[str, ...]) -> None:
    assert read_judgement(text, choices) in (*choices, None)
