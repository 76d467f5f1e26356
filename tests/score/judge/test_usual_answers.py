"""What usual models say when they judge, and its near neighbours, which say something else or nothing."""

from __future__ import annotations

import pytest

from steelyard.score.judge.reading import read_judgement

COMPARE = ("A", "B", "TIE")
FIVE = ("1", "2", "3", "4", "5")
TEN = tuple(str(mark) for mark in range(1, 11))


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("**B**", "B"),
        ("Verdict: A", "A"),
        ("**Verdict: B**", "B"),
        ("**Verdict:** A", "A"),
        ("Verdict: **TIE**", "TIE"),
        ("Final verdict: [[B]]", "B"),
        ("My final verdict is: [[A]]", "A"),
        ("The better answer is B.", "B"),
        ("The better reply is A.", "A"),
        ("The better response is Reply B.", "B"),
        ("Winner: A. It is more complete.", "A"),
        ("Winner: Reply B", "B"),
        ("The winner is A.", "A"),
        ("Reply A is better.", "A"),
        ("Reply B is better because it cites the date and answers the whole question.", "B"),
        (("Response A is more accurate, while Response B misses the deadline.\n\nVerdict: A"), "A"),
        ('{"verdict": "A", "reason": "It is complete."}', "A"),
        (
            (
                '```json\n{\n  "verdict": "B",\n  "reason": "Reply B answers the question '
                'directly."\n}\n```'
            ),
            "B",
        ),
        ('{"reason": "Both say the same.", "verdict": "TIE"}', "TIE"),
        ('{"winner": "A", "explanation": "More helpful."}', "A"),
        ('{"choice": "B"}', "B"),
        (
            (
                "Both replies give the refund window, but only reply B mentions the receipt, "
                "which the policy asks for. Reply A is shorter.\n\n"
                "**Verdict: B**"
            ),
            "B",
        ),
        (
            (
                "Let me compare the two replies step by step.\n\n"
                "1. Accuracy: Reply A states the correct year; Reply B is off by one.\n2. "
                "Completeness: both cover the question.\n3. Tone: similar.\n\n"
                "Overall, Reply A is better.\n\n"
                "A"
            ),
            "A",
        ),
        (
            (
                "## Analysis\n\n"
                "**Reply A**\n- Correct\n- Polite\n\n"
                "**Reply B**\n- Correct\n- Misses the link\n\n"
                "## Verdict\n\n"
                "**A**"
            ),
            "A",
        ),
        (
            (
                "### Comparison\nReply A: correct but brief.\nReply B: correct and "
                "complete.\n\n"
                "### Verdict: B"
            ),
            "B",
        ),
        (
            (
                "Looking at both replies:\n\n"
                "Reply A addresses the question about the invoice but does not say when it "
                "will be sent. Reply B addresses both points.\n\n"
                "B"
            ),
            "B",
        ),
        (
            (
                "Both replies convey the same information and are equally accurate. Neither "
                "adds anything the other lacks.\n\n"
                "TIE"
            ),
            "TIE",
        ),
        (
            (
                "Reply A is the better reply. It answers the question that was asked, and "
                "reply B goes off on a tangent."
            ),
            "A",
        ),
        ("I think reply B is better: it is accurate and complete.", "B"),
        ("I'd choose A.", "A"),
        ("I would choose Reply B.", "B"),
        ("My verdict: A", "A"),
        ("My choice is B.", "B"),
        ("The verdict is: A", "A"),
        ("The final verdict is B.", "B"),
        ("Based on the rubric, reply A is better.", "A"),
        ("Overall, Reply B is better.", "B"),
        ("Therefore, the better reply is A.", "A"),
        ("Therefore, my verdict is **B**.", "B"),
        ("Answer: A", "A"),
        ("**Answer:** B", "B"),
        ("Final Answer: A", "A"),
        ("\\boxed{B}", "B"),
        ("Better reply: A", "A"),
        ("Preferred reply: B", "B"),
        ("It's a tie.", "TIE"),
        ("Reply A wins.", "A"),
        ("I prefer reply B.", "B"),
        ("My vote goes to B.", "B"),
        ("Preference: A", "A"),
        ("Overall: B", "B"),
        ('{"preference": "B"}', "B"),
        ("We believe that A is better.", "A"),
        ("I find B is better", "B"),
        ("Best reply: B", "B"),
        ("Weaker reply: B", "A"),
        ("$\\boxed{A}$", "A"),
        ("\\boxed{\\text{B}}", "B"),
        ("Verdict: A—it is complete", "A"),
        ("Here is my evaluation:\nA", "A"),
        ("Reply A:\n- right\nReply B:\n- wrong\n\nA", "A"),
        ("B. I think it is more complete.", "B"),
        (
            (
                "After careful consideration, I find that Reply B provides a more thorough "
                "answer. Reply A omits the second half of the question.\n\n"
                "Final verdict: B"
            ),
            "B",
        ),
        (
            (
                "**Reply A**: correct, concise.\n**Reply B**: correct, but invents a phone "
                "number.\n\n"
                "**Verdict:** Reply A"
            ),
            "A",
        ),
        ("Reply A is the stronger answer.", "A"),
        ("Reply B is the clear winner.", "B"),
        ("B is clearly the better reply.", "B"),
        ("I'd go with B.", "B"),
        ("I'd pick reply A because it is shorter and equally correct.", "A"),
        ("I would say reply B is better.", "B"),
        ("In my opinion, Reply A is better.", "A"),
        ("In my view, A is the better answer.", "A"),
        ("To me, reply B is better.", "B"),
        ("Sure! Here is my verdict:\n\nVerdict: A", "A"),
        ("Here is my judgement: B", "B"),
        ("Judgement: TIE", "TIE"),
        ("They are equally good.\n\nTIE", "TIE"),
        ("Both are equally good. TIE.", "TIE"),
        ("**TIE**\n\nBoth replies give the same date.", "TIE"),
        ("Verdict: Tie - both replies are the same", "TIE"),
        ("The verdict: B", "B"),
        ("Final answer: **B**", "B"),
        ("So the final verdict is: **B**", "B"),
        ("Thus, the winner is Reply A.", "A"),
        ("Hence, I choose reply A.", "A"),
        ("Result: Reply B wins.", "B"),
        ("Reply B wins because it gives the date.", "B"),
        ("Choice: B", "B"),
        ("Selected reply: A", "A"),
        ("Chosen reply: A", "A"),
        ("Best answer: A", "A"),
        ("The best reply is B", "B"),
        ("The superior reply is Reply A.", "A"),
        ("Reply A is preferable.", "A"),
        ("Reply B is preferred.", "B"),
        ("```\nB\n```", "B"),
        ("`A`", "A"),
        ('"B"', "B"),
        ("(A)", "A"),
        ("A)", "A"),
        ("<answer>B</answer>", "B"),
        ('{"answer": "B"}', "B"),
        ('{"verdict": "Reply A"}', "A"),
        ('{"verdict": "tie"}', "TIE"),
        (
            (
                "Let me think through this.\n\n"
                "The user asks for the refund window. Reply A: 14 days. Reply B: 30 days. The "
                "policy states 30 days.\n\n"
                "Therefore, Reply B is better.\n\n"
                "**B**"
            ),
            "B",
        ),
        ("1. Reply A is accurate.\n2. Reply B is not.\n\nVerdict: A", "A"),
    ],
)
def test_a_usual_verdict_is_read(text: str, verdict: str) -> None:
    assert read_judgement(text, COMPARE) == verdict


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("**4**", "4"),
        ("Score: 4", "4"),
        ("Score: 4/5", "4"),
        ("**Score:** 4/5", "4"),
        ("**Score: 4/5**", "4"),
        ("**Rating: 4**", "4"),
        ("Rating: 4 (good)", "4"),
        ("4 - mostly accurate", "4"),
        ("4: accurate, but lacks the date.", "4"),
        ("4 — mostly accurate, with one omission", "4"),
        ("4 (good)", "4"),
        ("Score: 4.0", "4"),
        ("4.0", "4"),
        ("I would rate this reply 4 out of 5", "4"),
        ("I would rate this reply a 4 out of 5.", "4"),
        ("I'd give this a 4.", "4"),
        ("I would give this reply a score of 3.", "3"),
        ("I'd rate this reply 4/5 because it omits the deadline.", "4"),
        ("The reply deserves a 2.", "2"),
        ("The reply gets a mark of 5.", "5"),
        ("The reply is accurate and polite but omits the fee.\n\nRating: 4", "4"),
        ("The reply is accurate and polite but omits the fee.\n\n**Score: 4/5**", "4"),
        ("The reply is accurate but omits the fee.\n\n4", "4"),
        ('{"score": 4, "reason": "Omits the fee."}', "4"),
        ('{"rating": 3}', "3"),
        ('```json\n{"score": 5, "explanation": "Complete and right."}\n```', "5"),
        ("Rating: [[4]]", "4"),
        ("My rating: 2/5", "2"),
        ("Final score: 5", "5"),
        ("Overall score: 3/5", "3"),
        (
            (
                "### Evaluation\n\n"
                "- **Accuracy:** The figures match.\n- **Tone:** Polite.\n- **Completeness:** "
                "The fee is missing.\n\n"
                "**Final rating: 4/5**"
            ),
            "4",
        ),
        ("The score is 4.", "4"),
        ("This reply earns a 4 out of 5.", "4"),
        ("4 stars", "4"),
        ("4/5 - mostly accurate\n\nThe fee is missing.", "4"),
        ("4/5. Mostly accurate.", "4"),
        ("**4/5** - mostly accurate", "4"),
        ("**4** - mostly accurate", "4"),
        ("4 (good).", "4"),
        ("4 because it omits the fee.", "4"),
        ("4.0/5.0", "4"),
        ("Score: 4.0/5", "4"),
        ("4.00", "4"),
        ("1 - the reply is wrong", "1"),
        ("Score (1-5): 4", "4"),
        ("Rating (1–5): **4**", "4"),
        ("Score (out of 5): 4", "4"),
        ("Accuracy: 5/5\nTone: 3/5\nOverall: 4/5", "4"),
        ("**Overall:** 4", "4"),
        ("The score for this reply is 4.", "4"),
        ("Rating of the response: 4/5", "4"),
        ('{"score": 4.0}', "4"),
        ('{"overall": 4}', "4"),
        ("\\boxed{4}", "4"),
        ("[[4.0]]", "4"),
        ("Score: 4—complete and right", "4"),
        ("This reply deserves a 4 because it is right.", "4"),
        ("The response receives a 3.", "3"),
        ("## Rating\n4", "4"),
        ("I'd rate this response 5/5.", "5"),
        ("Score: 4 - I think it is nearly complete.", "4"),
        ("Mark: 4. The reply is accurate but brief.", "4"),
        ("**Mark: 3**\n\nThe reply misses the deadline.", "3"),
        ("Mark: 5\n\nExplanation: the reply is complete.", "5"),
        ("The mark is 4.", "4"),
        ("I would give it a mark of 4.", "4"),
        ("I'd give it 4 out of 5.", "4"),
        ("I'd score this a 3.", "3"),
        ("I would score it 3/5.", "3"),
        ("My mark is 4.", "4"),
        ("I give it a 4.", "4"),
        ("I'd mark this reply 4.", "4"),
        ("I'd assign a score of 4.", "4"),
        ("I assign this reply a 4.", "4"),
        ("This reply scores 4 out of 5.", "4"),
        ("The reply scores a 4.", "4"),
        ("**Final mark:** 4", "4"),
        ("Final Rating: **4**/5", "4"),
        ("Score: **4**/5", "4"),
        ("Score: **4 / 5**", "4"),
        ("Score: 4 / 5", "4"),
        ("**4/5**", "4"),
        ("4 / 5", "4"),
        ("4 of 5", "4"),
        ('"4"', "4"),
        ("```\n4\n```", "4"),
        ("(4)", "4"),
        ('{"mark": 4}', "4"),
        ('{"mark": "4"}', "4"),
        ("Based on the rubric, I would rate this reply a 4.", "4"),
        ("Given the errors, I'd rate it 2.", "2"),
        ("Based on the criteria, the reply earns a score of 4 out of 5.", "4"),
        ("Strengths: clear.\nWeaknesses: no date.\nScore: 3", "3"),
        ("## Score: 4/5", "4"),
        ("### Mark\n\n4", "4"),
        ("Score=4", "4"),
        ("score: 4", "4"),
        ("Rating: 4 - Good", "4"),
        ("4 – Good", "4"),
    ],
)
def test_a_usual_mark_is_read(text: str, mark: str) -> None:
    assert read_judgement(text, FIVE) == mark


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("Score: 8/10", "8"),
        ("I would rate this 7 out of 10.", "7"),
        ("Score: 10", "10"),
    ],
)
def test_a_mark_on_a_scale_to_ten_is_read(text: str, mark: str) -> None:
    assert read_judgement(text, TEN) == mark


