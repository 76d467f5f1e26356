"""What a judge says: a table, most of it of texts that must not be read, and what holds for all."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steelyard.model.hosted.dialect import read_choice
from steelyard.score.judge.reading import read_judgement

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
        ("A is worse, B is better", "B"),
        ("Reply B is worse, reply A is better.", "A"),
        ("A and B are equal", "TIE"),
        ("[[A]]", "A"),
        ("Verdict: **B**", "B"),
        ("Verdict: A\nFinal verdict: B", "B"),
        ("A is better than B.", "A"),
        ("B is worse than A.", "A"),
        ("The better reply is B.", "B"),
        ("The worse reply is B.", "A"),
        ("Loser: B", "A"),
        ("I prefer A over B", "A"),
        ("A wins.", "A"),
        ("A loses.", "B"),
        ("Verdict: A because it is complete", "A"),
        ("I would say the verdict is A.", "A"),
        ("I'd choose B.", "B"),
        ("Neither reply is better.", "TIE"),
        ('{"reasoning": "B lacks", "verdict": "A"}', "A"),
        ("Winner: B", "B"),
        ("A is worse", "B"),
        ("Verdict: A is worse", "B"),
        ("Reply A", "A"),
        ("Reply A is better because it names the date.", "A"),
        ("Option A wins.", "A"),
        ("Grade: A", "A"),
        ("Response A is the better one.", "A"),
        ("Verdict: B - A misses the date.", "B"),
        ("Verdict: B (A misses the date)", "B"),
        ("Verdict: TIE, though A is longer", "TIE"),
        ("Reply A is better.\nVerdict: B", "B"),
        ("a", "A"),
        ("tie", "TIE"),
        ("B.\n\nA is incomplete.", "B"),
        ("REPLY A", "A"),
        ("Assistant B", "B"),
        ("The winner is reply B.", "B"),
        ("My verdict goes to reply A.", "A"),
        ("Reply B is worse than reply A because it lacks the date.", "A"),
        ("Both replies are equally good.", "TIE"),
        ("Overall, reply B is the better one.", "B"),
        ("B. A is incomplete.", "B"),
        ("Both are good, but A is better.", "A"),
        ("The worse answer is A.", "B"),
        ("The weaker answer is B, so the winner is A.", "A"),
        ("<verdict>A</verdict>", "A"),
        ("Verdict — A", "A"),
        ("Final verdict: The tie", "TIE"),
        ("Winner: The reply A", "A"),
        ("Verdict: A over B", "A"),
        ("My final answer: A", "A"),
        ("Verdict: B; A misses the date", "B"),
        ("Answer A is worse, answer B is better.", "B"),
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
        "A. It is the worse one.",
        "B\n\nThis reply is clearly weaker.",
        "A - it is worse",
        "Verdict: A. It is worse.",
        "Neither A nor B convinces me.",
        "a reply",
        "Verdict: C",
        "I cannot answer that.",
        "not A",
        "A isn't better",
        "A is not better than B.",
        "neither",
        "both",
        "I would not say that A is better",
        "Verdict: A\nVerdict: B",
        "Verdict: A. Reply B is better.",
        "Verdict: A or B",
        "Verdict: A/B",
        "Verdict: not A",
        "Verdict: A, B",
        "If tone mattered, A is better.",
        "Reply A says that B is better.",
        "A is better in tone.",
        "A is better in tone, but B is better overall.",
        "Is A better?",
        "I prefer A's tone.",
        "I don't prefer A",
        "A could be better",
        "The verdict is not A.",
        "I would not say the verdict is A.",
        "A\nB",
        "B?",
        "They are not equal.",
        "It is not a tie",
        "A minus",
        "A+",
        "Verdict: A+",
        "Not B",
        "A? No.",
        "Verdict: A?",
        "A, but B is close",
        "The answer is A or B",
        "Verdict: neither",
        "Verdict: both",
        "Verdict: AB",
        "Verdict: Apple",
        "I can't say that reply B is better.",
        "Nobody would call A better.",
        "A was better until line 3",
        "Reply A is not worse.",
        "A never wins.",
        "Reply B doesn't win",
        "Is reply A better than reply B?",
        "Perhaps A is better.",
        "A might be better than B",
        "Reply A claims: B is worse",
        "Both A and B are good",
        "A is as good as B",
        "A is good. B is good.",
        "A is better. B is better.",
        "Verdict: B\nBut reply A is better.",
        "Final verdict: A\nVerdict: B",
        '{"verdict": "C"}',
        '{"a": "A", "b": "B"}',
        '{"verdict": "A", "winner": "B"}',
        "[[A]] or [[B]]",
        "[[C]]",
        "A better reply would name the date.",
        "A tie would be unfair.",
        "It's not a tie.",
        "Choose: A, B or TIE",
        "Answer with A, B or TIE only.",
        "Reply A: better. Reply B: worse.",
        "A > B",
        "Verdict: A would be hasty.",
        "A. Reply B is better.",
        "Verdict: A or Verdict: B",
        "Answer: A\n\nActually, B.",
        "A is better if brevity counts",
        "The wrong answer is A.",
        "The less helpful answer is B.",
        "The worst choice: A",
        "Rejected answer: A",
        "Answer A, which is longer, invents facts.",
        "Answer A: wrong.",
        "Verdict: A > B",
        "Verdict: A >> B",
        "Verdict: A - B",
        "Verdict: A (B)",
        "Verdict: A = B",
        "Verdict: B < A",
        "[[A>>B]]",
        "Reply A > reply B",
        "A - it is worse",
        "Verdict: A, which is worse",
        "Verdict: A because it loses",
        "The second-best answer is A",
        "The next best answer is A.",
        "The previous answer: A",
        "Correct answer: A",
        "I pick A... no, B",
        "I pick A. No, B.",
        "A\n\nActually, B.",
        "Verdict: A. No wait, B",
        '{"worse_answer": "A"}',
        '{"label": "A"} {"label": "B"}',
        '{"answer_to_reject": "A"}',
    ],
)
def test_what_says_nothing_or_takes_it_back_is_not_guessed(text: str) -> None:
    assert read_judgement(text, COMPARE) is None


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("4", "4"),
        ("4.", "4"),
        ("4/5", "4"),
        ("Mark: 3", "3"),
        ("**Score:** 2 out of 5", "2"),
        ("I give it a rating of 5", "5"),
        ("Mark: 1 for tone, but on the whole\nMark: 4", "4"),
        ("[[2]]", "2"),
        ("4 out of 5", "4"),
        ("5 stars", "5"),
        ("I'd give it a 4.", "4"),
        ("Tone score: 3\nOverall score: 4", "4"),
        ('{"score": 4}', "4"),
        ("Mark: 4 - complete and right", "4"),
        ("Mark: 4/5", "4"),
        ("Mark: ４", "4"),
        ("Mark: 4 (of 5)", "4"),
        ("Mark: 3\nFinal mark: 4", "4"),
        ("Mark: 3\nMark: 3", "3"),
        ("It deserves a 5.", "5"),
        ("I rate it 3.", "3"),
        ("I rate it 3 out of 5.", "3"),
        ("2 points", "2"),
        ("Mark 4", "4"),
        ("Mark: [4]", "4"),
        ('{"mark": "4/5"}', "4"),
        ('{"overall_score": 2, "accuracy": 5}', "2"),
        ("<score>4</score>", "4"),
        ("The reply's score is 4.", "4"),
        ("Mark: 4 (complete)", "4"),
        ("On a scale of 1 to 5, I give it a 4.", "4"),
        ("Clarity score: 5\nOverall score: 2", "2"),
        ("Clarity score: 5\nOverall: 2", "2"),
        ('{"accuracy_score": 5, "overall": 2}', "2"),
    ],
)
def test_a_mark_is_read(text: str, mark: str) -> None:
    assert read_judgement(text, RATE) == mark


@pytest.mark.parametrize(
    "text",
    [
        "6",
        "4.5",
        "Mark: 12",
        "It has 3 steps and 4 words, which is what was asked for.",
        "",
        "Score: 7/10",
        "Score: 4/10",
        "Mark: 4.5",
        "Mark: 4,5",
        "Mark: 4-5",
        "Mark: 3 or 4",
        "Mark: -4",
        "Mark: 80%",
        "Mark: 4+",
        "Mark: not 4",
        "I would not give it a 4.",
        "It meets 3/5 of the points.",
        "Score: 3\nScore: 4",
        "Mark: 3 to 4",
        "3-4",
        "0",
        "-4",
        "four",
        '{"score": 7}',
        '{"score": 4.5}',
        "~4",
        "Step 4",
        "4 5",
        "4 of 10",
        "Rating: ★★★★",
        "10/10",
        "Mark: 1 2",
        "Mark: 4 out of 10",
        "3 stars out of 5",
        "Final mark: 3\nMark: 4",
        "Mark: 4?",
        "Mark: 4 if the date is right",
        "Mark: IV",
        "Mark: 4th",
        "Mark: 4/5/6",
        "Mark: 04",
        "Between 3 and 4",
        "Mark: maybe 4",
        "It does not deserve a 5.",
        "Mark: 5 would be too much.",
        "I rate it 3 out of 10.",
        "1. The date is missing.",
        "[[4.5]]",
        "[[6]]",
        '{"mark": "4/10"}',
        '{"mark": 4, "score": 5}',
        "$4",
        "4%",
        "The maximum score is 5.",
        "The highest possible mark is 5. This reply earns less.",
        "max_score: 5",
        "Previous score: 4",
        "Maximum score: 5\nAwarded: 2",
        "Score needed: 5",
        "Score: 4 (out of 10)",
        "Score: 4, out of 10",
        "Score: 4 — out of 10",
        "Score: 4 [out of 10]",
        "Score: 5 (max 10)",
        "Score: 4, on a scale of 10",
        "On a scale from 1 to 10, I give it a 4.",
        "1-10 scale. Mark: 4",
        "[[5]] of 10",
        "[[5]]/10",
        "Score: >3",
        "Score: <4",
        "Score: ≥4",
        "Score: 4; 5",
        '{"score": 4} {"score": 5}',
    ],
)
def test_what_is_no_mark_on_the_scale_is_not_guessed(text: str) -> None:
    assert read_judgement(text, RATE) is None


_REASONS = (
    "",
    "Reply A names the date, reply B does not.\n\n",
    "Reply A is better in tone.\n",
    "1. Date\n2. Tone\n",
)
_VERDICTS = (
    "Verdict: {}",
    "**Verdict:** {}",
    "Verdict: **{}**.",
    "[[{}]]",
    "The verdict is {}.",
    "Final verdict: {}",
)


@settings(deadline=None)
@given(
    word=st.sampled_from(COMPARE),
    reason=st.sampled_from(_REASONS),
    verdict=st.sampled_from(_VERDICTS),
)
def test_an_announced_verdict_is_read_after_any_reason(
    word: str, reason: str, verdict: str
) -> None:
    assert read_judgement(reason + verdict.format(word), COMPARE) == word


@given(st.text(max_size=200), st.sampled_from([COMPARE, RATE]))
def test_any_text_gives_a_choice_or_nothing(text: str, choices: tuple[str, ...]) -> None:
    assert read_judgement(text, choices) in (*choices, None)


@pytest.mark.parametrize("choices", [COMPARE, RATE])
@pytest.mark.parametrize(
    "piece",
    ["a", "A ", "Verdict: A\n", "1 ", "[", "{", "-", " ", "A is better ", "by far ", "*", "no "],
)
def test_a_long_text_takes_no_time(piece: str, choices: tuple[str, ...]) -> None:
    started = time.perf_counter()
    read_judgement(piece * (100_000 // len(piece)), choices)
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        ("I cannot rate this. Score: 1", RATE),
        ("I'm unable to fairly judge this. Verdict: TIE", COMPARE),
        ('{"verdict": "A"}\nOn reflection B is better.', COMPARE),
        ("Verdict: A. I mean B.", COMPARE),
        ("A is better, sorry, I mean B.", COMPARE),
        ("A is better... or rather B.", COMPARE),
        ("Score: 4. Sorry, 3.", RATE),
        ('{"score": 4, "max": 10}', RATE),
        ('{"score": 4, "out_of": 10}', RATE),
    ],
)
def test_what_is_withheld_corrected_or_on_another_scale_is_none(
    text: str, choices: tuple[str, ...]
) -> None:
    assert read_judgement(text, choices) is None
    assert read_judgement('{"score": 4, "max": 5}', RATE) == "4"


@pytest.mark.parametrize(
    "text",
    [
        "A",
        "a.",
        "(B)",
        "**TIE**",
        '"A"',
        "A?",
        "A - it is worse",
        "A — weaker",
        "TIE - but A is better",
        "A (I think)",
        "Loser: A",
        "worse: A",
        "Not A",
        "A is worse",
        '{"label": "A"}',
        '{"label": "A", "reason": "B is better"}',
        '{"worse": "A"}',
        "Sure! A",
        "A\nIt is worse.",
    ],
)
def test_what_a_hosted_model_takes_for_a_choice_is_what_the_judge_says(text: str) -> None:
    choice = read_choice(text, COMPARE)
    assert choice in (None, read_judgement(text, COMPARE))


@pytest.mark.parametrize(
    "gloss",
    [
        " (worse)",
        ". (worse)",
        " (the worse one)",
        " (slightly worse)",
        " [inferior]",
        ": worse",
        ", the weaker reply",
        " - the loser",
        " (is the worst)",
        " (rejected)",
        " (incorrect)",
        " (wrong)",
        " (not better)",
        " (not as good)",
    ],
)
@pytest.mark.parametrize("announced", ["Verdict: A", "[[A]]", "Winner: **A**", "Choice: Reply A"])
def test_a_verdict_for_the_worse_reply_is_none(announced: str, gloss: str) -> None:
    assert read_judgement(announced + gloss, COMPARE) is None


@pytest.mark.parametrize(
    "gloss",
    [
        " (better)",
        " (B is worse)",
        " (less verbose)",
        ", because B is incorrect",
        ". B is the weaker one.",
        " - B is wrong",
    ],
)
def test_a_verdict_with_a_reason_stands(gloss: str) -> None:
    assert read_judgement(f"Verdict: A{gloss}", COMPARE) == "A"


def test_a_mark_may_mean_that_a_reply_is_wrong() -> None:
    assert read_judgement("Score: 2 (incorrect)", RATE) == "2"