@pytest.mark.parametrize(
    "text",
    [
        "Reply A is better. Reply B is better.",
        "Winner: A or B",
        "Verdict: A and B",
        "Winner: neither A. Both fail.",
        "Winner: A? Not sure, B may be as good.",
        "The better answer is B, unless brevity counts, in which case it is A.",
        "The better answer is not B.",
        "The better answer might be B.",
        "The winner could be A.",
        "I would choose A if the tone mattered.",
        "I can't choose between A and B.",
        "Reply A is better on accuracy, reply B is better on tone.",
        "Reply A is more accurate.\nReply B is more complete.",
        "A is the first reply.",
        "Winner: C",
        "[[A]] [[B]]",
        "I'm leaning towards A, but it is close.",
        "Reply A would be better if it had the date.",
        "As an AI, I cannot judge this.",
        "A customer asked for a refund.",
        "If I had to choose, perhaps B.",
        "I think it is B or A.",
        "I don't think B is better.",
        "Do I think B is better?",
        "I think B may be better.",
        "The user says: I think B is better.",
        "A is better, if brevity counts.",
        "A is better overall, unless brevity counts.",
        "Better tone: B",
        "Better: neither",
        "Preferred reply: A or B",
        "Best: A, or B",
        "\\boxed{A} or \\boxed{B}",
        "\\boxed{C}",
        "Overall: A good reply",
        "My vote goes to neither A.",
        "User preference: A",
        "The user's pick: A",
        "Conclusion: A or B",
        "Accuracy:\nA\nTone:\nB",
        "Tone:\nB",
        "In my opinion, neither is better than the other in tone.",
        "Reply B is the clear winner on tone.",
        "I'd go with B if tone matters.",
        "To me, A may be better.",
        "Selected reply: A or B",
        "Reply A should not be preferred.",
        "Reply A should be preferred if brevity counts.",
        "Chosen reply: neither A nor B",
        "Rejected reply: A",
        "They are equally polite.",
        "Both are equally long, but A is right.",
        "A and B are equal in length.",
        "It's a tie in tone.",
    ],
)
def test_what_only_resembles_a_verdict_is_not_read(text: str) -> None:
    assert read_judgement(text, COMPARE) is None


@pytest.mark.parametrize(
    "text",
    [
        "Score: 4.5",
        "4.5/5",
        "Score: 3-4",
        "Score: 3 or 4",
        "Score: 80%",
        "4 out of 10",
        "I would rate this reply 8 out of 10",
        "Score: 6",
        "Score: 0",
        "Accuracy: 4\nTone: 5\nCompleteness: 3",
        "Accuracy: 4/5, tone: 5/5",
        "I'd give this a 4 or a 5.",
        "I'd give this a 4, maybe a 5.",
        "I would not rate this reply 4.",
        "I'd have given this a 4 if it had named the fee.",
        "I'd give this a 4 for accuracy and a 2 for tone.",
        "4 of the 5 claims are right.",
        "4 - 1 = 3",
        "4 mistakes were made.",
        "4 - no, 3",
        "Rating: 4 (or 3, if tone matters)",
        "Rating: 4 (on a scale of 10)",
        "Score: -4",
        "1. Accuracy: good\n2. Tone: good\n3. Length: good",
        "3. The reply is polite.\n4. The reply is short.",
        "The reply lists 4 steps.",
        "I would rate this reply highly: it lists 4 of the steps.",
        "A score of 4 would need the fee.",
        "Score: 4.25",
        "Score: 4,5",
        "Score: 1/5 of the claims are right",
        "4-step plan",
        "4 - step 3 is missing",
        "4: or 3",
        "1. Accuracy is fine",
        "4) good",
        "4 (four) steps are missing.",
        "4(a) is wrong",
        "3/5 of the points are met, the rest not",
        "3 of 5 are right",
        "4 - but tone is poor",
        "- 4: the page\n- 5: the page",
        "4: publish the page\n5: tell the team",
        "1: The date is missing.\nOtherwise fine.",
        "4 - wait, 3",
        "Score (1-10): 4",
        "Score (out of 10): 4",
        "Score [0-5]: 4",
        "Tone:\n4",
        "## Tone\n3",
        "## Accuracy\n4/5\n## Tone\n3/5",
        "**Tone**\n4",
        "4.0.1",
        "4.05",
        "Score: 4.01",
        "Score: 4.50",
        "4,0",
        "The reply gets 4 facts right.",
        "The reply gets 4 (of the 5 facts) right.",
        "A perfect reply deserves a 5.",
        "If it named the fee, it would deserve a 5.",
        "It almost earns a 5.",
        "It gets a 4 for tone.",
        "\\boxed{4.5}",
        "\\boxed{6}",
        "\\boxed{3} \\boxed{4}",
        "Overall: 4 steps",
        "Overall: 7/10",
        "Overall tone: 4",
        "Overall, 4 of 5",
        "Tone: 4\nOverall: unclear",
        "The score of this step is 4",
        "The score for tone is 4",
        "I rate the tone 4",
        "I would rate this reply 4 to 5",
        "I would rate this 4 or 5 out of 5",
        "I rate this reply between 3 and 4",
        "Accuracy: 4/5. Tone: 3/5.",
        "Tone: 4",
        "Score: 4-",
        "Score: 4-step plan",
        "The average of the scores is 4",
        "[[4]] [[3]]",
        "4\n3",
        "4/5\n3/5",
        "Total: 12/15",
        "Total: 4",
        "This reply scores 4 points on tone and 2 on accuracy.",
        "The reply scores 4 out of 10.",
        "I'd assign a score of 4 to the tone.",
        "I'd assign 4 or 5.",
        "This reply is rated 4/5 by the user.",
        "The reply is not rated 4.",
        "Rating: Good (8)",
        "Rating: good (3) or very good (4)",
        "Rating: Good (4 of 10)",
        "Rating: Good (see 4)",
        "Rating: not good (4 errors)",
        "Score: high (4 errors)",
        "4. The reply is mostly accurate.",
    ],
)
def test_what_only_resembles_a_mark_is_not_read(text: str) -> None:
    assert read_judgement(text, FIVE) is None
